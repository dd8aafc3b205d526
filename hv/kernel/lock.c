/* SPDX-License-Identifier: MIT
 * The one lock of ring 0: a ticket lock, so that a guest with many exits cannot starve its neighbours. */
#include "smp.h"
#include "x86.h"

static volatile uint32_t next_ticket, now_serving;

void kernel_lock(void)
{
        uint32_t mine = __atomic_fetch_add(&next_ticket, 1, __ATOMIC_RELAXED);

        while (__atomic_load_n(&now_serving, __ATOMIC_ACQUIRE) != mine) {
                if (halting)
                        cpu_park();
                cpu_pause();
        }
        host_map_refresh(this_cpu());
}

void kernel_unlock(void)
{
        __atomic_store_n(&now_serving, now_serving + 1, __ATOMIC_RELEASE);
}

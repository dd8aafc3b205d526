/* SPDX-License-Identifier: MIT
 * The one lock of ring 0. Deliberately not a ticket lock: where ring 0's CPUs are threads of an emulator, the
 * next in line is often one that is not running, and all others would spin until it is. Nobody starves for
 * that: whoever has released the lock must enter and leave a guest before it asks again, a thousand times
 * longer than a waiter's look. */
#include "smp.h"
#include "x86.h"

static uint32_t locked;

void kernel_lock(void)
{
        while (__atomic_exchange_n(&locked, 1, __ATOMIC_ACQUIRE) != 0)
                while (__atomic_load_n(&locked, __ATOMIC_RELAXED) != 0) {
                        if (halting)
                                cpu_park();
                        cpu_pause();
                }
        host_map_refresh(this_cpu());
}

void kernel_unlock(void)
{
        __atomic_store_n(&locked, 0, __ATOMIC_RELEASE);
}

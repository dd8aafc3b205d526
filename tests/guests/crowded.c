/* SPDX-License-Identifier: MIT
 * crowded: a read-modify-write ring store that no jump fits at, since the bytes behind it lead each possible
 * jump into the image itself. Run ROUNDS times, each an exit; the sum ends up in staging. */
#include "ringfence_sdk.h"

enum { ROUNDS = 5, ADD = 3, SLOT = 16 };

/* add [rdi], ebx; three times add [rax], al */
static void add(volatile uint32_t *to, uint32_t value)
{
        static uint8_t anything[16];
        void *behind = anything;

        __asm__ volatile(".byte 0x01, 0x1f, 0, 0, 0, 0, 0, 0"
                         : "+a"(behind)
                         : "D"(to), "b"(value)
                         : "memory", "cc");
}

int rf_main(const struct rf_info *info, int argc, char **argv)
{
        const struct rf_queue *q = &info->queue[0];
        volatile uint32_t *staged = (volatile uint32_t *)(uintptr_t)(q->staging_tx + SLOT);

        if (info->nqueues == 0)
                return 1;
        for (unsigned i = 0; i < ROUNDS; i++)
                add((volatile uint32_t *)(uintptr_t)(q->ring_tx + SLOT), ADD);
        rf_printf("crowded: %u stores, staging holds %u\n", ROUNDS, *staged);
        return *staged == ROUNDS * ADD ? 0 : 1;
}

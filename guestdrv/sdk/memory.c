/* SPDX-License-Identifier: MIT
 * The heap: a bump allocator. Network functions take what they need at start and keep it. */
#include "sdk.h"

static uint64_t used; /* bytes of the heap handed out, all vCPUs */

void *rf_alloc(size_t bytes, size_t align)
{
        const struct rf_info *info = rf_self();
        uint64_t old = __atomic_load_n(&used, __ATOMIC_RELAXED), start;

        do {
                start = ((info->heap + old + align - 1) & ~(uint64_t)(align - 1)) - info->heap;
                if (start > info->heap_bytes || bytes > info->heap_bytes - start)
                        return NULL;
        } while (
            !__atomic_compare_exchange_n(&used, &old, start + bytes, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
        return (void *)(uintptr_t)(info->heap + start);
}

/* SPDX-License-Identifier: MIT
 * Where a guest's memory goes: every frame of `memory =` is spoken for before the first one is mapped. Pure.
 */
#ifndef LAYOUT_H
#define LAYOUT_H

#include "elf.h"
#include "rf/root.h"

#define LAYOUT_POOL_PAGES 512 /* 2 MiB: a full receive and a full transmit ring of 2 KiB buffers, twice */
/* The engine's scratch for this guest (entries, instruction map): in the guest's own quota, read-only for it.
 */
#define LAYOUT_WORK_VA  0x0000006000000000ull
#define LAYOUT_WORK_END 0x0000006100000000ull

enum { LAYOUT_RANGES = ELF_MAX_SEGMENTS + RF_GUEST_VCPUS + 3 };

struct layout_range {
        uint64_t va, pages;
        enum rf_map_kind kind;
};

struct layout {
        unsigned n;
        struct layout_range range[LAYOUT_RANGES];
        uint64_t heap_pages, work_pages, pool_pages;
};

/* 0, or -RF_E... and in `why` (of `n` bytes) what is wrong. */
int layout_make(struct layout *l, const struct elf_image *image, uint64_t memory, uint32_t vcpus, bool queue,
                char *why, size_t n);
/* The range that holds va, or NULL. */
const struct layout_range *layout_find(const struct layout *l, uint64_t va);
static inline uint64_t layout_end(const struct layout_range *r)
{
        return r->va + r->pages * RF_PAGE_SIZE;
}

#endif

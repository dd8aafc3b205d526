/* SPDX-License-Identifier: MIT
 * Where a guest's memory goes: see layout.h. */
#include "layout.h"

#include "dbos_trampoline.h"
#include "rf/layout.h"
#include "rf_format.h"
#include "ringfence.h"

enum { HEAP_PAGES_MIN = 16 };

static void add(struct layout *l, uint64_t va, uint64_t pages, enum rf_map_kind kind)
{
        if (pages > 0)
                l->range[l->n++] = (struct layout_range){va, pages, kind};
}

static enum rf_map_kind kind_of(uint32_t flags)
{
        if ((flags & RF_SEG_X) != 0)
                return RF_MAP_CODE;
        return (flags & RF_SEG_W) != 0 ? RF_MAP_DATA : RF_MAP_RODATA;
}

static bool overlaps(const struct elf_segment *s, uint64_t from, uint64_t to)
{
        return elf_first_page(s) < to && from < elf_end_page(s);
}

/* The addresses that heap, stacks and pools may take, whatever their size, and the engine's. */
static bool in_the_way(const struct elf_segment *s)
{
        return overlaps(s, RF_HEAP_VA, RF_POOL_VA + (uint64_t)RF_MAX_QUEUES * RF_POOL_STEP) ||
               overlaps(s, LAYOUT_WORK_VA, LAYOUT_WORK_END);
}

static uint64_t add_image(struct layout *l, const struct elf_image *image)
{
        uint64_t total = 0;

        for (unsigned i = 0; i < image->nsegments; i++) {
                const struct elf_segment *s = &image->segment[i];
                uint64_t pages = (elf_end_page(s) - elf_first_page(s)) / RF_PAGE_SIZE;

                add(l, elf_first_page(s), pages, kind_of(s->flags));
                total += pages;
        }
        return total;
}

/* One byte of map for each byte of code, eight for each possible entry. */
static uint64_t work_pages(const struct elf_image *image)
{
        uint64_t bytes = elf_entry_bound(image) * sizeof(uint64_t);

        for (unsigned i = 0; i < image->nsegments; i++)
                if ((image->segment[i].flags & RF_SEG_X) != 0)
                        bytes += image->segment[i].bytes;
        return (bytes + RF_PAGE_SIZE - 1) / RF_PAGE_SIZE;
}

/* What ring 0 charges beside our mappings. Tables: one page maps 512, in the guest's tables and again in the
 * nested ones, and frames may lie scattered. A vCPU: its own tables, state, info, rings, staging, save areas.
 * Trampolines: each lone page may bring tables of its own. */
static uint64_t overhead_pages(uint64_t memory_pages, uint32_t vcpus)
{
        return 64 + memory_pages / 64 + 48 * (uint64_t)vcpus + 2 * TRAMPOLINE_PAGES;
}

int layout_make(struct layout *l, const struct elf_image *image, uint64_t memory, uint32_t vcpus, bool queue,
                char *why, size_t n)
{
        uint64_t total = memory / RF_PAGE_SIZE, used;

        *l = (struct layout){.work_pages = work_pages(image), .pool_pages = queue ? LAYOUT_POOL_PAGES : 0};
        for (unsigned i = 0; i < image->nsegments; i++)
                if (in_the_way(&image->segment[i])) {
                        rf_snprintf(
                            why, n,
                            "a segment at 0x%lx lies where heap, stacks or pools go; link it at 0x%llx",
                            image->segment[i].va, (unsigned long long)RF_IMAGE_BASE);
                        return -RF_EFORMAT;
                }
        used = add_image(l, image) + l->work_pages + l->pool_pages + overhead_pages(total, vcpus);
        for (uint32_t i = 0; i < vcpus; i++)
                add(l, RF_STACK_VA + (i + 1) * RF_STACK_STEP - RF_STACK_BYTES, RF_STACK_BYTES / RF_PAGE_SIZE,
                    RF_MAP_DATA);
        used += vcpus * (RF_STACK_BYTES / RF_PAGE_SIZE);
        if (used + HEAP_PAGES_MIN > total) {
                rf_snprintf(why, n, "memory is too small for this image; expected at least %lluK",
                            (used + HEAP_PAGES_MIN) * (RF_PAGE_SIZE / 1024));
                return -RF_ENOMEM;
        }
        if (total - used > (RF_STACK_VA - RF_HEAP_VA) / RF_PAGE_SIZE) {
                rf_snprintf(why, n, "memory is too large; expected at most 32G for one guest");
                return -RF_EINVAL;
        }
        l->heap_pages = total - used;
        add(l, RF_HEAP_VA, l->heap_pages, RF_MAP_DATA);
        add(l, LAYOUT_WORK_VA, l->work_pages, RF_MAP_RODATA);
        add(l, RF_POOL_VA, l->pool_pages, RF_MAP_POOL);
        return 0;
}

const struct layout_range *layout_find(const struct layout *l, uint64_t va)
{
        for (unsigned i = 0; i < l->n; i++)
                if (va >= l->range[i].va && va < layout_end(&l->range[i]))
                        return &l->range[i];
        return NULL;
}

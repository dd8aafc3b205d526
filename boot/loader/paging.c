/* SPDX-License-Identifier: MIT
 * The page tables the entered image starts on: RAM and the first 4 GiB one to one in 2 MiB pages,
 * and the image at its own addresses. Format: AMD APM vol. 2, 5.3; Intel SDM vol. 3, 4.5. */
#include "loader.h"

enum { PTE_P = 1u << 0, PTE_W = 1u << 1, PTE_PS = 1u << 7 };

#define PTE_ADDRESS 0x000ffffffffff000ull
#define LARGE_PAGE  (2ull << 20)
#define FOUR_GIB    (4ull << 30)

static uint64_t new_table(void)
{
        return memory_keep_or_stop(1, "page tables");
}

/* The entry for va at `level` (1 is the lowest); makes the tables above it. */
static uint64_t *entry_at(uint64_t cr3, uint64_t va, int level)
{
        uint64_t table = cr3;

        for (int l = 4;; l--) {
                uint64_t *entry = (uint64_t *)table + ((va >> (RF_PAGE_SHIFT + 9 * (l - 1))) & 511);

                if (l == level)
                        return entry;
                if (*entry == 0)
                        *entry = new_table() | PTE_P | PTE_W;
                table = *entry & PTE_ADDRESS;
        }
}

static void map_identity(uint64_t cr3, uint64_t start, uint64_t end)
{
        for (uint64_t at = start & ~(LARGE_PAGE - 1); at < end; at += LARGE_PAGE)
                *entry_at(cr3, at, 2) = at | PTE_P | PTE_W | PTE_PS;
}

static void map_segment(uint64_t cr3, const struct rf_boot_seg *seg)
{
        for (uint64_t i = 0; i < seg->pages; i++)
                *entry_at(cr3, seg->va + i * RF_PAGE_SIZE, 1) = (seg->hpa + i * RF_PAGE_SIZE) | PTE_P | PTE_W;
}

/* One-to-one mappings own the lower half. */
static void check_addresses(const struct rf_boot_image *image)
{
        for (uint32_t i = 0; i < image->nsegs; i++) {
                if (image->seg[i].va < 0xffff800000000000ull)
                        stop("Link it at 0xffffffff80000000 and build it again.",
                             "the image to start is linked at 0x%llx, in the lower half of the address space",
                             (unsigned long long)image->seg[i].va);
        }
}

uint64_t paging_build(const struct rf_boot_info *info)
{
        uint64_t cr3 = new_table();

        check_addresses(&info->kernel);
        map_identity(cr3, 0, FOUR_GIB);
        for (uint32_t i = 0; i < info->nmem; i++) {
                const struct rf_boot_mem *m = &info->mem[i];

                if (m->type <= RF_MEM_ACPI) /* RAM; the rest may be device memory */
                        map_identity(cr3, m->base, m->base + m->pages * RF_PAGE_SIZE);
        }
        for (uint32_t i = 0; i < info->kernel.nsegs; i++)
                map_segment(cr3, &info->kernel.seg[i]);
        return cr3;
}

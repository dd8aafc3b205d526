/* SPDX-License-Identifier: MIT
 * The memory map: see memmap.h. Types: UEFI 7.2.1, tables 7-5 and 7-6 (use after ExitBootServices). */
#include "memmap.h"

#include <stdbool.h>

static uint32_t type_of(const EFI_MEMORY_DESCRIPTOR *d)
{
        if (d->Attribute & EFI_MEMORY_RUNTIME)
                return RF_MEM_RESERVED;
        switch (d->Type) {
        case EfiConventionalMemory:
        case EfiBootServicesCode:
        case EfiBootServicesData:
        case EfiLoaderCode: /* this program; nothing of it is needed after the jump */
                return RF_MEM_FREE;
        case EfiLoaderData:
                return RF_MEM_LOADER;
        case EfiACPIReclaimMemory:
        case EfiACPIMemoryNVS:
                return RF_MEM_ACPI;
        case EfiMemoryMappedIO:
        case EfiMemoryMappedIOPortSpace:
                return RF_MEM_MMIO;
        default:
                return RF_MEM_RESERVED;
        }
}

static EFI_MEMORY_DESCRIPTOR *at(void *map, uint64_t step, uint64_t i)
{
        return (EFI_MEMORY_DESCRIPTOR *)((char *)map + i * step);
}

/* `step` may exceed sizeof(EFI_MEMORY_DESCRIPTOR), but what lies beyond it is not for us. */
static void sort(void *map, uint64_t count, uint64_t step)
{
        for (uint64_t i = 1; i < count; i++) {
                EFI_MEMORY_DESCRIPTOR moving = *at(map, step, i);
                uint64_t k = i;

                for (; k > 0 && at(map, step, k - 1)->PhysicalStart > moving.PhysicalStart; k--)
                        *at(map, step, k) = *at(map, step, k - 1);
                *at(map, step, k) = moving;
        }
}

static uint64_t end_of(const struct rf_boot_mem *m)
{
        return m->base + m->pages * RF_PAGE_SIZE;
}

/* Makes room for one that overlaps the last: types grow from usable to untouchable. */
static void resolve_overlap(struct rf_boot_mem *last, struct rf_boot_mem *m)
{
        uint64_t end = end_of(m);

        if (m->base >= end_of(last))
                return;
        if (m->type > last->type) {
                last->pages = (m->base - last->base) >> RF_PAGE_SHIFT;
                return;
        }
        m->base = end_of(last);
        m->pages = end > m->base ? (end - m->base) >> RF_PAGE_SHIFT : 0;
}

static bool extends(const struct rf_boot_mem *last, const struct rf_boot_mem *m)
{
        return end_of(last) == m->base && last->type == m->type;
}

uint32_t memmap_convert(void *map, uint64_t bytes, uint64_t step, struct rf_boot_mem *out, uint32_t max)
{
        uint64_t count = bytes / step;
        uint32_t n = 0;

        sort(map, count, step);
        for (uint64_t i = 0; i < count; i++) {
                const EFI_MEMORY_DESCRIPTOR *d = at(map, step, i);
                struct rf_boot_mem m = {d->PhysicalStart, d->NumberOfPages, type_of(d), 0};

                if (n > 0)
                        resolve_overlap(&out[n - 1], &m);
                if (n > 0 && out[n - 1].pages == 0)
                        n--;
                if (n > 0 && m.pages > 0 && extends(&out[n - 1], &m))
                        out[n - 1].pages += m.pages;
                else if (m.pages > 0 && n < max)
                        out[n++] = m;
        }
        return n;
}

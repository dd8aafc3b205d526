/* SPDX-License-Identifier: MIT
 * The memory map: see memmap.h. Types: UEFI 7.2.1, tables 7-5 and 7-6 (use after ExitBootServices). */
#include "memmap.h"

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

/* The least usable type of all descriptors that hold `at`, 0 if none does; types grow from usable to
 * untouchable. Up to *next, where a descriptor starts or ends, nothing changes. */
static uint32_t type_at(const void *map, uint64_t bytes, uint64_t step, uint64_t at, uint64_t *next)
{
        uint32_t type = 0;

        *next = UINT64_MAX;
        for (uint64_t i = 0; i < bytes / step; i++) {
                const EFI_MEMORY_DESCRIPTOR *d = (const void *)((const char *)map + i * step);
                uint64_t start = d->PhysicalStart, end = start + d->NumberOfPages * RF_PAGE_SIZE;

                if (start <= at && at < end && type_of(d) > type)
                        type = type_of(d);
                if (start > at && start < *next)
                        *next = start;
                if (end > at && end < *next)
                        *next = end;
        }
        return type;
}

/* Appends a region, or extends the last one. Returns the new number of regions. */
static uint32_t append(struct rf_boot_mem *out, uint32_t n, uint32_t max, struct rf_boot_mem m)
{
        if (n > 0 && out[n - 1].type == m.type && out[n - 1].base + out[n - 1].pages * RF_PAGE_SIZE == m.base)
                out[n - 1].pages += m.pages;
        else if (n < max)
                out[n++] = m;
        return n;
}

uint32_t memmap_convert(const void *map, uint64_t bytes, uint64_t step, struct rf_boot_mem *out, uint32_t max)
{
        uint64_t next;
        uint32_t n = 0;

        for (uint64_t at = 0; at != UINT64_MAX; at = next) {
                uint32_t type = type_at(map, bytes, step, at, &next);

                if (type != 0 && next != UINT64_MAX)
                        n = append(out, n, max,
                                   (struct rf_boot_mem){at, (next - at) >> RF_PAGE_SHIFT, type, 0});
        }
        return n;
}

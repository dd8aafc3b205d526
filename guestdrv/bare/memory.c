/* SPDX-License-Identifier: MIT
 * Memory of the bare machine: from the loader's map, once; and the NIC's registers in the page tables. */
#include "bare.h"
#include "rf_string.h"

enum { PTE_P = 1, PTE_W = 2, PTE_PWT = 8, PTE_PCD = 0x10, TABLE = 512 };
#define PTE_NX (1ull << 63)

/* Far from everything the loader maps: it uses the lowest slots for VA = HPA and the last for the image. */
#define DEVICE_PML4 384
#define DEVICE_VA   0xffffc00000000000ull

static const uint64_t lowest = 0x100000, highest = 0x100000000ull;
static uint64_t used_to; /* end of the last allocation; the next one lies above it */

static uint64_t max(uint64_t a, uint64_t b)
{
        return a > b ? a : b;
}

void *bare_pages(const struct rf_boot_info *boot, uint64_t pages)
{
        uint64_t bytes = pages * RF_PAGE_SIZE;

        for (uint32_t i = 0; i < boot->nmem && i < RF_BOOT_MAX_MEM; i++) {
                const struct rf_boot_mem *m = &boot->mem[i];
                uint64_t end = m->base + m->pages * RF_PAGE_SIZE, start = max(max(m->base, lowest), used_to);

                if (m->type != RF_MEM_FREE || end > highest || start >= end || end - start < bytes)
                        continue;
                used_to = start + bytes;
                return memset((void *)(uintptr_t)start, 0, bytes);
        }
        bare_panic("no %lu KiB of free memory below 4 GiB", bytes / 1024);
}

static uint64_t *table_of(uint64_t entry)
{
        return (uint64_t *)(uintptr_t)(entry & 0x000ffffffffff000ull);
}

volatile uint8_t *bare_map_device(const struct rf_boot_info *boot, uint64_t hpa, uint64_t bytes)
{
        uint64_t *tables = bare_pages(boot, 3), cr3; /* PDPT, PD, PT: in RAM that is mapped VA = HPA */

        __asm__ volatile("movq %%cr3, %0" : "=r"(cr3));
        if ((table_of(cr3)[DEVICE_PML4] & PTE_P) != 0)
                bare_panic("PML4 slot %u is in use", DEVICE_PML4);
        for (uint64_t i = 0; i < bytes / RF_PAGE_SIZE && i < TABLE; i++)
                tables[2 * TABLE + i] = (hpa + i * RF_PAGE_SIZE) | PTE_P | PTE_W | PTE_PWT | PTE_PCD | PTE_NX;
        tables[TABLE] = (uint64_t)(uintptr_t)&tables[2 * TABLE] | PTE_P | PTE_W;
        tables[0] = (uint64_t)(uintptr_t)&tables[TABLE] | PTE_P | PTE_W;
        table_of(cr3)[DEVICE_PML4] = (uint64_t)(uintptr_t)tables | PTE_P | PTE_W;
        __asm__ volatile("movq %0, %%cr3" : : "r"(cr3) : "memory");
        return (volatile uint8_t *)DEVICE_VA;
}

/* SPDX-License-Identifier: MIT
 * See pci.h. Source: PCI Local Bus Specification 3.0, 6.2.5.1. */
#include "pci.h"

enum { BAR_IO = 1, BAR_TYPE = 6, BAR_64 = 4, MAX_PHYS_BITS = 52 };
#define BAR_FLAGS 15u

int pci_bar_decode(uint32_t low, uint32_t high, uint32_t mask_low, uint32_t mask_high, struct pci_bar *bar)
{
        bool wide = (low & BAR_TYPE) == BAR_64;

        if ((low & BAR_IO) || (!wide && (low & BAR_TYPE) != 0))
                return -RF_EINVAL;
        bar->base = (low & ~BAR_FLAGS) | (wide ? (uint64_t)high << 32 : 0);
        bar->bytes = ~((mask_low & ~BAR_FLAGS) | (uint64_t)(wide ? mask_high : ~0u) << 32) + 1;
        if (bar->base == 0 || bar->bytes == 0 || (bar->bytes & (bar->bytes - 1)) != 0 ||
            (bar->base & (bar->bytes - 1)) != 0)
                return -RF_EINVAL;
        return 0;
}

int pci_bar_check(const struct pci_bar *bar, uint64_t need, const struct rf_boot_mem *mem, uint32_t nmem)
{
        uint64_t end = bar->base + bar->bytes;

        if (bar->bytes < need || bar->base % RF_PAGE_SIZE != 0 || end < bar->base ||
            end >> MAX_PHYS_BITS != 0)
                return -RF_EINVAL;
        for (uint32_t i = 0; i < nmem; i++)
                if (mem[i].type != RF_MEM_MMIO && mem[i].base < end &&
                    bar->base < mem[i].base + mem[i].pages * RF_PAGE_SIZE)
                        return -RF_EINVAL;
        return 0;
}

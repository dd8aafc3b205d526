/* SPDX-License-Identifier: MIT
 * PCI configuration space, for ring 0 alone. */
#ifndef PCI_H
#define PCI_H

#include "kernel.h"

struct pci_bar {
        uint64_t base, bytes;
};

enum { PCI_COMMAND_IO = 1, PCI_COMMAND_MEMORY = 2, PCI_COMMAND_MASTER = 4, PCI_COMMAND_INTX_OFF = 1 << 10 };

uint32_t pci_read(uint16_t bdf, uint32_t off);
void pci_write(uint16_t bdf, uint32_t off, uint32_t value);
void pci_set_command(uint16_t bdf, uint32_t set, uint32_t clear);
int pci_bar(uint16_t bdf, unsigned index, uint64_t need, struct pci_bar *bar); /* decoded and checked */
int64_t pci_find_capability(uint16_t bdf, uint8_t id);                         /* offset or -RF_ENOTSUP */

/* pci_bar.c: pure, the unit tests compile it. low, high: a base address register as firmware left it;
 * mask_low, mask_high: as it reads after ones were written. -RF_EINVAL: not a memory BAR, or not placed. */
int pci_bar_decode(uint32_t low, uint32_t high, uint32_t mask_low, uint32_t mask_high, struct pci_bar *bar);
/* -RF_EINVAL: smaller than needed, or over memory: ring 0 would give guests RAM for a doorbell. */
int pci_bar_check(const struct pci_bar *bar, uint64_t need, const struct rf_boot_mem *mem, uint32_t nmem);

#endif

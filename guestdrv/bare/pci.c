/* SPDX-License-Identifier: MIT
 * PCI: finds one device by configuration mechanism 1, and switches it on. */
#include "bare.h"

enum {
        CONFIG_ADDRESS = 0xcf8,
        CONFIG_DATA = 0xcfc,
        PCI_ID = 0x00,
        PCI_COMMAND = 0x04,
        PCI_HEADER = 0x0c,
        PCI_BAR0 = 0x10,
        COMMAND_MEMORY = 2,
        COMMAND_MASTER = 4,
        COMMAND_NO_INTX = 0x400,
        FUNCTIONS = 0x10000, /* bus 15:8, device 7:3, function 2:0 */
};

static uint32_t read(uint32_t bdf, uint32_t offset)
{
        out32(CONFIG_ADDRESS, 0x80000000u | bdf << 8 | offset);
        return in32(CONFIG_DATA);
}

static void write(uint32_t bdf, uint32_t offset, uint32_t v)
{
        out32(CONFIG_ADDRESS, 0x80000000u | bdf << 8 | offset);
        out32(CONFIG_DATA, v);
}

static uint64_t enable(uint32_t bdf)
{
        uint64_t bar = read(bdf, PCI_BAR0);

        if ((bar & 6) == 4) /* 64 bits wide */
                bar |= (uint64_t)read(bdf, PCI_BAR0 + 4) << 32;
        /* The upper half of this dword is status, whose bits are cleared by writing 1. */
        write(bdf, PCI_COMMAND,
              (read(bdf, PCI_COMMAND) & 0xffff) | COMMAND_MEMORY | COMMAND_MASTER | COMMAND_NO_INTX);
        return bar & ~15ull;
}

uint64_t bare_pci_find(uint16_t vendor, uint16_t device)
{
        uint32_t id = (uint32_t)device << 16 | vendor;

        for (uint32_t bdf = 0; bdf < FUNCTIONS; bdf++) {
                uint32_t found = read(bdf, PCI_ID);

                if (found == id)
                        return enable(bdf);
                /* No function 0, or a device with one function: skip functions 1 to 7. */
                if ((bdf & 7) == 0 && ((found & 0xffff) == 0xffff || (read(bdf, PCI_HEADER) & 0x800000) == 0))
                        bdf |= 7;
        }
        return 0;
}

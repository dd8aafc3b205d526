/* SPDX-License-Identifier: MIT
 * Configuration space through ports 0xCF8/0xCFC: enumeration, and who may be a bus master. */
#include "pci.h"

#include "nic.h"
#include "x86.h"

enum { CONFIG_ADDRESS = 0xcf8, CONFIG_DATA = 0xcfc, CONFIG_BYTES = 256, FUNCTIONS = 8, ALL_BDF = 0x10000 };
enum { CONFIG_COMMAND = 4, CONFIG_CLASS = 8, CONFIG_HEADER = 12, CONFIG_BAR0 = 16, CONFIG_CAPABILITIES = 52 };
enum { CLASS_HOST = 0x0600, CLASS_ISA = 0x0601 };
#define STATUS_CAPABILITIES (1u << 20) /* in the dword of COMMAND */
#define MAX_CAPABILITIES    48         /* that many fit: a longer chain is a loop */

uint32_t pci_read(uint16_t bdf, uint32_t off)
{
        outl(CONFIG_ADDRESS, 0x80000000u | (uint32_t)bdf << 8 | (off & 0xfc));
        return inl(CONFIG_DATA);
}

void pci_write(uint16_t bdf, uint32_t off, uint32_t value)
{
        outl(CONFIG_ADDRESS, 0x80000000u | (uint32_t)bdf << 8 | (off & 0xfc));
        outl(CONFIG_DATA, value);
}

/* The upper half of the dword is status: bits that clear when written as 1, hence written as 0. */
void pci_set_command(uint16_t bdf, uint32_t set, uint32_t clear)
{
        uint32_t command = pci_read(bdf, CONFIG_COMMAND) & 0xffff;

        pci_write(bdf, CONFIG_COMMAND, (command & ~clear) | set);
}

int pci_bar(uint16_t bdf, unsigned index, uint64_t need, struct pci_bar *bar)
{
        uint32_t off = CONFIG_BAR0 + 4 * index, old[2], mask[2];
        int error;

        /* Decoding is off while ones measure the BAR: they would move the device over something else. */
        pci_set_command(bdf, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
        for (unsigned i = 0; i < 2; i++) {
                old[i] = pci_read(bdf, off + 4 * i);
                pci_write(bdf, off + 4 * i, ~0u);
                mask[i] = pci_read(bdf, off + 4 * i);
                pci_write(bdf, off + 4 * i, old[i]);
        }
        pci_set_command(bdf, PCI_COMMAND_MEMORY, 0);
        error = pci_bar_decode(old[0], old[1], mask[0], mask[1], bar);
        return error ? error : pci_bar_check(bar, need, boot_info->mem, boot_info->nmem);
}

int64_t pci_find_capability(uint16_t bdf, uint8_t id)
{
        uint32_t at = pci_read(bdf, CONFIG_CAPABILITIES) & 0xfc;

        if ((pci_read(bdf, CONFIG_COMMAND) & STATUS_CAPABILITIES) == 0)
                return -RF_ENOTSUP;
        for (unsigned i = 0; i < MAX_CAPABILITIES && at != 0; i++) {
                if ((pci_read(bdf, at) & 0xff) == id)
                        return at;
                at = pci_read(bdf, at) >> 8 & 0xfc;
        }
        return -RF_ENOTSUP;
}

/* What forwards the transactions of others must go on doing so. */
static bool is_bridge(uint32_t header, uint32_t class_sub)
{
        return header == 1 || header == 2 || class_sub == CLASS_HOST || class_sub == CLASS_ISA;
}

static void add_endpoint(uint16_t bdf, uint32_t id, uint32_t class_sub)
{
        uint32_t low = pci_read(bdf, CONFIG_BAR0);
        uint64_t high = (low & 7) == 4 ? pci_read(bdf, CONFIG_BAR0 + 4) : 0; /* 64-bit memory */

        pci_set_command(bdf, PCI_COMMAND_INTX_OFF, PCI_COMMAND_MASTER);
        if (host_page->npci == RF_MAX_PCI) {
                klog("pci: more than %u devices: root cannot use %04x", (unsigned)RF_MAX_PCI, (unsigned)bdf);
                return;
        }
        host_page->pci[host_page->npci++] = (struct rf_pci_fn){
            bdf, (uint16_t)id, (uint16_t)(id >> 16), (uint16_t)class_sub, (low & ~15u) | high << 32};
}

/* Every bus is tried, not only those behind bridges of bus 0: a second root may have any number. */
void pci_init(void)
{
        uint32_t step;

        for (uint32_t at = 0; at < ALL_BDF; at += step) {
                uint16_t bdf = (uint16_t)at;
                uint32_t id = pci_read(bdf, 0), header, class_sub;

                step = bdf % FUNCTIONS == 0 ? FUNCTIONS : 1;
                if ((id & 0xffff) == 0xffff)
                        continue;
                header = pci_read(bdf, CONFIG_HEADER) >> 16;
                class_sub = pci_read(bdf, CONFIG_CLASS) >> 16;
                if (header & 0x80) /* more functions follow */
                        step = 1;
                if (!is_bridge(header & 0x7f, class_sub))
                        add_endpoint(bdf, id, class_sub);
        }
}

int64_t pci_read_checked(uint64_t bdf, uint64_t off)
{
        if (bdf >= ALL_BDF || off >= CONFIG_BYTES || off % 4 != 0)
                return -RF_EINVAL;
        return pci_read((uint16_t)bdf, (uint32_t)off);
}

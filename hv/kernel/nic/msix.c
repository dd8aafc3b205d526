/* SPDX-License-Identifier: MIT
 *
 * MSI-X: entry q of the table belongs to receive queue q, open while that is enabled. Sources: PCI Local Bus
 * Specification 3.0, 6.8.2; APM volume 2, 16.11 (message address and data).
 */
#include "nic.h"
#include "paging.h"
#include "pci.h"

enum { CAPABILITY_MSIX = 0x11, TABLE_SIZE = 0x7ff /* of the control word: entries - 1 */ };
enum { ENTRY_ADDRESS, ENTRY_ADDRESS_HIGH, ENTRY_DATA, ENTRY_CONTROL, ENTRY_DWORDS };
enum { ENTRY_MASKED = 1 };
#define CONTROL_ENABLE  0x80000000u /* in the capability's first dword */
#define CONTROL_MASK    0x40000000u
#define MESSAGE_ADDRESS 0xfee00000u /* | APIC id << 12: physical, fixed */

int msix_start(struct nic *nic)
{
        int64_t at = pci_find_capability(nic->bdf, CAPABILITY_MSIX);
        uint32_t control = pci_read(nic->bdf, (uint32_t)at), table = pci_read(nic->bdf, (uint32_t)at + 4);
        uint32_t entries = (control >> 16 & TABLE_SIZE) + 1, bytes = entries * ENTRY_DWORDS * 4;
        struct pci_bar bar;
        int error;

        /* not in BAR 0, which root reaches in part; BARs 0 to 5 exist */
        if (at < 0 || (table & 7) == 0 || (table & 7) > 5 || entries < NIC_QUEUES)
                return -RF_ENOTSUP;
        error = pci_bar(nic->bdf, table & 7, (uint64_t)(table & ~7u) + bytes, &bar);
        if (error)
                return error;
        nic->msix = host_map_device(bar.base + (table & ~7u), bytes, PERM_UC);
        for (uint32_t i = 0; i < entries; i++)
                nic->msix[i * ENTRY_DWORDS + ENTRY_CONTROL] = ENTRY_MASKED;
        pci_write(nic->bdf, (uint32_t)at, (control | CONTROL_ENABLE) & ~CONTROL_MASK);
        return 0;
}

/* An entry is written while it is masked. */
void msix_route(struct nic_queue *q, uint32_t apic_id)
{
        volatile uint32_t *entry = &q->nic->msix[q->index * ENTRY_DWORDS];

        entry[ENTRY_CONTROL] = ENTRY_MASKED;
        entry[ENTRY_ADDRESS] = MESSAGE_ADDRESS | apic_id << 12;
        entry[ENTRY_ADDRESS_HIGH] = 0;
        entry[ENTRY_DATA] = NIC_VECTOR + (uint32_t)(q->nic - nics) * NIC_QUEUES + q->index;
        entry[ENTRY_CONTROL] = 0;
        q->route = apic_id;
}

void msix_close(struct nic_queue *q)
{
        q->nic->msix[q->index * ENTRY_DWORDS + ENTRY_CONTROL] = ENTRY_MASKED;
}

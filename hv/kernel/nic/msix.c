/* SPDX-License-Identifier: MIT
 *
 * MSI-X: entry q of the table belongs to receive queue q, open while that is enabled. Its cause is masked in
 * EIMS, sends nothing and stays pending in EICR, except while a vCPU waits. Sources: PCI Local Bus
 * Specification 3.0, 6.8.2; APM volume 2, 16.11 (message address and data).
 */
#include "cpu.h"
#include "frame.h"
#include "nic.h"
#include "paging.h"
#include "pci.h"
#include "rf/igb_desc.h"
#include "rf/igb_regs.h"
#include "vcpu.h"

enum { CAPABILITY_MSIX = 0x11, TABLE_SIZE = 0x7ff /* of the control word: entries - 1 */ };
enum { ENTRY_ADDRESS, ENTRY_ADDRESS_HIGH, ENTRY_DATA, ENTRY_CONTROL, ENTRY_DWORDS };
enum { ENTRY_MASKED = 1, APIC_IDS = 255 /* 8 bits of destination; 255 is broadcast */ };
#define CONTROL_ENABLE  0x80000000u /* in the capability's first dword */
#define CONTROL_MASK    0x40000000u
#define MESSAGE_ADDRESS 0xfee00000u /* | APIC id << 12: physical, fixed */

int msix_init(struct nic *nic)
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

static volatile uint32_t *reg(const struct nic_queue *q, uint32_t off)
{
        return &q->nic->bar[off / 4];
}

/* An entry is written while it is masked. */
static void route(struct nic_queue *q, uint32_t apic_id)
{
        volatile uint32_t *entry = &q->nic->msix[q->index * ENTRY_DWORDS];

        entry[ENTRY_CONTROL] = ENTRY_MASKED;
        entry[ENTRY_ADDRESS] = MESSAGE_ADDRESS | apic_id << 12;
        entry[ENTRY_ADDRESS_HIGH] = 0;
        entry[ENTRY_DATA] = NIC_VECTOR + (uint32_t)(q->nic - nics) * NIC_QUEUES + q->index;
        entry[ENTRY_CONTROL] = 0;
        q->route = apic_id;
}

static void mask(struct nic_queue *q)
{
        *reg(q, IGB_EIMC) = 1u << q->index;
        q->armed = false;
}

void msix_open(struct nic_queue *q)
{
        route(q, cpus[0].apic_id);
        *reg(q, IGB_IVAR0 + 4 * q->index) = IGB_IVAR_VALID | q->index; /* receive; transmit causes nothing */
}

void msix_close(struct nic_queue *q)
{
        mask(q);
        *reg(q, IGB_IVAR0 + 4 * q->index) = 0;
        q->nic->msix[q->index * ENTRY_DWORDS + ENTRY_CONTROL] = ENTRY_MASKED;
}

/* ---- wait --------------------------------------------------------------------------------- */

static bool is_done(const struct nic_queue *q)
{
        const volatile uint32_t *status = phys(q->ring[0] + q->next * 16 + IGB_RX_DD_OFF);

        return (*status & IGB_RX_DD) != 0;
}

static struct nic_queue *waited_for(const struct vcpu *v, uint64_t slot)
{
        struct nic_queue *q = nic_queue_of(v);

        return q != NULL && q->state == QUEUE_ENABLED && q->slot == slot ? q : NULL;
}

int nic_wait_arm(struct vcpu *v, uint64_t slot, uint64_t next)
{
        struct nic_queue *q = waited_for(v, slot);
        uint32_t apic_id = cpus[v->last_cpu].apic_id; /* it pays for its own frames, not CPU 0 */

        if (q == NULL || next >= IGB_RING_ENTRIES)
                return q == NULL ? -RF_ENOENT : -RF_EINVAL;
        q->next = (uint32_t)next;
        if (apic_id < APIC_IDS && apic_id != q->route)
                route(q, apic_id);
        /* Old causes are dropped. A frame after that interrupts; one before it shows in the ring, because the
         * read comes back behind all that the NIC wrote until then. */
        *reg(q, IGB_EICR) = 1u << q->index;
        *reg(q, IGB_EIMS) = 1u << q->index;
        q->armed = true;
        (void)*reg(q, IGB_EIMS);
        if (!is_done(q) || control_on(RF_CONTROL_NO_WAIT_CHECK))
                return 0;
        mask(q);
        return 1;
}

void nic_wait_disarm(struct vcpu *v, uint64_t slot)
{
        struct nic_queue *q = waited_for(v, slot);

        if (q != NULL && q->armed)
                mask(q);
}

/* A frame for another slot than the one waited for ends the wait too (2): who waits for the wrong slot pays
 * for each round with a hypercall of its own. */
void nic_interrupt(unsigned vector)
{
        unsigned n = vector - NIC_VECTOR;
        struct nic_queue *q = &nics[n / NIC_QUEUES].queue[n % NIC_QUEUES];

        if (!q->armed)
                return; /* sent before the cause was masked */
        mask(q);
        vcpu_wake(q->vcpu, is_done(q) ? 1 : 2);
}

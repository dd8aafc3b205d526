/* SPDX-License-Identifier: MIT
 *
 * The 82540EM in ring 0. Its interrupt is a level on a line that others may share: masked in the NIC and in
 * the I/O APIC except while a vCPU waits, so that a line somebody else holds costs a waiting vCPU a round,
 * and nobody more. Where firmware gave the NIC no line, a wait ends on a timer instead.
 */
#include "nic.h"
#include "pci.h"
#include "rf/e1000_ctl.h"
#include "rf/e1000_regs.h"
#include "smp.h"

enum { CONFIG_INTERRUPT = 0x3c /* line 7:0, pin 15:8: PCI Local Bus Specification 3.0, 6.2.4 */, LINES = 16 };

static int reset(struct nic *nic)
{
        return e1000_reset(&nic->io);
}

static int start(struct nic *nic)
{
        uint32_t interrupt = pci_read(nic->bdf, CONFIG_INTERRUPT), line = interrupt & 0xff;
        bool has_pin = (interrupt & 0xff00) != 0;

        if (!has_pin || line == 0 || line >= LINES || !ioapic_has(line) || control_on(RF_CONTROL_NO_LINE)) {
                klog("nic %04x: no interrupt (line %u): who waits looks again every millisecond",
                     (unsigned)nic->bdf, (unsigned)line);
                nic->polled = true;
                return 0;
        }
        nic->line = line;
        ioapic_set(line, NIC_VECTOR + (uint32_t)(nic - nics) * NIC_QUEUES);
        pci_set_command(nic->bdf, 0, PCI_COMMAND_INTX_OFF);
        return 0;
}

static void quiet(struct nic *nic)
{
        nic->bar[E1000_IMC / 4] = ~0u;
        (void)nic->bar[E1000_STATUS / 4]; /* it has arrived: the line is free */
}

static void irq_mask(struct nic_queue *q)
{
        quiet(q->nic);
        if (q->nic->line != 0)
                ioapic_mask(q->nic->line);
}

static void irq_arm(struct nic_queue *q, uint32_t apic_id)
{
        volatile uint32_t *bar = q->nic->bar;

        (void)bar[E1000_ICR / 4]; /* old causes */
        if (q->nic->line != 0)
                ioapic_open(q->nic->line, apic_id);
        q->route = apic_id;
        bar[E1000_IMS / 4] = E1000_INT_RXT0;
        (void)bar[E1000_STATUS / 4]; /* comes back behind all that the NIC wrote until then */
}

const struct nic_ops e1000_ops = {
    .model = &nic_82540em,
    .start = start,
    .reset = reset,
    .queue_setup = e1000_queue_setup,
    .queue_enable = e1000_queue_enable,
    .queue_disable = e1000_queue_disable,
    .irq_open = irq_mask,
    .irq_close = irq_mask,
    .irq_arm = irq_arm,
    .irq_mask = irq_mask,
    .quiet = quiet,
};

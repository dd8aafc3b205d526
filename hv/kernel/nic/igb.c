/* SPDX-License-Identifier: MIT
 * The 82576 in ring 0: reset, and the receive interrupt of each queue. Its cause is masked in EIMS, sends
 * nothing and stays pending in EICR, except while a vCPU waits. */
#include "cpu.h"
#include "nic.h"
#include "rf/igb_ctl.h"
#include "rf/igb_desc.h"
#include "rf/igb_regs.h"
#include "smp.h"

enum { RESET_US = 20000 /* EEPROM load included */ };

static void put(const struct nic *nic, uint32_t off, uint32_t value)
{
        nic->bar[off / 4] = value;
}

/* What a reset leaves otherwise: queue 0 on, interrupts throttled as firmware had it and not one a queue. */
static void preset(struct nic *nic)
{
        put(nic, IGB_GPIE, IGB_GPIE_MULTIPLE);
        put(nic, IGB_EIAC, (1u << IGB_VECTORS) - 1);
        for (unsigned v = 0; v < IGB_VECTORS; v++)
                put(nic, IGB_EITR0 + 4 * v, 0);
        for (unsigned q = 0; q < IGB_QUEUES; q++) {
                put(nic, IGB_RXDCTL0 + IGB_QUEUE_STEP * q, IGB_RXDCTL_THRESH);
                put(nic, IGB_TXDCTL0 + IGB_QUEUE_STEP * q, IGB_TXDCTL_THRESH);
        }
        nic_change(nic, IGB_CTRL, 0,
                   IGB_CTRL_RFCE | IGB_CTRL_TFCE); /* no guest pauses the wire, nor the wire a guest */
}

/* DMA is ended first: a reset in the middle of a transaction may hang the bus. */
static int reset(struct nic *nic)
{
        nic_change(nic, IGB_CTRL, IGB_CTRL_GIO_MASTER_DIS, 0);
        if (!nic_becomes_clear(nic, IGB_STATUS, IGB_STATUS_GIO_MASTER))
                klog("nic %04x: DMA did not cease before the reset", (unsigned)nic->bdf);
        nic_change(nic, IGB_CTRL, IGB_CTRL_RST, 0);
        delay_us(RESET_US);
        if (!nic_becomes_clear(nic, IGB_CTRL, IGB_CTRL_RST))
                return -RF_ETIMEDOUT;
        preset(nic);
        return 0;
}

static int start(struct nic *nic)
{
        if (nic->bar[IGB_STATUS / 4] & IGB_STATUS_VFE)
                return -RF_ENOTSUP; /* virtual functions would be bus masters of their own */
        return msix_start(nic);
}

static void irq_open(struct nic_queue *q)
{
        msix_route(q, cpus[0].apic_id);
        /* receive; transmit causes nothing */
        put(q->nic, IGB_IVAR0 + 4 * q->index, IGB_IVAR_VALID | q->index);
}

static void irq_mask(struct nic_queue *q)
{
        put(q->nic, IGB_EIMC, 1u << q->index);
}

static void irq_close(struct nic_queue *q)
{
        irq_mask(q);
        put(q->nic, IGB_IVAR0 + 4 * q->index, 0);
        msix_close(q);
}

static void irq_arm(struct nic_queue *q, uint32_t apic_id)
{
        if (apic_id != q->route)
                msix_route(q, apic_id);
        put(q->nic, IGB_EICR, 1u << q->index);
        put(q->nic, IGB_EIMS, 1u << q->index);
        (void)q->nic->bar[IGB_EIMS / 4]; /* comes back behind all that the NIC wrote until then */
}

const struct nic_ops igb_ops = {
    .model = &nic_82576,
    .start = start,
    .reset = reset,
    .queue_setup = igb_queue_setup,
    .queue_enable = igb_queue_enable,
    .queue_disable = igb_queue_disable,
    .irq_open = irq_open,
    .irq_close = irq_close,
    .irq_arm = irq_arm,
    .irq_mask = irq_mask,
};

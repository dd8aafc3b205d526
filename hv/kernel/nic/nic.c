/* SPDX-License-Identifier: MIT
 * Binding, resetting and halting a NIC, and the two system calls that go through its register table. */
#include "nic.h"

#include "paging.h"
#include "pci.h"
#include "rf/igb_desc.h"
#include "rf/igb_regs.h"
#include "smp.h"

enum { RESET_US = 20000 /* EEPROM load included */, POLLS = 100, POLL_US = 100 };

struct nic nics[NIC_MAX];
static const struct nic_model *const models[] = {&nic_82576};

static struct nic *nic_at(uint64_t id)
{
        return id < NIC_MAX && nics[id].model != NULL ? &nics[id] : NULL;
}

struct nic_queue *nic_queue_at(uint64_t id, uint64_t queue)
{
        return nic_at(id) != NULL && queue < NIC_QUEUES ? &nics[id].queue[queue] : NULL;
}

/* ---- struct igb_io of ring 0: no table in between ----------------------------------------- */

static uint32_t io_read(void *ctx, uint32_t off)
{
        return ((const struct nic *)ctx)->bar[off / 4];
}

static int io_write(void *ctx, uint32_t off, uint32_t value)
{
        ((const struct nic *)ctx)->bar[off / 4] = value;
        return 0;
}

static void io_delay(void *ctx, unsigned us)
{
        delay_us(us);
}

static void change(struct nic *nic, uint32_t off, uint32_t set, uint32_t clear)
{
        io_write(nic, off, (io_read(nic, off) & ~clear) | set);
}

static bool becomes_clear(struct nic *nic, uint32_t off, uint32_t bits)
{
        for (unsigned i = 0; i < POLLS && (io_read(nic, off) & bits) != 0; i++)
                delay_us(POLL_US);
        return (io_read(nic, off) & bits) == 0;
}

/* ---- reset -------------------------------------------------------------------------------- */

/* What a reset leaves otherwise: queue 0 on, interrupts throttled as firmware had it and not one a queue. */
static void preset(struct nic *nic)
{
        io_write(nic, IGB_GPIE, IGB_GPIE_MULTIPLE);
        io_write(nic, IGB_EIAC, (1u << IGB_VECTORS) - 1);
        for (unsigned v = 0; v < IGB_VECTORS; v++)
                io_write(nic, IGB_EITR0 + 4 * v, 0);
        for (unsigned q = 0; q < IGB_QUEUES; q++) {
                io_write(nic, IGB_RXDCTL0 + IGB_QUEUE_STEP * q, IGB_RXDCTL_THRESH);
                io_write(nic, IGB_TXDCTL0 + IGB_QUEUE_STEP * q, IGB_TXDCTL_THRESH);
        }
        change(nic, IGB_CTRL, 0,
               IGB_CTRL_RFCE | IGB_CTRL_TFCE); /* no guest pauses the wire, nor the wire a guest */
}

/* DMA is ended first: a reset in the middle of a transaction may hang the bus. What firmware had set up is
 * gone afterwards, and no queue is in quarantine any more. */
static int reset(struct nic *nic)
{
        nic->ready = false;
        change(nic, IGB_CTRL, IGB_CTRL_GIO_MASTER_DIS, 0);
        if (!becomes_clear(nic, IGB_STATUS, IGB_STATUS_GIO_MASTER))
                klog("nic %04x: DMA did not cease before the reset", (unsigned)nic->bdf);
        change(nic, IGB_CTRL, IGB_CTRL_RST, 0);
        delay_us(RESET_US);
        if (!becomes_clear(nic, IGB_CTRL, IGB_CTRL_RST))
                return -RF_ETIMEDOUT;
        preset(nic);
        for (uint32_t i = 0; i < NIC_QUEUES; i++)
                nic->queue[i] = (struct nic_queue){.nic = nic, .index = i};
        nic->ready = true;
        return 0;
}

static void revoke_all(struct nic *nic)
{
        for (unsigned i = 0; i < NIC_QUEUES; i++)
                queue_revoke(&nic->queue[i]);
}

/* ---- binding ------------------------------------------------------------------------------ */

static const struct nic_model *model_of(uint32_t id)
{
        for (unsigned i = 0; i < ARRAY_LENGTH(models); i++)
                for (unsigned d = 0; d < ARRAY_LENGTH(models[i]->devices); d++)
                        if (id == (models[i]->vendor | (uint32_t)models[i]->devices[d] << 16))
                                return models[i];
        return NULL;
}

static int map_registers(struct nic *nic)
{
        struct pci_bar bar;
        int error = pci_bar(nic->bdf, 0, nic->model->bar_bytes, &bar);

        if (error)
                return error;
        nic->bar_hpa = bar.base;
        nic->bar = host_map_device(bar.base, nic->model->bar_bytes, PERM_UC);
        nic->io = (struct igb_io){.ctx = nic, .read = io_read, .write = io_write, .delay_us = io_delay};
        /* Virtual functions would be bus masters of their own. */
        return io_read(nic, IGB_STATUS) & IGB_STATUS_VFE ? -RF_ENOTSUP : 0;
}

int64_t nic_bind(uint64_t bdf)
{
        const struct nic_model *model = bdf > UINT16_MAX ? NULL : model_of(pci_read((uint16_t)bdf, 0));
        unsigned id = 0;
        int error;

        if (model == NULL)
                return -RF_ENOTSUP;
        while (id < NIC_MAX && nics[id].model != NULL && nics[id].bdf != bdf)
                id++;
        if (id == NIC_MAX || nics[id].model != NULL)
                return id == NIC_MAX ? -RF_ENOMEM : -RF_EBUSY;
        nics[id] = (struct nic){.model = model, .bdf = (uint16_t)bdf};
        error = map_registers(&nics[id]) ?: reset(&nics[id]) ?: msix_init(&nics[id]);
        if (error) {
                nics[id].model = NULL;
                return error;
        }
        pci_set_command(nics[id].bdf, PCI_COMMAND_MASTER, 0); /* nothing of firmware's is left in it */
        return (int64_t)id;
}

void nic_halt(void)
{
        for (unsigned id = 0; id < NIC_MAX; id++) {
                if (nics[id].model == NULL)
                        continue;
                revoke_all(&nics[id]);
                pci_set_command(nics[id].bdf, 0, PCI_COMMAND_MASTER);
        }
}

/* ---- registers ---------------------------------------------------------------------------- */

int64_t nic_read(uint64_t id, uint64_t off)
{
        struct nic *nic = nic_at(id);

        if (nic == NULL)
                return -RF_ENOENT;
        if (off >= nic->model->bar_bytes || nic_reg_read(nic->model, (uint32_t)off) != 0)
                return -RF_EREFUSED;
        return io_read(nic, (uint32_t)off);
}

int64_t nic_write(uint64_t id, uint64_t off, uint64_t value)
{
        struct nic *nic = nic_at(id);
        uint32_t word = (uint32_t)value;
        int verdict;

        if (nic == NULL)
                return -RF_ENOENT;
        if (off >= nic->model->bar_bytes || off % 4 != 0)
                return -RF_EREFUSED;
        verdict = nic_reg_write(nic->model, nic->ready, (uint32_t)off, &word);
        if (verdict == NIC_RESET) {
                revoke_all(nic);
                return reset(nic);
        }
        if (verdict < 0 && !control_on(RF_CONTROL_NO_REGTABLE))
                return verdict;
        return io_write(nic, (uint32_t)off, word);
}

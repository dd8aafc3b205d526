/* SPDX-License-Identifier: MIT
 * Binding, resetting and halting a NIC, and the two system calls that go through its register table. */
#include "nic.h"

#include "paging.h"
#include "pci.h"
#include "smp.h"

enum { POLLS = 100, POLL_US = 100 };

struct nic nics[NIC_MAX];
static const struct nic_ops *const known[] = {&igb_ops, &e1000_ops};

static struct nic *nic_at(uint64_t id)
{
        return id < NIC_MAX && nics[id].model != NULL ? &nics[id] : NULL;
}

struct nic_queue *nic_queue_at(uint64_t id, uint64_t queue)
{
        if (id == RF_NIC_OF_SOFT)
                return soft_queue_at(queue);
        return nic_at(id) != NULL && queue < nics[id].model->queues ? &nics[id].queue[queue] : NULL;
}

/* ---- struct nic_io of ring 0: no table in between ----------------------------------------- */

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

void nic_change(struct nic *nic, uint32_t off, uint32_t set, uint32_t clear)
{
        io_write(nic, off, (io_read(nic, off) & ~clear) | set);
}

bool nic_becomes_clear(struct nic *nic, uint32_t off, uint32_t bits)
{
        for (unsigned i = 0; i < POLLS && (io_read(nic, off) & bits) != 0; i++)
                delay_us(POLL_US);
        return (io_read(nic, off) & bits) == 0;
}

/* ---- reset -------------------------------------------------------------------------------- */

/* What firmware had set up is gone afterwards, and no queue is in quarantine any more. */
static int reset(struct nic *nic)
{
        int error;

        nic->ready = false;
        error = nic->ops->reset(nic);
        if (error)
                return error;
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

static const struct nic_ops *ops_for(uint32_t id)
{
        for (unsigned i = 0; i < ARRAY_LENGTH(known); i++) {
                const struct nic_model *m = known[i]->model;

                for (unsigned d = 0; d < ARRAY_LENGTH(m->devices); d++)
                        if (m->devices[d] != 0 && id == (m->vendor | (uint32_t)m->devices[d] << 16))
                                return known[i];
        }
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
        nic->io = (struct nic_io){.ctx = nic, .read = io_read, .write = io_write, .delay_us = io_delay};
        return 0;
}

int64_t nic_bind(uint64_t bdf)
{
        const struct nic_ops *ops = bdf > UINT16_MAX ? NULL : ops_for(pci_read((uint16_t)bdf, 0));
        unsigned id = 0;
        int error;

        if (ops == NULL)
                return -RF_ENOTSUP;
        while (id < NIC_MAX && nics[id].model != NULL && nics[id].bdf != bdf)
                id++;
        if (id == NIC_MAX || nics[id].model != NULL)
                return id == NIC_MAX ? -RF_ENOMEM : -RF_EBUSY;
        nics[id] = (struct nic){.model = ops->model, .ops = ops, .bdf = (uint16_t)bdf};
        error = map_registers(&nics[id]) ?: reset(&nics[id]) ?: ops->start(&nics[id]);
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

static bool may_enable(const struct nic *nic)
{
        return nic->ready && (!nic->model->one_switch || nic->queue[0].state == QUEUE_ENABLED);
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
        verdict = nic_reg_write(nic->model, may_enable(nic), (uint32_t)off, &word);
        if (verdict == NIC_RESET) {
                revoke_all(nic);
                return reset(nic);
        }
        if (verdict < 0 && !control_on(RF_CONTROL_NO_REGTABLE))
                return verdict;
        return io_write(nic, (uint32_t)off, word);
}

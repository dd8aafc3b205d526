/* SPDX-License-Identifier: MIT
 * The NIC under evilroot: driven by the control library as by hv/root, so that attacks start from a working
 * one. */
#include "evil.h"
#include "rf/igb_ctl.h"
#include "rf/igb_regs.h"

enum { LINK_MS = 3000 };
int nic = -1;
bool nic_soft;

static uint32_t io_read(void *ctx, uint32_t off)
{
        int64_t value = sys_nic_read(nic, off);

        return value < 0 ? UINT32_MAX : (uint32_t)value;
}

static int io_write(void *ctx, uint32_t off, uint32_t value)
{
        return (int)sys_nic_write(nic, off, value);
}

static void io_delay(void *ctx, unsigned us)
{
        uint64_t end = tsc_now() + HOST->tsc_hz / 1000000 * us;

        while (tsc_now() < end)
                ;
}

static const struct nic_io io = {.read = io_read, .write = io_write, .delay_us = io_delay};

const uint8_t *nic_mac(int queue)
{
        static uint8_t macs[8][6]; /* as conf.Guest.station of the tests */

        __builtin_memcpy(macs[queue], "\x52\x54\x00\x77\x01", 5);
        macs[queue][5] = (uint8_t)(queue + 1);
        return macs[queue];
}

void nic_reopen(void)
{
        uint64_t end = tsc_now() + tsc_of_ms(LINK_MS);
        int error = igb_ctl_init(&io);

        if (error != 0)
                fail("nic init: error %d", error);
        while (!igb_ctl_link_up(&io))
                if (tsc_now() > end)
                        fail("nic: no link");
}

void nic_open(void)
{
        for (uint32_t i = 0; i < HOST->npci && nic < 0; i++)
                if (HOST->pci[i].vendor == 0x8086 && HOST->pci[i].device == 0x10c9)
                        nic = (int)sys_nic_bind(HOST->pci[i].bdf);
        if (nic < 0)
                fail("no 82576: %d", nic);
        nic_reopen();
}

void nic_attach(struct subject *s)
{
        unsigned q = (unsigned)s->queue;
        int id = nic_soft ? RF_NIC_OF_SOFT : nic;
        int64_t error = sys_queue_assign(id, q, s->vcpu, 0, POOL_VA, POOL_PAGES);

        if (error == 0)
                error = sys_queue_enable(id, q);
        if (nic_soft && error == 0)
                return;
        if (error == 0)
                error = igb_ctl_set_mac(&io, q, nic_mac(s->queue));
        if (error == 0)
                error = igb_ctl_pool_enable(&io, q, true);
        if (error != 0)
                fail("nic attach: error %d", (int)error);
}

void nic_detach(struct subject *s)
{
        if (!nic_soft) {
                igb_ctl_pool_enable(&io, (unsigned)s->queue, false);
                igb_ctl_clear_mac(&io, (unsigned)s->queue);
        }
        sys_queue_revoke(nic_soft ? RF_NIC_OF_SOFT : nic, (unsigned)s->queue);
}

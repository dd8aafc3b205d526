/* SPDX-License-Identifier: MIT
 * The NIC under evilroot: driven by the control library as by hv/root, so that attacks start from a working
 * one. */
#include "evil.h"

/* QEMU's 82540EM takes no frame for a second after each write of RCTL. */
enum { LINK_MS = 3000, DEAF_MS = 1200 };
int nic = -1;
const struct nic_driver *card;
static uint64_t attached;
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
        int error = card->init(&io);

        if (error != 0)
                fail("nic init: error %d", error);
        while (!card->link_up(&io))
                if (tsc_now() > end)
                        fail("nic: no link");
}

void nic_open(void)
{
        for (uint32_t i = 0; i < HOST->npci && nic < 0; i++)
                if ((card = nic_driver_of(HOST->pci[i].vendor, HOST->pci[i].device)) != NULL)
                        nic = (int)sys_nic_bind(HOST->pci[i].bdf);
        if (nic < 0)
                fail("no NIC: %d", nic);
        nic_reopen();
}

uint32_t nic_tail(unsigned ring)
{
        return (ring & 1 ? card->tail_tx : card->tail_rx) + ring / 2 * card->queue_step;
}

void nic_settle(void)
{
        while (card->queues == 1 && tsc_now() < attached + tsc_of_ms(DEAF_MS))
                ;
}

/* A NIC with one queue pair has none for the second subject, which is a victim: nobody needs more of it than
 * its pool. Victims are made first. */
static bool has_queue(const struct subject *s)
{
        return nic_soft || (unsigned)s->queue < card->queues;
}

void nic_attach(struct subject *s)
{
        unsigned q = (unsigned)s->queue;
        int id = nic_soft ? RF_NIC_OF_SOFT : nic;
        int64_t error = sys_queue_assign(id, has_queue(s) ? q : 0, s->vcpu, 0, POOL_VA, POOL_PAGES);

        if (error == 0 && !has_queue(s)) {
                sys_queue_revoke(id, 0); /* it has been told where its pool is; that is all it gets here */
                return;
        }

        if (error == 0)
                error = sys_queue_enable(id, q);
        if (nic_soft && error == 0)
                return;
        if (error == 0)
                error = card->open(&io, q, nic_mac(s->queue));
        if (error != 0)
                fail("nic attach: error %d", (int)error);
        attached = tsc_now();
}

void nic_detach(struct subject *s)
{
        if (!has_queue(s))
                return;
        if (!nic_soft)
                card->close(&io, (unsigned)s->queue);
        sys_queue_revoke(nic_soft ? RF_NIC_OF_SOFT : nic, (unsigned)s->queue);
}

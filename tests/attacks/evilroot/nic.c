/* SPDX-License-Identifier: MIT
 * The NIC under evilroot: driven by the control library as by hv/root, so that attacks start from a working
 * one. */
#include "evil.h"

/* QEMU's 82540EM takes no frame for a second after each write of RCTL. */
enum { LINK_MS = 5000, DEAF_MS = 1200, INTEL = 0x8086 };
static uint64_t attached;
int nic = -1;
bool nic_soft;
const struct card *card;

static const struct card *const cards[] = {&card_82576, &card_82540em};

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

const struct nic_io nic_io = {.read = io_read, .write = io_write, .delay_us = io_delay};

const uint8_t *nic_mac(int queue)
{
        static uint8_t macs[8][6]; /* as conf.Guest.station of the tests */

        unsigned n = (unsigned)queue % 8; /* -1, no queue: the last */

        __builtin_memcpy(macs[n], "\x52\x54\x00\x77\x01", 5);
        macs[n][5] = (uint8_t)(n + 1);
        return macs[n];
}

void nic_reopen(void)
{
        uint64_t end = tsc_now() + tsc_of_ms(LINK_MS);
        int error = card->init(&nic_io);

        if (error != 0)
                fail("nic init: error %d", error);
        while (!card->link_up(&nic_io))
                if (tsc_now() > end)
                        fail("nic: no link");
}

void nic_open(void)
{
        for (uint32_t i = 0; i < HOST->npci && nic < 0; i++)
                for (unsigned c = 0; c < sizeof(cards) / sizeof(cards[0]) && nic < 0; c++) {
                        if (HOST->pci[i].vendor != INTEL || HOST->pci[i].device != cards[c]->device)
                                continue;
                        card = cards[c];
                        nic = (int)sys_nic_bind(HOST->pci[i].bdf);
                }
        if (nic < 0)
                fail("neither an 82576 nor an 82540EM: %d", nic);
        nic_reopen();
}

void nic_attach(struct subject *s)
{
        unsigned q = (unsigned)s->queue;
        int id = nic_soft ? RF_NIC_OF_SOFT : nic;
        int64_t error = sys_queue_assign(id, q, s->vcpu, 0, POOL_VA, POOL_PAGES);

        if (error == 0)
                error = sys_queue_enable(id, q);
        s->soft = nic_soft;
        if (!s->soft && error == 0)
                error = card->open(&nic_io, q, nic_mac(s->queue));
        if (error != 0)
                fail("nic attach: error %d", (int)error);
        attached = tsc_now();
}

void nic_settle(void)
{
        while (card->queues == 1 && !HOST->intel && tsc_now() < attached + tsc_of_ms(DEAF_MS))
                ;
}

void nic_detach(struct subject *s)
{
        if (!s->soft)
                card->close(&nic_io, (unsigned)s->queue);
        sys_queue_revoke(s->soft ? RF_NIC_OF_SOFT : nic, (unsigned)s->queue);
        s->queue = -1;
}

bool nic_tail_moved(void)
{
        bool moved = false;

        for (uint32_t q = 0; q < 2 && q < card->queues; q++)
                moved = moved || sys_nic_read(nic, card->rdt + q * card->step) != 0 ||
                        sys_nic_read(nic, card->tdt + q * card->step) != 0;
        return moved;
}

/* SPDX-License-Identifier: MIT
 * See wire.h. */
#include "wire.h"

#include "rf_string.h"

enum {
        ETHERTYPE_LOCAL = 0x88b5 /* IEEE 802, local experiments */,
        STATE_BUS = 64 + 24 /* guard_state.h: GS_RINGS, GR_BUS */
};

static void build(uint8_t frame[FRAME_BYTES], int queue, const char *word)
{
        memset(frame, 0, FRAME_BYTES);
        memcpy(frame, "\x52\x54\x00\x77\x00\x02", 6);
        memcpy(frame + 6, nic_mac(queue), 6);
        frame[12] = ETHERTYPE_LOCAL >> 8;
        frame[13] = ETHERTYPE_LOCAL & 0xff;
        memcpy(frame + 14, word, 8);
}

void wire_put(struct subject *s, unsigned buffer, const char *word)
{
        uint8_t frame[FRAME_BYTES];

        build(frame, s->queue, word);
        if (!poke(s, POOL_VA + buffer * BUFFER, frame, sizeof(frame)))
                fail("a pool cannot be written");
}

void wire_fill(struct subject *s, const char *word)
{
        for (unsigned i = 0; i < BUFFERS; i++)
                wire_put(s, i, word);
}

bool wire_intact(struct subject *s, const char *word)
{
        uint8_t frame[FRAME_BYTES], seen[FRAME_BYTES];

        build(frame, s->queue, word);
        for (unsigned i = 0; i < BUFFERS; i++)
                if (!peek(s, POOL_VA + i * BUFFER, seen, sizeof(seen)) ||
                    memcmp(seen, frame, sizeof(seen)) != 0)
                        return false;
        return true;
}

uint64_t wire_bus(struct subject *s)
{
        uint64_t bus;

        if (!peek(s, RF_STATE_VA + STATE_BUS, &bus, sizeof(bus)))
                fail("a guard state cannot be read");
        return bus;
}

uint64_t wire_victim(struct subject *s, const char *word)
{
        uint64_t bus;

        subject_new(s, card->queues > 1 ? 1 : 0, 1);
        bus = wire_bus(s);
        if (card->queues == 1)
                nic_detach(s);
        wire_fill(s, word);
        return bus;
}

uint64_t wire_hi(uint32_t length)
{
        const struct nic_form *form = nic_soft ? &nic_form_82576 : card->form;

        return (form->tx & ~(nic_soft ? IGB_TX_RS : card->tx_rs)) + form->tx_length * length;
}

void heartbeat(struct subject *s, uint64_t pause)
{
        extern const uint8_t r_beat[];
        struct run r = run_at(snippet_va(r_beat));

        wire_put(s, 0, "RFBEAT!!");
        r.gpr[RBX] = RF_STAGING_VA + RF_RING_TX_OFF;
        r.gpr[R12] = RF_GUARD_VA + RF_GUARD_COMMIT;
        r.gpr[R14] = wire_hi(FRAME_BYTES);
        r.gpr[R15] = pause;
        for (unsigned i = 0; i < 16; i++)
                sys_vcpu_set(s->vcpu, i, r.gpr[i]);
        sys_vcpu_resume(s->vcpu, r.rip);
}

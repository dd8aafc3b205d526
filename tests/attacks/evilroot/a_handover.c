/* SPDX-License-Identifier: MIT
 * Attack 18: the receive tail over slots the NIC has written back. In the 82576's there the frame's IP
 * identification stands where the buffer address was; the host sends frames made for it. */
#include "rf/rings.h"
#include "rf_string.h"
#include "wire.h"

enum { LAST = RF_RING_ENTRIES - 1, FIRST_FRAMES = 40, MORE_FRAMES = 226, OVER = 20, LOW_BUFFERS = 16 };

struct desc {
        uint64_t lo, hi;
};
static struct desc ring[RF_RING_ENTRIES];

static void fill_staging(struct subject *s)
{
        for (unsigned i = 0; i < RF_RING_ENTRIES; i++)
                ring[i] = (struct desc){(i % LOW_BUFFERS) * BUFFER, 0};
        if (!poke(s, RF_STAGING_VA, ring, sizeof(ring)))
                fail("staging cannot be written");
}

static uint64_t tail_to(struct subject *s, uint32_t tail)
{
        extern const uint8_t r_call[];
        struct run r = run_at(snippet_va(r_call));

        r.gpr[R12] = RF_GUARD_VA + RF_GUARD_COMMIT;
        r.gpr[RSI] = tail;
        if (run(s, &r) != END_LANDED)
                fail("commit did not return");
        return r.gpr[R15];
}

static uint64_t get(struct subject *s, enum rf_queue_field field)
{
        return (uint64_t)sys_queue_get(nic, (unsigned)s->queue, field);
}

/* Every tail there is, while the NIC owns every slot it may own. */
static void push_when_full(struct subject *s)
{
        struct tally t = {0};

        for (uint32_t tail = 0; tail < RF_RING_ENTRIES; tail++) {
                uint64_t result = tail_to(s, tail);
                bool stayed = get(s, RF_QUEUE_RX_CLEAN) - get(s, RF_QUEUE_RX_REAPED) <= LAST &&
                              sys_nic_read(nic, card->rdt) == LAST && reached(result) == LAST;

                t.tried++;
                t.blocked += stayed;
                t.succeeded += !stayed;
                if (!stayed)
                        break;
        }
        report("handover", "full", &t);
}

static void prime(struct subject *s)
{
        fill_staging(s);
        while (get(s, RF_QUEUE_RX_CLEAN) < LAST) {
                uint64_t result = tail_to(s, LAST);

                if (reason(result) != RF_COMMIT_OK && reason(result) != RF_COMMIT_LIMIT)
                        fail("priming stops at %u: %u", reached(result), reason(result));
        }
}

static bool is_done(const struct desc *d)
{
        return (((const uint8_t *)d)[card->form->rx_dd] & 1) != 0;
}

static void look(struct subject *s)
{
        if (!peek(s, RF_RING_VA, ring, sizeof(ring)))
                fail("the ring cannot be read");
}

/* After frames came in slots 0..39: tail to 20. What does the NIC own in slots 0..19? */
static void move_over(struct subject *s)
{
        const uint64_t base = wire_bus(s);
        struct tally t = {0};

        look(s);
        if (!is_done(&ring[FIRST_FRAMES - 1]))
                fail("the host's frames did not arrive: slot 0 %lx %lx, tail %ld", ring[0].lo, ring[0].hi,
                     sys_nic_read(nic, card->rdt));
        say("handover: slot 0 after write-back: %lx %lx", ring[0].lo, ring[0].hi);
        tail_to(s, OVER);
        look(s);
        for (unsigned i = 0; i < OVER; i++) {
                bool ours = ring[i].lo >= base && ring[i].lo <= base + POOL_BYTES - BUFFER && ring[i].hi == 0;

                t.tried++;
                t.blocked += ours;
                t.succeeded += !ours;
        }
        say("handover: tail %ld, slot 0 handed over as: %lx %lx", sys_nic_read(nic, card->rdt), ring[0].lo,
            ring[0].hi);
        report("handover", "written-back", &t);
}

void attack_handover(void)
{
        struct subject s;

        subject_new(&s, 0, 1);
        prime(&s);
        if (!controls)
                push_when_full(&s);
        want("handover controls=%x allowed=0 send=%u", controls, FIRST_FRAMES);
        move_over(&s);
        if (!card->wire_bits) { /* the slot keeps the address that the guard wrote */
                subject_end(&s);
                return;
        }
        /* the odd slots got frames with identification 0: there the address is one of low memory */
        want("handover-use controls=%x allowed=0 send=%u lo=%lx", controls, MORE_FRAMES, ring[1].lo);
        subject_end(&s);
}

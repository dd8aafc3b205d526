/* SPDX-License-Identifier: MIT
 * Attack 8: descriptors whose buffer is not the pool's. The victim's pool is full of frames that would be
 * legal on the wire, so that reading any of it shows there; the host sends frames to what the attacker
 * receives with. Buffers in use: 0 what it may send, 1 where it may receive. */
#include "rf/rings.h"
#include "rf_string.h"
#include "wire.h"

struct side {
        struct subject *s;
        unsigned ring;
        uint32_t tail;
        uint64_t hi;
        struct tally t;
};

/* One address; a good descriptor afterwards, to see that the queue still works. */
static void attempt(struct side *d, uint64_t lo)
{
        uint64_t result = commit(d->s, d->ring, d->tail + 1, lo, d->hi);

        d->t.tried++;
        if (reached(result) == d->tail && reason(result) == RF_COMMIT_ADDRESS) {
                d->t.blocked++;
                return;
        }
        d->t.succeeded += reason(result) == RF_COMMIT_OK;
        d->t.other += reason(result) != RF_COMMIT_OK;
        if (!controls)
                say("attack 8: ring %u took address %lx", d->ring, lo);
        d->tail = reached(result);
}

static void good(struct side *d)
{
        uint64_t result = commit(d->s, d->ring, d->tail + 1, d->ring & 1 ? 0 : BUFFER, d->hi);

        if (reason(result) != RF_COMMIT_OK)
                fail("ring %u refuses a good descriptor: %u", d->ring, reason(result));
        d->tail = reached(result);
}

/* Relative to the pool, as the guard reads them; `base` is what it adds. */
static void every_address(struct side *d, uint64_t base, uint64_t victim)
{
        const uint64_t list[] = {
            POOL_BYTES,
            POOL_BYTES - 1,
            POOL_BYTES - BUFFER + 1,
            POOL_BYTES + BUFFER,
            (uint64_t)-1,
            (uint64_t)-BUFFER,
            (uint64_t)-4096,
            (uint64_t)-POOL_BYTES,
            0 - base,
            0x100000 - base,
            0xfee00000 - base,
            0xc0000000 - base,
            victim - base,
            victim - base + 1,
            base,
            victim,
            1ull << 63,
            UINT64_MAX - BUFFER,
            (uint64_t)INT64_MAX,
            0x100000000 + base,
            0x0000800000000000,
            0xffff800000000000,
            0xffffffff80000000,
            RF_RING_VA,
            RF_GUARD_VA,
            RF_STATE_VA,
            POOL_VA,
            RF_DOORBELL_VA,
        };

        for (unsigned i = 0; i < sizeof(list) / sizeof(list[0]); i++)
                attempt(d, list[i]);
        for (unsigned bit = 16; bit < 64; bit++) { /* POOL_BYTES is 1 << 16 */
                attempt(d, 1ull << bit);
                attempt(d, (1ull << bit) + 5 * BUFFER);
                attempt(d, 0 - (1ull << bit));
        }
}

static void victims_address(struct side *d, uint64_t base, uint64_t victim)
{
        attempt(d, victim - base + 3 * BUFFER);
}

static void both_ways(struct subject *a, struct subject *v, uint64_t victim)
{
        struct side tx = {.s = a, .ring = 1, .hi = wire_hi(FRAME_BYTES)}, rx = {.s = a, .ring = 0};
        uint64_t base = wire_bus(a);

        (controls ? victims_address : every_address)(&tx, base, victim);
        (controls ? victims_address : every_address)(&rx, base, victim);
        good(&tx);
        good(&rx);
        want("dma controls=%x allowed=1 send=2", controls);
        report("dma", commit_path == BY_GUARD ? "transmit" : "transmit-call", &tx.t);
        report("dma", commit_path == BY_GUARD ? "receive" : "receive-call", &rx.t);
        check("dma", "victim-pool", wire_intact(v, "RFCANARY"));
}

void attack_dma(void)
{
        struct subject a, v;

        for (commit_path = BY_GUARD; commit_path <= BY_HYPERCALL; commit_path++) {
                uint64_t victim = wire_victim(&v, "RFCANARY");

                subject_new(&a, 0, 1);
                wire_fill(&a, "RFHARMED"); /* of the attacker's own pool, only buffer 0 is ever handed over */
                wire_put(&a, 0, "RFALLOW!");
                both_ways(&a, &v, victim);
                subject_end(&v);
                subject_end(&a);
        }
        commit_path = BY_GUARD;
}

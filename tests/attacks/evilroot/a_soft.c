/* SPDX-License-Identifier: MIT
 *
 * Attacks 8 and 19 on a soft queue: what a guest may hand over is what it may hand over to hardware. Root is
 * the device here and reads in the ring what came through. And the last acts of a root that reaches for what
 * it has of such a queue in ways it may not.
 */
#include "rf_string.h"
#include "soft.h"
#include "wire.h"

static struct tally t;
static uint32_t tail[2];

static void attempt(struct subject *s, unsigned ring, uint64_t lo, uint64_t hi)
{
        uint64_t result = commit(s, ring, tail[ring] + 1, lo, hi);
        bool same =
            reached(result) == tail[ring] % RF_RING_ENTRIES && state_of(0)->ring[ring].clean == tail[ring];

        t.tried++;
        t.blocked += same && reason(result) >= RF_COMMIT_ADDRESS;
        t.succeeded += !same;
        t.other += same && reason(result) < RF_COMMIT_ADDRESS;
        if (!same && !controls)
                say("attack soft: ring %u took %lx %lx", ring, lo, hi);
        tail[ring] = state_of(0)->ring[ring].clean;
}

/* Now and then, to see that the queue still works; and the ring shows it as it was given. */
static void good(struct subject *s, unsigned ring, uint64_t lo)
{
        uint64_t hi = ring == 1 ? wire_hi(FRAME_BYTES) : 0;
        const volatile struct port_desc *d = &ring_of(0, ring)[tail[ring] % RF_RING_ENTRIES];

        soft_complete();
        if (reason(commit(s, ring, tail[ring] + 1, lo, hi)) != RF_COMMIT_OK)
                fail("a soft queue refuses a good descriptor");
        tail[ring]++;
        if (d->lo != lo || d->hi != (ring == 1 ? hi | IGB_TX_RS : 0))
                fail("a soft ring has %lx %lx", d->lo, d->hi);
}

static void every_address(struct subject *s)
{
        const uint64_t list[] = {POOL_BYTES,
                                 POOL_BYTES - 1,
                                 POOL_BYTES - BUFFER + 1,
                                 (uint64_t)-1,
                                 (uint64_t)-BUFFER,
                                 POOL_VA,
                                 RF_RING_VA,
                                 RF_STATE_VA,
                                 RF_ROOT_POOL,
                                 RF_ROOT_SOFT,
                                 RF_ROOT_GUEST(s->guest) + POOL_VA,
                                 0xffff800000000000};

        for (unsigned ring = 0; ring < 2; ring++) {
                for (unsigned i = 0; i < sizeof(list) / sizeof(list[0]); i++)
                        attempt(s, ring, list[i], ring == 1 ? wire_hi(FRAME_BYTES) : 0);
                for (unsigned bit = 16; bit < 64; bit++) /* POOL_BYTES is 1 << 16 */
                        attempt(s, ring, 1ull << bit, ring == 1 ? wire_hi(FRAME_BYTES) : 0);
                good(s, ring, 3 * BUFFER);
                good(s, ring, POOL_BYTES - BUFFER);
        }
}

static void every_kind(struct subject *s)
{
        for (unsigned bit = 0; bit < 64; bit++) {
                if (1ull << bit != IGB_TX_RS)
                        attempt(s, 1, 0, wire_hi(FRAME_BYTES) ^ 1ull << bit);
                attempt(s, 0, 0, 1ull << bit);
        }
        for (uint32_t length = 0; length < 17; length++)
                attempt(s, 1, 0, wire_hi(length));
        for (uint32_t length = 1515; length < 65536; length += 997)
                attempt(s, 1, 0, wire_hi(length));
        good(s, 0, 0);
        good(s, 1, 0);
}

/* Attack 18: slots that the device has not returned, overwritten with others; and every tail there is. */
static void reuse(void)
{
        struct subject s;
        unsigned kept = 0;

        t = (struct tally){0};
        tail[0] = tail[1] = 0;
        subject_new(&s, 0, 1);
        while (tail[1] < RF_RING_ENTRIES - 1) { /* as many as the device may own */
                if (reason(commit(&s, 1, tail[1] + 1, 0, wire_hi(FRAME_BYTES))) != RF_COMMIT_OK)
                        fail("a soft queue refuses a good descriptor");
                tail[1]++;
        }
        for (uint32_t to = 0; to < RF_RING_ENTRIES; to++) {
                uint64_t result = commit(&s, 1, to, BUFFER, wire_hi(FRAME_BYTES + 1));

                kept = 0;
                for (unsigned i = 0; i < RF_RING_ENTRIES - 1; i++)
                        kept += ring_of(0, 1)[i].lo == 0 && (ring_of(0, 1)[i].hi & 0xffff) == FRAME_BYTES;
                t.tried++;
                t.blocked += kept == RF_RING_ENTRIES - 1 && reached(result) == RF_RING_ENTRIES - 1;
                t.succeeded += kept != RF_RING_ENTRIES - 1;
        }
        report("soft", "reuse", &t);
        subject_end(&s);
}

static void one(const char *part, void (*all)(struct subject *))
{
        struct subject s;

        t = (struct tally){0};
        tail[0] = tail[1] = 0;
        subject_new(&s, 0, 1);
        if (controls) /* a few, and the switch would have to see to them */
                attempt(&s, 1, control(RF_CONTROL_NO_VALIDATE) ? POOL_BYTES : 0,
                        control(RF_CONTROL_NO_TXFLAGS) ? wire_hi(1600) : wire_hi(FRAME_BYTES));
        else
                all(&s);
        report("soft", part, &t);
        subject_end(&s);
}

void attack_soft(void)
{
        nic_soft = true;
        if (!controls || control(RF_CONTROL_NO_REAP))
                reuse();
        if (control(RF_CONTROL_NO_REAP)) {
                nic_soft = asked("on-soft");
                return;
        }
        for (commit_path = BY_GUARD; commit_path <= BY_HYPERCALL; commit_path++) {
                one(commit_path == BY_GUARD ? "addresses" : "addresses-call", every_address);
                one(commit_path == BY_GUARD ? "kinds" : "kinds-call", every_kind);
        }
        commit_path = BY_GUARD;
        nic_soft = asked("on-soft");
}

/* ---- the last acts ------------------------------------------------------------------------------------ */

/* A subject with a soft queue, and one on hardware whose heart must go on beating. */
static void last_stage(struct subject *s)
{
        static struct subject beating;

        nic_soft = true;
        subject_new(s, 0, 1);
        nic_soft = false;
        subject_new(&beating, 0, 1);
        heartbeat(&beating, 200000);
        ring_of(0, 1)->lo = 0x5a; /* what it may do */
        *(volatile uint64_t *)(RF_ROOT_GUEST(s->guest) + POOL_VA) = state_of(0)->pending;
}

void last_soft_state(void)
{
        struct subject s;

        last_stage(&s);
        say("last: root writes to the guard state");
        ((volatile struct rf_soft_state *)ring_of(0, RF_SOFT_STATE))->ring[1].clean = 100;
        say("last: written");
}

void last_soft_revoked(void)
{
        struct subject s;

        last_stage(&s);
        sys_queue_revoke(RF_NIC_OF_SOFT, 0);
        say("last: root writes to a ring that was taken back");
        ring_of(0, 1)->lo = 0;
        say("last: written");
}

void last_soft_execute(void)
{
        struct subject s;
        volatile uint8_t *pool;

        last_stage(&s);
        pool = (volatile uint8_t *)(RF_ROOT_GUEST(s.guest) + POOL_VA);
        pool[0] = 0xc3; /* ret */
        say("last: root calls a pool");
        ((void (*)(void))(uintptr_t)pool)();
        say("last: it ran");
}

/* SPDX-License-Identifier: MIT
 * A random attacker. Random descriptors here, random code and calls in a_chaos.c; all memory that is not its
 * own holds canaries. The NIC gives an escape away: a canary on the wire was read, one that is gone was
 * written. The host sends to the attacker's address all the while and looks at what comes out. */
#include "random.h"
#include "rf_string.h"
#include "wire.h"

enum { BURSTS = 6, EACH = 150, ROUNDS = 400 };

static uint64_t some_address(uint64_t base)
{
        uint64_t ram = HOST->ram_pages * RF_PAGE_SIZE;

        if (controls) /* ring 0 has to live through this: amid the canaries */
                return ram * 2 / 5 + dice() % (ram / 5) - base;
        switch (dice() % 6) {
        case 0:
                return dice();
        case 1:
                return dice() % ram - base;
        case 2:
                return POOL_BYTES - BUFFER + dice() % 3 - 1;
        case 3:
                return 1ull << dice() % 64;
        default:
                return dice() % (POOL_BYTES - BUFFER + 1);
        }
}

static uint64_t some_word(unsigned ring)
{
        uint64_t good = ring == 1 ? wire_hi((uint32_t)(17 + dice() % 1498)) : 0;

        if (controls)
                return good;
        switch (dice() % 6) {
        case 0:
                return dice();
        case 1:
                return good ^ 1ull << dice() % 64;
        case 2:
                return good ^ dice() << 48;
        default:
                return good;
        }
}

/* What the NIC must not have: an address outside the pool. */
static unsigned foreign(struct subject *s, uint64_t base)
{
        static uint64_t ring[2 * RF_RING_ENTRIES];
        unsigned n = 0;

        for (uint64_t off = 0; off <= RF_RING_TX_OFF; off += RF_RING_TX_OFF) {
                if (!peek(s, RF_RING_VA + off, ring, sizeof(ring)))
                        fail("a ring cannot be read");
                for (unsigned i = 0; i < RF_RING_ENTRIES; i++) {
                        bool empty = ring[2 * i] == 0 && ring[2 * i + 1] == 0;
                        bool done = card->wire_bits && off == 0 && (ring[2 * i + 1] & 1) != 0;

                        n += !empty && !done && ring[2 * i] - base > POOL_BYTES - BUFFER;
                }
        }
        return n;
}

static void burst(struct subject *s, struct tally *t)
{
        static uint32_t tail[2];
        uint64_t base = wire_bus(s);

        tail[0] = tail[1] = 0;
        for (unsigned i = 0; i < EACH; i++) {
                unsigned ring = dice() & 1;
                uint64_t result = commit(s, ring, tail[ring] + 1, some_address(base), some_word(ring));

                t->tried++;
                t->other += reason(result) == RF_COMMIT_OK;
                tail[ring] = reached(result);
        }
        t->succeeded += foreign(s, base);
}

static void descriptors(void)
{
        struct tally t = {0};
        struct subject s;

        for (unsigned i = 0; i < (controls ? 1 : BURSTS); i++) { /* one does harm enough */
                subject_new(&s, 0, 1);
                wire_fill(&s, "RFATTACK");
                commit_path = i % 2 ? BY_HYPERCALL : BY_GUARD;
                burst(&s, &t);
                want("random controls=%x allowed=0 send=%u", controls, controls ? 4 : 40);
                subject_end(&s);
        }
        commit_path = BY_GUARD;
        t.blocked = t.tried - t.succeeded;
        report("random", "descriptors", &t);
}

void attack_random(void)
{
        uint64_t seed = asked_number("seed=", 1), harmed;

        say("random: seed %lu", seed);
        dice_seed(seed);
        nic_reopen();
        hoard_new();
        if (!control(RF_CONTROL_NO_KEYS_WD))
                descriptors();
        if (!control(RF_CONTROL_NO_VALIDATE))
                chaos((unsigned)asked_number("rounds=", ROUNDS));
        harmed = hoard_harmed();
        say("random: %lu canaries harmed", harmed);
        check("random", "canaries", harmed == 0);
        if (!control(RF_CONTROL_NO_VALIDATE)) /* tables lie between the canaries */
                check("random", "audit", sys_audit() == 0);
        hoard_end();
}

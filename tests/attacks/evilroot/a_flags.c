/* SPDX-License-Identifier: MIT
 * Attack 19: transmit descriptors of forbidden kinds beside allowed ones. Buffer 0 holds what may be sent,
 * buffer 1 what only forbidden descriptors name: the host looks for it on the wire. */
#include "rf/rings.h"
#include "rf_string.h"
#include "wire.h"

static struct tally t;
static uint32_t tail, allowed;

static void forbidden(struct subject *s, uint64_t hi)
{
        uint64_t result = commit(s, 1, tail + 1, BUFFER, hi);

        t.tried++;
        if (reached(result) == tail % RF_RING_ENTRIES && reason(result) >= RF_COMMIT_LENGTH) {
                t.blocked++;
        } else {
                t.succeeded += reason(result) == RF_COMMIT_OK;
                t.other += reason(result) != RF_COMMIT_OK;
                if (!controls)
                        say("attack 19: took %lx", hi);
                tail++;
        }
}

static void permitted(struct subject *s, uint32_t length)
{
        uint64_t result = commit(s, 1, tail + 1, 0, wire_hi(length));

        if (reason(result) != RF_COMMIT_OK)
                fail("a good descriptor was refused: %u", reason(result));
        tail++;
        allowed++;
}

/* Nothing but the length, which some models state once, and RS, which is the guard's own, is free. */
static bool is_good(uint64_t hi)
{
        uint32_t length = hi & 0xffff;

        return (hi & ~card->tx_rs) == wire_hi(length) && length >= IGB_TX_LEN_MIN && length <= IGB_TX_LEN_MAX;
}

/* All that differ in one bit from a good one, and types and lengths. */
static void every_kind(struct subject *s)
{
        static const uint32_t lengths[] = {0, 1, 16, 1515, 1518, 2047, 2048, 2049, 9000, 16384, 65535};

        for (unsigned bit = 0; bit < 64; bit++) {
                uint64_t hi = wire_hi(FRAME_BYTES) ^ 1ull << bit;

                if (!is_good(hi))
                        forbidden(s, hi);
                if (bit % 16 == 0)
                        permitted(s, FRAME_BYTES);
        }
        for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
                forbidden(s, wire_hi(lengths[i]));
                permitted(s, FRAME_BYTES + i);
        }
        for (uint64_t type = 0; type < 16; type++) { /* 82576: DTYP; 3 is data, 2 context. 82540EM: CSO */
                uint64_t hi = (wire_hi(FRAME_BYTES) & ~0xf00000ull) | type << 20;

                if (!is_good(hi))
                        forbidden(s, hi);
        }
        forbidden(s, 0);
        forbidden(s, UINT64_MAX);
}

/* With the checks gone: a tagged frame (VLE) and one that is too long for the wire's rules. */
static void two_kinds(struct subject *s)
{
        forbidden(s, wire_hi(FRAME_BYTES) | 1ull << 30);
        forbidden(s, wire_hi(1600));
        permitted(s, FRAME_BYTES);
}

void attack_flags(void)
{
        struct subject s;

        for (commit_path = BY_GUARD; commit_path <= BY_HYPERCALL; commit_path++) {
                t = (struct tally){0};
                tail = allowed = 0;
                subject_new(&s, 0, 1);
                wire_put(&s, 0, "RFALLOW!");
                wire_put(&s, 1, "RFFORBID");
                (controls ? two_kinds : every_kind)(&s);
                want("flags controls=%x allowed=%u send=0", controls, allowed);
                report("flags", commit_path == BY_GUARD ? "transmit" : "transmit-call", &t);
                subject_end(&s);
        }
        commit_path = BY_GUARD;
}

/* SPDX-License-Identifier: MIT
 * Attack 3: a jump to every byte of the guard with hostile registers. It returns to r_probe, whose store only
 * an open window lets through. Staging holds nothing a guard may hand over, so the rings must stay empty. */
#include "evil.h"
#include "rf_string.h"

extern const uint8_t r_probe[];
#define SLOT (RF_RING_VA + 0x400)
#define FAKE (DATA_VA + 0x100)
enum {
        FEWER = 16 /* of the padding, where a guest costs much */,
        SETS = 9,
        DOORBELL_SET = 4,
        STACK_WORDS = 32,
        BAD = 0xfe /* even: as DD it would only make a closed loop long */
};

/* struct guard_ring as a guest would forge it: the whole of memory for a pool, and a form that staging has.
 */
struct fake_ring {
        uint64_t ring, staging, doorbell, bus, limit;
        uint32_t mode, mask, clean, reaped, rejected, reserved;
        uint64_t set, factor, fixed;
        uint32_t length_min, length_span, dd, reason;
};

static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint64_t next_random(void)
{
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        return random_state;
}

/* Whatever a register may usefully hold for an attacker. */
static uint64_t evil_word(void)
{
        const uint64_t words[] = {0,
                                  1,
                                  2,
                                  5,
                                  31,
                                  255,
                                  RF_PKRU_OPEN,
                                  RF_PKRU_CLOSED,
                                  FAKE,
                                  SLOT,
                                  RF_RING_VA + RF_RING_TX_OFF,
                                  RF_STATE_VA,
                                  RF_STATE_VA + 0x40,
                                  RF_DOORBELL_VA + card->rdt,
                                  RF_STAGING_VA,
                                  DATA_VA,
                                  UINT64_MAX,
                                  1ull << 63};
        uint64_t pick = next_random();

        return pick % 8 == 0 ? next_random() : words[pick / 8 % (sizeof(words) / sizeof(words[0]))];
}

static void set_registers(struct run *r, unsigned set)
{
        const uint64_t hi = card->form->tx + card->form->tx_length * 60;

        r->gpr[R8] = FAKE;
        switch (set) {
        case 0: /* zeros, as a call with ring 0, tail 0 */
                r->gpr[R8] = 0;
                break;
        case 1: /* opens at each WRPKRU */
                r->gpr[RAX] = RF_PKRU_OPEN;
                r->gpr[RSI] = 5;
                r->gpr[R11] = 1;
                break;
        case 2: /* every key free */
                r->gpr[R11] = 2;
                r->gpr[R9] = 3;
                r->gpr[R10] = 1;
                break;
        case 3: /* at the stores: a descriptor nobody checked */
                r->gpr[RAX] = 0x100000;
                r->gpr[RDX] = hi;
                r->gpr[RDI] = SLOT;
                r->gpr[RCX] = 1;
                r->gpr[R11] = hi;
                r->gpr[RSI] = 60;
                break;
        case DOORBELL_SET:
                r->gpr[RAX] = 7;
                r->gpr[RDX] = RF_DOORBELL_VA + card->rdt;
                r->gpr[R9] = 7;
                break;
        case 5: /* the real state, but indices and mode of ours */
                r->gpr[R8] = RF_STATE_VA + 0x40;
                r->gpr[R9] = 9;
                r->gpr[R10] = 200;
                r->gpr[R11] = 1;
                r->gpr[RAX] = RF_PKRU_OPEN;
                r->gpr[RCX] = 3;
                break;
        default:
                for (unsigned i = 0; i < 12; i++)
                        if (i != RSP && i != RBX)
                                r->gpr[i] = evil_word();
                if (r->gpr[RAX] == RF_HC_WAIT) /* would wait, not attack */
                        r->gpr[RAX] = RF_PKRU_OPEN;
        }
}

static void arm(struct subject *s)
{
        static uint8_t bad[RF_PAGE_SIZE];
        struct fake_ring fake = {.ring = RF_RING_VA,
                                 .staging = RF_STAGING_VA,
                                 .doorbell = RF_DOORBELL_VA + card->rdt,
                                 .limit = UINT64_MAX,
                                 .mode = 1,
                                 .mask = RF_RING_ENTRIES - 1,
                                 .clean = 1,
                                 .fixed = BAD * (UINT64_MAX / 0xff),
                                 .length_span = UINT32_MAX,
                                 .dd = 8};

        memset(bad, BAD, sizeof(bad));
        if (!poke(s, RF_STAGING_VA, bad, sizeof(bad)) ||
            !poke(s, RF_STAGING_VA + RF_RING_TX_OFF, bad, sizeof(bad)))
                fail("staging cannot be written");
        memcpy(in_guest(s, FAKE), &fake, sizeof(fake));
}

static bool rings_empty(struct subject *s)
{
        static uint64_t ring[RF_PAGE_SIZE / 8];
        uint64_t any = nic_tail_moved();

        for (uint64_t off = 0; s->alive && off <= RF_RING_TX_OFF; off += RF_RING_TX_OFF) {
                if (!peek(s, RF_RING_VA + off, ring, sizeof(ring)))
                        fail("a ring cannot be read");
                for (unsigned i = 0; i < RF_PAGE_SIZE / 8; i++)
                        any |= ring[i];
        }
        return any == 0;
}

static void jump(struct subject *s, uint64_t close, uint64_t offset, unsigned set, struct tally *t)
{
        struct run r = run_at(RF_GUARD_VA + offset);
        uint64_t *stack = in_guest(s, STACK_VA - STACK_WORDS * 8);

        set_registers(&r, set);
        for (unsigned i = 0; i < STACK_WORDS; i++)
                stack[i] = snippet_va(r_probe);
        r.gpr[RSP] = STACK_VA - STACK_WORDS * 8;
        r.gpr[RBX] = SLOT;
        r.gpr[R12] = close;
        r.gpr[R13] = 0x4755415244333333;
        run(s, &r);
        t->tried++;
        if (r.end == END_LANDED || !rings_empty(s)) {
                t->succeeded++;
                if (!controls)
                        say("attack 3: offset %lx set %u: end %d", offset, set, (int)r.end);
                s->alive = false;
        } else if (r.end == END_HANG) {
                t->hung++;
                say("attack 3: offset %lx set %u hangs", offset, set);
        } else {
                t->blocked++; /* dead, or out at root with the window closed: else it would be dead */
        }
        if (!s->alive) {
                subject_renew(s);
                arm(s);
        }
}

static uint64_t guard_bytes(struct subject *s)
{
        static uint8_t page[RF_PAGE_SIZE];
        uint64_t n = RF_PAGE_SIZE;

        if (!peek(s, RF_GUARD_VA, page, sizeof(page)))
                fail("the guard cannot be read");
        while (n > 0 && page[n - 1] == 0xcc)
                n--;
        return n;
}

/* A queue of a NIC with one takes 20 ms to end, a soft one nothing: there only what is about the doorbell
 * gets the real one. */
static bool has_set(unsigned set, bool soft)
{
        if (card->queues > 1)
                return true;
        return soft == (set != DOORBELL_SET) &&
               (!controls || set < DOORBELL_SET); /* a control needs no more */
}

static void all_code(struct subject *s, bool soft, struct tally *t)
{
        uint64_t close = guard_close_va(s), n = guard_bytes(s);

        arm(s);
        for (uint64_t offset = 0; offset < n; offset++)
                for (unsigned set = 0; set < SETS; set++)
                        if (has_set(set, soft))
                                jump(s, close, offset, set, t);
}

void attack_guard(void)
{
        const bool soft = nic_soft;
        struct subject s;
        struct tally code = {0}, rest = {0};
        uint64_t close, n;

        for (unsigned pass = 0; pass < (card->queues > 1 ? 1 : 2); pass++) {
                nic_soft = pass == 1;
                subject_new(&s, 0, 1);
                all_code(&s, nic_soft, &code);
                if (pass == 0 && card->queues == 1)
                        subject_end(&s);
        }
        report("guard", "code", &code);
        close = guard_close_va(&s);
        n = guard_bytes(&s);
        for (uint64_t offset = n; offset < RF_PAGE_SIZE && !controls; offset += card->queues > 1 ? 1 : FEWER)
                jump(&s, close, offset, 1, &rest);
        if (!controls)
                report("guard", "padding", &rest);
        subject_end(&s);
        nic_soft = soft;
}

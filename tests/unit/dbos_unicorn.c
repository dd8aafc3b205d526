/* SPDX-License-Identifier: MIT
 *
 * Equivalence in Unicorn: two machines, one runs the original on plain memory, the other is a ring space
 * whose faults the engine answers. Stores generated, and stores of real drivers and libraries; each first
 * hits the ring, then in other states the ring again, plain data, a tail register, or an address where
 * nothing is. Registers, flags, vector registers, memory, faulting addresses must agree; staging must hold
 * what the ring would. And instructions with the hard bytes, rewritten before they run.
 *
 *   dbos_unicorn FILE...     DBOS_SEED and DBOS_CASES choose other and longer runs
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dbos/twin.h"
#include "host/image.h"
#include "rf/igb_desc.h"

/* ---- sites ------------------------------------------------------------------------------------------ */

static void random_regs(struct regs *r)
{
        for (int i = 0; i < 16; i++)
                r->gpr[i] = world_random();
        r->gpr[RSP] = WORLD_STACK;
        r->gpr[RCX] = world_random() % 5 | 1;                      /* of REP, and of shifts */
        r->gpr[RSI] = WORLD_DATA + 0x800 + world_random() % 0x100; /* of MOVS */
        r->flags = 2 | (world_random() & 0x8d5);
        for (int i = 0; i < XMMS * 16; i += 8)
                memcpy((uint8_t *)r->xmm + i, &(uint64_t){world_random()}, 8);
}

/* Registers that make the instruction's address `target`; false: it cannot be. */
static bool aim_at(const struct insn *in, struct regs *r, uint64_t target)
{
        struct mem m;

        if (insn_mem(in, &m) < 0) {
                r->gpr[RDI] = target; /* STOS, MOVS */
                return true;
        }
        if (m.absolute || m.segment || m.addr32)
                return false;
        if (m.base != NO_REG && m.base != RSP && m.base != m.index) {
                r->gpr[m.base] = target - (uint64_t)m.disp;
                if (m.index != NO_REG)
                        r->gpr[m.base] -= r->gpr[m.index] * m.scale;
                return true;
        }
        if (m.index == NO_REG || m.scale != 1 || m.base == m.index)
                return false;
        r->gpr[m.index] = target - (uint64_t)m.disp - (m.base == RSP ? r->gpr[RSP] : 0);
        return true;
}

/* These store where the last x87 instruction stood. */
static bool tells_place(ZydisMnemonic m)
{
        return m == ZYDIS_MNEMONIC_FNSTENV || m == ZYDIS_MNEMONIC_FNSAVE || m == ZYDIS_MNEMONIC_FXSAVE ||
               m == ZYDIS_MNEMONIC_FXSAVE64;
}

static bool is_store(const struct insn *in)
{
        if (tells_place(in->z.mnemonic))
                return false;
        for (unsigned i = 0; i < in->z.operand_count; i++)
                if (in->op[i].type == ZYDIS_OPERAND_TYPE_MEMORY &&
                    in->op[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
                        return in->z.meta.branch_type == ZYDIS_BRANCH_TYPE_NONE &&
                               in->z.meta.category != ZYDIS_CATEGORY_PUSH &&
                               in->z.meta.category != ZYDIS_CATEGORY_POP && policy_of(&in->z).way == WAY_KEEP;
        return false;
}

static uint64_t choose(unsigned kind)
{
        uint64_t off = (world_random() % 200 + 8) * 16 + (world_random() & 3) * 4 * (world_random() & 1);

        switch (kind) {
        case 0:
                return WORLD_DATA + off;
        case 1:
                return NOWHERE + off;
        case 2:
        case 3:
                return (world_random() & 1 ? info->queue[0].doorbell_tx : info->queue[1].doorbell_rx);
        default:
                return RF_RING_VA + (world_random() & 1) * RF_RING_TX_OFF + off;
        }
}

static void lay_down(const struct sampled *s, uint64_t va)
{
        uint8_t around[128];

        memset(around, 0xcc, sizeof around);
        memcpy(around + 48, s->bytes, sizeof s->bytes);
        OK(uc_mem_write(bare, va - 48, around, sizeof around));
        OK(uc_mem_write(guest, va - 48, around, sizeof around));
        uc_ctl_remove_cache(bare, va - 48, va + 80);
        uc_ctl_remove_cache(guest, va - 48, va + 80);
        if (arena_pages() > 32)
                arena_reset();
}

/* MOV of 32 bits: it may go to a tail register too. */
static bool may_be_tail(const struct insn *in)
{
        return in->z.mnemonic == ZYDIS_MNEMONIC_MOV && in->op[0].size == 32;
}

static void run_site(struct sampled *s, uint64_t va, unsigned states)
{
        struct insn in;
        const char *what;
        bool tails;

        lay_down(s, va);
        if (!insn_read(&space, va, UINT64_MAX, false, &in) || in.length != s->length || !is_store(&in))
                return;
        tails = may_be_tail(&in);
        s->dead = flags_dead(&space, va);
        tally.dead += s->dead;
        tally.sites++;
        for (unsigned i = 0; i < states; i++) {
                unsigned kind = i == 0 ? 7 : (unsigned)(world_random() >> 61);
                uint64_t target = choose((kind | 1) == 3 && !tails ? 7 : kind);
                struct regs r;

                random_regs(&r);
                if (!aim_at(&in, &r, target))
                        return;
                what = compare(s, va, &r, target);
                if (what)
                        fail_site(what, s, va, target);
        }
}

static uint64_t random_place(void)
{
        return RF_IMAGE_BASE + 0x100 + world_random() % (CODE_BYTES - 0x400);
}

static void one_generated(void)
{
        struct sampled s = {0};
        struct sample g;

        bool plain = world_random() % 4 == 0; /* what drivers use, and what may go to a tail register */

        do
                generate(&g, RF_RING_VA + 0x100);
        while (plain && strncmp(g.name, "mov ", 4));
        if (g.kind == KIND_MOFFS)
                return;
        memcpy(s.bytes, g.bytes, g.length);
        for (unsigned i = g.length; i < sizeof s.bytes; i++)
                s.bytes[i] = (uint8_t)world_random();
        if (world_random() & 1)
                memcpy(s.bytes + g.length, "\x0f\x92\xc0", 3); /* setb: flags are live */
        s.length = g.length;
        s.name = g.name;
        run_site(&s, random_place(), 4);
}

static uint64_t cases_wanted(void)
{
        const char *env = getenv("DBOS_CASES");

        return env ? strtoull(env, NULL, 0) : 20000;
}

static void generated(void **unused)
{
        unsigned from = tally.cases;

        while (tally.cases - from < cases_wanted() / 4)
                one_generated();
        printf(
            "unicorn: %u states at %u generated sites; %u detours, %u emulated, %u tails, %u faults, %u unknown to it\n",
            tally.cases, tally.sites, tally.detours, tally.emulated, tally.tails, tally.faults,
            tally.unknown);
        assert_true(tally.dead > tally.sites / 50 && tally.dead < tally.sites / 2);
        assert_true(tally.faults > 100 && tally.tails > 10 && tally.unknown < tally.cases / 5);
}

/* ---- the hard bytes -------------------------------------------------------------------------------------
 */

static bool with_hard_bytes(struct sampled *s)
{
        struct sample g;
        unsigned room;

        *s = (struct sampled){0};
        generate(&g, 0);
        if (g.kind == KIND_MOFFS || g.kind == KIND_STRING || g.length < g.tail + 3)
                return false;
        room = g.length - g.tail - 2;
        memcpy(g.bytes + g.tail + world_random() % room, "\x0f\x01\xef", 3);
        memset(s->bytes, 0xcc, sizeof s->bytes);
        memcpy(s->bytes, g.bytes, g.length);
        s->length = g.length;
        s->name = g.name;
        s->moved = true;
        return true;
}

/* As at load: the whole range around it. */
static bool subtracted(uint64_t va)
{
        struct dbos_code c = code;
        struct dbos_summary sum;

        c.va = va - 48;
        c.bytes = 128;
        c.nentries = 1;
        entries[0] = va;
        return !dbos_rewrite_code(&space, &c, &sum) && sum.rewritten == 1;
}

static unsigned hard_form(void)
{
        uint64_t va = random_place(), target;
        struct sampled s;
        struct insn in;
        const char *what;

        if (!with_hard_bytes(&s))
                return 0;
        lay_down(&s, va);
        if (!insn_read(&space, va, UINT64_MAX, false, &in) || in.length != s.length || !subtracted(va))
                return 0;
        for (unsigned i = 0; i < 4; i++) {
                struct regs r;

                target = choose((unsigned)(world_random() >> 61) ? 0 : 1);
                random_regs(&r);
                if (!aim_at(&in, &r, target))
                        return 0;
                what = compare(&s, va, &r, target);
                if (what)
                        fail_site(what, &s, va, target);
        }
        return 1;
}

static void hard(void **unused)
{
        unsigned from = tally.cases, sites = 0, tries = 0;

        for (; tally.cases - from < cases_wanted() / 4; tries++)
                sites += hard_form();
        printf("unicorn: %u states at %u instructions with the hard bytes\n", tally.cases - from, sites);
        assert_true(sites > tries / 20);
}

/* ---- real code -------------------------------------------------------------------------------------- */

static struct sampled *found;
static unsigned nfound;

static void collect(const char *name)
{
        struct image as_is, worked;
        struct dbos_summary sum;
        struct dbos_space s;

        assert_true(image_open(&as_is, name) && image_open(&worked, name));
        s = image_space(&worked, NULL);
        image_subtract(&worked, &s, &sum);
        arena_reset();
        for (unsigned k = 0; k < worked.ncode; k++)
                for (uint64_t i = 0; i + 32 < worked.code[k].bytes; i++) {
                        struct dbos_space original = image_space(&as_is, NULL);
                        struct insn in;

                        if (!worked.code[k].map[i] ||
                            !insn_read(&original, worked.code[k].va + i, UINT64_MAX, false, &in) ||
                            !is_store(&in))
                                continue;
                        if (nfound % 4096 == 0)
                                found = realloc(found, (nfound + 4096) * sizeof *found);
                        found[nfound].length = in.length;
                        found[nfound].name = "real code";
                        memcpy(found[nfound++].bytes, image_bytes(&as_is, in.va), 32);
                }
        image_close(&worked);
        image_close(&as_is);
}

static void use_guest_arena(void)
{
        arena_open(&(struct arena_place){RF_IMAGE_BASE + CODE_BYTES, mapped_until, back, drop});
}

static void real(void **unused)
{
        unsigned from = tally.cases, sites = tally.sites;

        arena_reset();
        for (char **f = files; *f; f++)
                collect(*f);
        use_guest_arena();
        assert_true(nfound > 1000);
        while (tally.cases - from < cases_wanted() / 2)
                run_site(&found[world_random() % nfound], random_place(), 4);
        printf("unicorn: %u states at %u sites of real code, of %u; %u faults, %u emulated, %u detours\n",
               tally.cases - from, tally.sites - sites, nfound, tally.faults, tally.emulated, tally.detours);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(generated),
            cmocka_unit_test(hard),
            cmocka_unit_test(real),
        };
        const char *seed = getenv("DBOS_SEED");

        files = argv + 1;
        world_seed(seed ? strtoull(seed, NULL, 0) : 41);
        info = calloc(1, 4096);
        info->nqueues = 2;
        for (unsigned k = 0; k < 2; k++) {
                info->queue[k].doorbell_rx = RF_DOORBELL_VA + IGB_RDT0 + IGB_QUEUE_STEP * k;
                info->queue[k].doorbell_tx = RF_DOORBELL_VA + IGB_TDT0 + IGB_QUEUE_STEP * k;
        }
        bare = machine(false);
        guest = machine(true);
        fill();
        code = (struct dbos_code){.va = RF_IMAGE_BASE,
                                  .bytes = CODE_BYTES,
                                  .entries = entries,
                                  .map = map,
                                  .stack = stack,
                                  .stack_len = 256,
                                  .hypercall = RF_GUARD_VA,
                                  .commit = RF_GUARD_VA + RF_GUARD_COMMIT};
        use_guest_arena();
        return cmocka_run_group_tests(tests, NULL, NULL);
}

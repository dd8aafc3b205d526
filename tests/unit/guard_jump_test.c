/* SPDX-License-Identifier: MIT
 *
 * P5: a jump to any byte of the guard, with any registers, makes no unvalidated store. Every byte is jumped
 * to with hostile registers and a stack full of more jumps, one instruction at a time. Whatever the window
 * holds afterwards must be what the C twin makes of the commits that were really begun. The same judge must
 * also find fault with guards that have one instruction less: else it proves nothing. Not shown here: 32-bit
 * code segments, which do not reach addresses above 4 GiB.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guard_bed.h"
#include "rf/igb_desc.h"

enum { PAGE = 4096, CODE_ROUNDS = 40, PAD_ROUNDS = 2, NOP = 0x90 };

static bool plain_stack;  /* nothing but BED_RETURN on it */
static unsigned code_end; /* offset behind the last instruction */

static uint64_t somewhere(void)
{
        uint64_t ring = RF_RING_VA + bed_ring[bed_below(BED_RINGS)] * (uint64_t)RF_RING_TX_OFF;

        switch (bed_below(7)) {
        case 0:
                return RF_STATE_VA;
        case 1:
                return RF_STATE_VA + GS_RINGS + (bed_below(GUARD_RINGS) << GR_SHIFT);
        case 2:
                return ring + 16 * bed_below(256);
        case 3:
                return ring + RF_STAGING_DELTA + 16 * bed_below(256);
        case 4:
                return RF_DOORBELL_VA + (bed_chance(50) ? IGB_RDT0 : IGB_TDT0);
        case 5:
                return RF_GUARD_VA + bed_below(code_end);
        default:
                return BED_STACK + 8 * bed_below(512);
        }
}

static uint64_t hostile(void)
{
        static const uint64_t special[] = {RF_PKRU_OPEN, RF_PKRU_CLOSED, 0, 1, 255, 256, 0xffffffff, ~0ull};

        switch (bed_below(4)) {
        case 0:
                return special[bed_below(8)];
        case 1:
                return bed_below(40);
        case 2:
                return somewhere();
        default:
                return bed_chance(50) ? bed_rand() : bed_rand() | 0xfull << 60; /* mostly not canonical */
        }
}

/* A struct guard_ring of the attacker's own, in memory it may write, with the doorbell as its ring. It lies
 * as far from the state page's as whole rings do, so that a ring number leads there. */
enum { FORGED = 128 + GS_RINGS / sizeof(struct desc) };
static uint64_t forged_ring(void)
{
        struct guard_ring *r = (struct guard_ring *)&staging[3][FORGED];

        *r = window->state.ring[bed_ring[bed_below(BED_RINGS)]];
        r->limit = ~0ull;
        r->mode = GR_MODE_ON;
        if (bed_chance(50)) /* what staging cannot hold would be right */
                r->form = (struct guard_form){.fixed = bed_rand(), .length_span = UINT32_MAX};
        if (bed_chance(50))
                r->ring = r->doorbell & ~15ull;
        return RF_STAGING_VA + bed_ring[3] * (uint64_t)RF_RING_TX_OFF + FORGED * sizeof(struct desc);
}

static uint64_t favourite(void)
{
        static const uint8_t *const places[] = {guard_open, guard_close, guard_revoked};

        if (bed_chance(50))
                return bed_below(code_end);
        return bed_chance(50) ? RF_GUARD_COMMIT : (uint64_t)(places[bed_below(3)] - guard_page);
}

static struct bed_regs hostile_registers(unsigned offset)
{
        struct bed_regs regs = {.rip = RF_GUARD_VA + offset};
        uint64_t *stack = (uint64_t *)BED_STACK;

        for (unsigned i = 0; i < 512; i += plain_stack ? 1 : 1 + (unsigned)bed_below(8))
                stack[i] = plain_stack || bed_chance(30) ? BED_RETURN : RF_GUARD_VA + favourite();
        for (unsigned i = 0; i < 16; i++)
                regs.gpr[i] = hostile();
        if (bed_chance(60))
                regs.gpr[A_RSP] = BED_STACK + 8 * bed_below(500);
        regs.flags = bed_rand();
        if (bed_chance(70))
                regs.gpr[A_RAX] = bed_chance(70) ? RF_PKRU_OPEN : bed_rand();
        if (bed_chance(75))
                regs.gpr[A_RCX] = regs.gpr[A_RDX] = bed_chance(90) ? 0 : 1ull << 32;
        if (bed_chance(40))
                regs.gpr[A_R8] = forged_ring();
        if (bed_chance(40))
                regs.gpr[A_RDI] = bed_ring[bed_below(BED_RINGS)];
        if (bed_chance(40))
                regs.gpr[A_RSI] = bed_below(256);
        return regs;
}

static struct bed_run jump(unsigned offset)
{
        struct bed_regs regs;
        struct bed_run run;

        if (bed_chance(10))
                bed_random();
        regs = hostile_registers(offset);
        run = bed_go(&regs, true);
        run.wrong = bed_compare(&run);
        return run;
}

/* ---- the guard as it is -------------------------------------------------------------------- */

static void find_code_end(void)
{
        for (code_end = PAGE; bed_page()[code_end - 1] == 0xcc; code_end--)
                ;
}

static void every_byte(void **unused)
{
        unsigned rounds = getenv("GUARD_JUMPS") ? (unsigned)atoi(getenv("GUARD_JUMPS")) : CODE_ROUNDS;
        unsigned stops[4] = {0}, begun = 0, twice = 0, ended_open = 0;

        for (unsigned offset = 0; offset < PAGE; offset++)
                for (unsigned i = 0; i < (offset < code_end ? rounds : PAD_ROUNDS); i++) {
                        struct bed_run run = jump(offset);

                        if (run.wrong)
                                fail_msg("jump to offset 0x%x: %s", offset, run.wrong);
                        stops[run.stop]++;
                        begun += run.opens > 0;
                        twice += run.opens > 1;
                        ended_open +=
                            run.pkru != RF_PKRU_CLOSED; /* at UD2, or at a #GP or #PF: the guest dies */
                }
        print_message(
            "%u left the guard, %u faulted, %u met a forbidden instruction, %u ran long; %u began a commit, %u "
            "several, %u died open\n",
            stops[BED_LEFT], stops[BED_FAULT], stops[BED_FORBIDDEN], stops[BED_LIMIT], begun, twice,
            ended_open);
        assert_true(stops[BED_LEFT] > 5 * rounds && stops[BED_FAULT] > 100 * rounds && begun > 5 * rounds &&
                    twice > rounds / 2 && ended_open > rounds / 2);
}

/* ---- the judge --------------------------------------------------------------------------- */

static const char *commits(unsigned n)
{
        bed_fast = true;
        for (unsigned i = 0; i < n; i++) {
                uint32_t ring = bed_ring[bed_below(BED_RINGS)];
                struct bed_run run;
                const char *bad;

                if (i % 4 == 0)
                        bed_random();
                if (bed_chance(5)) /* a number so high that it points into staging */
                        ring = (uint32_t)((forged_ring() - RF_STATE_VA - GS_RINGS) >> GR_SHIFT);
                run = bed_commit(ring, bed_below(bed_chance(95) ? 64 : 300), true);
                bad = bed_compare(&run);
                if (bad)
                        return bad;
                if (run.regs.gpr[A_RAX] != run.expect)
                        return "wrong result";
                if (run.hypercalls != bed_yields(ring) ||
                    (run.hypercalls && run.hypercall.gpr[A_RAX] != RF_HC_YIELD))
                        return "wrong yield";
        }
        return NULL;
}

static const char *jumps(unsigned n)
{
        bed_fast = false;
        for (unsigned i = 0; i < n; i++) {
                const uint8_t *at = i % 4 == 0 ? guard_revoked : i % 2 ? guard_open : guard_close;
                struct bed_run run = jump((unsigned)(at - guard_page));

                if (run.wrong)
                        return run.wrong;
                if (at == guard_revoked && run.opens == 0 && run.regs.rip == BED_RETURN &&
                    run.regs.gpr[A_RAX] != (uint64_t)RF_COMMIT_REVOKED << 32)
                        return "wrong result of a revoked commit";
        }
        return NULL;
}

static void wrpkru_elsewhere_is_found(void **unused)
{
        static const uint8_t gadget[] = {0x0f, 0x01, 0xef, 0xc3};
        const char *bad = NULL;

        memcpy(bed_page() + 0x800, gadget, sizeof(gadget));
        bed_reload();
        for (unsigned i = 0; i < 200 && !bad; i++)
                bad = jump(0x800).wrong;
        bed_load(true);
        assert_non_null(bad);
}

/* Instruction starts, from runs of the untouched guard. */
static unsigned starts(unsigned *offsets)
{
        unsigned n = 0;

        bed_forget();
        assert_null(commits(1500));
        for (unsigned i = 0; i < 200; i++) /* guard_revoked and UD2 are reached by jumps alone */
                (void)jump((unsigned)((i & 1 ? guard_revoked : guard_open) - guard_page));
        for (unsigned offset = RF_GUARD_COMMIT; offset < code_end; offset++)
                if (bed_seen(offset) > 0)
                        offsets[n++] = offset;
        return n;
}

static void every_instruction_matters(void **unused)
{
        unsigned offsets[PAGE], n, missed = 0;

        plain_stack = true; /* or the jumps in it would be taken for instruction starts */
        n = starts(offsets);
        assert_true(n > 100);
        for (unsigned i = 0; i < n; i++) {
                unsigned end = i + 1 < n ? offsets[i + 1] : code_end;

                memset(bed_page() + offsets[i], NOP, end - offsets[i]);
                bed_reload();
                if (!commits(40) && !jumps(300) && !commits(3000)) {
                        print_message("nobody misses the instruction at 0x%x\n", offsets[i]);
                        missed++;
                }
                bed_load(true);
        }
        print_message("%u instructions removed, one at a time\n", n);
        assert_int_equal(missed, 0);
}

static int setup(void **unused)
{
        bed_init();
        find_code_end();
        bed_random();
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_byte),
            cmocka_unit_test(wrpkru_elsewhere_is_found),
            cmocka_unit_test(every_instruction_matters),
        };

        return cmocka_run_group_tests(tests, setup, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * P5 by execution: the guard entered at each of its 4096 bytes, in 64-bit and in 32-bit code, on an emulated
 * CPU with protection keys. The judge knows nothing of how the guard works: it looks at the window before and
 * after, and says what P6 and P7 allow. It must also find fault with guards that lack a check, and with a
 * guard that 32-bit code could reach: else it proves nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "enter_bed.h"
#include "rf/rings.h"

enum {
        PAGE = 4096,
        CODE_ROUNDS = 400,
        PAD_ROUNDS = 1,
        NOP = 0x90,
        JNE_BYTES = 6,
        CMP_EAX_BYTES = 3,
        WRPKRU_BYTES = 3
};

extern const uint8_t guard_x_address[], guard_x_address_end[], guard_x_flags[], guard_x_flags_end[];
extern const uint8_t guard_x_length[], guard_x_length_end[], guard_x_close[], guard_x_close_end[];
extern const uint8_t guard_x_full[], guard_x_full_end[];

static struct bed_window before;
static unsigned code_end;

/* ---- the judge --------------------------------------------------------------------------------------- */

static bool has_dd(const struct guard_ring *r, const struct desc *d)
{
        return (((const uint8_t *)d)[r->form.dd] & 1) != 0;
}

/* What stands in the ring after commit: a descriptor that the rules accept, for this pool. */
static bool valid(const struct guard_ring *r, const struct desc *d)
{
        uint64_t length = d->hi & 0xffff, word = r->form.fixed + r->form.factor * length;

        return d->lo - r->bus <= r->limit && d->hi == word &&
               length - r->form.length_min <= r->form.length_span;
}

static const char *judge_indices(const struct guard_ring *was, const struct guard_ring *is, unsigned opens)
{
        struct guard_ring same = *is;

        same.clean = was->clean;
        same.reaped = was->reaped;
        same.rejected = was->rejected;
        if (memcmp(&same, was, sizeof(same)) != 0)
                return "a trusted constant has changed";
        if (is->clean - was->clean > opens * RF_COMMIT_MAX || is->reaped - was->reaped > opens * RF_REAP_MAX)
                return "an index went back, or too far";
        if (is->reaped - was->reaped > was->clean - was->reaped || is->clean - is->reaped > is->mask)
                return "P6: an index passed the other";
        return is->rejected - was->rejected > opens ? "refused more than it was asked for" : NULL;
}

static const char *judge_slots(const struct guard_ring *was, const struct guard_ring *is, unsigned n)
{
        for (uint32_t i = was->reaped; i != is->reaped; i++)
                if (!has_dd(was, &before.ring[n][i & was->mask]))
                        return "P6: a slot taken back that the NIC has not written";
        for (unsigned k = 0; k < BED_ENTRIES; k++) {
                bool handed = k <= was->mask && ((k - was->clean) & was->mask) < is->clean - was->clean;

                if (handed && !valid(was, &window->ring[n][k]))
                        return "P7: handed over what the rules refuse";
                if (!handed && memcmp(&window->ring[n][k], &before.ring[n][k], sizeof(struct desc)) != 0)
                        return "P6: a slot written that was not handed over";
        }
        return NULL;
}

/* The whole pages of both doorbells: only rings that moved have rung, and say where they are. */
static const char *judge_bells(void)
{
        static uint32_t expect[2][PAGE / 4];

        memcpy(expect, before.bell, sizeof(expect));
        for (unsigned n = 0; n < BED_RINGS; n++) {
                const struct guard_ring *r = &window->state.ring[bed_ring[n]];

                if (r->clean != before.state.ring[bed_ring[n]].clean)
                        expect[bed_ring[n] & 1][(r->doorbell & 0xfff) / 4] = r->clean & r->mask;
        }
        return memcmp(expect, window->bell, sizeof(expect)) == 0 ? NULL : "a doorbell says something else";
}

static const char *judge(const struct enter_run *run)
{
        const char *bad = run->wrong;

        if (memcmp(before.state_page, window->state_page, GS_RINGS) != 0)
                return "the head of the guard state has changed";
        for (unsigned n = 0; n < GUARD_RINGS && !bad; n++) {
                const struct guard_ring *was = &before.state.ring[n], *is = &window->state.ring[n];

                if (!(run->opened >> n & 1) || was->mode != GR_MODE_ON)
                        bad = memcmp(was, is, sizeof(*is)) ? "the state of a ring that was not committed"
                                                           : NULL;
                bad = bad ?: judge_indices(was, is, run->opens);
        }
        for (unsigned n = 0; n < BED_RINGS && !bad; n++)
                bad = judge_slots(&before.state.ring[bed_ring[n]], &window->state.ring[bed_ring[n]], n);
        return bad ?: judge_bells();
}

/* ---- the attacker -------------------------------------------------------------------------------------- */

static uint64_t somewhere(void)
{
        uint64_t ring = RF_RING_VA + bed_ring[bed_below(BED_RINGS)] * (uint64_t)RF_RING_TX_OFF;
        const uint64_t places[] = {
            RF_STATE_VA + 4 * bed_below(1024),
            ring + 8 * bed_below(512),
            ring + RF_STAGING_DELTA + 8 * bed_below(512),
            window->state.ring[bed_ring[bed_below(BED_RINGS)]].doorbell,
            RF_GUARD_VA + bed_below(code_end),
            BED_STACK + 8 * bed_below(512),
        };

        return places[bed_below(sizeof(places) / sizeof(places[0]))];
}

static uint64_t hostile(void)
{
        static const uint64_t edges[] = {RF_PKRU_OPEN, RF_PKRU_CLOSED, 0,    1, 31, 32, 64, 255,
                                         256,          0xffffffff,     ~0ull};

        switch (bed_below(4)) {
        case 0:
                return edges[bed_below(sizeof(edges) / sizeof(edges[0]))];
        case 1:
                return bed_below(64);
        case 2:
                return somewhere();
        default:
                return bed_rand();
        }
}

static struct bed_regs attack(unsigned offset)
{
        struct bed_regs regs = {.rip = RF_GUARD_VA + offset, .flags = bed_rand()};
        const uint64_t entries[] = {RF_GUARD_COMMIT, (uint64_t)(guard_open - guard_page),
                                    (uint64_t)(guard_close - guard_page), bed_below(code_end)};

        for (unsigned i = 0; i < 512; i += 1 + (unsigned)bed_below(8))
                enter_stack()[i] = bed_chance(60) ? BED_RETURN : RF_GUARD_VA + entries[bed_below(4)];
        for (unsigned i = 0; i < 16; i++)
                regs.gpr[i] = hostile();
        if (bed_chance(70))
                regs.gpr[A_RAX] = bed_chance(70) ? RF_PKRU_OPEN : bed_rand();
        if (bed_chance(80))
                regs.gpr[A_RCX] = regs.gpr[A_RDX] = bed_chance(90) ? 0 : 1ull << 32;
        if (bed_chance(60))
                regs.gpr[A_RDI] = bed_ring[bed_below(BED_RINGS)];
        if (bed_chance(60))
                regs.gpr[A_RSI] = bed_below(256);
        if (bed_chance(60))
                regs.gpr[A_RSP] = BED_STACK + 8 * bed_below(500);
        return regs;
}

static const char *try(unsigned offset, bool code32, struct enter_run *run)
{
        struct bed_regs regs;

        if (bed_chance(10))
                bed_random();
        regs = attack(offset);
        enter_racing = bed_chance(30);
        before = *window;
        *run = enter(&regs, code32);
        return judge(run);
}

/* ---- tests --------------------------------------------------------------------------------------------- */

static void every_byte_in_64_bits(void **unused)
{
        unsigned rounds = getenv("PROOF_ROUNDS") ? (unsigned)atoi(getenv("PROOF_ROUNDS")) : CODE_ROUNDS;
        unsigned stops[ENTER_STOPS] = {0}, opened = 0, died = 0, entries = 0;

        for (unsigned offset = 0; offset < PAGE; offset++)
                for (unsigned i = 0; i < (offset < code_end ? rounds : PAD_ROUNDS); i++) {
                        struct enter_run run;
                        const char *bad = try(offset, false, &run);

                        if (bad)
                                fail_msg("entered at 0x%x: %s", offset, bad);
                        entries++;
                        stops[run.stop]++;
                        opened += run.opens > 0;
                        died += run.pkru != RF_PKRU_CLOSED;
                }
        print_message(
            "%u entries: %u left the guard, %u faulted, %u ran long; %u began a commit, %u died open\n",
            entries, stops[ENTER_LEFT], stops[ENTER_FAULT], stops[ENTER_LONG], opened, died);
        assert_true(stops[ENTER_LEFT] > 5 * rounds && stops[ENTER_FAULT] > 50 * rounds &&
                    opened > 4 * rounds && died > rounds / 4);
}

/* 32-bit code names the low 32 bits of the same place, and finds nothing there. */
static void every_byte_in_32_bits(void **unused)
{
        for (unsigned offset = 0; offset < PAGE; offset++) {
                struct enter_run run;
                const char *bad = try(offset, true, &run);

                if (bad)
                        fail_msg("entered at 0x%x: %s", offset, bad);
                assert_true(run.code32);
                assert_int_equal(run.fetched, 0);
                assert_int_equal(run.stop, ENTER_LEFT);
        }
}

/* The control: where the fence lies below 4 GiB as well, the same code opens the window and goes on in
 * instructions that nobody wrote. That they do no harm today is luck; that they cannot be reached is not. */
static void what_32_bits_would_do(void **unused)
{
        struct bed_regs regs = {.rip = RF_GUARD_VA + (uint64_t)(guard_open - guard_page)};
        struct enter_run run;

        regs.gpr[A_RAX] = RF_PKRU_OPEN;
        run = enter(&regs, true);
        assert_true(run.code32);
        assert_int_equal(run.opens, 1);
        assert_true(run.fetched > 8);
}

static void without(const uint8_t *from, const uint8_t *to, unsigned at)
{
        const char *bad = NULL;

        memset(enter_page() + (from - guard_page), NOP, (size_t)(to - from));
        enter_reload();
        for (unsigned i = 0; i < 20000 && !bad; i++) {
                struct enter_run run;

                bad = try(at, false, &run);
        }
        enter_load();
        if (!bad)
                fail_msg("nobody misses what stands at 0x%x", (unsigned)(from - guard_page));
}

static void missing_checks_are_found(void **unused)
{
        const uint8_t *compare = guard_open + WRPKRU_BYTES + CMP_EAX_BYTES;
        unsigned open = (unsigned)(guard_open - guard_page), close = (unsigned)(guard_close - guard_page);

        without(compare, compare + JNE_BYTES, open);
        without(guard_x_address, guard_x_address_end, RF_GUARD_COMMIT);
        without(guard_x_flags, guard_x_flags_end, RF_GUARD_COMMIT);
        without(guard_x_length, guard_x_length_end, RF_GUARD_COMMIT);
        without(guard_x_full, guard_x_full_end, RF_GUARD_COMMIT);
        without(guard_x_close, guard_x_close_end, close);
}

static int setup(void **unused)
{
        enter_init();
        bed_random();
        for (code_end = PAGE; enter_page()[code_end - 1] == 0xcc; code_end--)
                ;
        return 0;
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_byte_in_64_bits),
            cmocka_unit_test(every_byte_in_32_bits),
            cmocka_unit_test(missing_checks_are_found),
        };
        const struct CMUnitTest control[] = {cmocka_unit_test(what_32_bits_would_do)};

        if (argc > 1 && strcmp(argv[1], "low") == 0) {
                enter_mask = 0xffffffff;
                return cmocka_run_group_tests_name("the guard below 4 GiB", control, setup, NULL);
        }
        return cmocka_run_group_tests_name("the guard entered at every byte", tests, setup, NULL);
}

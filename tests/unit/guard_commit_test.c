/* SPDX-License-Identifier: MIT
 *
 * What commit does: the assembled guard against its C twin on random windows, and both against figures worked
 * out by hand from the ABI (ringfence.h). Descriptors: guard_rules_test.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>

#include <cmocka.h>

#include "guard_bed.h"
#include "guard_numbers.h"
#include "rf/igb_desc.h"

enum { RX = 0, TX = 1 }; /* indices into bed_ring, and ring numbers */

/* What a test that runs for each model is told. */
static const struct guard_form *form_of(void **state)
{
        return *state;
}

static uint32_t reason_of(uint64_t result)
{
        return (uint32_t)(result >> 32);
}

/* One commit, step by step or at full speed, with everything checked that always holds. */
static uint64_t commit(uint64_t ring, uint64_t tail)
{
        struct bed_run run = bed_commit(ring, tail, bed_below(400) == 0);
        const char *bad = bed_compare(&run);

        if (bad)
                fail_msg("%s", bad);
        assert_int_equal(run.opens, 1);
        assert_int_equal(run.regs.gpr[A_RAX], run.expect);
        assert_int_equal(run.hypercalls, bed_yields((uint32_t)ring));
        return run.regs.gpr[A_RAX];
}

static void random_windows(void **unused)
{
        unsigned rounds = getenv("GUARD_ROUNDS") ? (unsigned)atoi(getenv("GUARD_ROUNDS")) : 200000;
        unsigned reasons[32] = {0};

        for (unsigned i = 0; i < rounds; i++) {
                uint32_t ring = bed_ring[bed_below(BED_RINGS)], mask;

                if (i % 8 == 0)
                        bed_random();
                bed_fast = i / 64 % 32 != 0;
                mask = window->state.ring[ring].mask;
                if (bed_chance(2))
                        ring = (uint32_t)bed_rand();
                reasons[reason_of(commit(ring | bed_rand() << 32,
                                         bed_chance(95) ? (bed_below(mask + 1ull) | bed_rand() << 32)
                                                        : bed_rand())) &
                        31]++;
        }
        bed_fast = false;
        for (unsigned reason = RF_COMMIT_OK; reason <= RF_COMMIT_HEADER; reason++)
                if (reason <= RF_COMMIT_REVOKED || (reason >= RF_COMMIT_ADDRESS && reason != 19))
                        assert_true(reasons[reason] > rounds / 10000); /* the test reaches every case */
}

static void hand_over_and_back(void **form)
{
        struct guard_ring *r = &window->state.ring[RX];

        bed_plain(RX, form_of(form), 255);
        assert_int_equal(commit(RX, 32), 32);
        assert_int_equal(window->bell[RX][IGB_RDT0 % 4096 / 4], 32);
        for (unsigned i = 0; i < 33; i++) {
                assert_int_equal(window->ring[RX][i].lo, i < 32 ? staging[RX][i].lo + 0x123450000 : 0);
                assert_int_equal(window->ring[RX][i].hi, 0);
        }
        assert_int_equal(commit(RX, 32), 32); /* nothing new: no doorbell */
        window->bell[RX][IGB_RDT0 % 4096 / 4] = 7;
        assert_int_equal(commit(RX, 32), 32);
        assert_int_equal(window->bell[RX][IGB_RDT0 % 4096 / 4], 7);
        assert_int_equal(r->reaped, 0);
        bed_done(RX, 0);
        bed_done(RX, 1);
        bed_done(RX, 3); /* 2 is not done: 3 must wait */
        assert_int_equal(commit(RX, 33), 33);
        assert_int_equal(r->reaped, 2);
        assert_int_equal(r->clean, 33);
}

static void limit_then_full(void **form)
{
        bed_plain(TX, form_of(form), 255);
        for (uint64_t tail = 32; tail <= 224; tail += 32)
                assert_int_equal(commit(TX, 255), tail | (uint64_t)RF_COMMIT_LIMIT << 32);
        assert_int_equal(commit(TX, 255), 255); /* 31 more: all but one */
        assert_int_equal(commit(TX, 0), 255 | (uint64_t)RF_COMMIT_FULL << 32);
        assert_int_equal(commit(TX, 254), 255 | (uint64_t)RF_COMMIT_FULL << 32);
        bed_done(TX, 0);
        assert_int_equal(commit(TX, 1), 0 | (uint64_t)RF_COMMIT_FULL << 32);
        for (unsigned i = 0; i < 256; i++)
                bed_done(TX, i);
        assert_int_equal(commit(TX, 10), 10); /* at most 64 are taken back */
        assert_int_equal(window->state.ring[TX].reaped, 1 + RF_REAP_MAX);
}

static void indices_wrap(void **form)
{
        struct guard_ring *r = &window->state.ring[TX];

        bed_plain(TX, form_of(form), 255);
        r->clean = r->reaped = 0xfffffff0;
        assert_int_equal(commit(TX, 8), 8);
        assert_int_equal(r->clean, 8);
        assert_int_equal(r->reaped, 0xfffffff0);
        for (unsigned i = 0; i < 256; i++)
                bed_done(TX, i);
        assert_int_equal(commit(TX, 9), 9);
        assert_int_equal(r->reaped, 8);
}

static void arguments(void **form)
{
        bed_plain(RX, form_of(form), 255);
        for (uint64_t ring = 1; ring < 12; ring++)
                assert_int_equal(commit(ring, 1), (uint64_t)RF_COMMIT_RING << 32);
        assert_int_equal(commit(0xffffffff, 1), (uint64_t)RF_COMMIT_RING << 32);
        assert_int_equal(commit(0x80000000, 1), (uint64_t)RF_COMMIT_RING << 32);
        assert_int_equal(commit(1ull << 32, 1), 1); /* the upper halves mean nothing */
        assert_int_equal(commit(RX, 256), 1 | (uint64_t)RF_COMMIT_TAIL << 32);
        assert_int_equal(commit(RX, 0xffffffff), 1 | (uint64_t)RF_COMMIT_TAIL << 32);
        window->state.ring[RX].mode = GR_MODE_REVOKED;
        assert_int_equal(commit(RX, 2), (uint64_t)RF_COMMIT_REVOKED << 32);
}

/* The slots before a refused one are handed over. */
static void refusal(void **form)
{
        bed_plain(TX, form_of(form), 255);
        staging[TX][3].lo = 0x10000 - RF_BUFFER_BYTES + 1;
        assert_int_equal(commit(TX, 5), 3 | (uint64_t)RF_COMMIT_ADDRESS << 32);
        assert_int_equal(window->bell[TX][IGB_TDT0 % 4096 / 4], 3);
        assert_int_equal(window->state.ring[TX].rejected, 1);
        assert_int_equal(window->ring[TX][3].lo | window->ring[TX][3].hi, 0);
        assert_int_equal(commit(TX, 5), 3 | (uint64_t)RF_COMMIT_ADDRESS << 32);
        assert_int_equal(window->state.ring[TX].rejected, 2);
}

static void yields_when_asked(void **form)
{
        struct bed_run run;

        bed_plain(RX, form_of(form), 255);
        window->state.pending = 1;
        run = bed_commit(RX, 4, true);
        assert_null(bed_compare(&run));
        assert_int_equal(run.hypercalls, 1);
        assert_int_equal(run.hypercall.gpr[A_RAX], RF_HC_YIELD);
        assert_int_equal(run.regs.gpr[A_RAX], 4);
        window->state.pending = 0;
        window->state.ring[RX].notify = 1;
        run = bed_commit(RX, 5, true);
        assert_int_equal(run.hypercalls, 1);
        run = bed_commit(TX, 0, true); /* another ring's */
        assert_int_equal(run.hypercalls, 0);
}

/* Where ring 0 resumes a vCPU whose window it took away in the middle. */
static void revoked_exit(void **form)
{
        struct bed_regs regs = {.rip = guard_revoked_rip()};
        struct bed_run run;

        bed_plain(RX, form_of(form), 255);
        for (unsigned i = 0; i < 16; i++)
                regs.gpr[i] = bed_rand();
        regs.gpr[A_RSP] = BED_STACK + 4096 - 64;
        *(uint64_t *)regs.gpr[A_RSP] = BED_RETURN;
        run = bed_go(&regs, true);
        assert_null(bed_compare(&run));
        assert_int_equal(run.regs.rip, BED_RETURN);
        assert_int_equal(run.regs.gpr[A_RAX], (uint64_t)RF_COMMIT_REVOKED << 32);
        assert_int_equal(run.opens, 0);
}

/* Ring 0 may also take the pages first: the store faults, in the guard, and nothing after it has happened. */
static void stopped_at_a_store(void **form)
{
        struct bed_run run;

        bed_plain(RX, form_of(form), 255);
        window->state.ring[RX].ring = BED_RETURN;
        run = bed_commit(RX, 1, true);
        assert_int_equal(run.stop, BED_FAULT);
        assert_int_equal(run.fault, BED_RETURN);
        assert_int_equal(run.pkru, RF_PKRU_OPEN);
        assert_true(guard_contains(run.regs.rip));
        assert_int_equal(window->state.ring[RX].clean, 0);
        assert_int_equal(window->bell[RX][IGB_RDT0 % 4096 / 4], 0xeeeeeeee);
}

static unsigned wrpkru_bytes(const uint8_t *p)
{
        unsigned n = 0;

        for (unsigned i = 0; i + 3 <= 4096; i++)
                n += p[i] == 0x0f && p[i + 1] == 0x01 && p[i + 2] == 0xef;
        return n;
}

static void bytes_of_the_page(void **unused)
{
        static const uint8_t opcodes[2][3] = {{0x0f, 0x01, 0xd9}, {0x0f, 0x01, 0xc1}}; /* VMMCALL, VMCALL */
        static const uint8_t extra[3] = {0x0f, 0x01, 0xef};
        uint8_t page[4096];

        assert_int_equal(guard_page_end - guard_page, 4096);
        for (unsigned i = 0; i < 2; i++) {
                assert_true(guard_build(page, true, opcodes[i]));
                assert_int_equal(wrpkru_bytes(page), 2);
                assert_memory_equal(page + RF_GUARD_HYPERCALL, opcodes[i], 3);
                assert_true(guard_build(page, false, opcodes[i]));
                assert_int_equal(wrpkru_bytes(page), 0);
        }
        assert_false(guard_build(page, true, extra)); /* the check at boot can fail */
        assert_false(guard_build(page, false, extra));
        assert_true(guard_contains(RF_GUARD_VA) && guard_contains(RF_GUARD_VA + 4095));
        assert_false(guard_contains(RF_GUARD_VA - 1) || guard_contains(RF_GUARD_VA + 4096));
}

static void without_keys(void **form)
{
        struct bed_run run;

        bed_load(false);
        bed_plain(RX, form_of(form), 255);
        run = bed_commit(3, 77, true);
        assert_null(bed_compare(&run));
        assert_int_equal(run.hypercalls, 1);
        assert_int_equal(run.hypercall.gpr[A_RAX], RF_HC_COMMIT);
        assert_int_equal(run.hypercall.gpr[A_RDI], 3);
        assert_int_equal(run.hypercall.gpr[A_RSI], 77);
        assert_int_equal(run.opens, 0);
        bed_load(true);
}

/* ---- a second vCPU writes staging while the guard reads it ----------------------------- */

static volatile bool stop_writing;

static void *writer(void *hi)
{
        const struct desc good = {0x1000, *(const uint64_t *)hi};
        static const struct desc bad = {0xffffffff000, 0x00004321a330ffff};

        for (unsigned i = 0; !stop_writing; i++) {
                volatile struct desc *d = &staging[TX][i % 8];

                d->lo = i & 64 ? good.lo : bad.lo;
                d->hi = i & 128 ? good.hi : bad.hi;
        }
        return NULL;
}

static void staging_changes_meanwhile(void **form)
{
        uint64_t good = form_of(form) == e1000_form ? 0x0300003c : 0x000f00002330003c;
        struct guard_ring *r = &window->state.ring[TX];
        unsigned accepted = 0, refused = 0;
        pthread_t thread;

        bed_plain(TX, form_of(form), 7);
        memset(staging[TX], 0, sizeof(staging[TX]));
        stop_writing = false;
        bed_fast = true;
        assert_int_equal(pthread_create(&thread, NULL, writer, &good), 0);
        for (unsigned i = 0; i < 30000; i++) {
                struct bed_run run = bed_commit(TX, (r->clean + 1) & 7, false);
                const struct desc *d = &window->ring[TX][(r->clean - 1) & 7];

                assert_null(run.wrong);
                refused += reason_of(run.regs.gpr[A_RAX]) != RF_COMMIT_OK;
                if (reason_of(run.regs.gpr[A_RAX]) != RF_COMMIT_OK)
                        continue;
                accepted++;
                assert_int_equal(d->lo, 0x1000 + r->bus);
                assert_int_equal(d->hi, good | 1 << 27);
                r->reaped = r->clean;
        }
        stop_writing = true;
        pthread_join(thread, NULL);
        bed_fast = false;
        assert_true(accepted > 100 && refused > 100);
}

static int setup(void **unused)
{
        bed_init();
        return 0;
}

#define ON(f, model, form)                                                                                   \
        {                                                                                                    \
#f " (" model ")", f, NULL, NULL, (void *)(uintptr_t)(form)                                  \
        }
#define BOTH(f) ON(f, "82576", igb_form), ON(f, "82540EM", e1000_form)

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(bytes_of_the_page),
            BOTH(hand_over_and_back),
            BOTH(limit_then_full),
            BOTH(indices_wrap),
            BOTH(arguments),
            BOTH(refusal),
            BOTH(yields_when_asked),
            BOTH(revoked_exit),
            BOTH(stopped_at_a_store),
            BOTH(without_keys),
            BOTH(staging_changes_meanwhile),
            cmocka_unit_test(random_windows),
        };

        return cmocka_run_group_tests(tests, setup, NULL);
}

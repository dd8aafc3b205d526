/* SPDX-License-Identifier: MIT
 *
 * The positive controls of a test build (enum rf_control): each lets through just what its defence stops, in
 * the guard and in its C twin alike. The attacks of tests/attacks count on that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "guard_bed.h"
#include "rf/igb_desc.h"

enum { RX = 0, TX = 1 };

uint32_t active_controls;

static uint64_t commit(unsigned ring, uint32_t tail)
{
        struct bed_run run = bed_commit(ring, tail, false);
        const char *bad = bed_compare(&run);

        if (bad)
                fail_msg("%s", bad);
        assert_int_equal(run.regs.gpr[A_RAX], run.expect);
        return run.regs.gpr[A_RAX];
}

static void with(uint32_t controls)
{
        active_controls = controls;
        bed_load(true);
}

static void no_validate(void **form)
{
        for (unsigned ring = RX; ring <= TX; ring++) {
                bed_plain(ring, *form, 255);
                staging[ring][0].lo = 0xdead000;
                with(0);
                assert_int_equal(commit(ring, 1), (uint64_t)RF_COMMIT_ADDRESS << 32);
                with(RF_CONTROL_NO_VALIDATE);
                assert_int_equal(commit(ring, 1), 1);
                assert_int_equal(window->ring[ring][0].lo, 0x123450000 + 0xdead000);
        }
}

static void no_txflags(void **form)
{
        static const uint64_t forbidden[] = {0x000f0000a330003c, 0x000f000023305000, 0x000040002330003c, 0};

        for (unsigned i = 0; i < 4; i++) {
                bed_plain(TX, *form, 255);
                staging[TX][0] = (struct desc){0, forbidden[i]};
                with(0);
                assert_int_not_equal(commit(TX, 1), 1);
                with(RF_CONTROL_NO_TXFLAGS);
                assert_int_equal(commit(TX, 1), 1);
                assert_int_equal(window->ring[TX][0].hi, forbidden[i] | IGB_TX_RS);
        }
}

/* What attack 18 needs: a slot handed over with the bits the NIC wrote there. */
static void no_reap(void **form)
{
        const struct desc written_back = {0x6666666666660000, 0x003c000100000003}; /* DD in both places */

        bed_plain(RX, *form, 7);
        with(0);
        assert_int_equal(commit(RX, 7), 7);
        window->ring[RX][1] = written_back; /* slot 0 is still the NIC's: nothing comes back */
        assert_int_equal(commit(RX, 2), 7 | (uint64_t)RF_COMMIT_FULL << 32);
        with(RF_CONTROL_NO_REAP);
        assert_int_equal(commit(RX, 2), 2);
        assert_memory_equal(&window->ring[RX][1], &written_back, sizeof(written_back));
        assert_int_equal(window->bell[RX][IGB_RDT0 % 4096 / 4], 2);
}

/* Attack 3 at the closing WRPKRU: with EAX = open it comes round and closes, unless nobody looks. */
static void no_close_check(void **unused)
{
        struct bed_regs regs = {.rip = RF_GUARD_VA + (uint64_t)(guard_close - guard_page)};

        bed_plain(RX, igb_form, 255);
        regs.gpr[A_RAX] = RF_PKRU_OPEN;
        regs.gpr[A_RSP] = BED_STACK + 64;
        *(uint64_t *)regs.gpr[A_RSP] = BED_RETURN;
        for (unsigned off = 0; off < 2; off++) {
                struct bed_run run;

                with(off ? RF_CONTROL_NO_CLOSE_CHECK : 0);
                run = bed_go(&regs, true);
                assert_int_equal(run.regs.rip, BED_RETURN);
                assert_int_equal(run.pkru, off ? RF_PKRU_OPEN : RF_PKRU_CLOSED);
                assert_int_equal(bed_compare(&run) != NULL, off);
        }
        with(0);
}

/* The twins agree under every combination. */
static void random_windows(void **unused)
{
        bed_fast = true;
        for (unsigned i = 0; i < 40000; i++) {
                if (i % 8 == 0)
                        bed_random();
                if (i % 500 == 0)
                        with((uint32_t)bed_rand() &
                             (RF_CONTROL_NO_VALIDATE | RF_CONTROL_NO_TXFLAGS | RF_CONTROL_NO_REAP));
                (void)commit(bed_ring[bed_below(BED_RINGS)], (uint32_t)bed_below(256));
        }
        bed_fast = false;
        with(0);
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
            BOTH(no_validate),
            BOTH(no_txflags),
            BOTH(no_reap),
            cmocka_unit_test(no_close_check),
            cmocka_unit_test(random_windows),
        };

        return cmocka_run_group_tests(tests, setup, NULL);
}

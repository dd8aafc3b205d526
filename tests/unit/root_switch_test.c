/* SPDX-License-Identifier: MIT
 * The switch of hv/root, with its ports and its wire: where frames go, what is believed, shares, sleep. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "root_switch_bed.h"

/* ---- where frames go ------------------------------------------------------------------------- */

static void between_guests(void **unused)
{
        const unsigned lengths[] = {17, 59, 60, 63, 64, 65, 1513, 1514};

        give_buffers(1, 40);
        for (unsigned i = 0; i < 8; i++) {
                memset(pool(1) + i * 2048, 0xaa, 2048);
                send(0, 2, 1, lengths[i]);
        }
        run();
        for (unsigned i = 0; i < 8; i++) {
                expect(1, i, 2, 1, lengths[i]);
                assert_int_equal(pool(1)[i * 2048 + (lengths[i] < 60 ? 60 : lengths[i])], 0xaa);
                assert_true(tx_done(0, i));
        }
        assert_int_equal(sent_on_wire(), 0);
        assert_int_equal(switch_counters(&g[0]).tx_frames, 8);
        assert_int_equal(switch_counters(&g[1]).rx_frames, 8);
        assert_int_equal(switch_counters(&g[1]).rx_bytes, switch_counters(&g[0]).tx_bytes);
        assert_int_equal(got(2, 0), 0);
}

static void to_and_from_the_wire(void **unused)
{
        give_buffers(0, 40);
        give_buffers(1, 40);
        receive_from_wire(0, 1, 1514);
        receive_from_wire(1, 9, 100); /* of nobody */
        receive_from_wire(2, 255, 60);
        send(1, 77, 2, 42);
        run();
        expect(0, 0, 1, 99, 1514);
        expect(0, 1, 255, 99, 60);
        expect(1, 0, 255, 99, 60);
        assert_int_equal(got(1, 1), 0);
        assert_int_equal(switch_strays(), 1);
        assert_int_equal(switch_counters(&g[2]).rx_drops, 1); /* no buffer for the broadcast */
        assert_int_equal(k.wire_clean[RX_RING], SLOTS + 3);   /* buffers are given again */
        assert_int_equal(sent_on_wire(), 1);
        assert_true(wire_ring(TX_RING)[0].lo == 256 * 2048);
        assert_true(wire_ring(TX_RING)[0].hi ==
                    (IGB_TX_FIXED | IGB_TX_RS | 60 | 60ull << IGB_TX_PAYLEN_SHIFT));
        assert_int_equal(((uint8_t *)at(RF_ROOT_POOL + 256 * 2048))[41], (uint8_t)(41 * 7 + 42));
        assert_int_equal(((uint8_t *)at(RF_ROOT_POOL + 256 * 2048))[42], 0);
}

static void broadcast_to_all_others(void **unused)
{
        for (unsigned i = 0; i < 3; i++)
                give_buffers(i, 4);
        send(1, 255, 2, 200);
        run();
        expect(0, 0, 255, 2, 200);
        expect(2, 0, 255, 2, 200);
        assert_int_equal(got(1, 0), 0);
        assert_int_equal(sent_on_wire(), 1);
        assert_int_equal(switch_counters(&g[1]).tx_frames, 1);
}

/* The NIC turns a broadcast round to us, who sent it for a guest: nobody gets it twice, nor its sender once.
 */
static void our_own_from_the_wire(void **unused)
{
        give_buffers(0, 4);
        give_buffers(1, 4);
        make_frame(at(RF_ROOT_POOL), 255, 2, 60);
        wire_ring(RX_RING)[0].hi = 3 | 60ull << 32;
        run();
        assert_int_equal(got(0, 0) + got(1, 0), 0);
        assert_int_equal(switch_reflected(), 1);
}

static void forged_and_to_itself(void **unused)
{
        struct rf_host *host = at(RF_ROOT_HOST);

        give_buffers(1, 4);
        give_buffers(0, 4);
        send(0, 2, 3, 100);
        send(0, 1, 1, 100);
        run();
        assert_int_equal(got(1, 0) + got(0, 0), 0);
        assert_true(tx_done(0, 0) && tx_done(0, 1));
        assert_int_equal(switch_dropped(&g[0], SWITCH_SPOOFED), 1);
        assert_int_equal(switch_dropped(&g[0], SWITCH_STRAY), 1);
        assert_int_equal(switch_counters(&g[0]).tx_frames, 0);
        host->controls = RF_CONTROL_NO_SPOOF_CHECK;
        send(0, 2, 3, 100);
        run();
        expect(1, 0, 2, 3, 100);
}

/* ---- what no guard lets through, believed all the same by nobody ------------------------------- */

static void descriptors_out_of_bounds(void **unused)
{
        const uint64_t bad[][2] = {{POOL - 2047, 60}, {POOL, 60}, {UINT64_MAX, 60}, {1ull << 63, 60}, {0, 0},
                                   {0, 16},           {0, 1515},  {0, 0xffff}};

        give_buffers(1, 40);
        for (unsigned i = 0; i < 8; i++)
                hand_over(0, bad[i][0], bad[i][1]);
        send(0, 2, 1, 60);
        run();
        assert_int_equal(switch_dropped(&g[0], SWITCH_BAD), 8);
        for (unsigned i = 0; i < 9; i++)
                assert_true(tx_done(0, i));
        expect(1, 0, 2, 1, 60);
        assert_int_equal(got(1, 1), 0);
}

static void buffers_out_of_bounds(void **unused)
{
        const uint64_t bad[] = {POOL - 2047, POOL, UINT64_MAX};

        for (unsigned i = 0; i < 3; i++)
                ring(1, RF_SOFT_RX)[i].lo = bad[i];
        state_of(1)->ring[RX_RING].clean = 3;
        give_buffers(1, 1);
        for (unsigned i = 0; i < 4; i++)
                send(0, 2, 1, 60);
        run();
        for (unsigned i = 0; i < 3; i++)
                assert_int_equal((uint32_t)ring(1, RF_SOFT_RX)[i].hi, 0x80000003);
        expect(1, 3, 2, 1, 60);
}

static void indices_out_of_bounds(void **unused)
{
        state_of(0)->ring[TX_RING].clean = 256;
        state_of(1)->ring[RX_RING].clean = 0x80000000;
        send(2, 2, 3, 60);
        run();
        assert_int_equal(switch_dropped(&g[0], SWITCH_BAD), 0);
        assert_int_equal(switch_counters(&g[1]).rx_drops, 1);
}

static void damaged_on_the_wire(void **unused)
{
        give_buffers(0, 4);
        receive_from_wire(0, 1, 100);
        wire_ring(RX_RING)[0].hi |= 1u << 31;
        receive_from_wire(1, 1, 1515);
        receive_from_wire(2, 1, 100);
        run();
        expect(0, 0, 1, 99, 100);
        assert_int_equal(got(0, 1), 0);
}

/* ---- shares ---------------------------------------------------------------------------------- */

static void a_round_is_shared(void **unused)
{
        give_buffers(2, SLOTS);
        for (int i = 0; i < 200; i++)
                send(0, 3, 1, 60);
        for (int i = 0; i < 5; i++)
                send(1, 3, 2, 60);
        assert_int_equal(switch_run(UINT64_MAX), 0);
        assert_int_equal(switch_counters(&g[1]).tx_frames, 5);
        assert_int_equal(switch_counters(&g[0]).tx_frames, BATCH);
        run();
        assert_int_equal(switch_counters(&g[0]).tx_frames, 200);
}

/* A flood from next door leaves an eighth of the buffers to what comes from outside. */
static void the_wire_finds_buffers(void **unused)
{
        give_buffers(1, 80);
        for (int i = 0; i < 100; i++)
                send(0, i % 2 ? 2 : 255, 1, 60);
        run();
        assert_int_equal(switch_counters(&g[1]).rx_frames, 70);
        assert_int_equal(switch_counters(&g[1]).rx_drops, 30);
        for (uint32_t i = 0; i < 12; i++)
                receive_from_wire(i, 2, 60);
        run();
        assert_int_equal(switch_counters(&g[1]).rx_frames, 80);
}

/* A broadcast costs its sender as many places in the round as it makes copies. */
static void broadcasts_cost_more(void **unused)
{
        for (int i = 0; i < 200; i++)
                send(0, 255, 1, 60);
        assert_int_equal(switch_run(UINT64_MAX), 0);
        assert_int_equal(switch_counters(&g[0]).tx_frames, (BATCH + 2) / 3);
        assert_int_equal(switch_counters(&g[1]).rx_drops, (BATCH + 2) / 3);
}

static void a_full_wire_keeps_frames_and_sleep_short(void **unused)
{
        uint64_t until;

        k.wire_stuck = true;
        give_buffers(2, 10);
        for (int i = 0; i < 254; i++)
                send(0, 77, 1, 60);
        run();
        assert_int_equal(switch_counters(&g[0]).tx_frames, 254);
        for (int i = 0; i < 10; i++)
                send(0, 77, 1, 60);
        send(1, 3, 2, 60);
        run();
        assert_int_equal(switch_counters(&g[0]).tx_frames, 255);
        expect(2, 0, 3, 2, 60); /* others are not held up */
        while ((until = switch_run(UINT64_MAX)) == 0)
                ;
        assert_true(until - tsc_now() < 2000000);
        k.wire_stuck = false;
        run();
        for (unsigned i = 0; i < 255; i++)
                wire_ring(TX_RING)[i].hi |= 1ull << 32;
        run();
        assert_int_equal(switch_counters(&g[0]).tx_frames, 264);
}

/* ---- sleep ----------------------------------------------------------------------------------- */

static void who_waits_is_woken_once(void **unused)
{
        give_buffers(1, 10);
        give_buffers(2, 10);
        state_of(1)->waiting = 1;
        for (int i = 0; i < 5; i++) {
                send(0, 2, 1, 60);
                send(0, 3, 1, 60);
        }
        assert_int_equal(switch_run(UINT64_MAX), 0);
        state_of(1)->waiting = 0; /* ring 0 */
        run();
        assert_int_equal(k.wakes[1], 1);
        assert_int_equal(k.wakes[0] + k.wakes[2], 0);
}

static void late_frame(void)
{
        k.on_arm = NULL;
        send(0, 2, 1, 60);
}

static void armed_before_the_last_look(void **unused)
{
        give_buffers(1, 10);
        k.on_arm = late_frame;
        while (k.arms == 0)
                assert_int_equal(switch_run(1000), 0);
        expect(1, 0, 2, 1, 60); /* found by the look after arming, and then root did not sleep */
        k.arms = 0;
        k.arm_result = 1; /* ring 0 says a frame is there */
        while (k.arms < 3)
                assert_int_equal(switch_run(1000), 0);
        k.arm_result = 0;
        assert_int_equal(switch_run(1000), 1000);
        over(NULL);
        k.arms = 0;
        assert_int_equal(switch_run(1000), 1000); /* nobody here: nothing to arm */
        assert_int_equal(k.arms, 0);
}

/* ---- coming and going ------------------------------------------------------------------------ */

static void a_guest_comes_and_goes(void **unused)
{
        give_buffers(3, 4);
        send(0, 4, 1, 60);
        run();
        assert_int_equal(sent_on_wire(), 1); /* nobody's address yet */
        k.fail_at = k.calls + 1;
        assert_int_equal(switch_attach(&g[3]), -RF_ENOMEM);
        assert_int_equal(switch_attach(&g[3]), 0);
        send(0, 4, 1, 60);
        run();
        expect(3, 0, 4, 1, 60);
        switch_detach(&g[3]);
        munmap(ring(3, 0), 3 * RF_PAGE_SIZE); /* as ring 0 does */
        send(0, 4, 1, 60);
        send(0, 255, 1, 60);
        run();
        assert_int_equal(switch_counters(&g[0]).tx_frames, 4);
        assert_int_equal(switch_counters(&g[3]).rx_frames, 1); /* the totals stay */
}

static void what_came_meanwhile_is_old(void **unused)
{
        over(NULL);
        receive_from_wire(0, 1, 60);
        assert_int_equal(switch_attach(&g[0]), 0);
        memset(state_of(0), 0, RF_PAGE_SIZE);
        give_buffers(0, 4);
        run();
        assert_int_equal(switch_counters(&g[0]).rx_frames, 0);
}

static void the_other_nic(void **unused)
{
        k.wire_clean[0] = k.wire_clean[1] = 0;
        assert_int_equal(wire_start(0, 0, RF_NIC_82540EM), 0);
        give_buffers(0, 4);
        make_frame(at(RF_ROOT_POOL), 1, 99, 100);
        wire_ring(RX_RING)[0].hi = 100 | 3ull << 32;
        wire_ring(RX_RING)[1].hi = 100 | 3ull << 32 | 1ull << 40; /* a CRC error */
        send(0, 77, 1, 60);
        run();
        expect(0, 0, 1, 99, 100);
        assert_int_equal(got(0, 1), 0);
        assert_true(wire_ring(TX_RING)[0].hi == (E1000_TX_FIXED | E1000_TX_RS | 60));
}

/* Anything in rings, states and pools: the switch stays within its bounds, and a round within its length. */
static void anything_at_all(void **unused)
{
        srandom(5);
        for (int n = 0; n < 20000; n++) {
                unsigned guest = (unsigned)random() % 3, which = (unsigned)random() % 2;
                struct port_desc *d = &ring(guest, which)[random() & MASK];
                uint32_t *clean = &state_of(guest)->ring[which].clean, before;

                d->lo = random() % 4 ? (uint64_t)random() % POOL / 2048 * 2048
                                     : (uint64_t)random() << (random() % 34);
                d->hi = random() % 2 ? (uint64_t)random() << (random() % 34)
                                     : IGB_TX_FIXED | (uint64_t)(random() % 1600);
                before = *clean + (uint32_t)(random() % 8);
                *clean = random() % 50 == 0 ? (uint32_t)random() : before;
                make_frame(pool(guest) + d->lo % POOL / 2048 * 2048, (unsigned)random() % 5, guest + 1, 20);
                (void)switch_run(UINT64_MAX);
                *clean = before;
        }
        assert_true(switch_counters(&g[0]).tx_frames > 100);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, over)

int main(void)
{
        const struct CMUnitTest tests[] = {
            TEST(between_guests),
            TEST(to_and_from_the_wire),
            TEST(broadcast_to_all_others),
            TEST(our_own_from_the_wire),
            TEST(forged_and_to_itself),
            TEST(descriptors_out_of_bounds),
            TEST(buffers_out_of_bounds),
            TEST(indices_out_of_bounds),
            TEST(damaged_on_the_wire),
            TEST(a_round_is_shared),
            TEST(the_wire_finds_buffers),
            TEST(broadcasts_cost_more),
            TEST(a_full_wire_keeps_frames_and_sleep_short),
            TEST(who_waits_is_woken_once),
            TEST(armed_before_the_last_look),
            TEST(a_guest_comes_and_goes),
            TEST(what_came_meanwhile_is_old),
            TEST(the_other_nic),
            TEST(anything_at_all),
        };

        return cmocka_run_group_tests_name("the switch", tests, NULL, NULL);
}

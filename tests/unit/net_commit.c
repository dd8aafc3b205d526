/* SPDX-License-Identifier: MIT
 * The commit form: what it makes of each answer of the guard. */
#include "net_bed.h"

static struct rf_net *net;

static int set_up(void **state)
{
        bed_make(BED_BUFFERS);
        assert_int_equal(rf_net_open(&net, 0), 0);
        return 0;
}

static int tear_down(void **state)
{
        bed_free();
        return 0;
}

static void send_one(void)
{
        struct rf_frame f;

        assert_int_equal(rf_net_alloc(net, &f), 0);
        f.length = 60;
        assert_int_equal(rf_net_tx_burst(net, &f, 1), 1);
}

static void test_commit_full_then_room(void **state)
{
        bed->refuse = RF_COMMIT_FULL;
        bed->refuse_count = 6; /* more than one burst tries */
        send_one();
        assert_int_equal(bed_nic_send(10), 0);
        assert_int_equal(rf_net_stats(net)->stalls, 1);
        send_one(); /* hands both over */
        assert_int_equal(bed_nic_send(10), 2);
        assert_int_equal(rf_net_error(net), 0);
}

static void test_commit_ends(uint32_t reason, int error)
{
        struct rf_frame f;
        uint8_t data[60] = {0};

        bed->refuse = reason;
        bed->refuse_count = 1;
        send_one();
        assert_int_equal(rf_net_error(net), error);
        assert_int_equal(rf_net_tx_room(net), 0);
        assert_int_equal(rf_net_wait(net, 1000), error);
        bed_nic_receive(data, sizeof(data));
        assert_int_equal(rf_net_tx_burst(net, &f, 1), 0);
}

static void test_commit_revoked(void **state)
{
        test_commit_ends(RF_COMMIT_REVOKED, -RF_EREVOKED);
}

static void test_commit_refused(void **state)
{
        test_commit_ends(RF_COMMIT_ADDRESS, -RF_EINVAL);
}

static void test_one_commit_a_burst(void **state)
{
        unsigned before = bed->commits;
        struct rf_frame f[32];

        for (unsigned i = 0; i < 32; i++) {
                assert_int_equal(rf_net_alloc(net, &f[i]), 0);
                f[i].length = 100;
        }
        assert_int_equal(rf_net_tx_burst(net, f, 32), 32);
        assert_int_equal(bed->commits, before + 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
            TEST(test_commit_full_then_room),
            TEST(test_commit_revoked),
            TEST(test_commit_refused),
            TEST(test_one_commit_a_burst),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * An NIC that answers nonsense: all ones (it is gone from the bus), all zeros, anything at random; and one
 * that refuses writes. Both libraries of both models must come back from it soon, and say so where nothing
 * can have worked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "regs.h"
#include "rf/e1000_ctl.h"
#include "rf/igb_ctl.h"

enum { LIMIT_US = 5000000, LIMIT_ACCESSES = 100000, ROUNDS = 2000 };
enum mode { ONES, ZEROS, RANDOM, REFUSES };

static struct {
        enum mode mode;
        uint64_t slept, accesses;
} fake;

static uint32_t fake_read(void *ctx, uint32_t off)
{
        fake.accesses++;
        return fake.mode == ONES    ? ~0u
               : fake.mode == ZEROS ? 0
                                    : (uint32_t)random() << 1 ^ (uint32_t)random();
}

static int fake_write(void *ctx, uint32_t off, uint32_t val)
{
        fake.accesses++;
        return fake.mode == REFUSES ? -RF_EREFUSED : 0;
}

static void fake_delay(void *ctx, unsigned us)
{
        fake.slept += us;
}

static const struct nic_io io = {NULL, fake_read, fake_write, fake_delay, NULL};
static const uint8_t mac[6] = {0x52, 0x54, 0, 0x77, 1, 1};

static int start(enum mode mode)
{
        memset(&fake, 0, sizeof(fake));
        fake.mode = mode;
        return 0;
}

static void ended(void)
{
        assert_true(fake.slept <= LIMIT_US);
        assert_true(fake.accesses <= LIMIT_ACCESSES);
}

static void everything_of_the_82576(void)
{
        struct nic_counters counters = {0};
        uint8_t read[6];

        igb_ctl_permanent_mac(&io, read);
        igb_ctl_init(&io);
        igb_ctl_set_mac(&io, 3, mac);
        igb_ctl_pool_enable(&io, 3, true);
        igb_ctl_link_up(&io);
        igb_ctl_stats(&io, 3, &counters);
        igb_queue_setup(&io, 3, 0x1000, 0x2000);
        igb_queue_enable(&io, 3);
        igb_queue_disable(&io, 3);
        igb_ctl_clear_mac(&io, 3);
}

static void everything_of_the_82540em(void)
{
        struct nic_counters counters = {0};
        uint8_t read[6];

        e1000_ctl_permanent_mac(&io, read);
        e1000_reset(&io);
        e1000_ctl_init(&io);
        e1000_ctl_mac(&io, 0, mac);
        e1000_queue_setup(&io, 0, 0x1000, 0x2000);
        e1000_queue_enable(&io, 0);
        e1000_ctl_open(&io);
        e1000_ctl_link_up(&io);
        e1000_ctl_stats(&io, &counters);
        e1000_ctl_close(&io);
        e1000_queue_disable(&io, 0);
}

static void nothing_waits_for_ever(void **state)
{
        for (enum mode mode = ONES; mode <= REFUSES; mode++) {
                start(mode);
                everything_of_the_82576();
                ended();
                start(mode);
                everything_of_the_82540em();
                ended();
        }
        srandom(1);
        for (unsigned i = 0; i < ROUNDS; i++) {
                start(RANDOM);
                everything_of_the_82576();
                everything_of_the_82540em();
                ended();
        }
}

/* Who drives such an NIC is told: it does not start, no queue of it is handed out, and none comes back from
 * it. */
static void one_that_is_gone_is_told(void **state)
{
        start(ONES);
        assert_int_equal(e1000_reset(&io), -RF_ETIMEDOUT);
        assert_true(e1000_queue_enable(&io, 0) < 0);
        assert_true(e1000_queue_disable(&io, 0) < 0);
        assert_true(igb_queue_enable(&io, 0) < 0);
        assert_true(igb_queue_disable(&io, 0) < 0);
}

static void a_refusal_is_passed_on(void **state)
{
        start(REFUSES);
        assert_int_equal(igb_ctl_init(&io), -RF_EREFUSED);
        assert_int_equal(igb_ctl_set_mac(&io, 0, mac), -RF_EREFUSED);
        assert_int_equal(igb_queue_setup(&io, 0, 0x1000, 0x2000), -RF_EREFUSED);
        assert_int_equal(e1000_ctl_init(&io), -RF_EREFUSED);
        assert_int_equal(e1000_ctl_mac(&io, 0, mac), -RF_EREFUSED);
        assert_int_equal(e1000_queue_setup(&io, 0, 0x1000, 0x2000), -RF_EREFUSED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(nothing_waits_for_ever),
            cmocka_unit_test(one_that_is_gone_is_told),
            cmocka_unit_test(a_refusal_is_passed_on),
        };

        return cmocka_run_group_tests_name("nic that answers nonsense", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 * meter's book-keeping: sequence numbers, loss, duplicates, corruption, latency percentiles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../guestdrv/apps/stream.h"

enum { BYTES = 200, TIMEOUT = 1000 };

static struct stream *s;
static uint8_t data[8192][BYTES];

static int set_up(void **state)
{
        s = calloc(1, sizeof(*s));
        s->run = 0x1234;
        return s == NULL;
}

static int tear_down(void **state)
{
        free(s);
        return 0;
}

static void send(unsigned seq, uint64_t now)
{
        stream_send(s, data[seq], STREAM_HEADER + seq % (BYTES - STREAM_HEADER + 1), now);
}

static void receive(unsigned seq, uint64_t now)
{
        stream_receive(s, data[seq], STREAM_HEADER + seq % (BYTES - STREAM_HEADER + 1), now);
}

static void test_all_well(void **state)
{
        for (unsigned i = 0; i < 8192; i++) {
                assert_true(stream_may_send(s, 1));
                send(i, 10000 * i);
                assert_false(stream_may_send(s, 1));
                receive(i, 10000 * i + 500);
                assert_true(stream_expire(s, 10000 * i + 501, TIMEOUT) == UINT64_MAX);
        }
        assert_int_equal(s->received, 8192);
        assert_int_equal(s->lost + s->late + s->duplicates + s->corrupt + s->stray, 0);
        assert_int_equal(s->oldest, 8192);
        assert_int_equal(s->latency.max, 500);
        assert_in_range(stream_rate(s), 99900, 100100);
}

static void test_loss_and_late(void **state)
{
        for (unsigned i = 0; i < 10; i++)
                send(i, 100 + i);
        for (unsigned i = 0; i < 10; i += 2)
                receive(i, 200);
        assert_int_equal(stream_expire(s, 200, TIMEOUT), 101 + TIMEOUT);
        assert_int_equal(stream_expire(s, 103 + TIMEOUT, TIMEOUT), 105 + TIMEOUT);
        assert_int_equal(s->lost, 2);
        assert_true(stream_expire(s, 5000, TIMEOUT) == UINT64_MAX);
        assert_int_equal(s->lost, 5);
        assert_int_equal(s->out, 0);
        receive(3, 6000);
        assert_int_equal(s->lost, 4);
        assert_int_equal(s->late, 1);
        assert_int_equal(s->received, 6);
}

static void test_duplicates(void **state)
{
        send(0, 0);
        receive(0, 10);
        receive(0, 20);
        receive(0, 5000);
        assert_int_equal(s->received, 1);
        assert_int_equal(s->duplicates, 2);
        assert_int_equal(s->out, 0);
}

static void test_every_byte_counts(void **state)
{
        unsigned seq = 150, bytes = STREAM_HEADER + seq;

        for (unsigned i = 0; i <= seq; i++)
                send(i, i);
        for (unsigned at = 0; at < bytes; at++) {
                data[seq][at] ^= 0x10;
                stream_receive(s, data[seq], bytes, 1000);
                data[seq][at] ^= 0x10;
        }
        stream_receive(s, data[seq], bytes - 1, 1000);
        assert_int_equal(s->received, 0);
        assert_int_equal(s->corrupt + s->stray, bytes + 1);
        stream_receive(s, data[seq], bytes, 1000);
        assert_int_equal(s->received, 1);
}

static void test_strays(void **state)
{
        static uint8_t zeros[BYTES];

        send(0, 0);
        stream_receive(s, zeros, 0, 1);
        stream_receive(s, data[0], STREAM_HEADER - 1, 1);
        stream_receive(s, zeros, BYTES, 1);
        data[0][9] = 77; /* never sent */
        stream_receive(s, data[0], STREAM_HEADER, 1);
        assert_int_equal(s->stray, 4);
        assert_int_equal(s->out, 1);
}

/* One frame that never settles holds the sender up before its slot would be used again. */
static void test_slots_are_not_reused(void **state)
{
        unsigned i;

        send(0, 0);
        for (i = 1; stream_may_send(s, 100); i++) {
                send(i, 1);
                receive(i, 2);
                stream_expire(s, 3, TIMEOUT);
        }
        assert_int_equal(i, STREAM_SLOTS);
        stream_expire(s, 5000, TIMEOUT);
        assert_int_equal(s->lost, 1);
        assert_true(stream_may_send(s, 100));
}

static void test_histogram(void **state)
{
        static struct histogram h;

        assert_int_equal(histogram_percentile(&h, 50), 0);
        for (uint64_t v = 1; v <= 10000; v++)
                histogram_add(&h, v);
        assert_in_range(histogram_percentile(&h, 50), 5000, 5000 * 17 / 16);
        assert_in_range(histogram_percentile(&h, 99), 9900, 10000);
        assert_int_equal(histogram_percentile(&h, 100), 10000);
        assert_int_equal(h.max, 10000);
        h = (struct histogram){0};
        histogram_add(&h, 0);
        histogram_add(&h, UINT64_MAX);
        assert_int_equal(histogram_percentile(&h, 50), 0);
        assert_true(histogram_percentile(&h, 51) == UINT64_MAX);
        h = (struct histogram){0};
        for (unsigned bit = 0; bit < 64; bit++)
                histogram_add(&h, 1ull << bit);
        for (unsigned bit = 4; bit < 63; bit++) {
                uint64_t p = histogram_percentile(&h, (bit + 1) * 100 / 64),
                         v = 1ull << ((bit + 1) * 100 / 64 * 64 / 100);

                assert_true(p >= v / 2 && p <= 2 * v + v / 8);
        }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
            TEST(test_all_well),
            TEST(test_loss_and_late),
            TEST(test_duplicates),
            TEST(test_every_byte_counts),
            TEST(test_strays),
            TEST(test_histogram),
            TEST(test_slots_are_not_reused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 * Internet checksums, and the UDP frames built with them, against a slow implementation that follows the RFC.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../guestdrv/net/stack.h"
#include "net_frames.h"

static void test_sum(void **state)
{
        uint8_t data[101];

        srand(1);
        for (unsigned round = 0; round < 20000; round++) {
                unsigned n = (unsigned)rand() % (sizeof(data) + 1);

                for (unsigned i = 0; i < n; i++)
                        data[i] = rand() % 4 == 0 ? 0xff : (uint8_t)rand();
                assert_int_equal(net_fold(net_sum(data, n, 0)), slow_checksum(data, n, 0));
        }
        /* RFC 1071, section 3: the sum of these is ddf2 */
        assert_int_equal(net_fold(net_sum((const uint8_t *)"\x00\x01\xf2\x03\xf4\xf5\xf6\xf7", 8, 0)),
                         0xffff - 0xddf2);
}

static void test_change(void **state)
{
        uint8_t data[20], sum[2];

        for (unsigned round = 0; round < 20000; round++) {
                uint16_t was, is = (uint16_t)rand();
                unsigned at = (unsigned)rand() % 10 * 2;

                for (unsigned i = 0; i < sizeof(data); i++)
                        data[i] = (uint8_t)rand();
                data[(at + 2) % 20] = 0x11; /* all zeros have two checksums */
                put_be(sum, slow_checksum(data, sizeof(data), 0), 2);
                was = (uint16_t)get_be(data + at, 2);
                put_be(data + at, is, 2);
                net_checksum_change(sum, was, is);
                assert_int_equal(get_be(sum, 2), slow_checksum(data, sizeof(data), 0));
        }
}

static void test_build_udp(void **state)
{
        struct net_flow flow = {.src_ip = IP_US, .dst_ip = IP_PEER, .src_port = 7, .dst_port = 9};

        for (uint32_t bytes = 0; bytes <= 1472; bytes += 1 + bytes / 3) {
                struct frame g = {.length = 0};
                struct rf_frame f = {g.data, 0, 0};

                put_be(flow.src_mac, MAC_US, 6);
                put_be(flow.dst_mac, MAC_PEER, 6);
                memset(g.data + 42, (int)bytes, bytes);
                net_build_udp(&f, &flow, bytes);
                assert_int_equal(f.length, 42 + bytes);
                assert_int_equal(slow_checksum(g.data + 14, 20, 0), 0);
                assert_int_equal(udp_checksum(&g), 0);
                assert_int_equal(get_be(g.data, 6), MAC_PEER);
                assert_int_equal(get_be(g.data + 16, 2), 28 + bytes);
        }
}

/* A sum of 0 goes out as its other form, all ones: 0 on the wire means that there is none. */
static void test_no_zero_checksum(void **state)
{
        struct net_flow flow = {.src_ip = IP_US, .dst_ip = IP_PEER, .src_port = 7, .dst_port = 9};
        unsigned ones = 0;

        for (uint32_t v = 0; v < 65536; v++) {
                struct frame g = {.length = 0};
                struct rf_frame f = {g.data, 0, 0};

                put_be(g.data + 42, v, 2);
                net_build_udp(&f, &flow, 2);
                assert_int_not_equal(get_be(g.data + 40, 2), 0);
                ones += get_be(g.data + 40, 2) == 0xffff;
        }
        assert_int_equal(ones, 1); /* for one value of the data */
}

static void test_udp_checksum_ok(void **state)
{
        struct frame f = udp_frame(MAC_PEER, IP_US, IP_PEER, 5, 6, 33);
        struct net_ipv4 ip;
        struct net_udp u;

        assert_int_equal(net_parse_ipv4(f.data, f.length, &ip), NET_OK);
        assert_int_equal(net_parse_udp(&ip, &u), NET_OK);
        assert_int_equal(u.data_bytes, 33);
        assert_true(net_udp_checksum_ok(&ip, &u));
        f.data[74] ^= 1; /* the odd byte at the end */
        assert_false(net_udp_checksum_ok(&ip, &u));
        put_be(f.data + 40, 0, 2);
        assert_true(net_udp_checksum_ok(&ip, &u));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_sum),
            cmocka_unit_test(test_change),
            cmocka_unit_test(test_build_udp),
            cmocka_unit_test(test_no_zero_checksum),
            cmocka_unit_test(test_udp_checksum_ok),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 * Parsers and the small stack, against right, wrong and random frames. Every frame lies at the end
 * of an allocation of just its length, so that the sanitizer sees each byte read too far. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../guestdrv/net/stack.h"
#include "net_frames.h"

static struct net_stack stack;
static struct rf_frame out; /* what net_input left; data is freed by the next call */

static int set_up(void **state)
{
        stack = (struct net_stack){.ip = IP_US, .mac = {0x52, 0x54, 0, 0x77, 1, 1}};
        return 0;
}

static int tear_down(void **state)
{
        free(out.data);
        out.data = NULL;
        return 0;
}

static enum net_verdict input(const struct frame *f)
{
        free(out.data);
        out = (struct rf_frame){malloc(f->length > 0 ? f->length : 1), f->length, 0};
        assert_non_null(out.data);
        memcpy(out.data, f->data, f->length);
        return net_input(&stack, &out);
}

static void expect_drop(const struct frame *f, enum net_reason why)
{
        uint64_t before = stack.drops[why];

        assert_int_equal(input(f), NET_FREE);
        assert_int_equal(stack.drops[why], before + 1);
}

/* ---- what is answered
 * ---------------------------------------------------------------------------------------- */

static void test_udp_echo(void **state)
{
        for (uint32_t bytes = 0; bytes <= 1472; bytes += 1 + bytes / 2) {
                struct frame f = udp_frame(MAC_PEER, IP_US, IP_PEER, 5000, 7, bytes), g;

                assert_int_equal(input(&f), NET_SEND);
                assert_int_equal(out.length, f.length);
                g = f;
                memcpy(g.data, out.data, out.length);
                assert_memory_equal(g.data + 42, f.data + 42, bytes);
                assert_int_equal(get_be(g.data, 6), MAC_PEER);
                assert_int_equal(get_be(g.data + 6, 6), MAC_US);
                assert_int_equal(get_be(g.data + 26, 4), IP_US);
                assert_int_equal(get_be(g.data + 30, 4), IP_PEER);
                assert_int_equal(get_be(g.data + 34, 4), 7u << 16 | 5000);
                assert_int_equal(g.data[22], 63);
                assert_int_equal(slow_checksum(g.data + 14, 20, 0), 0);
                assert_int_equal(udp_checksum(&g), 0);
        }
}

static void test_udp_echo_ends_loops(void **state)
{
        struct frame f = udp_frame(MAC_PEER, IP_US, IP_PEER, 7, 7, 10);

        f.data[22] = 2;
        fix_ip(&f);
        assert_int_equal(input(&f), NET_SEND);
        f.data[22] = 1;
        fix_ip(&f);
        expect_drop(&f, NET_TTL);
        f.data[22] = 0;
        fix_ip(&f);
        expect_drop(&f, NET_TTL);
}

static void test_trailer_is_cut(void **state)
{
        struct frame f = udp_frame(MAC_PEER, IP_US, IP_PEER, 5000, 7, 4);

        f.length = 60;
        assert_int_equal(input(&f), NET_SEND);
        assert_int_equal(out.length, 46);
}

static void test_ping(void **state)
{
        for (uint32_t bytes = 0; bytes <= 1472; bytes += 1 + bytes / 2) {
                struct frame f = icmp_frame(IP_US, IP_PEER, bytes);

                assert_int_equal(input(&f), NET_SEND);
                assert_int_equal(out.data[34], 0);
                assert_int_equal(slow_checksum(out.data + 34, 8 + bytes, 0), 0);
                assert_int_equal(slow_checksum(out.data + 14, 20, 0), 0);
                assert_memory_equal(out.data + 38, f.data + 38, 4 + bytes);
                assert_int_equal(get_be(out.data + 30, 4), IP_PEER);
        }
}

static void test_arp_request(void **state)
{
        struct frame f = arp_frame(1, MAC_PEER, IP_PEER, IP_US);
        struct net_neighbour *n;

        assert_int_equal(input(&f), NET_SEND);
        assert_int_equal(out.length, 42);
        assert_int_equal(get_be(out.data, 6), MAC_PEER);
        assert_int_equal(get_be(out.data + 6, 6), MAC_US);
        assert_int_equal(get_be(out.data + 20, 2), 2);
        assert_int_equal(get_be(out.data + 22, 6), MAC_US);
        assert_int_equal(get_be(out.data + 28, 4), IP_US);
        assert_int_equal(get_be(out.data + 32, 6), MAC_PEER);
        assert_int_equal(get_be(out.data + 38, 4), IP_PEER);
        n = net_neighbour(&stack, IP_PEER);
        assert_true(n->known);
        assert_int_equal(get_be(n->mac, 6), MAC_PEER);
}

static void test_arp_learning(void **state)
{
        struct frame f = arp_frame(2, MAC_NEXT, IP_NEXT, IP_US), probe = arp_frame(1, MAC_PEER, 0, IP_US);
        struct net_neighbour *n = net_neighbour(&stack, IP_NEXT);

        n->keep = true;
        assert_int_equal(input(&f), NET_FREE);
        assert_true(n->known);
        assert_int_equal(get_be(n->mac, 6), MAC_NEXT);
        assert_int_equal(input(&probe), NET_SEND); /* answered, not learned */
        for (unsigned i = 0; i < 100; i++) {       /* strangers do not push out what is kept */
                f = arp_frame(1, MAC_PEER + i, IP_PEER + 100 + i, IP_US);
                assert_int_equal(input(&f), NET_SEND);
        }
        assert_ptr_equal(net_neighbour(&stack, IP_NEXT), n);
        assert_true(n->known);
        n->fixed = true;
        f = arp_frame(2, MAC_PEER, IP_NEXT, IP_US);
        input(&f);
        assert_int_equal(get_be(n->mac, 6), MAC_NEXT);
}

static void test_asking(void **state)
{
        struct net_neighbour *a = net_neighbour(&stack, IP_NEXT), *b = net_neighbour(&stack, IP_PEER);
        uint64_t t = 5 * RF_NS_PER_SEC, ms = 1000000;

        assert_true(net_should_ask(&stack, a, t));
        assert_false(net_should_ask(&stack, b, t + ms)); /* 100 a second in all */
        assert_true(net_should_ask(&stack, b, t + 10 * ms));
        assert_false(net_should_ask(&stack, a, t + 99 * ms));
        assert_true(net_should_ask(&stack, a, t + 100 * ms));
        a->known = true;
        assert_false(net_should_ask(&stack, a, t + 30000 * ms));
        assert_int_equal(net_next_ask(a), t + 30100 * ms);
        assert_true(net_should_ask(&stack, a, t + 30100 * ms));
        a->fixed = true;
        assert_false(net_should_ask(&stack, a, t + 90000 * ms));
        assert_int_equal(net_next_ask(a), RF_FOREVER);
}

/* ---- what is not
 * --------------------------------------------------------------------------------------------- */

struct edit {
        uint32_t at;
        uint8_t value;
        enum net_reason why;
        bool fix; /* make the IP checksum right again */
};

static void test_bad_headers(void **state)
{
        static const struct edit edits[] = {
            {0, 0x56, NET_OTHER_MAC, false},    {6, 0x53, NET_SOURCE, false},
            {12, 0x86, NET_TYPE, false},        {14, 0x65, NET_IP_HEADER, true},
            {14, 0x44, NET_IP_HEADER, true},    {14, 0x46, NET_IP_OPTIONS, true},
            {14, 0x4f, NET_IP_OPTIONS, true},   {16, 0xff, NET_SHORT, true},
            {17, 19, NET_IP_HEADER, true},      {17, 27, NET_L4_LENGTH, true},
            {24, 0xaa, NET_IP_CHECKSUM, false}, {20, 0x20, NET_FRAGMENT, true},
            {21, 1, NET_FRAGMENT, true},        {26, 127, NET_SOURCE, true},
            {26, 0, NET_SOURCE, true},          {26, 224, NET_SOURCE, true},
            {26, 255, NET_SOURCE, true},        {33, 9, NET_OTHER_IP, true},
            {29, 3, NET_SOURCE, true},          {23, 6, NET_PROTOCOL, true},
            {38, 1, NET_L4_LENGTH, false},      {39, 7, NET_L4_LENGTH, false},
            {39, 0, NET_L4_LENGTH, false},
        };

        for (unsigned i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
                struct frame f = udp_frame(MAC_PEER, IP_US, IP_PEER, 5000, 7, 40);

                f.data[edits[i].at] = edits[i].value;
                if (edits[i].fix)
                        fix_ip(&f);
                expect_drop(&f, edits[i].why);
        }
}

static void test_bad_icmp(void **state)
{
        struct frame f = icmp_frame(IP_US, IP_PEER, 20);

        f.data[34] = 0; /* an echo reply: nobody asked */
        expect_drop(&f, NET_PROTOCOL);
        f = icmp_frame(IP_US, IP_PEER, 20);
        f.data[35] = 1;
        expect_drop(&f, NET_PROTOCOL);
        f = ipv4_frame(MAC_US, MAC_PEER, IP_US, IP_PEER, 1, 7);
        expect_drop(&f, NET_L4_LENGTH);
        f = icmp_frame(IP_US, IP_PEER, 20);
        f.data[20] = 0x20; /* MF */
        fix_ip(&f);
        expect_drop(&f, NET_FRAGMENT);
}

static void test_bad_arp(void **state)
{
        static const struct edit edits[] = {
            {15, 6, NET_ARP, false}, {18, 8, NET_ARP, false},    {21, 3, NET_ARP, false},
            {41, 9, NET_ARP, false}, {22, 1, NET_SOURCE, false},
        };

        for (unsigned i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
                struct frame f = arp_frame(1, MAC_PEER, IP_PEER, IP_US);

                f.data[edits[i].at] = edits[i].value;
                expect_drop(&f, edits[i].why);
        }
}

static void test_group_and_own_frames(void **state)
{
        struct frame f = udp_frame(MAC_PEER, IP_US, IP_PEER, 1, 7, 4);

        put_be(f.data, 0xffffffffffffull, 6);
        expect_drop(&f, NET_OTHER_MAC);
        put_be(f.data, 0x01005e000001ull, 6);
        expect_drop(&f, NET_OTHER_MAC);
        f = udp_frame(MAC_US, IP_US, IP_PEER, 1, 7, 4); /* our own broadcast, turned round by the NIC */
        expect_drop(&f, NET_OTHER_MAC);
}

static void test_truncations(void **state)
{
        struct frame f[3] = {udp_frame(MAC_PEER, IP_US, IP_PEER, 5000, 7, 40), icmp_frame(IP_US, IP_PEER, 40),
                             arp_frame(1, MAC_PEER, IP_PEER, IP_US)};

        for (unsigned i = 0; i < 3; i++) {
                uint32_t whole = i < 2 ? f[i].length : 42;

                for (f[i].length = 0; f[i].length < whole; f[i].length++)
                        expect_drop(&f[i], NET_SHORT);
                assert_int_equal(input(&f[i]), NET_SEND);
        }
}

/* Whatever comes in, what goes out is never longer, is from us, to one station, and has a right header. */
static void check_answer(const struct frame *f)
{
        assert_true(out.length <= f->length);
        assert_int_equal(get_be(out.data + 6, 6), MAC_US);
        assert_int_equal(out.data[0] & 1, 0);
        assert_int_equal(get_be(out.data, 6), get_be(f->data + 6, 6));
        if (get_be(out.data + 12, 2) != 0x0800)
                return;
        assert_int_equal(slow_checksum(out.data + 14, 20, 0), 0);
        assert_int_equal(get_be(out.data + 26, 4), IP_US);
        assert_int_equal(out.length, 14 + get_be(out.data + 16, 2));
}

static void test_random_frames(void **state)
{
        struct frame base[3] = {udp_frame(MAC_PEER, IP_US, IP_PEER, 5000, 7, 40),
                                icmp_frame(IP_US, IP_PEER, 40), arp_frame(1, MAC_PEER, IP_PEER, IP_US)};
        unsigned answers = 0;

        srand(2);
        for (unsigned round = 0; round < 300000; round++) {
                struct frame f = base[round % 3];

                for (int edits = rand() % 4; edits > 0; edits--)
                        f.data[(unsigned)rand() % 60] = (uint8_t)(rand() % 3 == 0 ? rand() : 1 << rand() % 8);
                if (rand() % 4 == 0)
                        f.length = (uint32_t)rand() % (f.length + 1);
                if (rand() % 2 == 0)
                        fix_ip(&f);
                if (input(&f) != NET_SEND)
                        continue;
                check_answer(&f);
                answers++;
        }
        assert_true(answers > 30000); /* the edits do not spoil everything */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
            TEST(test_udp_echo),      TEST(test_udp_echo_ends_loops),  TEST(test_trailer_is_cut),
            TEST(test_ping),          TEST(test_arp_request),          TEST(test_arp_learning),
            TEST(test_asking),        TEST(test_bad_headers),          TEST(test_bad_icmp),
            TEST(test_bad_arp),       TEST(test_group_and_own_frames), TEST(test_truncations),
            TEST(test_random_frames),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

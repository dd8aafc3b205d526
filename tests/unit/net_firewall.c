/* SPDX-License-Identifier: MIT
 * The whole firewall, on the bed's NIC: frames in, frames out. */
#include "net_bed.h"

#include "../../guestdrv/apps/firewall.c"
#include "net_frames.h"

static int start_with(const char *arguments)
{
        static char text[1024], *argv[RF_MAX_ARGS];
        int argc = 1;

        fw = (struct firewall){.rules = 0};
        argv[0] = text;
        strcpy(text, arguments);
        for (char *w = strtok(text, " "); w != NULL; w = strtok(NULL, " "))
                argv[argc++] = w;
        return start(argc, argv);
}

static void rounds(void)
{
        uint64_t next;

        while (net_app_round(&fw.app, &next) > 0)
                bed_nic_send(64);
        bed_nic_send(64);
}

/* Sends f in; the frame that comes out, or NULL. */
static const struct bed_frame *pass(const struct frame *f)
{
        uint64_t before = bed->nsent;

        assert_true(bed_nic_receive(f->data, f->length));
        rounds();
        assert_true(bed->nsent - before <= 1);
        return bed->nsent == before ? NULL : bed_last_sent();
}

static int set_up(void **state)
{
        struct frame arp = arp_frame(2, MAC_NEXT, IP_NEXT, IP_US);

        bed_make(BED_BUFFERS);
        assert_int_equal(
            start_with("ip=10.77.0.3 next=10.77.0.2 rule=drop,udp,dport=9 rule=pass,icmp rule=pass,udp "
                       "default=drop control=6000"),
            0);
        rounds(); /* asks for the next hop */
        assert_int_equal(bed->nsent, 1);
        assert_null(pass(&arp));
        return 0;
}

static int tear_down(void **state)
{
        bed_free();
        return 0;
}

static void test_asks_for_next_hop(void **state)
{
        const struct bed_frame *f = &bed->sent[0];

        assert_int_equal(f->length, 60);
        assert_int_equal(get_be(f->data, 6), 0xffffffffffffull);
        assert_int_equal(get_be(f->data + 12, 2), 0x0806);
        assert_int_equal(get_be(f->data + 20, 2), 1);
        assert_int_equal(get_be(f->data + 28, 4), IP_US);
        assert_int_equal(get_be(f->data + 38, 4), IP_NEXT);
        assert_true(fw.next->known);
}

/* `out` is `in` with other MACs, a TTL one lower and a right header checksum, and nothing else. */
static void check_forwarded(const struct frame *in, const struct bed_frame *out, uint64_t dst)
{
        struct frame want = *in;

        assert_non_null(out);
        put_be(want.data, dst, 6);
        put_be(want.data + 6, MAC_US, 6);
        want.data[22]--;
        fix_ip(&want);
        assert_int_equal(out->length, in->length < 60 ? 60 : in->length);
        assert_memory_equal(out->data, want.data, in->length);
}

static void test_forwards(void **state)
{
        for (uint32_t bytes = 0; bytes <= 1472; bytes += 1 + bytes / 2) {
                struct frame udp = udp_frame(MAC_PEER, IP_REMOTE, IP_PEER, 1000, 53, bytes);
                struct frame icmp = icmp_frame(IP_NEXT, IP_PEER, bytes);

                check_forwarded(&udp, pass(&udp), MAC_NEXT);
                check_forwarded(&icmp, pass(&icmp), MAC_NEXT);
        }
        assert_true(fw.rule[2].frames > 0);
        assert_int_equal(fw.rule[1].frames, fw.rule[2].frames);
        assert_int_equal(fw.forwarded, 2 * fw.rule[1].frames);
        assert_int_equal(rf_net_stats(fw.app.net)->misuse, 0);
}

static void expect_no(const struct frame *f, enum net_reason why)
{
        uint64_t before = fw.app.stack.drops[why];

        assert_null(pass(f));
        assert_int_equal(fw.app.stack.drops[why], before + 1);
}

static void test_rules(void **state)
{
        struct frame f = udp_frame(MAC_PEER, IP_REMOTE, IP_PEER, 1000, 9, 20);

        expect_no(&f, NET_RULE);
        assert_int_equal(fw.rule[0].frames, 1);
        assert_int_equal(fw.rule[0].bytes, f.length);
        f = ipv4_frame(MAC_US, MAC_PEER, IP_REMOTE, IP_PEER, 6, 40);
        expect_no(&f, NET_RULE);
        assert_int_equal(fw.rule[3].frames, 1); /* the default */
}

static void test_not_forwarded(void **state)
{
        struct frame f = udp_frame(MAC_PEER, IP_REMOTE, IP_PEER, 1000, 53, 20), g;

        g = f;
        g.data[22] = 1;
        fix_ip(&g);
        expect_no(&g, NET_TTL);
        g = f;
        put_be(g.data + 20, 0x2000, 2);
        fix_ip(&g);
        expect_no(&g, NET_FRAGMENT);
        put_be(g.data + 20, 1, 2);
        fix_ip(&g);
        expect_no(&g, NET_FRAGMENT);
        g = udp_frame(MAC_PEER, 0xe0000001, IP_PEER, 1, 2, 20);
        expect_no(&g, NET_OTHER_IP);
        g = udp_frame(MAC_PEER, 0xffffffff, IP_PEER, 1, 2, 20);
        expect_no(&g, NET_OTHER_IP);
        g = f;
        put_be(g.data + 38, 29, 2); /* UDP longer than the packet: its ports would be anybody's guess */
        expect_no(&g, NET_L4_LENGTH);
        g = f;
        put_be(g.data, 0xffffffffffffull, 6);
        expect_no(&g, NET_OTHER_MAC);
        g = f;
        g.data[24] ^= 1;
        expect_no(&g, NET_IP_CHECKSUM);
}

static void test_drops_cost_no_buffer(void **state)
{
        struct frame drop = udp_frame(MAC_PEER, IP_REMOTE, IP_PEER, 1000, 9, 20);
        struct frame f = udp_frame(MAC_PEER, IP_REMOTE, IP_PEER, 1000, 53, 20);

        for (unsigned i = 0; i < 4 * BED_BUFFERS; i++)
                assert_null(pass(&drop));
        check_forwarded(&f, pass(&f), MAC_NEXT);
}

static void test_way_back(void **state)
{
        struct frame there = udp_frame(MAC_PEER, IP_REMOTE, IP_PEER, 1000, 53, 20);
        struct frame back = udp_frame(MAC_NEXT, IP_PEER, IP_REMOTE, 53, 1000, 20), arp;

        assert_non_null(pass(&there));
        check_forwarded(&back, pass(&back), MAC_PEER);
        arp = arp_frame(1, MAC_PEER + 5, IP_PEER, IP_US); /* ARP knows better */
        assert_non_null(pass(&arp));
        check_forwarded(&back, pass(&back), MAC_PEER + 5);
        assert_non_null(pass(&there)); /* and what comes after does not unlearn it */
        check_forwarded(&back, pass(&back), MAC_PEER + 5);
}

static void test_unknown_way_back(void **state)
{
        struct frame back = udp_frame(MAC_NEXT, 0x0a4d0063, IP_REMOTE, 53, 1000, 20);
        struct frame arp = arp_frame(2, MAC_PEER + 9, 0x0a4d0063, IP_US);
        const struct bed_frame *f;

        bed->now_ns += RF_NS_PER_SEC;
        f = pass(&back);
        assert_non_null(f);
        assert_int_equal(get_be(f->data + 12, 2), 0x0806);
        assert_int_equal(get_be(f->data + 38, 4), 0x0a4d0063);
        assert_int_equal(fw.app.stack.drops[NET_UNRESOLVED], 1);
        assert_null(pass(&arp));
        check_forwarded(&back, pass(&back), MAC_PEER + 9);
}

static void test_control_port(void **state)
{
        struct frame f = udp_frame(MAC_PEER, IP_US, IP_PEER, 1234, 6000, 3), g = {0};
        const char *want =
            "forwarded 0\nrule=drop,udp,dport=9 0 frames 0 bytes\nrule=pass,icmp 0 frames 0 bytes\n"
            "rule=pass,udp 0 frames 0 bytes\ndefault=drop 0 frames 0 bytes\n";
        const struct bed_frame *out = pass(&f);

        assert_non_null(out);
        assert_int_equal(out->length, 42 + strlen(want));
        assert_memory_equal(out->data + 42, want, strlen(want));
        memcpy(g.data, out->data, out->length);
        assert_int_equal(slow_checksum(g.data + 14, 20, 0), 0);
        assert_int_equal(udp_checksum(&g), 0);
        f.data[43] ^= 1;
        expect_no(&f, NET_L4_CHECKSUM);
        f = udp_frame(MAC_PEER, IP_US, IP_PEER, 1234, 6001, 3); /* any other port echoes */
        assert_non_null(pass(&f));
        assert_int_equal(bed_last_sent()->data[42], f.data[42]);
}

static void restart(const char *arguments)
{
        bed_free();
        bed_make(BED_BUFFERS);
        assert_int_equal(start_with(arguments), 0);
        rounds();
}

static void test_fixed_next_hop(void **state)
{
        struct frame f = udp_frame(MAC_PEER, IP_REMOTE, IP_PEER, 1000, 53, 20);
        struct frame lie = arp_frame(2, MAC_PEER, IP_NEXT, IP_US);

        restart("ip=10.77.0.3 next=10.77.0.2 next-mac=52:54:00:77:00:99 default=pass");
        assert_int_equal(bed->nsent, 0); /* nothing to ask */
        assert_null(pass(&lie));
        check_forwarded(&f, pass(&f), MAC_NEXT);
}

static void test_back_by_gateway(void **state)
{
        struct frame arp = arp_frame(2, MAC_NEXT, IP_NEXT, IP_US),
                     gateway = arp_frame(1, MAC_PEER, IP_PEER, IP_US);
        struct frame f = udp_frame(MAC_NEXT, IP_REMOTE, IP_NEXT, 1000, 53, 20);

        restart("ip=10.77.0.3 next=10.77.0.2 back=10.77.0.1 default=pass");
        assert_null(pass(&arp));
        assert_non_null(pass(&gateway));
        check_forwarded(&f, pass(&f), MAC_PEER);
}

static void test_unresolved_next_hop(void **state)
{
        struct frame f = udp_frame(MAC_PEER, IP_REMOTE, IP_PEER, 1000, 53, 20);

        restart("ip=10.77.0.3 next=10.77.0.2 default=pass");
        assert_null(pass(&f));
        assert_int_equal(fw.app.stack.drops[NET_UNRESOLVED], 1);
        bed->now_ns += RF_NS_PER_SEC;
        rounds();
        assert_int_equal(bed->nsent, 2); /* asked again */
}

static void test_errors(void **state)
{
        static const char *const bad[] = {
            "next=10.77.0.2",
            "ip=10.77.0.3",
            "ip=10.77.0.3 next=10.77.0.3",
            "ip=10.77.0.3 next=10.77.0.2 back=10.77.0.3",
            "ip=10.77.0.3 next=10.77.0.2 rule=maybe",
            "ip=10.77.0.3 next=10.77.0.2 default=pass,udp",
            "ip=10.77.0.3 next=10.77.0.2 control=0",
            "ip=10.77.0.3 next=10.77.0.2 next-mac=01:00:00:00:00:00",
            "ip=10.77.0.3 next=10.77.0.2 bogus",
        };

        for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                bed_free();
                bed_make(BED_BUFFERS);
                assert_int_equal(start_with(bad[i]), RF_EXIT_USAGE);
                assert_non_null(strstr(bed->console, "argument"));
        }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
            TEST(test_asks_for_next_hop),
            TEST(test_forwards),
            TEST(test_rules),
            TEST(test_not_forwarded),
            TEST(test_way_back),
            TEST(test_drops_cost_no_buffer),
            TEST(test_unknown_way_back),
            TEST(test_control_port),
            TEST(test_fixed_next_hop),
            TEST(test_back_by_gateway),
            TEST(test_unresolved_next_hop),
            TEST(test_errors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 * Arguments: splitting, values, tables, firewall rules, and what a bare image reads of ringfence.conf. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../guestdrv/apps/rules.h"
#include "../../guestdrv/bare/bare.h"
#include "../../guestdrv/net/args.h"
#include "../../guestdrv/sdk/sdk.h"

/* ---- splitting
 * --------------------------------------------------------------------------------------------- */

static int split(const char *text, char **words, int max)
{
        static char copy[256];

        strcpy(copy, text);
        return rf_split(copy, words, max);
}

static void test_split(void **state)
{
        char *w[8];

        assert_int_equal(split("", w, 8), 0);
        assert_int_equal(split("  \t ", w, 8), 0);
        assert_int_equal(split(" ip=1.2.3.4  poll\t", w, 8), 2);
        assert_string_equal(w[0], "ip=1.2.3.4");
        assert_string_equal(w[1], "poll");
        assert_int_equal(split("a=\"b c\" \"\" d\"e\"f\"g h\"", w, 8), 3);
        assert_string_equal(w[0], "a=b c");
        assert_string_equal(w[1], "");
        assert_string_equal(w[2], "defg h");
        assert_int_equal(split("a \"b", w, 8), -RF_EINVAL);
        assert_int_equal(split("1 2 3", w, 3), 3);
        assert_int_equal(split("1 2 3 4", w, 3), -RF_ENOMEM);
}

/* ---- values
 * ------------------------------------------------------------------------------------------------ */

static void test_numbers(void **state)
{
        static const char *const bad[] = {
            "", " 1", "1 ", "-1", "+1", "0x10", "1a", "101", "18446744073709551616"};
        uint64_t v;

        assert_int_equal(args_number("0", 0, 100, &v), 0);
        assert_int_equal(v, 0);
        assert_int_equal(args_number("100", 0, 100, &v), 0);
        assert_int_equal(v, 100);
        assert_int_equal(args_number("9", 10, 100, &v), -RF_EINVAL);
        assert_int_equal(args_number("3", 0, 2, &v), -RF_EINVAL);
        for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_int_equal(args_number(bad[i], 0, 100, &v), -RF_EINVAL);
        assert_int_equal(args_number("18446744073709551615", 0, UINT64_MAX, &v), 0);
        assert_true(v == UINT64_MAX);
        assert_int_equal(args_number("18446744073709551616", 0, UINT64_MAX, &v), -RF_EINVAL);
        assert_int_equal(args_number("99999999999999999999999", 0, UINT64_MAX, &v), -RF_EINVAL);
}

static void test_addresses(void **state)
{
        static const char *const bad_ip[] = {
            "",        "1",         "1.2.3",     "1.2.3.4.5", "1.2.3.256",  "1.2.3.4 ", "1..2.3",
            "0.1.2.3", "127.0.0.1", "224.0.0.1", "a.b.c.d",   "1.2.3.4/24", "1.2.3.-4", "255.255.255.255"};
        static const char *const bad_mac[] = {"",
                                              "52:54:00:77:01",
                                              "52:54:00:77:01:01:01",
                                              "52:54:00:77:01:0g",
                                              "52-54-00-77-01-01",
                                              "5:54:00:77:01:01",
                                              "01:00:5e:00:00:01",
                                              "52:54:00:77:01:0",
                                              "ff:ff:ff:ff:ff:ff"};
        uint8_t mac[6];
        uint32_t ip;

        assert_int_equal(args_ipv4("10.77.0.2", &ip), 0);
        assert_int_equal(ip, 0x0a4d0002);
        for (unsigned i = 0; i < sizeof(bad_ip) / sizeof(bad_ip[0]); i++)
                assert_int_equal(args_ipv4(bad_ip[i], &ip), -RF_EINVAL);
        assert_int_equal(args_mac("52:54:00:aB:Cd:ef", mac), 0);
        assert_memory_equal(mac, "\x52\x54\x00\xab\xcd\xef", 6);
        for (unsigned i = 0; i < sizeof(bad_mac) / sizeof(bad_mac[0]); i++)
                assert_int_equal(args_mac(bad_mac[i], mac), -RF_EINVAL);
}

static void test_composites(void **state)
{
        uint32_t ip, mask;
        uint16_t a, b;

        assert_int_equal(args_prefix("10.77.0.9", &ip, &mask), 0);
        assert_true(ip == 0x0a4d0009 && mask == UINT32_MAX);
        assert_int_equal(args_prefix("10.77.0.9/24", &ip, &mask), 0);
        assert_true(ip == 0x0a4d0000 && mask == 0xffffff00);
        assert_int_equal(args_prefix("1.2.3.4/0", &ip, &mask), 0);
        assert_true(ip == 0 && mask == 0);
        assert_int_equal(args_prefix("1.2.3.4/33", &ip, &mask), -RF_EINVAL);
        assert_int_equal(args_prefix("1.2.3.4/", &ip, &mask), -RF_EINVAL);
        assert_int_equal(args_range("53", &a, &b), 0);
        assert_true(a == 53 && b == 53);
        assert_int_equal(args_range("1-65535", &a, &b), 0);
        assert_true(a == 1 && b == 65535);
        assert_int_equal(args_range("9-8", &a, &b), -RF_EINVAL);
        assert_int_equal(args_range("1-65536", &a, &b), -RF_EINVAL);
        assert_int_equal(args_range("1-", &a, &b), -RF_EINVAL);
        assert_int_equal(args_range("-1", &a, &b), -RF_EINVAL);
        assert_int_equal(args_endpoint("10.77.0.2:7", &ip, &a), 0);
        assert_true(ip == 0x0a4d0002 && a == 7);
        assert_int_equal(args_endpoint("10.77.0.2", &ip, &a), -RF_EINVAL);
        assert_int_equal(args_endpoint("10.77.0.2:0", &ip, &a), -RF_EINVAL);
        assert_int_equal(args_endpoint("10.77.0.2:70000", &ip, &a), -RF_EINVAL);
}

/* ---- tables
 * ------------------------------------------------------------------------------------------------ */

static char seen[64];

static int note(void *ctx, const char *value)
{
        strcat(seen, ctx);
        strcat(seen, value);
        return strcmp(value, "bad") == 0 ? -RF_EINVAL : 0;
}

static const struct args_option table[] = {
    {"ip", "A.B.C.D", true, false, note, "I"},
    {"poll", NULL, false, false, note, "P"},
    {"rule", "RULE", false, true, note, "R"},
};

/* Parses up to three words after the name; the error text, or "" */
static const char *parse(const char *a, const char *b, const char *c)
{
        static char text[256], words[3][64];
        char *argv[4] = {"guest", words[0], words[1], words[2]};
        const char *in[3] = {a, b, c};
        int argc = 1, error;

        for (unsigned i = 0; i < 3 && in[i] != NULL; i++, argc++)
                strcpy(words[i], in[i]);
        seen[0] = text[0] = '\0';
        error = args_parse(table, 3, argc, argv, text, sizeof(text));
        assert_int_equal(error, text[0] != '\0' ? -RF_EINVAL : 0);
        return text;
}

static void test_table(void **state)
{
        assert_string_equal(parse("ip=x", "poll", "rule=y"), "");
        assert_string_equal(seen, "IxPRy");
        assert_string_equal(parse("rule=1", "ip=", "rule=2"), "");
        assert_string_equal(seen, "R1IR2");
        assert_string_equal(parse("poll", NULL, NULL), "missing argument: ip=A.B.C.D");
        assert_string_equal(parse("ip=1", "ip=2", NULL), "argument \"ip\" is given twice");
        assert_string_equal(parse("ip=bad", NULL, NULL), "bad argument \"ip=bad\": expected ip=A.B.C.D");
        assert_string_equal(parse("ip=1", "polls", NULL),
                            "unknown argument \"polls\"; known are ip= poll rule=");
        assert_string_equal(parse("ip=1", "poll=1", NULL),
                            "unknown argument \"poll=1\"; known are ip= poll rule=");
        assert_string_equal(parse("ip", NULL, NULL), "unknown argument \"ip\"; known are ip= poll rule=");
}

static void test_table_short_text(void **state)
{
        char word[] = "unknown", text[20], *argv[2] = {"guest", word};

        memset(text, '#', sizeof(text));
        assert_int_equal(args_parse(table, 3, 2, argv, text, 10), -RF_EINVAL);
        assert_string_equal(text, "unknown a");
        assert_int_equal(text[10], '#');
}

/* ---- rules
 * ------------------------------------------------------------------------------------------------- */

static void test_rule_forms(void **state)
{
        static const char *const good[] = {"pass",
                                           "drop",
                                           "pass,udp",
                                           "drop,tcp,sport=1-5,dport=9",
                                           "pass,proto=47",
                                           "drop,src=10.0.0.0/8,dst=1.2.3.4",
                                           "pass,icmp,src=0.0.0.0/0"};
        static const char *const bad[] = {"",
                                          "allow",
                                          "pass,",
                                          ",pass",
                                          "udp",
                                          "pass,udp,tcp",
                                          "pass,dport=9",
                                          "pass,icmp,dport=9",
                                          "pass,proto=256",
                                          "pass,udp,dport=9-8",
                                          "pass,src=1.2.3",
                                          "pass,udp,dport=",
                                          "pass,drop",
                                          "pass udp",
                                          "pass,udpudpudpudpudpudpudpudpudpudpudpudpudpudpudp"};
        struct rule r;

        for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++)
                assert_int_equal(rule_parse(good[i], &r), 0);
        for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_int_equal(rule_parse(bad[i], &r), -RF_EINVAL);
}

static bool matches(const char *text, struct rule_key k)
{
        struct rule r;

        assert_int_equal(rule_parse(text, &r), 0);
        return rule_matches(&r, &k);
}

static void test_rule_matching(void **state)
{
        struct rule_key udp = {0x0a4d0001, 0x0a4d0002, IP_UDP, 1000, 53},
                        icmp = {0x0a4d0001, 0x0a4d0002, IP_ICMP, 0, 0};

        assert_true(matches("pass", udp));
        assert_true(matches("drop", icmp));
        assert_true(matches("pass,udp", udp));
        assert_false(matches("pass,udp", icmp));
        assert_false(matches("pass,tcp", udp));
        assert_true(matches("pass,proto=17", udp));
        assert_true(matches("pass,udp,dport=53", udp));
        assert_false(matches("pass,udp,dport=54", udp));
        assert_false(matches("pass,udp,sport=53", udp));
        assert_true(matches("pass,udp,sport=1000-1001,dport=1-53", udp));
        assert_false(matches("pass,udp,sport=1001-1002", udp));
        assert_true(matches("pass,src=10.77.0.0/24,dst=10.77.0.2", udp));
        assert_false(matches("pass,src=10.77.0.2", udp));
        assert_false(matches("pass,dst=10.77.1.0/24", udp));
}

static void test_rule_keys(void **state)
{
        uint8_t payload[20] = {0x12, 0x34, 0x00, 0x35, 0, 20};
        struct net_ipv4 ip = {
            .payload = payload, .payload_bytes = 20, .src = 1, .dst = 2, .protocol = IP_UDP};
        struct rule_key k;

        assert_int_equal(rule_key_of(&ip, &k), NET_OK);
        assert_true(k.sport == 0x1234 && k.dport == 53 && k.src == 1 && k.dst == 2);
        ip.protocol = IP_TCP;
        assert_int_equal(rule_key_of(&ip, &k), NET_OK);
        assert_int_equal(k.dport, 53);
        ip.payload_bytes = 19;
        assert_int_equal(rule_key_of(&ip, &k), NET_L4_LENGTH);
        ip.protocol = IP_UDP;
        assert_int_equal(rule_key_of(&ip, &k), NET_L4_LENGTH); /* the UDP length says 20 */
        ip.protocol = IP_ICMP;
        assert_int_equal(rule_key_of(&ip, &k), NET_OK);
        assert_int_equal(k.dport, 0);
        ip.fragment = true;
        assert_int_equal(rule_key_of(&ip, &k), NET_FRAGMENT);
}

/* ---- the bare image's view of ringfence.conf
 * --------------------------------------------------------------------- */

/* A file has no NUL at its end: the sanitizer sees a byte read too far. */
static int read_conf(const char *text, struct bare_conf *c)
{
        size_t n = strlen(text);
        char *exact = malloc(n > 0 ? n : 1);
        int error;

        assert_non_null(exact);
        memcpy(exact, text, n);
        error = bare_conf_read(exact, n, c);
        free(exact);
        return error;
}

static void test_conf(void **state)
{
        struct bare_conf c;

        assert_int_equal(read_conf("# x\n[host]\r\n bare = echo \r\n[guest meter]\narguments=no\n"
                                   "[guest echo]\nmac = 52:54:00:77:01:02\narguments = ip=10.77.0.2 a=\"b\"",
                                   &c),
                         0);
        assert_string_equal(c.name, "echo");
        assert_string_equal(c.arguments, "ip=10.77.0.2 a=\"b\"");
        assert_true(c.has_mac);
        assert_memory_equal(c.mac, "\x52\x54\x00\x77\x01\x02", 6);
}

static void test_conf_errors(void **state)
{
        struct bare_conf c;

        assert_int_equal(read_conf("", &c), -RF_ENOENT);
        assert_int_equal(read_conf("[host]\n# bare = echo\n[guest echo]\nbare = echo\n", &c), -RF_ENOENT);
        assert_int_equal(read_conf("[host]\nbare =\n", &c), -RF_ENOENT);
        assert_int_equal(read_conf("[host]\nbare = echo\n", &c), 0);
        assert_false(c.has_mac);
        assert_string_equal(c.arguments, "");
        assert_int_equal(read_conf("[host]\nbare = 0123456789012345678901234567890123\n", &c), -RF_EFORMAT);
        assert_int_equal(read_conf("[host]\nbare = e\n[guest e]\nmac = 52:54:00:77:01\n", &c), -RF_EFORMAT);
        assert_int_equal(read_conf("[host]\nbare = e\n[guest e]\nmac = 52:54:00:77:01:02:03:04\n", &c),
                         -RF_EFORMAT);
}

static void test_conf_long_arguments(void **state)
{
        char text[2 * RF_ARGUMENTS];
        struct bare_conf c;
        int n = snprintf(text, sizeof(text), "[host]\nbare=e\n[guest e]\narguments=");

        memset(text + n, 'x', RF_ARGUMENTS);
        text[n + RF_ARGUMENTS] = '\0';
        assert_int_equal(read_conf(text, &c), -RF_EFORMAT);
        text[n + RF_ARGUMENTS - 1] = '\0';
        assert_int_equal(read_conf(text, &c), 0);
        assert_int_equal(strlen(c.arguments), RF_ARGUMENTS - 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_split),       cmocka_unit_test(test_numbers),
            cmocka_unit_test(test_addresses),   cmocka_unit_test(test_composites),
            cmocka_unit_test(test_table),       cmocka_unit_test(test_table_short_text),
            cmocka_unit_test(test_rule_forms),  cmocka_unit_test(test_rule_matching),
            cmocka_unit_test(test_rule_keys),   cmocka_unit_test(test_conf),
            cmocka_unit_test(test_conf_errors), cmocka_unit_test(test_conf_long_arguments),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

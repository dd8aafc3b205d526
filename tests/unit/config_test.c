/* SPDX-License-Identifier: MIT
 * ringfence.conf: what is accepted, and that each error names its line and the expected form and spoils only
 * the guest it concerns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../hv/root/config.h"

static struct config config;
static unsigned error_line;
static char error_text[4096];

static void report(void *ctx, unsigned line, const char *text)
{
        (void)ctx;
        error_line = line;
        snprintf(error_text, sizeof(error_text), "%s", text);
}

static void parse(const char *text)
{
        error_line = 0;
        error_text[0] = '\0';
        config_parse(&config, text, strlen(text), report, NULL);
}

#define assert_contains(text, part) assert_non_null(strstr(text, part))

static void test_full(void **state)
{
        parse("\xef\xbb\xbf# a comment\r\n[host]\r\nname = lab 3\r\ntable = plain 5\r\nnic=01:00.1\r\n"
              "log = verbose\nconsole=serial\n; another\n"
              "[guest echo]\n  image = echo.elf  \nmemory=32M\ncpus = 2\nmac = 02:00:00:00:00:0A\n"
              "arguments = a=b # not a comment\nrestart = always\n"
              "[ guest  fw_2 ]\nimage = fw.elf");
        assert_int_equal(config.errors, 0);
        assert_string_equal(config.host.name, "lab 3");
        assert_int_equal(config.host.table, TABLE_PLAIN);
        assert_int_equal(config.host.table_seconds, 5);
        assert_int_equal(config.host.nic, NIC_ADDRESS);
        assert_int_equal(config.host.nic_bdf, 0x101);
        assert_true(config.host.verbose && config.host.serial && !config.host.screen);
        assert_int_equal(config.nguests, 2);
        assert_string_equal(config.guest[0].name, "echo");
        assert_string_equal(config.guest[0].image, "echo.elf");
        assert_int_equal(config.guest[0].memory, 32 << 20);
        assert_int_equal(config.guest[0].cpus, 2);
        assert_memory_equal(config.guest[0].mac, "\x02\0\0\0\0\x0a", 6);
        assert_string_equal(config.guest[0].arguments, "a=b # not a comment");
        assert_int_equal(config.guest[0].restart, RESTART_ALWAYS);
        assert_string_equal(config.guest[1].name, "fw_2");
        assert_int_equal(config.guest[1].memory, CONFIG_MEMORY_DEFAULT);
        assert_int_equal(config.guest[1].restart, RESTART_NEVER);
        assert_false(config.guest[0].bad || config.guest[1].bad);
}

/* One bad line in [guest bad]; [guest good] must stay good. */
static const struct {
        const char *line, *says;
} bad_lines[] = {
    {"memry = 4M", "unknown key \"memry\"; expected one of image memory cpus mac arguments restart"},
    {"memory = 4T", "expected memory = NUMBER"},
    {"memory = 1M", "at least 4M"},
    {"memory = 5000001", "whole pages"},
    {"memory =", "expected memory"},
    {"memory = M", "expected memory"},
    {"memory = -4M", "expected memory"},
    {"memory = 99999999999999999999M", "expected memory"},
    {"memory = 18446744073709551619", "expected memory"},
    {"memory = 17592186044416M", "expected memory"}, /* 2^44 MiB wraps to 0 */
    {"cpus = 0", "from 1 to 8"},
    {"cpus = 9", "from 1 to 8"},
    {"cpus = 99999999999999999999", "from 1 to 8"},
    {"cpus = two", "from 1 to 8"},
    {"mac = 01:00:00:00:00:01", "not multicast"},
    {"mac = 00:00:00:00:00:00", "not zero"},
    {"mac = 02:00:00:00:00", "expected mac"},
    {"mac = 02:00:00:00:00:00:00", "expected mac"},
    {"mac = 02-00-00-00-00-01", "expected mac"},
    {"mac = 0g:00:00:00:00:01", "expected mac"},
    {"restart = maybe", "never, on-failure or always"},
    {"queue = hard", "queue = auto, hardware or soft"},
    {"image = second.elf", "second \"image\" in this section, the first is in line 2"},
    {"just words", "no '='"},
    {"arguments = caf\xc3\xa9", "printable"},
    {"arguments = \x1b[2J", "printable"},
    {"= 3", "unknown key \"\""},
};

static void test_bad_lines(void **state)
{
        for (size_t i = 0; i < sizeof(bad_lines) / sizeof(bad_lines[0]); i++) {
                char text[512];

                snprintf(text, sizeof(text), "[guest bad]\nimage = a.elf\n%s\n[guest good]\nimage = b.elf\n",
                         bad_lines[i].line);
                parse(text);
                assert_int_equal(config.errors, 1);
                assert_int_equal(error_line, 3);
                assert_contains(error_text, bad_lines[i].says);
                assert_int_equal(config.nguests, 2);
                assert_true(config.guest[0].bad);
                assert_false(config.guest[1].bad);
        }
}

static void test_bad_sections(void **state)
{
        static const char *const headers[] = {"[guest]",  "[guest a b]", "[guset a]",
                                              "[host x]", "[guest a",    "[",
                                              "[]",       "[guest a/b]", "[guest sixteen-letters-]"};

        for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
                char text[256];

                snprintf(text, sizeof(text), "%s\nimage = a.elf\nnonsense = 1\n[guest good]\nimage = b.elf\n",
                         headers[i]);
                parse(text);
                assert_int_equal(config.errors, 1);
                assert_int_equal(error_line, 1);
                assert_contains(error_text, "expected [");
                assert_int_equal(config.nguests, 1);
                assert_false(config.guest[0].bad);
        }
}

static void test_duplicate_sections(void **state)
{
        parse("[guest a]\nimage = a.elf\n[guest a]\nimage = b.elf\n");
        assert_int_equal(config.errors, 1);
        assert_int_equal(error_line, 3);
        assert_contains(error_text, "the first is in line 1");
        assert_int_equal(config.nguests, 1);
        assert_int_equal(config.lost, 1);
        assert_string_equal(config.guest[0].image, "a.elf");
        assert_false(config.guest[0].bad);
        parse("[host]\nname=a\n[host]\nname=b\n");
        assert_int_equal(config.errors, 1);
        assert_string_equal(config.host.name, "a");
}

static void test_host_errors(void **state)
{
        static const char *const lines[] = {"table = fast",      "table = 0",
                                            "table = 3601",      "table =",
                                            "nic = 1:0.0",       "nic = 01:20.0",
                                            "nic = 01:00.8",     "nic = eth0",
                                            "control = no-such", "log = loud",
                                            "console = tv",      "bare = a.elf",
                                            "color = red",       "name = 12345678901234567890123456789012"};

        for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
                char text[256];

                snprintf(text, sizeof(text), "[host]\n%s\n[guest good]\nimage = b.elf\n", lines[i]);
                parse(text);
                assert_int_equal(config.errors, 1);
                assert_int_equal(error_line, 2);
                assert_contains(error_text, "expected");
                assert_int_equal(config.host.nic, NIC_AUTO);
                assert_int_equal(config.host.table, TABLE_LIVE);
                assert_int_equal(config.host.table_seconds, 1);
                assert_int_equal(config.host.controls, 0);
                assert_true(config.host.serial && config.host.screen);
                assert_false(config.guest[0].bad);
        }
}

static void test_controls(void **state)
{
        parse("[host]\ncontrol = no-keys-wd lgdt no-exceptions\nnic = 0000:02:1f.7");
        assert_int_equal(config.errors, 0);
        assert_int_equal(config.host.controls,
                         RF_CONTROL_NO_KEYS_WD | RF_CONTROL_LGDT | RF_CONTROL_NO_EXCEPTIONS);
        assert_int_equal(config.host.nic_bdf, 0x2ff);
}

static void test_missing_image(void **state)
{
        parse("[guest a]\nmemory = 8M\n[guest b]\nimage = b.elf\n");
        assert_int_equal(config.errors, 1);
        assert_int_equal(error_line, 1);
        assert_contains(error_text, "[guest a] has no image; expected image = FILE");
        assert_true(config.guest[0].bad);
        assert_false(config.guest[1].bad);
}

static void test_key_before_section(void **state)
{
        parse("image = a.elf\n[guest b]\nimage = b.elf\n");
        assert_int_equal(config.errors, 1);
        assert_int_equal(error_line, 1);
        assert_false(config.guest[0].bad);
}

static void test_duplicate_mac(void **state)
{
        parse(
            "[guest a]\nimage = a.elf\nmac = 02:00:00:00:00:01\n[guest b]\nimage = b.elf\nmac = 02:00:00:00:00:01\n");
        assert_int_equal(config.errors, 1);
        assert_int_equal(error_line, 6);
        assert_contains(error_text, "[guest a], line 3");
        assert_false(config.guest[0].bad);
        assert_true(config.guest[1].bad);
}

static void test_derived_macs(void **state)
{
        uint8_t first[6];
        char text[512];

        parse("[guest a]\nimage = a.elf\n[guest b]\nimage = b.elf\n");
        assert_int_equal(config.errors, 0);
        memcpy(first, config.guest[0].mac, 6);
        assert_int_equal(first[0] & 3, 2); /* local, unicast */
        assert_memory_not_equal(first, config.guest[1].mac, 6);
        /* the same name gets the same address, unless somebody asks for that one */
        parse("[guest b]\nimage = b.elf\n[guest a]\nimage = a.elf\n");
        assert_memory_equal(first, config.guest[1].mac, 6);
        snprintf(text, sizeof(text),
                 "[guest a]\nimage=a\n[guest c]\nimage=c\nmac = %02x:%02x:%02x:%02x:%02x:%02x\n", first[0],
                 first[1], first[2], first[3], first[4], first[5]);
        parse(text);
        assert_int_equal(config.errors, 0);
        assert_memory_not_equal(config.guest[0].mac, config.guest[1].mac, 6);
}

static void test_too_much_memory(void **state)
{
        parse("[guest a]\nimage = a.elf\nmemory = 8M\n[guest b]\nimage = b.elf\nmemory = 8M\n"
              "[guest c]\nimage = c.elf\nmemory = 4M\n");
        config_check_memory(&config, 3072 + 10, report, NULL);
        assert_int_equal(config.errors, 1);
        assert_int_equal(error_line, 6);
        assert_contains(error_text, "[guest b] wants 8192 KiB of memory; expected at most 4136 KiB");
        assert_false(config.guest[0].bad || config.guest[2].bad);
        assert_true(config.guest[1].bad);
}

/* Which queue each of `kinds` gets on a NIC with so many pairs: h, s, a (undecided: none) or - (bad), and w
 * in front if the switch takes one. */
static const char *shared(unsigned pairs, const char *const *kinds)
{
        static char out[32];
        char text[2048] = "";
        size_t n = 0;

        for (unsigned i = 0; kinds[i] != NULL; i++)
                snprintf(text + strlen(text), sizeof(text) - strlen(text),
                         "[guest g%u]\nimage = a\nqueue = %s\n", i, kinds[i]);
        parse(text);
        assert_int_equal(config.errors, 0);
        if (config_share_queues(&config, pairs, report, NULL))
                out[n++] = 'w';
        for (unsigned i = 0; i < config.nguests; i++)
                out[n++] = config.guest[i].bad ? '-' : "ahs"[config.guest[i].queue];
        out[n] = '\0';
        return out;
}

#define KINDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_shared_queues(void **state)
{
        assert_string_equal(shared(8, KINDS("auto", "auto", "hardware")), "hhh");
        assert_string_equal(shared(2, KINDS("auto", "auto", "hardware")), "wssh");
        assert_string_equal(shared(3, KINDS("auto", "soft", "auto")), "whsh");
        assert_string_equal(shared(3, KINDS("auto", "auto", "auto", "hardware")), "whssh");
        assert_string_equal(shared(1, KINDS("auto")), "h");
        assert_string_equal(shared(1, KINDS("hardware")), "h");
        assert_string_equal(shared(1, KINDS("soft")), "ws");
        assert_string_equal(shared(1, KINDS("auto", "auto", "auto")), "wsss");
        assert_string_equal(shared(0, KINDS("auto", "soft", "auto")), "asa");
}

static void test_no_queue_left(void **state)
{
        assert_string_equal(shared(1, KINDS("auto", "hardware", "hardware")), "-h-");
        assert_string_equal(shared(1, KINDS("hardware", "hardware")), "h-");
        assert_int_equal(error_line, 6);
        assert_contains(error_text,
                        "[guest g1] gets no queue: this nic has 1, taken by [guest g0], line 3; expected");
        assert_contains(error_text, "expected queue = auto in one of them");
        assert_string_equal(shared(1, KINDS("soft", "hardware")), "-h");
        assert_int_equal(error_line, 3);
        assert_contains(error_text,
                        "[guest g0] gets no queue: this nic has 1, taken by [guest g1], line 6; expected");
        assert_string_equal(shared(2, KINDS("hardware", "hardware", "hardware")), "hh-");
        assert_contains(error_text, "this nic has 2, taken by [guest g0], line 3, and others; expected");
        assert_string_equal(shared(0, KINDS("auto", "hardware")), "a-");
        assert_contains(
            error_text,
            "[guest g1] wants a hardware queue, and there is no usable nic; expected queue = auto");
}

static void test_too_many_guests(void **state)
{
        char text[4096];
        size_t at = 0;

        for (int i = 0; i < 17; i++)
                at += (size_t)snprintf(text + at, sizeof(text) - at, "[guest g%d]\nimage = a.elf\n", i);
        parse(text);
        assert_int_equal(config.errors, 1);
        assert_int_equal(error_line, 33);
        assert_int_equal(config.nguests, 16);
        assert_int_equal(config.lost, 1);
}

/* Every prefix and every one-byte change of a good file: no crash (run under the sanitizers), no guest
 * without an image that is not marked bad. */
static void test_mutations(void **state)
{
        static const char good[] =
            "[host]\ntable = 3\n[guest a]\nimage = a.elf\nmemory = 8M\nmac = 02:00:00:00:00:01\n";
        char text[sizeof(good)];

        for (size_t i = 0; i + 1 < sizeof(good); i++) {
                for (int byte = 0; byte < 256; byte++) {
                        memcpy(text, good, sizeof(good));
                        text[i] = (char)byte;
                        config_parse(&config, text, sizeof(good) - 1, report, NULL);
                        for (unsigned g = 0; g < config.nguests; g++)
                                assert_true(config.guest[g].bad || config.guest[g].image[0] != '\0');
                }
                config_parse(&config, good, i, report, NULL);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_full),
            cmocka_unit_test(test_bad_lines),
            cmocka_unit_test(test_bad_sections),
            cmocka_unit_test(test_duplicate_sections),
            cmocka_unit_test(test_host_errors),
            cmocka_unit_test(test_controls),
            cmocka_unit_test(test_missing_image),
            cmocka_unit_test(test_key_before_section),
            cmocka_unit_test(test_duplicate_mac),
            cmocka_unit_test(test_derived_macs),
            cmocka_unit_test(test_too_much_memory),
            cmocka_unit_test(test_shared_queues),
            cmocka_unit_test(test_no_queue_left),
            cmocka_unit_test(test_too_many_guests),
            cmocka_unit_test(test_mutations),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

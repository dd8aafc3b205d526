/* SPDX-License-Identifier: MIT
 * The loader's reading of ringfence.sums, with the sanitizers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../boot/loader/sums.h"

/* Both functions see a heap copy without a NUL behind it. 0: found, with these numbers. */
static int look_up(const char *text, const char *name, uint32_t crc, uint64_t bytes)
{
        size_t n = strlen(text);
        char *copy = malloc(n > 0 ? n : 1);
        struct sums_entry entry = {0};
        bool found;
        int bad;

        memcpy(copy, text, n);
        bad = (int)sums_bad_line(copy, n);
        found = sums_find(copy, n, name, &entry);
        free(copy);
        if (bad != 0)
                return bad;
        return found && entry.crc == crc && entry.bytes == bytes ? 0 : -1;
}

static void sums_finds_names(void **state)
{
        static const char text[] = "1 2 a\n4294967295 18446744073709551600 b.elf\r\n5 0 c d\n";

        assert_int_equal(look_up(text, "a", 1, 2), 0);
        assert_int_equal(look_up(text, "b.elf", 4294967295u, 18446744073709551600ull), 0);
        assert_int_equal(look_up(text, "c d", 5, 0), 0);
        assert_int_equal(look_up(text, "b", 4294967295u, 18446744073709551600ull), -1);
        assert_int_equal(look_up(text, "b.elf2", 4294967295u, 18446744073709551600ull), -1);
}

static void sums_names_bad_lines(void **state)
{
        assert_int_equal(look_up("", "a", 0, 0), 1);
        assert_int_equal(look_up("1 2 a", "a", 1, 2), 1); /* cut: the line has no end */
        assert_int_equal(look_up("1 2 a\n1 2\n", "a", 1, 2), 2);
        assert_int_equal(look_up("1 2 a\n\n", "a", 1, 2), 2);
        assert_int_equal(look_up("1 2 a\n1  2 b\n", "a", 1, 2), 2);
        assert_int_equal(look_up("4294967296 2 a\n", "a", 0, 2), 1);
        assert_int_equal(look_up("1 99999999999999999999 a\n", "a", 1, 0), 1);
        assert_int_equal(look_up("1 2 \n", "", 1, 2), 1);
        assert_int_equal(look_up("# a\n", "a", 1, 2), 1);
}

/* What GNU cksum prints for the same bytes. */
static void sums_checksum_is_cksums(void **state)
{
        static char many[70000];

        memset(many, 'a', sizeof(many));
        assert_int_equal(sums_crc("", 0), 4294967295u);
        assert_int_equal(sums_crc("123456789", 9), 930766865u);
        assert_int_equal(sums_crc(many, sizeof(many)), 3508083167u);
        many[69999] = 'b';
        assert_int_not_equal(sums_crc(many, sizeof(many)), 3508083167u);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
            cmocka_unit_test(sums_finds_names),
            cmocka_unit_test(sums_names_bad_lines),
            cmocka_unit_test(sums_checksum_is_cksums),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

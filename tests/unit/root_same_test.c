/* SPDX-License-Identifier: MIT
 * hv/root and the command `dbos` make the same code of the same image, byte for byte: root builds each guest
 * above the fake ring 0, `dbos rewrite` writes a file, and every executable page of either is compared.
 *
 *   root_same_test DBOS IMAGE...     built images; DBOS is the command */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "root_bed.h"

static const char *command, **images;
static char path[] = "/tmp/root-same-XXXXXX";
static uint8_t *rewritten;
static struct elf_image out;

static uint8_t *slurp(const char *name, size_t *n)
{
        FILE *f = fopen(name, "rb");
        uint8_t *bytes;

        assert_non_null(f);
        fseek(f, 0, SEEK_END);
        *n = (size_t)ftell(f);
        rewind(f);
        bytes = malloc(*n);
        assert_int_equal(fread(bytes, 1, *n, f), *n);
        fclose(f);
        return bytes;
}

static void build_in_root(const char *name)
{
        char settings[] = "";
        size_t n;
        uint8_t *bytes = slurp(name, &n);

        boot(settings, "\xc3", 1);
        config.guest[0].memory = 16 << 20;
        fake_file(bytes, n);
        free(bytes);
        guests_start_all(&config);
        assert_int_equal(guests[0].state, GUEST_RUNNING);
}

static void build_by_command(const char *name)
{
        char line[512];
        const char *why;
        size_t n;

        snprintf(line, sizeof(line), "'%s' --quiet rewrite '%s' '%s' >/dev/null", command, name, path);
        assert_int_equal(system(line), 0);
        rewritten = slurp(path, &n);
        if (elf_parse(&out, rewritten, n, &why) != 0)
                fail_msg("%s: %s", name, why);
}

/* The rewritten file's bytes at va, or NULL. */
static const uint8_t *file_at(uint64_t va)
{
        for (unsigned i = 0; i < out.nsegments; i++)
                if (va - out.segment[i].va < out.segment[i].file_bytes)
                        return rewritten + out.segment[i].offset + (va - out.segment[i].va);
        return NULL;
}

/* Bytes that differ, in the image's code as in every trampoline page; `pages` counts the latter. */
static unsigned differences(unsigned *pages)
{
        unsigned n = 0;

        for (unsigned i = 0; i < guests[0].ncode; i++)
                for (uint64_t va = guests[0].code[i].va, k = 0; k < guests[0].code[i].bytes; k++)
                        n += file_at(va + k) == NULL || *file_at(va + k) != *code_of(va + k);
        *pages = guests[0].trampolines.n;
        for (unsigned i = 0; i < *pages; i++)
                for (uint64_t va = guests[0].trampolines.page[i].va, k = 0; k < RF_PAGE_SIZE; k++)
                        n += file_at(va + k) == NULL || *file_at(va + k) != *code_of(va + k);
        return n;
}

static void test_same(void **state)
{
        unsigned pages, all = 0, rewritten_sites = 0;

        for (unsigned i = 0; images[i] != NULL; i++) {
                unsigned segments;

                build_in_root(images[i]);
                build_by_command(images[i]);
                if (differences(&pages) != 0)
                        fail_msg("%s: %u bytes differ", images[i], differences(&pages));
                segments = out.nsegments;
                assert_int_equal(segments, guests[0].image.nsegments + pages);
                all += pages;
                rewritten_sites += guests[0].summary.rewritten;
                free(rewritten);
                assert_int_equal(stop(NULL), 0);
        }
        print_message("the same code in %u sites, %u trampoline pages\n", rewritten_sites, all);
        assert_true(all >= 2 && rewritten_sites > 80); /* else nothing was compared */
}

/* The comparison sees one byte: changed in root's copy of a trampoline. */
static void test_not_same(void **state)
{
        unsigned pages;

        build_in_root(images[0]);
        build_by_command(images[0]);
        assert_int_equal(differences(&pages), 0);
        assert_true(pages > 0);
        rewritten[file_at(guests[0].trampolines.page[0].va + 9) - rewritten] ^= 1;
        assert_int_equal(differences(&pages), 1);
        free(rewritten);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
            TEST(test_same),
            TEST(test_not_same),
        };
        int result;

        if (argc < 3) {
                fprintf(stderr, "usage: root_same_test DBOS IMAGE...\n");
                return 1;
        }
        command = argv[1];
        images = (const char **)argv + 2;
        close(mkstemp(path));
        result = cmocka_run_group_tests(tests, NULL, NULL);
        unlink(path);
        return result;
}

/* SPDX-License-Identifier: MIT
 * Guest images: good ones are understood, each kind of malformed one is refused with the right reason, and no
 * damage of the headers makes the reader leave the file (run with the address sanitizer). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../hv/root/elf.h"
#include "../../hv/root/elf_format.h"
#include "rf/error.h"
#include "rf/layout.h"

enum {
        TEXT = 0x1000,
        DATA = 0x2000,
        SYMBOLS = 0x2100,
        STRINGS = 0x2200,
        SECTIONS = 0x2300,
        FILE_BYTES = 0x2400
};

/* A good image: code at RF_IMAGE_BASE, data after it, three symbols. Tests damage a copy. */
static struct {
        union {
                struct {
                        struct elf64_header header;
                        struct elf64_segment segment[20];
                };
                uint8_t bytes[FILE_BYTES];
        };
} good;

static struct elf64_section *section_of(uint8_t *file, unsigned i)
{
        return (struct elf64_section *)(file + SECTIONS) + i;
}

static struct elf64_symbol *symbol_of(uint8_t *file, unsigned i)
{
        return (struct elf64_symbol *)(file + SYMBOLS) + i;
}

static int setup(void **state)
{
        static const char strings[] = "\0start\0main\0gone";

        memset(&good, 0, sizeof(good));
        good.header = (struct elf64_header){
            .ident = {0x7f, 'E', 'L', 'F', 2, 1, 1},
            .type = ET_EXEC,
            .machine = EM_X86_64,
            .version = 1,
            .entry = RF_IMAGE_BASE + 0x10,
            .phoff = 64,
            .shoff = SECTIONS,
            .ehsize = 64,
            .phentsize = 56,
            .phnum = 2,
            .shentsize = 64,
            .shnum = 3,
        };
        good.segment[0] = (struct elf64_segment){.type = PT_LOAD,
                                                 .flags = RF_SEG_R | RF_SEG_X,
                                                 .offset = TEXT,
                                                 .vaddr = RF_IMAGE_BASE,
                                                 .filesz = 0x800,
                                                 .memsz = 0x800};
        good.segment[1] = (struct elf64_segment){.type = PT_LOAD,
                                                 .flags = RF_SEG_R | RF_SEG_W,
                                                 .offset = DATA + 8,
                                                 .vaddr = RF_IMAGE_BASE + 0x3008,
                                                 .filesz = 0x10,
                                                 .memsz = 0x5000};
        *section_of(good.bytes, 1) = (struct elf64_section){
            .type = SHT_SYMTAB, .offset = SYMBOLS, .size = 4 * 24, .link = 2, .entsize = 24};
        *section_of(good.bytes, 2) =
            (struct elf64_section){.type = SHT_STRTAB, .offset = STRINGS, .size = 17};
        *symbol_of(good.bytes, 1) =
            (struct elf64_symbol){.name = 7, .info = STT_FUNC, .value = RF_IMAGE_BASE + 0x100, .size = 0x80};
        *symbol_of(good.bytes, 2) =
            (struct elf64_symbol){.name = 1, .info = STT_FUNC, .value = RF_IMAGE_BASE + 0x10, .size = 4};
        *symbol_of(good.bytes, 3) =
            (struct elf64_symbol){.name = 12, .info = STT_FUNC, .value = RF_IMAGE_BASE + 0x3010, .size = 4};
        memcpy(good.bytes + STRINGS, strings, sizeof(strings));
        return 0;
}

static struct elf_image image;
static const char *why;

/* Exactly `size` bytes on the heap, so that the sanitizer sees a read past the end. */
static int parse(uint64_t size)
{
        uint8_t *copy = malloc(size > 0 ? size : 1);
        uint64_t *entries;
        char name[64];
        int result;

        memcpy(copy, good.bytes, size);
        result = elf_parse(&image, copy, size, &why);
        if (result == 0) {
                entries = malloc(elf_entry_bound(&image) * sizeof(*entries));
                elf_entries(&image, entries);
                elf_nearest(&image, image.entry, name, sizeof(name));
                free(entries);
        }
        free(copy);
        image.file = good.bytes;
        return result;
}

static void test_good(void **state)
{
        uint64_t entries[5];
        char name[32];

        assert_int_equal(parse(FILE_BYTES), 0);
        assert_int_equal(image.nsegments, 2);
        assert_int_equal(image.entry, RF_IMAGE_BASE + 0x10);
        assert_int_equal(image.segment[1].bytes, 0x5000);
        assert_int_equal(elf_first_page(&image.segment[1]), RF_IMAGE_BASE + 0x3000);
        assert_int_equal(elf_end_page(&image.segment[1]), RF_IMAGE_BASE + 0x9000);
        assert_int_equal(elf_entry_bound(&image), 5);
        assert_int_equal(elf_entries(&image, entries), 2); /* entry and `start` are one; `gone` is data */
        assert_int_equal(entries[0], RF_IMAGE_BASE + 0x10);
        assert_int_equal(entries[1], RF_IMAGE_BASE + 0x100);
        elf_nearest(&image, RF_IMAGE_BASE + 0x13, name, sizeof(name));
        assert_string_equal(name, "start+0x3");
        elf_nearest(&image, RF_IMAGE_BASE + 0x7ff, name, sizeof(name));
        assert_string_equal(name, "main+0x6ff");
        elf_nearest(&image, RF_IMAGE_BASE, name, sizeof(name));
        assert_string_equal(name, "");
        elf_nearest(&image, RF_IMAGE_BASE + 0x3010, name, sizeof(name));
        assert_string_equal(name, "");
}

static void test_stripped(void **state)
{
        uint64_t entries[1];

        good.header.shnum = 0;
        good.header.shoff = ~0ull;
        assert_int_equal(parse(FILE_BYTES), 0);
        assert_int_equal(image.nsymbols, 0);
        assert_int_equal(elf_entries(&image, entries), 1);
}

static void test_sorting(void **state)
{
        struct elf64_section *table = section_of(good.bytes, 1);
        uint64_t entries[32];
        unsigned seed = 1;

        table->offset = TEXT + 0x200; /* any room will do */
        table->size = 31 * 24;
        for (unsigned i = 0; i < 31; i++) {
                struct elf64_symbol s = {.info = STT_FUNC, .size = 1, .name = 1};

                seed = seed * 1103515245 + 12345;
                s.value = RF_IMAGE_BASE + (seed >> 16) % 64;
                memcpy(good.bytes + table->offset + i * 24, &s, 24);
        }
        assert_int_equal(elf_parse(&image, good.bytes, FILE_BYTES, &why), 0);
        size_t n = elf_entries(&image, entries);
        assert_in_range(n, 10, 32);
        for (size_t i = 1; i < n; i++)
                assert_true(entries[i - 1] < entries[i]);
}

static void refused(uint64_t size, const char *reason)
{
        assert_int_equal(parse(size), -RF_EFORMAT);
        if (strstr(why, reason) == NULL)
                fail_msg("said \"%s\", expected \"%s\"", why, reason);
}

static void test_truncated(void **state)
{
        for (uint64_t size = 0; size < FILE_BYTES; size++) /* the last 64 bytes are past the section table */
                if (size < SECTIONS + 3 * 64)
                        assert_int_equal(parse(size), -RF_EFORMAT);
                else
                        assert_int_equal(parse(size), 0);
        refused(10, "shorter than an ELF header");
        refused(100, "program headers lie outside");
        refused(TEXT + 10, "a segment lies outside the file");
        refused(SECTIONS, "section table lies outside");
}

static void test_header(void **state)
{
        good.header.ident[0] = 0;
        refused(FILE_BYTES, "not an ELF64");
        setup(NULL);
        good.header.ident[4] = 1;
        refused(FILE_BYTES, "not an ELF64");
        setup(NULL);
        good.header.machine = 183;
        refused(FILE_BYTES, "not for x86-64");
        setup(NULL);
        good.header.type = ET_DYN;
        refused(FILE_BYTES, "-no-pie");
        setup(NULL);
        good.header.type = 1;
        refused(FILE_BYTES, "not an executable");
        setup(NULL);
        good.header.phnum = 0;
        refused(FILE_BYTES, "program headers");
        setup(NULL);
        good.header.phnum = 65;
        refused(FILE_BYTES, "program headers");
        setup(NULL);
        good.header.phentsize = 32;
        refused(FILE_BYTES, "program headers");
        setup(NULL);
        good.header.phoff = ~0ull - 50;
        refused(FILE_BYTES, "program headers lie outside");
        setup(NULL);
        good.header.entry = RF_IMAGE_BASE + 0x3010;
        refused(FILE_BYTES, "entry point");
        setup(NULL);
        good.segment[1].type = PT_INTERP;
        refused(FILE_BYTES, "-static");
}

static void test_segments(void **state)
{
        struct elf64_segment *s = &good.segment[1];

        s->memsz = s->filesz = 0;
        refused(FILE_BYTES, "zero size");
        setup(NULL);
        s->filesz = s->memsz + 1;
        refused(FILE_BYTES, "larger in the file");
        setup(NULL);
        s->offset = ~0ull - 0xff7;
        refused(FILE_BYTES, "outside the file");
        setup(NULL);
        s->memsz = ~0ull - 8;
        refused(FILE_BYTES, "addresses of a guest");
        setup(NULL);
        s->memsz = RF_GUEST_HI;
        refused(FILE_BYTES, "addresses of a guest");
        setup(NULL);
        s->vaddr = RF_GUEST_LO - 0x1000 + 8;
        refused(FILE_BYTES, "addresses of a guest");
        setup(NULL);
        s->vaddr = RF_GUARD_VA + 8;
        refused(FILE_BYTES, "addresses of a guest");
        setup(NULL);
        s->vaddr = 0xffff800000000008;
        refused(FILE_BYTES, "addresses of a guest");
        setup(NULL);
        s->vaddr += 1;
        refused(FILE_BYTES, "misaligned");
        setup(NULL);
        s->flags |= RF_SEG_X;
        refused(FILE_BYTES, "both writable and executable");
        setup(NULL);
        s->vaddr = RF_IMAGE_BASE + 8; /* the code's page */
        refused(FILE_BYTES, "share a page");
        setup(NULL);
        s->vaddr = RF_IMAGE_BASE - 0x1000 + 8; /* runs over the code */
        refused(FILE_BYTES, "share a page");
        setup(NULL);
        s->memsz = RF_GUEST_HI - s->vaddr;
        assert_int_equal(parse(FILE_BYTES), 0); /* huge but legal: the quota refuses it later */
}

static void test_too_many_segments(void **state)
{
        good.header.phnum = 18;
        for (unsigned i = 2; i < 18; i++)
                good.segment[i] = (struct elf64_segment){.type = PT_LOAD,
                                                         .flags = RF_SEG_R,
                                                         .offset = TEXT,
                                                         .vaddr = RF_IMAGE_BASE + i * 0x10000,
                                                         .filesz = 1,
                                                         .memsz = 1};
        refused(FILE_BYTES, "too many segments");
        good.header.phnum = 16;
        assert_int_equal(parse(FILE_BYTES), 0);
}

static void test_symbols(void **state)
{
        struct elf64_section *table = section_of(good.bytes, 1), *strings = section_of(good.bytes, 2);
        char name[64];

        table->link = 7;
        refused(FILE_BYTES, "broken symbol table");
        setup(NULL);
        table->entsize = 16;
        refused(FILE_BYTES, "broken symbol table");
        setup(NULL);
        table->size = ~0ull;
        refused(FILE_BYTES, "a section lies outside");
        setup(NULL);
        strings->offset = FILE_BYTES;
        refused(FILE_BYTES, "broken symbol table");
        setup(NULL);
        symbol_of(good.bytes, 1)->name = 0xffffffff; /* a name outside the string table: nameless, no crash */
        assert_int_equal(parse(FILE_BYTES), 0);
        elf_nearest(&image, RF_IMAGE_BASE + 0x100, name, sizeof(name));
        assert_string_equal(name, "+0x0");
        setup(NULL);
        memcpy(good.bytes + STRINGS + 7, "\x1b[2J", 4); /* and names never drive the terminal */
        assert_int_equal(parse(FILE_BYTES), 0);
        elf_nearest(&image, RF_IMAGE_BASE + 0x100, name, sizeof(name));
        assert_string_equal(name, "?[2J+0x0");
}

static void test_mutations(void **state)
{
        static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
        static const struct {
                unsigned from, to;
        } places[] = {{0, 64 + 2 * 56}, {SECTIONS, SECTIONS + 3 * 64}, {SYMBOLS, SYMBOLS + 4 * 24}};
        unsigned accepted = 0;

        for (unsigned p = 0; p < 3; p++)
                for (unsigned at = places[p].from; at < places[p].to; at++)
                        for (unsigned v = 0; v < sizeof(values); v++) {
                                uint8_t kept = good.bytes[at];

                                good.bytes[at] = values[v];
                                accepted += parse(FILE_BYTES) == 0;
                                good.bytes[at] = kept;
                        }
        assert_true(accepted > 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup(test_good, setup),
            cmocka_unit_test_setup(test_stripped, setup),
            cmocka_unit_test_setup(test_sorting, setup),
            cmocka_unit_test_setup(test_truncated, setup),
            cmocka_unit_test_setup(test_header, setup),
            cmocka_unit_test_setup(test_segments, setup),
            cmocka_unit_test_setup(test_symbols, setup),
            cmocka_unit_test_setup(test_too_many_segments, setup),
            cmocka_unit_test_setup(test_mutations, setup),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

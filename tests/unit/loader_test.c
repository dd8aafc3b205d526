/* SPDX-License-Identifier: MIT
 * The loader's parts that need no firmware: the scan of ringfence.conf, the ELF checks, the memory
 * map. Built with the sanitizers, so that reading outside a file fails the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <elf.h>

#include "../../boot/loader/conf.h"
#include "../../boot/loader/elf_check.h"
#include "../../boot/loader/memmap.h"

/* ---- ringfence.conf ------------------------------------------------------------------------------- */

/* What the scan finds, as "I:name B:name ", from a heap copy without a NUL behind it. */
static const char *scan(const char *text)
{
        static char found[512];
        size_t n = strlen(text);
        char *copy = malloc(n > 0 ? n : 1);
        struct conf conf;
        struct conf_item item;

        memcpy(copy, text, n);
        conf = conf_start(copy, n);
        found[0] = '\0';
        while (conf_next(&conf, &item)) {
                strcat(found, item.kind == CONF_BARE ? "B:" : "I:");
                strcat(found, item.name);
                strcat(found, item.truncated ? "... " : " ");
        }
        free(copy);
        return found;
}

static void conf_finds_images_and_bare(void **state)
{
        assert_string_equal(scan(""), "");
        assert_string_equal(scan("[host]\nbare = echo\n[guest a]\nimage = a.elf\n"), "B:echo I:a.elf ");
        assert_string_equal(scan("[host]\r\n  bare=x\r\n[ guest b ]\r\n\timage=\tb.elf\t\r\n"),
                            "B:x I:b.elf ");
        assert_string_equal(scan("\xef\xbb\xbf[host]\nbare=x"), "B:x ");
        assert_string_equal(scan("image = a.elf # first\nimage = b.elf ; second\nimage=c.elf"),
                            "I:a.elf I:b.elf I:c.elf ");
}

static void conf_skips_the_rest(void **state)
{
        assert_string_equal(scan("# image = a\n; image = b\nimages = c\nimage\nimage =\nimage = # d\n=e\n"),
                            "");
        assert_string_equal(scan("bare = x\n[guest host]\nbare = y\n[hosts]\nbare = z\n[host\nbare = w"),
                            "B:w ");
        assert_string_equal(scan("[host]\n[guest a]\nbare = x\n"), "");
}

static void conf_marks_long_names(void **state)
{
        char text[200] = "image = ";
        char expected[200] = "I:";

        memset(text + 8, 'n', RF_BOOT_NAME);
        memset(expected + 2, 'n', RF_BOOT_NAME - 1);
        strcat(expected, "... ");
        assert_string_equal(scan(text), expected);
        text[8 + RF_BOOT_NAME - 1] = '\0';
        strcpy(expected + 2 + RF_BOOT_NAME - 1, " ");
        assert_string_equal(scan(text), expected);
}

/* ---- ELF ------------------------------------------------------------------------------------------ */

enum { FILE_BYTES = 0x3000, CODE = 0, DATA = 1, PHDRS = 3 };
#define BASE 0xffffffff80000000ull

struct elf_file {
        Elf64_Ehdr eh;
        Elf64_Phdr ph[12];
        uint8_t rest[FILE_BYTES - sizeof(Elf64_Ehdr) - 12 * sizeof(Elf64_Phdr)];
};

_Static_assert(sizeof(struct elf_file) == FILE_BYTES, "no padding");

static struct elf_file good_file(void)
{
        struct elf_file f = {.eh = {
                                 .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                                 .e_type = ET_EXEC,
                                 .e_machine = EM_X86_64,
                                 .e_version = EV_CURRENT,
                                 .e_entry = BASE + 0x10,
                                 .e_phoff = sizeof(Elf64_Ehdr),
                                 .e_ehsize = sizeof(Elf64_Ehdr),
                                 .e_phentsize = sizeof(Elf64_Phdr),
                                 .e_phnum = PHDRS,
                             }};

        f.ph[CODE] = (Elf64_Phdr){PT_LOAD, PF_R | PF_X, 0x1000, BASE, BASE, 0x1001, 0x1001, 0x1000};
        f.ph[DATA] = (Elf64_Phdr){PT_LOAD, PF_R | PF_W, 0x2123, BASE + 0x2123, BASE, 0x10, 0x1f00, 0x1000};
        f.ph[2] = (Elf64_Phdr){PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 0, 16};
        return f;
}

static const char *check_bytes(const struct elf_file *f, size_t bytes, struct elf_plan *plan)
{
        void *copy = malloc(bytes > 0 ? bytes : 1);
        const char *wrong;

        memcpy(copy, f, bytes);
        wrong = elf_check(copy, bytes, plan);
        free(copy);
        return wrong;
}

static void refused(const struct elf_file *f, const char *reason)
{
        struct elf_plan plan;
        const char *wrong = check_bytes(f, sizeof(*f), &plan);

        assert_non_null(wrong);
        if (strstr(wrong, reason) == NULL)
                fail_msg("refused for \"%s\", not for \"%s\"", wrong, reason);
}

static void elf_good(void **state)
{
        struct elf_file f = good_file();
        struct elf_plan plan;

        assert_null(check_bytes(&f, sizeof(f), &plan));
        assert_int_equal(plan.image.nsegs, 2);
        assert_true(plan.image.entry == BASE + 0x10);
        assert_true(plan.image.seg[0].va == BASE && plan.image.seg[0].pages == 2);
        assert_int_equal(plan.image.seg[0].flags, RF_SEG_R | RF_SEG_X);
        /* 0x123 + 0x1f00 bytes pass one page end more than 0x1f00 alone */
        assert_true(plan.image.seg[1].va == BASE + 0x2000 && plan.image.seg[1].pages == 3);
        assert_true(plan.part[1].lead == 0x123 && plan.part[1].offset == 0x2123 &&
                    plan.part[1].bytes == 0x10);
}

static void elf_empty_segments_are_skipped(void **state)
{
        struct elf_file f = good_file();
        struct elf_plan plan;

        f.ph[2] = (Elf64_Phdr){PT_LOAD, PF_R | PF_W | PF_X, UINT64_MAX, 0, 0, UINT64_MAX, 0, 0};
        assert_null(check_bytes(&f, sizeof(f), &plan));
        assert_int_equal(plan.image.nsegs, 2);
}

static void elf_truncated(void **state)
{
        struct elf_file f = good_file();
        struct elf_plan plan;
        const size_t needed = 0x2123 + 0x10;

        for (size_t bytes = 0; bytes < needed; bytes += bytes < 0x400 ? 1 : 61)
                assert_non_null(strstr(check_bytes(&f, bytes, &plan), "truncated"));
        assert_non_null(check_bytes(&f, needed - 1, &plan));
        assert_null(check_bytes(&f, needed, &plan));
}

static void elf_header(void **state)
{
        struct elf_file f = good_file();

        f.eh.e_ident[0] = 0;
        refused(&f, "not an ELF");
        f = good_file();
        f.eh.e_ident[EI_CLASS] = ELFCLASS32;
        refused(&f, "wrong machine");
        f = good_file();
        f.eh.e_machine = EM_AARCH64;
        refused(&f, "wrong machine");
        f = good_file();
        f.eh.e_type = ET_DYN;
        refused(&f, "fixed address");
        f = good_file();
        f.eh.e_phentsize = 32;
        refused(&f, "unknown size");
        f = good_file();
        f.eh.e_phoff = UINT64_MAX - 8;
        refused(&f, "truncated");
        f = good_file();
        f.eh.e_phnum = 0;
        refused(&f, "no PT_LOAD");
        f = good_file();
        f.eh.e_entry = BASE + 0x2200; /* data */
        refused(&f, "entry point");
}

static void elf_segments(void **state)
{
        struct elf_file f = good_file();

        f.ph[DATA].p_filesz = f.ph[DATA].p_memsz + 1;
        refused(&f, "truncated");
        f = good_file();
        f.ph[DATA].p_memsz = f.ph[DATA].p_filesz - 1;
        refused(&f, "larger in the file");
        f = good_file();
        f.ph[DATA].p_offset = UINT64_MAX - 4;
        refused(&f, "truncated");
        f = good_file();
        f.ph[DATA].p_memsz = (64ull << 20) + 1;
        refused(&f, "64 MiB");
        f = good_file();
        f.ph[DATA].p_vaddr = UINT64_MAX - 0x100;
        refused(&f, "address the CPU does not have");
        f = good_file();
        f.ph[DATA].p_vaddr = 0x00007fffffffff00;
        refused(&f, "address the CPU does not have");
        f = good_file();
        f.ph[DATA].p_flags |= PF_X;
        refused(&f, "writable and executable");
        f = good_file();
        f.ph[DATA].p_vaddr = BASE + 0x1fff; /* the code's second page */
        refused(&f, "share a page");
        f = good_file();
        f.eh.e_phnum = 12;
        for (unsigned i = 3; i < 12; i++)
                f.ph[i] = (Elf64_Phdr){PT_LOAD, PF_R, 0, BASE + 0x10000 * i, 0, 1, 1, 1};
        refused(&f, "more than 8");
}

/* Whatever is in the headers: an accepted plan stays inside the file and inside its own pages. */
static void elf_damaged(void **state)
{
        unsigned accepted = 0;

        srand(1);
        for (int round = 0; round < 200000; round++) {
                struct elf_file f = good_file();
                struct elf_plan plan;

                for (int k = rand() % 3; k >= 0; k--)
                        ((uint8_t *)&f)[16 +
                                        (size_t)rand() % (sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr) - 16)] =
                            (uint8_t)(rand() % 3 == 0 ? 0xff : rand());
                if (check_bytes(&f, sizeof(f), &plan) != NULL)
                        continue;
                accepted++;
                for (uint32_t i = 0; i < plan.image.nsegs; i++) {
                        assert_true(plan.part[i].offset + plan.part[i].bytes <= sizeof(f));
                        assert_true(plan.part[i].lead + plan.part[i].bytes <=
                                    plan.image.seg[i].pages * RF_PAGE_SIZE);
                        assert_true(plan.image.seg[i].pages <= (64u << 8) + 1);
                }
        }
        assert_true(accepted > 1000); /* the test would be empty if every damaged file were refused */
}

/* ---- memory map ----------------------------------------------------------------------------------- */

static EFI_MEMORY_DESCRIPTOR region(uint64_t base, uint64_t pages, uint32_t type)
{
        return (EFI_MEMORY_DESCRIPTOR){.Type = type, .PhysicalStart = base, .NumberOfPages = pages};
}

static void map_is_sorted_and_merged(void **state)
{
        EFI_MEMORY_DESCRIPTOR map[] = {
            region(0x5000, 1, EfiLoaderData),          region(0x3000, 2, EfiBootServicesData),
            region(0x1000, 2, EfiConventionalMemory),  region(0x6000, 1, EfiLoaderCode),
            region(0x8000, 1, EfiACPIMemoryNVS),       region(0x9000, 1, EfiReservedMemoryType),
            region(0xa000, 1, EfiRuntimeServicesData), region(0xb000, 1, EfiMemoryMappedIO),
            region(0x2000, 0, EfiMemoryMappedIO),
        };
        static const struct rf_boot_mem expected[] = {
            {0x1000, 4, RF_MEM_FREE, 0}, {0x5000, 1, RF_MEM_LOADER, 0},   {0x6000, 1, RF_MEM_FREE, 0},
            {0x8000, 1, RF_MEM_ACPI, 0}, {0x9000, 2, RF_MEM_RESERVED, 0}, {0xb000, 1, RF_MEM_MMIO, 0},
        };
        struct rf_boot_mem out[16];

        assert_int_equal(memmap_convert(map, sizeof(map), sizeof(map[0]), out, 16), 6);
        assert_memory_equal(out, expected, sizeof(expected));
}

static void map_unknown_and_runtime_are_reserved(void **state)
{
        EFI_MEMORY_DESCRIPTOR map[] = {region(0x1000, 1, 0x80000001), region(0x3000, 1, EfiUnusableMemory),
                                       region(0x5000, 1, EfiConventionalMemory)};
        struct rf_boot_mem out[16];

        map[2].Attribute = EFI_MEMORY_RUNTIME;
        assert_int_equal(memmap_convert(map, sizeof(map), sizeof(map[0]), out, 16), 3);
        for (int i = 0; i < 3; i++)
                assert_int_equal(out[i].type, RF_MEM_RESERVED);
}

/* No byte that some descriptor calls reserved or the loader's may come out as free. */
static void map_overlaps_never_free_what_is_taken(void **state)
{
        static const uint32_t types[] = {EfiConventionalMemory, EfiLoaderData, EfiACPIMemoryNVS,
                                         EfiReservedMemoryType, EfiMemoryMappedIO};

        srand(2);
        for (int round = 0; round < 20000; round++) {
                EFI_MEMORY_DESCRIPTOR map[6];
                struct rf_boot_mem out[13];
                uint32_t worst[40] = {0}, n;
                uint64_t end = 0, covered = 0, typed = 0;

                for (int i = 0; i < 6; i++) {
                        uint64_t base = (uint64_t)rand() % 30, pages = (uint64_t)rand() % 10;
                        uint32_t type = (uint32_t)rand() % 5;

                        map[i] = region(base * RF_PAGE_SIZE, pages, types[type]);
                        for (uint64_t p = base; p < base + pages; p++)
                                worst[p] = worst[p] > type + 1 ? worst[p] : type + 1;
                }
                n = memmap_convert(map, sizeof(map), sizeof(map[0]), out, 13);
                for (uint32_t i = 0; i < n; i++) {
                        assert_true(out[i].pages > 0 && out[i].base >= end);
                        end = out[i].base + out[i].pages * RF_PAGE_SIZE;
                        covered += out[i].pages;
                        for (uint64_t p = out[i].base / RF_PAGE_SIZE; p < end / RF_PAGE_SIZE; p++)
                                assert_true(out[i].type == worst[p]);
                }
                for (int p = 0; p < 40; p++)
                        typed += worst[p] != 0;
                assert_true(covered == typed);
        }
}

static void map_full(void **state)
{
        EFI_MEMORY_DESCRIPTOR map[8];
        struct rf_boot_mem out[4];

        for (int i = 0; i < 8; i++)
                map[i] = region((uint64_t)(i * 2 + 1) << 12, 1, EfiConventionalMemory);
        assert_int_equal(memmap_convert(map, sizeof(map), sizeof(map[0]), out, 4), 4);
        assert_true(out[3].base == 0x7000 && out[3].pages == 1);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
            cmocka_unit_test(conf_finds_images_and_bare),
            cmocka_unit_test(conf_skips_the_rest),
            cmocka_unit_test(conf_marks_long_names),
            cmocka_unit_test(elf_good),
            cmocka_unit_test(elf_empty_segments_are_skipped),
            cmocka_unit_test(elf_truncated),
            cmocka_unit_test(elf_header),
            cmocka_unit_test(elf_segments),
            cmocka_unit_test(elf_damaged),
            cmocka_unit_test(map_is_sorted_and_merged),
            cmocka_unit_test(map_unknown_and_runtime_are_reserved),
            cmocka_unit_test(map_overlaps_never_free_what_is_taken),
            cmocka_unit_test(map_full),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

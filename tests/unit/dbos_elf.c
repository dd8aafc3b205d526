/* SPDX-License-Identifier: MIT
 *
 * The command's ELF reader against malformed files: a clear error with the file's name, never a crash.
 */
#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dbos/world.h"
#include "host/image.h"

static char path[] = "/tmp/dbos-elf-XXXXXX", errors[] = "/tmp/dbos-err-XXXXXX";

static struct {
        Elf64_Ehdr e;
        Elf64_Phdr p[2];
        Elf64_Shdr s[5];
        Elf64_Rela rela[2];
        Elf64_Sym sym[3];
        char strings[32];
        uint8_t code[64];
} elf;

#define CODE (RF_IMAGE_BASE + offsetof(typeof(elf), code)) /* file and memory agree within a page */

static void make(void)
{
        memset(&elf, 0, sizeof elf);
        memcpy(elf.e.e_ident, ELFMAG, SELFMAG);
        elf.e.e_ident[EI_CLASS] = ELFCLASS64;
        elf.e.e_ident[EI_DATA] = ELFDATA2LSB;
        elf.e.e_ident[EI_VERSION] = EV_CURRENT;
        elf.e.e_type = ET_EXEC;
        elf.e.e_machine = EM_X86_64;
        elf.e.e_entry = CODE;
        elf.e.e_phoff = offsetof(typeof(elf), p);
        elf.e.e_phentsize = sizeof(Elf64_Phdr);
        elf.e.e_phnum = 2;
        elf.e.e_shoff = offsetof(typeof(elf), s);
        elf.e.e_shentsize = sizeof(Elf64_Shdr);
        elf.e.e_shnum = 3;
        elf.p[0] = (Elf64_Phdr){.p_type = PT_LOAD,
                                .p_flags = PF_R | PF_X,
                                .p_offset = offsetof(typeof(elf), code),
                                .p_vaddr = CODE,
                                .p_filesz = 64,
                                .p_memsz = 64};
        elf.p[1] = (Elf64_Phdr){
            .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_vaddr = RF_IMAGE_BASE + 0x1000, .p_memsz = 64};
        elf.s[1] = (Elf64_Shdr){.sh_type = SHT_SYMTAB,
                                .sh_offset = offsetof(typeof(elf), sym),
                                .sh_size = sizeof elf.sym,
                                .sh_entsize = sizeof(Elf64_Sym),
                                .sh_link = 2};
        elf.s[2] =
            (Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_offset = offsetof(typeof(elf), strings), .sh_size = 32};
        elf.sym[1] = (Elf64_Sym){.st_name = 1,
                                 .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
                                 .st_shndx = 1,
                                 .st_value = CODE + 16,
                                 .st_size = 8};
        memcpy(elf.strings + 1, "function", 8);
}

/* Opens the first `n` bytes as an image; what was said goes to `said`. */
static bool opens(const void *bytes, size_t n, struct image *im, char *said, size_t room)
{
        int fd = open(path, O_WRONLY | O_TRUNC), err = open(errors, O_RDWR | O_TRUNC), keep = dup(2);
        ssize_t got;
        bool ok;

        assert_int_equal(write(fd, bytes, n), n);
        close(fd);
        fflush(stderr);
        dup2(err, 2);
        ok = image_open(im, path);
        fflush(stderr);
        dup2(keep, 2);
        close(keep);
        lseek(err, 0, SEEK_SET);
        got = read(err, said, room - 1);
        said[got > 0 ? got : 0] = 0;
        close(err);
        return ok;
}

static void well_formed(void **unused)
{
        struct image im;
        char said[512];
        char function[64];

        make();
        assert_true(opens(&elf, sizeof elf, &im, said, sizeof said));
        assert_string_equal(said, "");
        assert_int_equal(im.kind, IMAGE_GUEST);
        assert_int_equal(im.elf.nsegments, 2);
        assert_int_equal(im.nentries, 2);
        image_function(&im, CODE + 20, function, sizeof function);
        assert_string_equal(function, "function+0x4");
        assert_null(image_bytes(&im, RF_IMAGE_BASE + 0x2000));
        image_close(&im);
}

static void expect_error(const char *part)
{
        struct image im;
        char said[512];
        bool ok = opens(&elf, sizeof elf, &im, said, sizeof said);

        if (ok || !strstr(said, part) || !strstr(said, path))
                fail_msg("expected '%s', got '%s'", part, said);
        image_close(&im);
}

static void malformed(void **unused)
{
        make();
        elf.e.e_ident[0] = 0;
        expect_error("not an ELF64");
        make();
        elf.e.e_machine = EM_AARCH64;
        expect_error("not for x86-64");
        make();
        elf.e.e_type = ET_CORE;
        expect_error("not an executable");
        make();
        elf.e.e_phnum = 0;
        expect_error("program headers");
        make();
        elf.e.e_phoff = UINT64_MAX - 8;
        expect_error("program headers lie outside");
        make();
        elf.p[0].p_filesz = 128;
        expect_error("larger in the file");
        make();
        elf.p[0].p_filesz = elf.p[0].p_memsz = 4096;
        expect_error("truncated");
        make();
        elf.p[0].p_offset = UINT64_MAX;
        expect_error("truncated");
        make();
        elf.p[1].p_memsz = 1ull << 40;
        expect_error("outside the addresses of a guest");
        make();
        elf.p[1].p_vaddr = UINT64_MAX - 0x1000;
        expect_error("outside the addresses of a guest");
        make();
        elf.p[0].p_type = elf.p[1].p_type = PT_NULL;
        expect_error("no executable segment");
        make();
        elf.p[1].p_vaddr = RF_IMAGE_BASE;
        expect_error("share a page");
        make();
        elf.p[0].p_flags |= PF_W;
        expect_error("writable and executable");
        make();
        elf.p[1].p_vaddr = 0x1000;
        expect_error("outside the addresses of a guest");
        make();
        elf.p[1].p_type = PT_INTERP;
        expect_error("dynamically linked");
}

static void no_symbols(void **unused)
{
        struct image im;
        char said[512];

        make();
        elf.e.e_shnum = 0;
        assert_true(opens(&elf, sizeof elf, &im, said, sizeof said));
        assert_non_null(strstr(said, "no symbol table"));
        assert_int_equal(im.nentries, 1);
        image_close(&im);
        make();
        elf.s[1].sh_offset = UINT64_MAX / 2;
        expect_error("outside the file");
        make();
        elf.s[1].sh_link = 9;
        expect_error("broken symbol table");
}

/* The same bytes as a library and as an object: judged as if linked, and said to be neither. */
static void not_linked(void **unused)
{
        static const uint8_t call[] = {0xe8, 0, 0, 0, 0, 0x48, 0x8b, 0x05, 0, 0, 0, 0};
        struct image im;
        char said[512], function[64];
        const uint8_t *p;
        int32_t d;

        make();
        elf.e.e_type = ET_DYN;
        elf.e.e_entry = 0;
        elf.sym[1].st_value = 16;
        elf.p[0].p_vaddr = offsetof(typeof(elf), code); /* file and memory agree within the page */
        elf.p[1].p_vaddr = 0x2000;
        assert_true(opens(&elf, sizeof elf, &im, said, sizeof said));
        assert_int_equal(im.kind, IMAGE_LIBRARY);
        assert_int_equal(im.nentries, 1); /* its symbol lies in no code */
        image_close(&im);

        make();
        elf.e.e_type = ET_REL;
        elf.e.e_shnum = 5;
        memcpy(elf.code, call, sizeof call);
        elf.s[0] = (Elf64_Shdr){0};
        elf.s[3] = (Elf64_Shdr){.sh_type = SHT_PROGBITS,
                                .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
                                .sh_offset = offsetof(typeof(elf), code),
                                .sh_size = 64,
                                .sh_addralign = 16};
        elf.s[4] = (Elf64_Shdr){.sh_type = SHT_RELA,
                                .sh_info = 3,
                                .sh_link = 1,
                                .sh_offset = offsetof(typeof(elf), rela),
                                .sh_size = sizeof elf.rela,
                                .sh_entsize = sizeof(Elf64_Rela)};
        elf.sym[1].st_shndx = 3;
        elf.sym[1].st_value = 32;
        elf.rela[0] = (Elf64_Rela){1, ELF64_R_INFO(1, R_X86_64_PLT32), -4};
        elf.rela[1] = (Elf64_Rela){8, ELF64_R_INFO(2, R_X86_64_GOTPCREL), -4};
        assert_true(opens(&elf, sizeof elf, &im, said, sizeof said));
        assert_int_equal(im.kind, IMAGE_OBJECT);
        assert_int_equal(im.unresolved, 1);
        assert_int_equal(im.nentries, 2);
        p = image_bytes(&im, RF_IMAGE_BASE + 0x1000);
        memcpy(&d, p + 1, 4);
        assert_int_equal(d, 32 - 5); /* to the function */
        image_function(&im, RF_IMAGE_BASE + 0x1000 + 33, function, sizeof function);
        assert_string_equal(function, "function+0x1");
        image_close(&im);
}

/* Cut off anywhere, and with random bytes changed: an answer, whatever it is. */
static void damaged(void **unused)
{
        struct image im;
        char said[4096];

        make();
        for (size_t n = 0; n < sizeof elf; n++) {
                bool ok = opens(&elf, n, &im, said, sizeof said);

                assert_true(!ok || n >= offsetof(typeof(elf), code));
                if (!ok)
                        assert_non_null(strstr(said, path));
                image_close(&im);
        }
        world_seed(11);
        for (int i = 0; i < 3000; i++) {
                char function[64];

                make();
                elf.e.e_type = (Elf64_Half)(ET_REL + i % 3); /* object, executable, library */
                for (int k = 0; k < 4; k++)
                        ((uint8_t *)&elf)[world_random() % sizeof elf] = (uint8_t)world_random();
                if (opens(&elf, sizeof elf, &im, said, sizeof said))
                        image_function(&im, CODE + 16, function, sizeof function);
                image_close(&im);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(well_formed), cmocka_unit_test(malformed), cmocka_unit_test(no_symbols),
            cmocka_unit_test(not_linked),  cmocka_unit_test(damaged),
        };
        int result;

        close(mkstemp(path));
        close(mkstemp(errors));
        result = cmocka_run_group_tests(tests, NULL, NULL);
        unlink(path);
        unlink(errors);
        return result;
}

/* SPDX-License-Identifier: MIT
 *
 * The command's ELF reader against malformed files: a clear error with the file's name, never a crash.
 */
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
        Elf64_Shdr s[3];
        Elf64_Sym sym[3];
        char strings[32];
        uint8_t code[64];
} elf;

static void make(void)
{
        memset(&elf, 0, sizeof elf);
        memcpy(elf.e.e_ident, ELFMAG, SELFMAG);
        elf.e.e_ident[EI_CLASS] = ELFCLASS64;
        elf.e.e_ident[EI_DATA] = ELFDATA2LSB;
        elf.e.e_type = ET_EXEC;
        elf.e.e_machine = EM_X86_64;
        elf.e.e_entry = RF_IMAGE_BASE;
        elf.e.e_phoff = offsetof(typeof(elf), p);
        elf.e.e_phentsize = sizeof(Elf64_Phdr);
        elf.e.e_phnum = 2;
        elf.e.e_shoff = offsetof(typeof(elf), s);
        elf.e.e_shentsize = sizeof(Elf64_Shdr);
        elf.e.e_shnum = 3;
        elf.p[0] = (Elf64_Phdr){.p_type = PT_LOAD,
                                .p_flags = PF_R | PF_X,
                                .p_offset = offsetof(typeof(elf), code),
                                .p_vaddr = RF_IMAGE_BASE,
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
                                 .st_value = RF_IMAGE_BASE + 16,
                                 .st_size = 8};
        memcpy(elf.strings + 1, "function", 8);
}

static void close_image(struct image *im)
{
        for (unsigned i = 0; i < im->nsegments; i++)
                free(im->segment[i].data);
        free(im->file);
        free(im->entries);
        free((void *)(uintptr_t)im->symbols);
        free((void *)(uintptr_t)im->strings);
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
        uint64_t offset;

        make();
        assert_true(opens(&elf, sizeof elf, &im, said, sizeof said));
        assert_string_equal(said, "");
        assert_int_equal(im.breaches, 0);
        assert_int_equal(im.nsegments, 2);
        assert_int_equal(im.nentries, 2);
        assert_string_equal(image_function(&im, RF_IMAGE_BASE + 20, &offset), "function");
        assert_int_equal(offset, 4);
        assert_null(image_bytes(&im, RF_IMAGE_BASE + 0x2000));
        close_image(&im);
}

static void expect_error(const char *part)
{
        struct image im;
        char said[512];
        bool ok = opens(&elf, sizeof elf, &im, said, sizeof said);

        if ((ok && !im.breaches) || !strstr(said, part) || !strstr(said, path))
                fail_msg("expected '%s', got '%s'", part, said);
        close_image(&im);
}

static void malformed(void **unused)
{
        make();
        elf.e.e_ident[0] = 0;
        expect_error("not an ELF file");
        make();
        elf.e.e_machine = EM_AARCH64;
        expect_error("not for x86-64");
        make();
        elf.e.e_type = ET_REL;
        expect_error("object file");
        make();
        elf.e.e_type = ET_DYN;
        expect_error("position-independent");
        make();
        elf.e.e_phnum = 0;
        expect_error("no program headers");
        make();
        elf.e.e_phoff = UINT64_MAX - 8;
        expect_error("truncated");
        make();
        elf.p[0].p_filesz = 128;
        expect_error("impossible");
        make();
        elf.p[0].p_filesz = elf.p[0].p_memsz = 4096;
        expect_error("truncated");
        make();
        elf.p[0].p_offset = UINT64_MAX;
        expect_error("truncated");
        make();
        elf.p[1].p_memsz = 1ull << 40;
        expect_error("impossible");
        make();
        elf.p[1].p_vaddr = UINT64_MAX - 0x1000;
        expect_error("impossible");
        make();
        elf.p[0].p_type = elf.p[1].p_type = PT_NULL;
        expect_error("nothing to load");
        make();
        elf.p[1].p_vaddr = RF_IMAGE_BASE + 0x800;
        expect_error("shares a page");
        make();
        elf.p[0].p_flags |= PF_W;
        expect_error("writable and executable");
        make();
        elf.p[1].p_vaddr = 0x1000;
        expect_error("outside guest memory");
        make();
        elf.p[1].p_type = PT_INTERP;
        expect_error("dynamic linker");
}

static void no_symbols(void **unused)
{
        struct image im;
        char said[512];

        for (int i = 0; i < 3; i++) {
                make();
                if (i == 0)
                        elf.e.e_shnum = 0;
                if (i == 1)
                        elf.s[1].sh_offset = UINT64_MAX / 2;
                if (i == 2)
                        elf.s[1].sh_link = 9;
                assert_true(opens(&elf, sizeof elf, &im, said, sizeof said));
                assert_non_null(strstr(said, "no symbol table"));
                assert_int_equal(im.nentries, 1);
                close_image(&im);
        }
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
                close_image(&im);
        }
        world_seed(11);
        for (int i = 0; i < 3000; i++) {
                uint64_t offset;

                make();
                for (int k = 0; k < 4; k++)
                        ((uint8_t *)&elf)[world_random() % sizeof elf] = (uint8_t)world_random();
                if (opens(&elf, sizeof elf, &im, said, sizeof said))
                        image_function(&im, RF_IMAGE_BASE + 16, &offset);
                close_image(&im);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(well_formed),
            cmocka_unit_test(malformed),
            cmocka_unit_test(no_symbols),
            cmocka_unit_test(damaged),
        };
        int result;

        close(mkstemp(path));
        close(mkstemp(errors));
        result = cmocka_run_group_tests(tests, NULL, NULL);
        unlink(path);
        unlink(errors);
        return result;
}

/* SPDX-License-Identifier: MIT
 *
 * The rewritten image as an ELF file: the sites patched in place, each trampoline page a segment of its own,
 * and a longer program header table at the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "image.h"

enum { PAGE = 4096 };

static void patch(const struct image *im)
{
        for (unsigned i = 0; i < im->nsegments; i++) {
                const struct segment *s = &im->segment[i];

                if (s->execute)
                        memcpy(im->file + s->file_offset, s->data + (s->file_va - s->va), s->file_bytes);
        }
}

static bool emit_file(const struct image *im, FILE *f, const Elf64_Ehdr *old)
{
        unsigned extra = arena_pages();
        size_t pad = (PAGE - im->size % PAGE) % PAGE;
        Elf64_Ehdr e = *old;
        static const uint8_t zero[PAGE];

        e.e_phoff = im->size + pad + (size_t)extra * PAGE;
        e.e_phnum = (Elf64_Half)(old->e_phnum + extra);
        memcpy(im->file, &e, sizeof e);
        if (fwrite(im->file, 1, im->size, f) != im->size || fwrite(zero, 1, pad, f) != pad)
                return false;
        for (unsigned i = 0; i < extra; i++)
                if (fwrite(arena_bytes(arena_page(i)), 1, PAGE, f) != PAGE)
                        return false;
        if (fwrite(im->file + old->e_phoff, sizeof(Elf64_Phdr), old->e_phnum, f) != old->e_phnum)
                return false;
        for (unsigned i = 0; i < extra; i++) {
                Elf64_Phdr p = {.p_type = PT_LOAD,
                                .p_flags = PF_R | PF_X,
                                .p_offset = im->size + pad + (size_t)i * PAGE,
                                .p_vaddr = arena_page(i) - im->bias,
                                .p_paddr = arena_page(i) - im->bias,
                                .p_filesz = PAGE,
                                .p_memsz = PAGE,
                                .p_align = PAGE};

                if (fwrite(&p, sizeof p, 1, f) != 1)
                        return false;
        }
        return true;
}

bool image_write(const struct image *im, const char *name)
{
        FILE *f = fopen(name, "wb");
        Elf64_Ehdr old;
        bool ok;

        memcpy(&old, im->file, sizeof old);
        patch(im);
        ok = f && old.e_phnum + arena_pages() < PN_XNUM && emit_file(im, f, &old);
        if (f && fclose(f))
                ok = false;
        if (!ok)
                fprintf(stderr, "%s: cannot be written\n", name);
        return ok;
}

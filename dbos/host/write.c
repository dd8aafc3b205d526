/* SPDX-License-Identifier: MIT
 *
 * The rewritten image as an ELF file: the sites patched in place, each trampoline page a segment of its own,
 * and a longer program header table at the end.
 */
#include <stdio.h>
#include <string.h>

#include "../../hv/root/elf_format.h"
#include "arena.h"
#include "image.h"

static void patch(const struct image *im)
{
        for (unsigned i = 0; i < im->elf.nsegments; i++) {
                const struct elf_segment *s = &im->elf.segment[i];

                if (im->segment[i].execute)
                        memcpy(im->file + s->offset, im->segment[i].data + (s->va - im->segment[i].va),
                               s->file_bytes);
        }
}

static bool emit_file(const struct image *im, FILE *f, const struct elf64_header *old)
{
        unsigned extra = arena_pages();
        size_t pad = (RF_PAGE_SIZE - im->size % RF_PAGE_SIZE) % RF_PAGE_SIZE;
        struct elf64_header h = *old;
        static const uint8_t zero[RF_PAGE_SIZE];

        h.phoff = im->size + pad + extra * RF_PAGE_SIZE;
        h.phnum = (uint16_t)(old->phnum + extra);
        memcpy(im->file, &h, sizeof h);
        if (fwrite(im->file, 1, im->size, f) != im->size || fwrite(zero, 1, pad, f) != pad)
                return false;
        for (unsigned i = 0; i < extra; i++)
                if (fwrite(arena_bytes(arena_page(i)), 1, RF_PAGE_SIZE, f) != RF_PAGE_SIZE)
                        return false;
        if (fwrite(im->file + old->phoff, sizeof(struct elf64_segment), old->phnum, f) != old->phnum)
                return false;
        for (unsigned i = 0; i < extra; i++) {
                struct elf64_segment p = {.type = PT_LOAD,
                                          .flags = RF_SEG_R | RF_SEG_X,
                                          .offset = im->size + pad + i * RF_PAGE_SIZE,
                                          .vaddr = arena_page(i),
                                          .paddr = arena_page(i),
                                          .filesz = RF_PAGE_SIZE,
                                          .memsz = RF_PAGE_SIZE,
                                          .align = RF_PAGE_SIZE};

                if (fwrite(&p, sizeof p, 1, f) != 1)
                        return false;
        }
        return true;
}

bool image_write(const struct image *im, const char *name)
{
        FILE *f = fopen(name, "wb");
        struct elf64_header old;
        bool ok;

        memcpy(&old, im->file, sizeof old);
        patch(im);
        ok = f && emit_file(im, f, &old);
        if (f && fclose(f))
                ok = false;
        if (!ok)
                fprintf(stderr, "%s: cannot be written\n", name);
        return ok;
}

/* SPDX-License-Identifier: MIT
 *
 * See image.h. Reading, judging and laying out are hv/root's own files, so that both say the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../hv/root/elf_format.h"
#include "arena.h"
#include "image.h"
#include "ringfence.h"

/* Root takes 64 MiB; kernel modules and libraries are smaller too. */
enum { FILE_MAX = 64 << 20 };
/* Where heap and stacks end is of interest to images linked beside them only. */
#define MEMORY (4ull << 30)

static struct image *current; /* of the arena's callbacks; one image at a time */

static bool complain(const struct image *im, const char *what)
{
        if (im->name)
                fprintf(stderr, "%s: %s\n", im->name, what);
        return false;
}

static bool slurp(struct image *im)
{
        FILE *f = fopen(im->name, "rb");
        long size = -1;
        bool ok;

        if (!f)
                return complain(im, "cannot be opened");
        if (!fseek(f, 0, SEEK_END))
                size = ftell(f);
        rewind(f);
        im->size = size > 0 ? (size_t)size : 0;
        im->file = size > 0 && size <= FILE_MAX ? malloc(im->size) : NULL;
        ok = im->file && fread(im->file, 1, im->size, f) == im->size;
        fclose(f);
        if (!ok)
                return complain(im, size > FILE_MAX ? "is larger than 64 MiB" : "is empty or cannot be read");
        return true;
}

/* What is no guest image is made one, as far as its code goes. */
static const char *as_linked(struct image *im)
{
        struct elf64_header h;

        if (im->size < sizeof h)
                return NULL; /* elf_parse has a word for it */
        memcpy(&h, im->file, sizeof h);
        if (h.machine != EM_X86_64 || memcmp(h.ident, "\177ELF\2\1", 6))
                return NULL;
        if (h.type == ET_REL)
                return link_object(im);
        return h.type == ET_DYN ? link_library(im) : NULL;
}

static bool load(struct image *im)
{
        for (unsigned i = 0; i < im->elf.nsegments; i++) {
                const struct elf_segment *s = &im->elf.segment[i];
                struct segment *to = &im->segment[i];

                to->va = elf_first_page(s);
                to->bytes = elf_end_page(s) - to->va;
                to->execute = (s->flags & RF_SEG_X) != 0;
                to->data = calloc(1, to->bytes);
                if (!to->data)
                        return complain(im, "needs more memory than there is");
                memcpy(to->data + (s->va - to->va), im->file + s->offset, s->file_bytes);
        }
        return true;
}

/* As hv/root/build.c describes it to the engine: the same ranges, entries and stack. */
static bool describe(struct image *im)
{
        im->entries = calloc(elf_entry_bound(&im->elf), sizeof *im->entries);
        if (!im->entries)
                return complain(im, "needs more memory than there is");
        im->nentries = elf_entries(&im->elf, im->entries);
        for (unsigned i = 0; i < im->elf.nsegments; i++) {
                const struct elf_segment *s = &im->elf.segment[i];

                if (!(s->flags & RF_SEG_X))
                        continue;
                im->code[im->ncode++] = (struct dbos_code){
                    .va = s->va,
                    .bytes = s->bytes,
                    .entries = im->entries,
                    .nentries = im->nentries,
                    .map = calloc(1, s->bytes),
                    .stack = calloc(DBOS_DESCENT_STACK, sizeof(uint64_t)),
                    .stack_len = DBOS_DESCENT_STACK,
                    .hypercall = RF_GUARD_VA + RF_GUARD_HYPERCALL,
                    .commit = RF_GUARD_VA + RF_GUARD_COMMIT,
                };
                if (!im->code[im->ncode - 1].map || !im->code[im->ncode - 1].stack)
                        return complain(im, "needs more memory than there is");
        }
        return true;
}

static bool understand(struct image *im)
{
        const char *why = as_linked(im);
        char text[200];

        if (why || elf_parse(&im->elf, im->file, im->size, &why))
                return complain(im, why);
        if (layout_make(&im->layout, &im->elf, MEMORY, 1, true, text, sizeof text))
                return complain(im, text);
        if (!im->elf.nsymbols)
                complain(im, "warning: no symbol table, so few instruction boundaries are certain; "
                             "do not strip it");
        return load(im) && describe(im);
}

bool image_open(struct image *im, const char *name)
{
        memset(im, 0, sizeof *im);
        im->name = name;
        return slurp(im) && understand(im);
}

bool image_open_bytes(struct image *im, const void *bytes, size_t n)
{
        memset(im, 0, sizeof *im);
        im->file = malloc(n + 1);
        im->size = n;
        if (!im->file)
                return false;
        memcpy(im->file, bytes, n);
        return understand(im);
}

void image_close(struct image *im)
{
        for (unsigned i = 0; i < ELF_MAX_SEGMENTS; i++) {
                free(im->segment[i].data);
                free(im->code[i].map);
                free(im->code[i].stack);
        }
        for (unsigned i = 0; i < im->nneeds; i++)
                free(im->needs[i]);
        free(im->needs);
        free(im->entries);
        free(im->file);
        memset(im, 0, sizeof *im);
}

uint8_t *image_bytes(const struct image *im, uint64_t va)
{
        for (unsigned i = 0; i < im->elf.nsegments; i++)
                if (va - im->segment[i].va < im->segment[i].bytes)
                        return im->segment[i].data + (va - im->segment[i].va);
        return NULL;
}

void image_function(const struct image *im, uint64_t va, char *out, size_t n)
{
        elf_nearest(&im->elf, va, out, n);
}

/* ---- the engine's view ---------------------------------------------------------------------------- */

static uint8_t *byte_at(const struct image *im, uint64_t va)
{
        uint8_t *p = image_bytes(im, va);

        return p ? p : arena_bytes(va);
}

static int space_read(void *ctx, uint64_t va, void *buf, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const uint8_t *p = byte_at(ctx, va + i);

                if (!p)
                        return -RF_ENOENT;
                ((uint8_t *)buf)[i] = *p;
        }
        return 0;
}

static int space_write(void *ctx, uint64_t va, const void *buf, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                uint8_t *p = byte_at(ctx, va + i);

                if (!p)
                        return -RF_ENOENT;
                *p = ((const uint8_t *)buf)[i];
        }
        return 0;
}

static uint64_t space_trampoline(void *ctx, uint64_t lo, uint64_t hi, size_t n)
{
        return arena_take(lo, hi, n);
}

static uint64_t mapped_until(uint64_t page)
{
        const struct layout_range *r = layout_find(&current->layout, page);

        return r ? layout_end(r) : 0;
}

static uint8_t *back(uint64_t va)
{
        return malloc(RF_PAGE_SIZE);
}

static void drop(uint64_t va, uint8_t *bytes)
{
        free(bytes);
}

struct dbos_space image_space(struct image *im, void (*finding)(void *ctx, const struct dbos_finding *f))
{
        uint64_t near = 0;

        for (unsigned i = 0; i < im->elf.nsegments; i++)
                if (im->segment[i].execute) /* the last one's end, as in hv/root/build.c */
                        near = im->segment[i].va + im->segment[i].bytes;
        current = im;
        arena_open(&(struct arena_place){near, mapped_until, back, drop});
        return (struct dbos_space){im, space_read, space_write, space_trampoline, finding, NULL};
}

int image_subtract(struct image *im, const struct dbos_space *space, struct dbos_summary *sum)
{
        struct dbos_summary one;
        int first = 0;

        *sum = (struct dbos_summary){0};
        for (unsigned i = 0; i < im->ncode; i++) {
                int error = dbos_rewrite_code(space, &im->code[i], &one);

                first = first ? first : error;
                sum->instructions += one.instructions;
                sum->rewritten += one.rewritten;
                sum->emulated += one.emulated;
                sum->kills += one.kills;
                sum->refused += one.refused;
        }
        return first;
}

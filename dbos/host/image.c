/* SPDX-License-Identifier: MIT
 *
 * Reads an ELF file and trusts nothing in it: every offset and count is checked against the file's size.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "ringfence.h"

enum { PAGE = 4096 };
/* No guest image is larger; keeps a hostile p_memsz from taking all memory. */
#define MAX_BYTES (1ull << 31)

__attribute__((format(printf, 2, 3))) static bool complain(const struct image *im, const char *format, ...)
{
        va_list args;

        fprintf(stderr, "%s: ", im->name);
        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
        fputc('\n', stderr);
        return false;
}

static bool slurp(struct image *im)
{
        FILE *f = fopen(im->name, "rb");
        long size = -1;

        if (!f)
                return complain(im, "cannot be opened");
        if (!fseek(f, 0, SEEK_END))
                size = ftell(f);
        if (size < 0 || (unsigned long)size > MAX_BYTES) {
                fclose(f);
                return complain(im, "is not a file of a sensible size");
        }
        rewind(f);
        im->size = (size_t)size;
        im->file = malloc(im->size + 1);
        if (!im->file || fread(im->file, 1, im->size, f) != im->size) {
                fclose(f);
                return complain(im, "cannot be read");
        }
        fclose(f);
        return true;
}

/* n records of `record` bytes at `offset`, copied so that alignment does not matter; NULL: outside the file.
 */
static void *table(const struct image *im, uint64_t offset, uint64_t n, size_t record)
{
        void *copy;

        if (offset > im->size || n > (im->size - offset) / record)
                return NULL;
        copy = calloc(n + 1, record);
        if (copy)
                memcpy(copy, im->file + offset, n * record);
        return copy;
}

static bool header(struct image *im, Elf64_Ehdr *e)
{
        if (im->size < sizeof *e || memcmp(im->file, ELFMAG, SELFMAG))
                return complain(im, "is not an ELF file");
        memcpy(e, im->file, sizeof *e);
        if (e->e_ident[EI_CLASS] != ELFCLASS64 || e->e_ident[EI_DATA] != ELFDATA2LSB ||
            e->e_machine != EM_X86_64)
                return complain(im, "is not for x86-64");
        if (e->e_type != ET_EXEC && e->e_type != ET_DYN)
                return complain(im, "is not linked: a guest is a static executable, not an object file");
        if (e->e_phentsize != sizeof(Elf64_Phdr) || !e->e_phnum)
                return complain(im, "has no program headers");
        im->moved = e->e_type == ET_DYN;
        im->bias = im->moved ? RF_IMAGE_BASE : 0;
        im->entry = e->e_entry + im->bias;
        return true;
}

static void breach(struct image *im, const struct segment *s, const char *what)
{
        im->breaches++;
        fprintf(stderr, "%s: segment at %#lx %s\n", im->name, (unsigned long)s->va, what);
}

static void check_segment(struct image *im, const struct segment *s)
{
        if (s->va < RF_GUEST_LO || s->va + s->bytes > RF_GUEST_HI)
                breach(im, s, "lies outside guest memory; link at RF_IMAGE_BASE");
        if (s->write && s->execute)
                breach(im, s, "is writable and executable; link with -z separate-code and no -z execstack");
        for (unsigned i = 0; i < im->nsegments; i++)
                if (s->va < im->segment[i].va + im->segment[i].bytes && im->segment[i].va < s->va + s->bytes)
                        breach(im, s, "shares a page with another; link with -z separate-code");
}

static bool load(struct image *im, const Elf64_Phdr *p)
{
        struct segment s = {.execute = p->p_flags & PF_X, .write = p->p_flags & PF_W};
        uint64_t start = (p->p_vaddr + im->bias) & ~(uint64_t)(PAGE - 1), end;

        if (p->p_memsz > MAX_BYTES || p->p_vaddr > RF_GUEST_HI || p->p_filesz > p->p_memsz)
                return complain(im, "program header with impossible address or size (%#lx, %#lx bytes)",
                                (unsigned long)p->p_vaddr, (unsigned long)p->p_memsz);
        if (p->p_offset > im->size || p->p_filesz > im->size - p->p_offset)
                return complain(im, "is truncated: a segment ends behind the end of the file");
        if (im->nsegments == IMAGE_SEGMENTS)
                return complain(im, "has more than %d segments", IMAGE_SEGMENTS);
        end = (p->p_vaddr + im->bias + p->p_memsz + PAGE - 1) & ~(uint64_t)(PAGE - 1);
        s.va = start;
        s.bytes = end - start;
        s.file_va = p->p_vaddr + im->bias;
        s.file_offset = p->p_offset;
        s.file_bytes = p->p_filesz;
        s.data = calloc(1, s.bytes);
        if (!s.data)
                return complain(im, "needs more memory than there is");
        memcpy(s.data + (s.file_va - start), im->file + p->p_offset, p->p_filesz);
        check_segment(im, &s);
        im->segment[im->nsegments++] = s;
        return true;
}

static bool load_all(struct image *im, const Elf64_Ehdr *e)
{
        Elf64_Phdr *p = table(im, e->e_phoff, e->e_phnum, sizeof *p);
        bool ok = true;

        if (!p)
                return complain(im, "is truncated: no room for its program headers");
        for (unsigned i = 0; i < e->e_phnum && ok; i++) {
                if (p[i].p_type == PT_LOAD && p[i].p_memsz)
                        ok = load(im, &p[i]);
                if (p[i].p_type == PT_INTERP) {
                        im->breaches++;
                        complain(im, "asks for a dynamic linker: a guest must be static");
                }
        }
        free(p);
        if (ok && !im->nsegments)
                return complain(im, "has nothing to load");
        return ok;
}

/* Symbols only add certainty: a bad table is said and ignored. */
static void find_symbols(struct image *im, const Elf64_Ehdr *e)
{
        Elf64_Shdr *sh = e->e_shentsize == sizeof *sh ? table(im, e->e_shoff, e->e_shnum, sizeof *sh) : NULL;

        for (unsigned i = 0; sh && i < e->e_shnum; i++) {
                const Elf64_Shdr *str;

                if (sh[i].sh_type != SHT_SYMTAB || sh[i].sh_entsize != sizeof(Elf64_Sym) ||
                    sh[i].sh_link >= e->e_shnum)
                        continue;
                str = &sh[sh[i].sh_link];
                im->symbols =
                    table(im, sh[i].sh_offset, sh[i].sh_size / sizeof(Elf64_Sym), sizeof(Elf64_Sym));
                im->nsymbols = im->symbols ? sh[i].sh_size / sizeof(Elf64_Sym) : 0;
                im->strings = table(im, str->sh_offset, str->sh_size, 1);
                im->strings_bytes = im->strings ? str->sh_size : 0;
                break;
        }
        free(sh);
        if (!im->nsymbols)
                complain(
                    im,
                    "warning: no symbol table, so few instruction boundaries are certain; do not strip it");
}

static int by_value(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return x < y ? -1 : x > y;
}

static bool collect_entries(struct image *im)
{
        size_t n = 0, unique = 0;

        im->entries = calloc(im->nsymbols + 1, sizeof *im->entries);
        if (!im->entries)
                return complain(im, "needs more memory than there is");
        im->entries[n++] = im->entry;
        for (size_t i = 0; i < im->nsymbols; i++)
                if (ELF64_ST_TYPE(im->symbols[i].st_info) == STT_FUNC && im->symbols[i].st_size &&
                    im->symbols[i].st_shndx != SHN_UNDEF)
                        im->entries[n++] = im->symbols[i].st_value + im->bias;
        qsort(im->entries, n, sizeof *im->entries, by_value);
        for (size_t i = 0; i < n; i++)
                if (!i || im->entries[i] != im->entries[i - 1])
                        im->entries[unique++] = im->entries[i];
        im->nentries = unique;
        return true;
}

bool image_open(struct image *im, const char *name)
{
        Elf64_Ehdr e;

        memset(im, 0, sizeof *im);
        im->name = name;
        if (!slurp(im) || !header(im, &e) || !load_all(im, &e))
                return false;
        if (im->moved) {
                im->breaches++;
                complain(
                    im,
                    "is position-independent: link it with -static -no-pie or -Wl,-Ttext-segment=RF_IMAGE_BASE; "
                    "shown as if it stood there");
        }
        find_symbols(im, &e);
        return collect_entries(im);
}

uint8_t *image_bytes(const struct image *im, uint64_t va)
{
        for (unsigned i = 0; i < im->nsegments; i++)
                if (va - im->segment[i].va < im->segment[i].bytes)
                        return im->segment[i].data + (va - im->segment[i].va);
        return NULL;
}

const char *image_function(const struct image *im, uint64_t va, uint64_t *offset)
{
        for (size_t i = 0; i < im->nsymbols; i++) {
                const Elf64_Sym *s = &im->symbols[i];

                if (ELF64_ST_TYPE(s->st_info) != STT_FUNC || va - (s->st_value + im->bias) >= s->st_size ||
                    s->st_name >= im->strings_bytes)
                        continue;
                *offset = va - (s->st_value + im->bias);
                return im->strings + s->st_name; /* table() ends it with a zero */
        }
        return NULL;
}

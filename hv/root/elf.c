/* SPDX-License-Identifier: MIT
 * ELF64 headers of a guest image, checked. Source: System V ABI, chapters 4 and 5, and its AMD64 supplement.
 */
#include "elf.h"

#include "elf_format.h"
#include "rf/error.h"
#include "rf/layout.h"
#include "rf_string.h"

static bool inside(uint64_t offset, uint64_t bytes, uint64_t size)
{
        return offset <= size && bytes <= size - offset;
}

static const char *check_header(const struct elf64_header *h, uint64_t size)
{
        static const uint8_t ident[7] = {0x7f, 'E', 'L', 'F',
                                         2,    1,   1}; /* 64 bits, little-endian, version 1 */

        if (memcmp(h->ident, ident, sizeof(ident)) != 0)
                return "not an ELF64 little-endian file";
        if (h->machine != EM_X86_64)
                return "not for x86-64";
        if (h->type == ET_DYN)
                return "position-independent or a library: link it statically with -no-pie";
        if (h->type != ET_EXEC)
                return "not an executable: link it";
        if (h->phentsize != sizeof(struct elf64_segment) || h->phnum == 0 || h->phnum > ELF_MAX_HEADERS)
                return "program headers: none, too many, or of another size";
        if (!inside(h->phoff, (uint64_t)h->phnum * h->phentsize, size))
                return "program headers lie outside the file";
        return NULL;
}

static const char *check_segment(const struct elf64_segment *p, uint64_t size)
{
        if (p->memsz == 0)
                return "a segment of zero size";
        if (p->filesz > p->memsz)
                return "a segment larger in the file than in memory";
        if (!inside(p->offset, p->filesz, size))
                return "a segment lies outside the file: is the file truncated?";
        if (p->vaddr < RF_GUEST_LO || p->vaddr >= RF_GUEST_HI || p->memsz > RF_GUEST_HI - p->vaddr)
                return "a segment lies outside the addresses of a guest (RF_GUEST_LO to RF_GUEST_HI)";
        if (p->vaddr % RF_PAGE_SIZE != p->offset % RF_PAGE_SIZE)
                return "a segment is misaligned: address and file offset differ within a page";
        if ((p->flags & RF_SEG_W) != 0 && (p->flags & RF_SEG_X) != 0)
                return "a segment is both writable and executable: link with -z separate-code";
        return NULL;
}

static bool shares_page(const struct elf_image *image, const struct elf_segment *s)
{
        for (unsigned i = 0; i < image->nsegments; i++) {
                const struct elf_segment *other = &image->segment[i];

                if (elf_first_page(s) < elf_end_page(other) && elf_first_page(other) < elf_end_page(s))
                        return true;
        }
        return false;
}

static const char *add_segment(struct elf_image *image, const struct elf64_segment *p)
{
        const char *why = check_segment(p, image->size);
        struct elf_segment s = {p->vaddr, p->memsz, p->offset, p->filesz, p->flags & 7};

        if (why != NULL)
                return why;
        if (image->nsegments == ELF_MAX_SEGMENTS)
                return "too many segments, at most 16";
        if (shares_page(image, &s))
                return "two segments share a page: link with -z separate-code";
        image->segment[image->nsegments++] = s;
        return NULL;
}

static const char *read_segments(struct elf_image *image, const struct elf64_header *h)
{
        struct elf64_segment p;
        const char *why = NULL;

        for (unsigned i = 0; i < h->phnum && why == NULL; i++) {
                memcpy(&p, image->file + h->phoff + i * sizeof(p), sizeof(p));
                if (p.type == PT_INTERP || p.type == PT_DYNAMIC)
                        return "dynamically linked: link it with -static";
                if (p.type == PT_LOAD)
                        why = add_segment(image, &p);
        }
        return why;
}

static const char *check_entry(const struct elf_image *image)
{
        for (unsigned i = 0; i < image->nsegments; i++) {
                const struct elf_segment *s = &image->segment[i];

                if ((s->flags & RF_SEG_X) != 0 && image->entry >= s->va && image->entry - s->va < s->bytes)
                        return NULL;
        }
        return "the entry point lies in no executable segment";
}

static bool read_section(const struct elf_image *image, const struct elf64_header *h, uint32_t i,
                         struct elf64_section *out)
{
        if (i >= h->shnum)
                return false;
        memcpy(out, image->file + h->shoff + i * sizeof(*out), sizeof(*out));
        return out->type == SHT_NOBITS || inside(out->offset, out->size, image->size);
}

/* No section table at all is a stripped image and fine; a broken one is a broken file. */
static const char *read_symbols(struct elf_image *image, const struct elf64_header *h)
{
        struct elf64_section table, strings;

        if (h->shnum == 0)
                return NULL;
        if (h->shentsize != sizeof(table) ||
            !inside(h->shoff, (uint64_t)h->shnum * sizeof(table), image->size))
                return "the section table lies outside the file: is the file truncated?";
        for (uint32_t i = 0; i < h->shnum; i++) {
                if (!read_section(image, h, i, &table))
                        return "a section lies outside the file";
                if (table.type != SHT_SYMTAB)
                        continue;
                if (table.entsize != sizeof(struct elf64_symbol) ||
                    !read_section(image, h, table.link, &strings) || strings.type != SHT_STRTAB)
                        return "a broken symbol table";
                image->symbols = table.offset;
                image->nsymbols = table.size / sizeof(struct elf64_symbol);
                image->strings = strings.offset;
                image->strings_bytes = strings.size;
        }
        return NULL;
}

int elf_parse(struct elf_image *image, const void *file, uint64_t size, const char **why)
{
        struct elf64_header h;

        *image = (struct elf_image){.file = file, .size = size};
        *why = "shorter than an ELF header";
        if (size < sizeof(h))
                return -RF_EFORMAT;
        memcpy(&h, file, sizeof(h));
        image->entry = h.entry;
        *why = check_header(&h, size);
        if (*why == NULL)
                *why = read_segments(image, &h);
        if (*why == NULL)
                *why = check_entry(image);
        if (*why == NULL)
                *why = read_symbols(image, &h);
        return *why == NULL ? 0 : -RF_EFORMAT;
}

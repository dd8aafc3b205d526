/* SPDX-License-Identifier: MIT
 *
 * Drivers come as objects (.o, .ko) and libraries (.so). Their code is looked at as if it had been linked
 * into a guest at RF_IMAGE_BASE: sections get addresses, references that can be filled in are. What another
 * file would define counts as unresolved and points at a byte of its own, so displacements there are not
 * final. System V ABI, chapter 4, and its AMD64 supplement, 4.4 (relocations).
 */
#include <stdlib.h>
#include <string.h>

#include "../../hv/root/elf_format.h"
#include "image.h"
#include "rf/layout.h"

enum { SHT_RELA = 4, SHT_DYNSYM = 11, SECTIONS = 4096, GROUPS = 3, LINKED_MAX = 64 << 20 };
enum { SHF_WRITE = 1, SHF_ALLOC = 2, SHF_EXECINSTR = 4, SHF_TLS = 0x400 };
enum { SHN_UNDEF = 0, SHN_ABS = 0xfff1 };
enum {
        R_64 = 1,
        R_PC32 = 2,
        R_PLT32 = 4,
        R_GOTPCREL = 9,
        R_32 = 10,
        R_32S = 11,
        R_PC64 = 24,
        R_GOTPCRELX = 41,
        R_REX_GOTPCRELX = 42
};

struct rela {
        uint64_t offset, info;
        int64_t addend;
};

struct link {
        struct image *im;
        struct elf64_header h;
        struct elf64_section s[SECTIONS];
        uint64_t va[SECTIONS], at[SECTIONS]; /* address, and place in `out`; 0: not loaded */
        struct elf64_segment group[GROUPS];  /* code, constants, data */
        uint8_t *out;
        size_t size, room;
        const struct elf64_section *symtab;
        uint64_t outside; /* where unresolved references point */
        uint64_t got, got_at, got_used, got_room;
};

static bool inside(const struct image *im, uint64_t offset, uint64_t bytes)
{
        return offset <= im->size && bytes <= im->size - offset;
}

static bool read_sections(struct link *l)
{
        struct image *im = l->im;

        memcpy(&l->h, im->file, sizeof l->h);
        if (l->h.shentsize != sizeof l->s[0] || !l->h.shnum || l->h.shnum > SECTIONS ||
            !inside(im, l->h.shoff, (uint64_t)l->h.shnum * sizeof l->s[0]))
                return false;
        memcpy(l->s, im->file + l->h.shoff, l->h.shnum * sizeof l->s[0]);
        for (unsigned i = 0; i < l->h.shnum; i++) {
                if (l->s[i].type != SHT_NOBITS && !inside(im, l->s[i].offset, l->s[i].size))
                        return false;
                if (l->s[i].type == SHT_SYMTAB)
                        l->symtab = &l->s[i];
        }
        return l->symtab && l->symtab->link < l->h.shnum && l->s[l->symtab->link].type == SHT_STRTAB &&
               l->symtab->entsize == sizeof(struct elf64_symbol);
}

static int group_of(const struct elf64_section *s)
{
        if (!(s->flags & SHF_ALLOC) || !s->size || s->flags & SHF_TLS)
                return -1;
        if (s->flags & SHF_EXECINSTR)
                return 0;
        return s->flags & SHF_WRITE ? 2 : 1;
}

static uint64_t up(uint64_t v, uint64_t align)
{
        return (v + align - 1) / align * align;
}

/* One page for headers, then group after group; file offset and address run together. Behind the code stands
 * what unresolved references point at, behind the data a table for references through a table. */
static bool place(struct link *l)
{
        uint64_t at = RF_PAGE_SIZE;

        for (int g = 0; g < GROUPS; g++) {
                uint64_t start = at;

                for (unsigned i = 0; i < l->h.shnum; i++) {
                        uint64_t align = l->s[i].addralign;

                        if (group_of(&l->s[i]) != g)
                                continue;
                        if (l->s[i].size > LINKED_MAX || align > RF_PAGE_SIZE)
                                return false;
                        l->at[i] = at = up(at, align ? align : 1);
                        l->va[i] = RF_IMAGE_BASE + at;
                        at += l->s[i].size;
                        if (at > LINKED_MAX)
                                return false;
                }
                if (g == 0) {
                        l->outside = RF_IMAGE_BASE + at;
                        at += 16;
                }
                if (g == 2) {
                        l->got_at = at = up(at, 8);
                        l->got = RF_IMAGE_BASE + at;
                        at += l->got_room;
                }
                l->group[g] = (struct elf64_segment){.type = at > start ? (uint32_t)PT_LOAD : 0,
                                                     .flags = RF_SEG_R | (g == 0   ? RF_SEG_X
                                                                          : g == 2 ? RF_SEG_W
                                                                                   : 0u),
                                                     .offset = start,
                                                     .vaddr = RF_IMAGE_BASE + start,
                                                     .paddr = RF_IMAGE_BASE + start,
                                                     .filesz = at - start,
                                                     .memsz = at - start,
                                                     .align = RF_PAGE_SIZE};
                at = up(at, RF_PAGE_SIZE);
        }
        l->size = at;
        return true;
}

static struct elf64_symbol symbol(const struct link *l, uint64_t i)
{
        struct elf64_symbol s = {0};

        if (i < l->symtab->size / sizeof s)
                memcpy(&s, l->im->file + l->symtab->offset + i * sizeof s, sizeof s);
        return s;
}

/* False: another file's. */
static bool value_of(const struct link *l, const struct elf64_symbol *s, uint64_t *v)
{
        *v = l->outside;
        if (s->section == SHN_ABS)
                *v = s->value;
        else if (s->section == SHN_UNDEF || s->section >= l->h.shnum || !l->va[s->section])
                return false;
        else
                *v = l->va[s->section] + s->value;
        return true;
}

/* A table entry that holds v; its address. Entries are not shared: there is one for each reference. */
static uint64_t table_entry(struct link *l, uint64_t v)
{
        uint64_t at = l->got_used;

        if (at + 8 > l->got_room)
                return l->outside;
        l->got_used += 8;
        memcpy(l->out + l->got_at + at, &v, 8);
        return l->got + at;
}

static void relocate(struct link *l, unsigned section, const struct rela *r)
{
        struct elf64_symbol s = symbol(l, r->info >> 32);
        uint64_t v, p = l->va[section] + r->offset, bytes = 4;

        if (!value_of(l, &s, &v))
                l->im->unresolved++;
        switch ((uint32_t)r->info) {
        case R_64:
                bytes = 8;
                v += (uint64_t)r->addend;
                break;
        case R_PC64:
                bytes = 8;
                v += (uint64_t)r->addend - p;
                break;
        case R_32:
        case R_32S:
                v += (uint64_t)r->addend;
                break;
        case R_PC32:
        case R_PLT32:
                v += (uint64_t)r->addend - p;
                break;
        case R_GOTPCREL:
        case R_GOTPCRELX:
        case R_REX_GOTPCRELX:
                v = table_entry(l, v) + (uint64_t)r->addend - p;
                break;
        default: /* thread-local and the like: left as it is */
                l->im->unresolved++;
                return;
        }
        if (r->offset <= l->s[section].size && bytes <= l->s[section].size - r->offset)
                memcpy(l->out + l->at[section] + r->offset, &v, bytes);
}

static void relocate_all(struct link *l)
{
        struct rela r;

        for (unsigned i = 0; i < l->h.shnum; i++) {
                const struct elf64_section *s = &l->s[i];

                if (s->type != SHT_RELA || s->info >= l->h.shnum || !l->va[s->info] ||
                    l->s[s->info].type == SHT_NOBITS)
                        continue;
                for (uint64_t k = 0; k < s->size / sizeof r; k++) {
                        memcpy(&r, l->im->file + s->offset + k * sizeof r, sizeof r);
                        relocate(l, s->info, &r);
                }
        }
}

static uint64_t append(struct link *l, const void *bytes, size_t n)
{
        uint64_t at = up(l->size, 8);

        memcpy(l->out + at, bytes, n);
        l->size = at + n;
        return at;
}

/* Symbols by address, for root's reader. */
static uint64_t append_symbols(struct link *l)
{
        uint64_t n = l->symtab->size / sizeof(struct elf64_symbol), first = up(l->size, 8), v;

        for (uint64_t i = 0; i < n; i++) {
                struct elf64_symbol s = symbol(l, i);

                if (!value_of(l, &s, &v))
                        s = (struct elf64_symbol){0};
                s.value = v;
                append(l, &s, sizeof s);
        }
        return first;
}

/* Undefined symbols with a name: what the rest of the guest must bring. */
static void list_needs(struct link *l)
{
        const struct elf64_section *names = &l->s[l->symtab->link];
        uint64_t n = l->symtab->size / sizeof(struct elf64_symbol);
        struct image *im = l->im;

        im->needs = calloc(n + 1, sizeof *im->needs);
        for (uint64_t i = 1; i < n && im->needs; i++) {
                struct elf64_symbol s = symbol(l, i);
                const char *name = (const char *)im->file + names->offset + s.name;

                if (s.section == SHN_UNDEF && s.name && s.name < names->size && *name)
                        im->needs[im->nneeds++] = strndup(name, names->size - s.name);
        }
}

static void finish(struct link *l)
{
        const struct elf64_section *names = &l->s[l->symtab->link];
        struct elf64_section s[3] = {{0}};

        s[1] = *l->symtab;
        s[1].link = 2;
        s[1].offset = append_symbols(l);
        s[2] = *names;
        s[2].offset = append(l, l->im->file + names->offset, names->size);
        l->h.shoff = append(l, s, sizeof s);
        l->h.shnum = 3;
        l->h.shstrndx = 0;
        l->h.type = ET_EXEC;
        l->h.entry = l->group[0].vaddr;
        l->h.phoff = sizeof l->h;
        l->h.phentsize = sizeof l->group[0];
        l->h.phnum = GROUPS;
        memcpy(l->out, &l->h, sizeof l->h);
        memcpy(l->out + sizeof l->h, l->group, sizeof l->group);
        free(l->im->file);
        l->im->file = l->out;
        l->im->size = l->size;
}

static const char *build(struct link *l)
{
        struct image *im = l->im;

        if (!read_sections(l))
                return "a broken object file, or one without symbols";
        for (unsigned i = 0; i < l->h.shnum; i++)
                if (l->s[i].type == SHT_RELA)
                        l->got_room += l->s[i].size / sizeof(struct rela) * 8;
        if (!place(l) || !l->group[0].memsz)
                return "an object file with impossible sections";
        l->out = calloc(1, l->size + 2 * im->size + RF_PAGE_SIZE);
        if (!l->out)
                return "needs more memory than there is";
        for (unsigned i = 0; i < l->h.shnum; i++)
                if (l->at[i] && l->s[i].type != SHT_NOBITS)
                        memcpy(l->out + l->at[i], im->file + l->s[i].offset, l->s[i].size);
        memset(l->out + (l->outside - RF_IMAGE_BASE), 0xc3, 16); /* ret */
        relocate_all(l);
        list_needs(l);
        finish(l);
        return NULL;
}

const char *link_object(struct image *im)
{
        struct link *l = calloc(1, sizeof *l);
        const char *why = "needs more memory than there is";

        if (l) {
                l->im = im;
                why = build(l);
        }
        im->kind = IMAGE_OBJECT;
        free(l);
        return why;
}

/* ---- libraries: linked already, but for another address ---------------------------------------------- */

static void move_symbols(struct image *im, const struct elf64_section *s)
{
        struct elf64_symbol y;

        for (uint64_t k = 0; k < s->size / sizeof y; k++) {
                memcpy(&y, im->file + s->offset + k * sizeof y, sizeof y);
                if (y.section != SHN_UNDEF)
                        y.value += RF_IMAGE_BASE;
                memcpy(im->file + s->offset + k * sizeof y, &y, sizeof y);
        }
}

/* The symbol table, or the dynamic one where that is all there is. */
static void take_symbols(struct image *im, const struct elf64_header *h)
{
        struct elf64_section s, best = {0};
        uint64_t best_at = 0;

        if (h->shentsize != sizeof s || !inside(im, h->shoff, (uint64_t)h->shnum * sizeof s))
                return;
        for (unsigned i = 0; i < h->shnum; i++) {
                memcpy(&s, im->file + h->shoff + i * sizeof s, sizeof s);
                if ((s.type == SHT_SYMTAB || (s.type == SHT_DYNSYM && best.type != SHT_SYMTAB)) &&
                    inside(im, s.offset, s.size)) {
                        best = s;
                        best_at = h->shoff + i * sizeof s;
                }
        }
        if (!best_at)
                return;
        move_symbols(im, &best);
        best.type = SHT_SYMTAB;
        memcpy(im->file + best_at, &best, sizeof best);
}

const char *link_library(struct image *im)
{
        struct elf64_header h;
        struct elf64_segment p;
        bool entered = false;

        im->kind = IMAGE_LIBRARY;
        memcpy(&h, im->file, sizeof h);
        if (h.phentsize != sizeof p || !inside(im, h.phoff, (uint64_t)h.phnum * sizeof p))
                return "program headers lie outside the file";
        for (unsigned i = 0; i < h.phnum; i++) {
                memcpy(&p, im->file + h.phoff + i * sizeof p, sizeof p);
                p.vaddr += RF_IMAGE_BASE;
                if (p.type == PT_INTERP || p.type == PT_DYNAMIC)
                        p.type = 0;
                if (p.type == PT_LOAD && p.flags & RF_SEG_X && !entered && !h.entry) {
                        h.entry = p.vaddr - RF_IMAGE_BASE;
                        entered = true;
                }
                memcpy(im->file + h.phoff + i * sizeof p, &p, sizeof p);
        }
        h.type = ET_EXEC;
        h.entry += RF_IMAGE_BASE;
        take_symbols(im, &h);
        memcpy(im->file, &h, sizeof h);
        return NULL;
}

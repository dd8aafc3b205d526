/* SPDX-License-Identifier: MIT
 * Guest images: ELF64 validated against the guest ABI (ringfence.h). Pure: nothing is copied or allocated,
 * every offset is checked before it is used, a hostile file costs bounded time. */
#ifndef ELF_H
#define ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rf/boot.h"

enum { ELF_MAX_SEGMENTS = 16 };

struct elf_segment {
        uint64_t va, bytes;          /* in memory */
        uint64_t offset, file_bytes; /* in the file; the rest of `bytes` is zero */
        uint32_t flags;              /* RF_SEG_ */
};

struct elf_image {
        const uint8_t *file;
        uint64_t size;
        uint64_t entry;
        unsigned nsegments;
        struct elf_segment segment[ELF_MAX_SEGMENTS];
        uint64_t symbols, nsymbols; /* file offset of .symtab, 0 symbols if stripped */
        uint64_t strings, strings_bytes;
};

/* 0, or -RF_EFORMAT and in *why one sentence on what is wrong. */
int elf_parse(struct elf_image *image, const void *file, uint64_t size, const char **why);

/* Page range of a segment. */
static inline uint64_t elf_first_page(const struct elf_segment *s)
{
        return s->va & ~(RF_PAGE_SIZE - 1);
}
static inline uint64_t elf_end_page(const struct elf_segment *s)
{
        return (s->va + s->bytes + RF_PAGE_SIZE - 1) & ~(RF_PAGE_SIZE - 1);
}

/* How many entries elf_entries() writes at most. */
uint64_t elf_entry_bound(const struct elf_image *image);
/* The entry point and every sized function symbol in executable segments: sorted, each once. */
size_t elf_entries(const struct elf_image *image, uint64_t *out);

/* "name+0x12" of the symbol nearest below va, or "" if there is none. Only printable characters. */
void elf_nearest(const struct elf_image *image, uint64_t va, char *out, size_t n);

#endif

/* SPDX-License-Identifier: MIT
 * A guest image read from an ELF file, as the engine sees it. */
#ifndef DBOS_HOST_IMAGE_H
#define DBOS_HOST_IMAGE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IMAGE_SEGMENTS = 64 };

struct segment {
        uint64_t va, bytes; /* whole pages */
        uint8_t *data;
        bool execute, write;
        uint64_t file_offset, file_bytes, file_va;
};

struct image {
        const char *name;
        uint8_t *file;
        size_t size;
        bool moved; /* ET_DYN, looked at as if it stood at RF_IMAGE_BASE */
        uint64_t bias, entry;
        struct segment segment[IMAGE_SEGMENTS];
        unsigned nsegments;
        uint64_t *entries; /* sorted, unique */
        size_t nentries;
        const Elf64_Sym *symbols;
        size_t nsymbols;
        const char *strings;
        size_t strings_bytes;
        unsigned breaches; /* of the guest ABI's image rules; each has been printed */
};

/* False: not an image at all; said on stderr. */
bool image_open(struct image *im, const char *name);
uint8_t *image_bytes(const struct image *im, uint64_t va); /* NULL: nothing there */
/* Name of the function around va and the offset into it; NULL if unknown. */
const char *image_function(const struct image *im, uint64_t va, uint64_t *offset);
bool image_write(const struct image *im, const char *name);

#endif

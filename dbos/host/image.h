/* SPDX-License-Identifier: MIT
 * A guest image as hv/root will see it: read by root's own ELF reader, laid out by root's own layout. */
#ifndef DBOS_HOST_IMAGE_H
#define DBOS_HOST_IMAGE_H

#include "../../hv/root/layout.h"
#include "dbos.h"

enum image_kind { IMAGE_GUEST, IMAGE_LIBRARY, IMAGE_OBJECT };

struct segment {
        uint64_t va, bytes; /* whole pages */
        uint8_t *data;
        bool execute;
};

struct image {
        const char *name;
        enum image_kind kind; /* a library or object is looked at as if linked at RF_IMAGE_BASE */
        uint8_t *file;        /* of a library or object: as if it had been linked */
        size_t size;
        struct elf_image elf;
        struct layout layout;
        struct segment segment[ELF_MAX_SEGMENTS]; /* as elf.segment */
        uint64_t *entries;
        size_t nentries;
        struct dbos_code code[ELF_MAX_SEGMENTS];
        unsigned ncode;
        /* Of an object: references that no link has filled in, and the names of what others must define. */
        unsigned unresolved, nneeds;
        char **needs;
};

/* False: hv/root would refuse it (or it is no ELF file); said on stderr, with the reason root gives. */
bool image_open(struct image *im, const char *name);
bool image_open_bytes(struct image *im, const void *bytes, size_t n); /* the same in silence, of a copy */
void image_close(struct image *im);
uint8_t *image_bytes(const struct image *im, uint64_t va); /* NULL: nothing there */
/* "name+0x12" of the function around va, "" if unknown. */
void image_function(const struct image *im, uint64_t va, char *out, size_t n);
bool image_write(const struct image *im, const char *name);
/* The engine's view: this image, and trampolines where hv/root would put them. */
struct dbos_space image_space(struct image *im, void (*finding)(void *ctx, const struct dbos_finding *f));
/* Subtraction from every executable segment, as hv/root does it. 0, -RF_EREFUSED or another error. */
int image_subtract(struct image *im, const struct dbos_space *space, struct dbos_summary *sum);

/* link.c: an object or library into the file that a link at RF_IMAGE_BASE might have made. NULL, or what is
 * wrong with it. */
const char *link_library(struct image *im);
const char *link_object(struct image *im);

#endif

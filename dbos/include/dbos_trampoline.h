/* SPDX-License-Identifier: MIT
 * Room for trampolines, handed out byte by byte: a punned jump leaves as little as one possible address. Pure
 * but for the two callbacks. Nothing is ever given back: the pages go when the guest goes. hv/root and the
 * command share it: with the same calls it hands out the same addresses. */
#ifndef DBOS_TRAMPOLINE_H
#define DBOS_TRAMPOLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rf/boot.h"

/* Of one guest. */
enum { TRAMPOLINE_PAGES = 64 };

struct trampoline_page {
        uint64_t va;
        uint32_t free;                    /* bytes */
        uint64_t used[RF_PAGE_SIZE / 64]; /* a bit a byte */
};

struct trampolines {
        unsigned n;
        uint64_t near; /* where pages are tried first: the end of the image, so that they share its tables */
        struct trampoline_page page[TRAMPOLINE_PAGES];
};

struct trampoline_map {
        void *ctx;
        uint64_t (*mapped_until)(void *ctx, uint64_t page); /* end of what is mapped at page; 0: nothing is */
        int (*map)(void *ctx, uint64_t page);               /* 0 or -RF_E... */
};

/* An address in [lo, hi] whose n bytes are from now on the caller's, or 0. */
uint64_t trampoline_reserve(struct trampolines *t, const struct trampoline_map *m, uint64_t lo, uint64_t hi,
                            size_t n);
bool trampoline_owns(const struct trampolines *t, uint64_t page);

#endif

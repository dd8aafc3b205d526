/* SPDX-License-Identifier: MIT
 * What the tests of rule 1 share: rewritten.c. */
#ifndef TEST_DBOS_REWRITTEN_H
#define TEST_DBOS_REWRITTEN_H

#include "dbos/generate.h"

/* dbos_rewrite_code over the whole image, known by this entry alone. */
int subtract(uint64_t entry, struct dbos_summary *sum);
/* No hit in image or trampolines. */
void assert_clean(void);
/* Rewrites the n bytes of code at va and compares random states, each completed by `setup`. */
void check(const char *name, uint64_t va, size_t n, void (*setup)(struct state *s, const void *arg),
           const void *arg);

#endif

/* SPDX-License-Identifier: MIT
 * Trampoline space for tests and the host: pages made on demand, bytes handed out once. */
#ifndef TEST_DBOS_ARENA_H
#define TEST_DBOS_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void arena_reset(void);                   /* unmaps every trampoline page */
void arena_add(uint64_t va, size_t n);    /* a readable range that is not the arena's */
bool arena_mapped(uint64_t va, size_t n); /* inside one of those, or trampolines */
uint64_t arena_take(uint64_t lo, uint64_t hi, size_t n);
unsigned arena_pages(void);
uint64_t arena_page(unsigned i);

#endif

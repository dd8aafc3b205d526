/* SPDX-License-Identifier: MIT
 *
 * Trampoline space on the host: pages made on demand wherever the engine asks, bytes handed out once. For the
 * command and for the tests, which say where the pages come from.
 */
#ifndef DBOS_HOST_ARENA_H
#define DBOS_HOST_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `back` makes the page at va and returns its bytes, or NULL if there can be none; `drop` ends it. */
void arena_open(uint8_t *(*back)(uint64_t va), void (*drop)(uint64_t va, uint8_t *bytes));
void arena_reset(void); /* drops every page */
uint64_t arena_take(uint64_t lo, uint64_t hi, size_t n);
uint8_t *arena_bytes(uint64_t va); /* NULL: no trampoline page there */
unsigned arena_pages(void);
uint64_t arena_page(unsigned i);

#endif

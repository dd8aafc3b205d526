/* SPDX-License-Identifier: MIT
 *
 * Trampoline pages on the host, for the command and for the tests: hv/root's allocator above pages whose
 * bytes come from the caller.
 */
#ifndef DBOS_HOST_ARENA_H
#define DBOS_HOST_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena_place {
        uint64_t near; /* where pages are tried first: the end of the code */
        /* End of what the caller has mapped at this page; 0: nothing. */
        uint64_t (*mapped_until)(uint64_t page);
        /* Makes the page at va and returns its bytes, or NULL if there can be none. */
        uint8_t *(*back)(uint64_t va);
        void (*drop)(uint64_t va, uint8_t *bytes);
};

void arena_open(const struct arena_place *place);
void arena_near(uint64_t va);
void arena_reset(void); /* drops every page */
uint64_t arena_take(uint64_t lo, uint64_t hi, size_t n);
uint8_t *arena_bytes(uint64_t va); /* NULL: no trampoline page there */
unsigned arena_pages(void);
uint64_t arena_page(unsigned i);

#endif

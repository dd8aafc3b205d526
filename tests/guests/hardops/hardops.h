/* SPDX-License-Identifier: MIT
 * The guest `hardops`: see hardops.c. */
#ifndef HARDOPS_H
#define HARDOPS_H

#include <stdbool.h>
#include <stdint.h>

struct state { /* run.S knows the offsets */
        uint64_t gpr[16], rflags, red_zone, xmm[4];
};
_Static_assert(sizeof(struct state) == 176, "run.S");

struct hardops_form { /* made by generate.py */
        uint64_t entry;
        const char *name;
        uint64_t rbx, rdi, rcx; /* 0: any */
};
extern const struct hardops_form hardops_forms[];
extern const uint64_t hardops_count;

void hardops_enter(uint64_t entry);
/* A number that depends on every register, flag and byte that form `number` leaves behind. */
uint64_t hardops_run(uint64_t number);

#endif

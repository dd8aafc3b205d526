/* SPDX-License-Identifier: MIT
 * Random store instructions, and register values that make them hit a given address. */
#ifndef TEST_DBOS_GENERATE_H
#define TEST_DBOS_GENERATE_H

#include "world.h"

enum kind { KIND_PLAIN, KIND_RMW, KIND_VECTOR, KIND_STRING, KIND_MOFFS, KIND_COUNT };

struct sample {
        uint8_t bytes[16];
        unsigned length;
        const char *name;
        enum kind kind;
        unsigned size;  /* bytes stored */
        unsigned align; /* the address must be a multiple of this */
        uint8_t base, index, scale;
        int32_t disp;
        unsigned tail;     /* where displacement and immediate start */
        unsigned disp_len; /* bytes of displacement */
};

void generate(struct sample *g, uint64_t moffs);
/* Random registers, with base and index such that the address is `target`. False: this form cannot. */
bool aim(const struct sample *g, struct state *s, uint64_t target);
void random_state(struct state *s);

#endif

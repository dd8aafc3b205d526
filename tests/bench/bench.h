/* SPDX-License-Identifier: MIT
 * Samples of TSC differences: instructions under QEMU's -icount shift=0, where one instruction is one tick.
 */
#ifndef BENCH_H
#define BENCH_H

#include "ringfence_sdk.h"

enum { SAMPLES = 2048 }; /* of more, the first are kept */

struct sample {
        uint32_t v[SAMPLES];
        unsigned n;
};

/* Finds out what two readings of the TSC with nothing between them differ by; sample_add takes that off. */
void sample_start(void);
void sample_add(struct sample *s, uint64_t ticks);
/* Prints the distribution, for the host to judge: "bench: NAME NUMBER: VALUExHOWOFTEN ...", on several lines
 * if it is long. Sorts the samples. */
void sample_print(struct sample *s, const char *name, unsigned number);

#endif

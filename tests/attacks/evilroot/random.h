/* SPDX-License-Identifier: MIT
 * The random attacker: its dice, and the canaries that fill all memory which is not its. */
#ifndef RANDOM_H
#define RANDOM_H

#include "evil.h"

void dice_seed(uint64_t seed);
uint64_t dice(void);
static inline bool one_in(unsigned n)
{
        return dice() % n == 0;
}

/* One guest owns nearly all free memory, every word of it a canary. */
void hoard_new(void);
uint64_t hoard_harmed(void); /* words that are something else now */
void hoard_end(void);
extern uint64_t hoard_pages;

void chaos(unsigned rounds); /* random instructions and hypercalls: a_chaos.c */

#endif

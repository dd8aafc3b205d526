/* SPDX-License-Identifier: MIT
 * What each guest has used: totals for the stat line and the table. */
#ifndef STAT_H
#define STAT_H

#include "guest.h"

struct tally tally_now(const struct guest *g);     /* across restarts */
uint64_t tally_guest_exits(const struct tally *t); /* without ticks and other host interrupts */
void stat_print(void);                             /* one `stat: ` line a guest */

extern const char *const stat_exit_names[RF_EXIT_COUNT];
extern const char *const stat_state_names[GUEST_STATES];

#endif

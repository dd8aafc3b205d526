/* SPDX-License-Identifier: MIT
 * Shared inside the SDK runtime only. */
#ifndef RF_SDK_INTERNAL_H
#define RF_SDK_INTERNAL_H

#include "ringfence_sdk.h"

/* Where the guard page's entry points are; start.S jumps through them. */
extern uint64_t rf_hypercall_entry, rf_commit_entry;

_Noreturn void rf_start(const struct rf_info *info);
void rf_time_start(const struct rf_info *info);

/* Splits `text` in place into at most `max` words. Returns their number, or -RF_EINVAL for a quote that is
 * not closed, or -RF_ENOMEM for too many words. */
int rf_split(char *text, char **words, int max);

#endif

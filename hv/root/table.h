/* SPDX-License-Identifier: MIT
 * The live table: one line a guest, per second or since the start, redrawn in place; or plain lines for logs
 * and tests. */
#ifndef TABLE_H
#define TABLE_H

#include "config.h"

void table_configure(const struct config_host *h);
void table_tick(uint64_t now); /* draws when it is time */
void table_next_mode(void);    /* per second -> totals -> plain -> off */

#endif

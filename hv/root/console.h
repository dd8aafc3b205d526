/* SPDX-License-Identifier: MIT
 * Text out on serial and screen, keys in. Guest text is filtered: no guest can drive the terminal. */
#ifndef CONSOLE_H
#define CONSOLE_H

#include "guest.h"

enum { CONSOLE_COLUMNS = 160, CONSOLE_TABLE_LINES = 2 * RF_MAX_GUESTS + 6 };

/* Lines that are redrawn in place: below the log on serial, above it on the screen. */
struct console_table {
        unsigned n;
        char line[CONSOLE_TABLE_LINES][CONSOLE_COLUMNS];
};

void console_start(void);
void console_configure(const struct config_host *h);
void console_line(const char *text);
void console_show(const struct console_table *t); /* n = 0: no table */
void console_refresh(void); /* brings back what log lines have scrolled away; cheap when nothing has */
int console_key(void);      /* -1: none */

/* Guest text: `[name] line`. */
void console_guest_begin(struct guest *g);
void console_guest_put(struct guest *g, char c);
void console_guest_flush(struct guest *g); /* all it has said so far, the unfinished line too */
void console_drain(void);

#endif

/* SPDX-License-Identifier: MIT
 * The framebuffer as text: a table on top, the log below. */
#ifndef SCREEN_H
#define SCREEN_H

#include "console.h"

bool screen_start(void); /* false: the machine has no framebuffer we can use */
void screen_line(const char *text);
void screen_table(const struct console_table *t);
void screen_flush(void); /* draws what changed since the last time */

#endif

/* SPDX-License-Identifier: MIT
 * The fatal path: takes no lock, allocates nothing, works on serial and screen, or on screen alone. */
#ifndef PANIC_H
#define PANIC_H

#include "smp.h"

void panic_trap(const struct trap *t) __attribute__((noreturn));

/* screen.c: text on the firmware's framebuffer */
void screen_init(void);
void screen_write(const char *text, size_t length);
void screen_clear(void);
/* log.c */
void log_write(const char *text, size_t length); /* serial and screen */
extern bool log_to_screen;                       /* off once root draws */

#endif

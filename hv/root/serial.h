/* SPDX-License-Identifier: MIT
 * COM1, as the loader set it up. Root has I/O permission for it. */
#ifndef SERIAL_H
#define SERIAL_H

void serial_text(const char *text); /* as it is */
int serial_key(void);               /* -1: none */

#endif

/* SPDX-License-Identifier: MIT
 * Commands by single keys on the serial line. */
#ifndef KEYS_H
#define KEYS_H

void keys_poll(void);

#endif

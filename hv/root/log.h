/* SPDX-License-Identifier: MIT
 * One line of the boot or run log: `ringfence: ` and the text, on every console that is on. */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>
#include <stdint.h>

extern bool log_verbose;

void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *error_name(int64_t error); /* of -RF_E... */

#endif

/* SPDX-License-Identifier: MIT
 * printf-like formatting without libc: %d %i %u %x %X %p %s %c %%, flags - 0 # (0x before x and X, not
 * counted in the width), width and precision (also *), length l ll z h hh. Nothing else; an unknown
 * conversion is printed as it stands. */
#ifndef RF_FORMAT_H
#define RF_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/* Writes at most size - 1 characters and NUL (if size > 0). Returns the length the whole text has. */
size_t rf_vsnprintf(char *out, size_t size, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
size_t rf_snprintf(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif

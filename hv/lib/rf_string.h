/* SPDX-License-Identifier: MIT
 * The memory and string functions a freestanding C program needs. As in C11, 7.24. */
#ifndef RF_STRING_H
#define RF_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
/* Copies at most size - 1 characters and always ends with NUL (size > 0). Returns strlen(from). */
size_t rf_strlcpy(char *to, const char *from, size_t size);

#endif

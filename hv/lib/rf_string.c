/* SPDX-License-Identifier: MIT
 * Freestanding memory and string functions, shared by ring 0, root and the guest SDK. */
#include "rf_string.h"

#include <stdint.h>

/* Words first: an emulator takes a step an element, and processors care little. */
void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
        void *d = to;
        size_t words = n / 8, rest = n % 8;

        __asm__ volatile("rep movsq" : "+D"(d), "+S"(from), "+c"(words) : : "memory");
        __asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(rest) : : "memory");
        return to;
}

void *memmove(void *to, const void *from, size_t n)
{
        char *d = to;
        const char *s = from;

        if (d <= s || d >= s + n)
                return memcpy(to, from, n);
        while (n-- > 0)
                d[n] = s[n];
        return to;
}

void *memset(void *to, int byte, size_t n)
{
        void *d = to;
        size_t words = n / 8, rest = n % 8;
        uint64_t pattern = (uint8_t)byte * 0x0101010101010101ull;

        __asm__ volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(pattern) : "memory");
        __asm__ volatile("rep stosb" : "+D"(d), "+c"(rest) : "a"(pattern) : "memory");
        return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
        const unsigned char *x = a, *y = b;

        for (size_t i = 0; i < n; i++)
                if (x[i] != y[i])
                        return x[i] - y[i];
        return 0;
}

size_t strlen(const char *s)
{
        size_t n = 0;

        while (s[n] != '\0')
                n++;
        return n;
}

int strcmp(const char *a, const char *b)
{
        return strncmp(a, b, (size_t)-1);
}

int strncmp(const char *a, const char *b, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (a[i] != b[i] || a[i] == '\0')
                        return (unsigned char)a[i] - (unsigned char)b[i];
        }
        return 0;
}

size_t rf_strlcpy(char *to, const char *from, size_t size)
{
        size_t n = strlen(from), m = n < size ? n : size - 1;

        memcpy(to, from, m);
        to[m] = '\0';
        return n;
}

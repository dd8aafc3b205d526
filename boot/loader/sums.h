/* SPDX-License-Identifier: MIT
 * ringfence.sums: what the files of a network boot must be, in the form `cksum` prints: checksum,
 * length and name, a line each. A stick has none. No firmware needed here. */
#ifndef SUMS_H
#define SUMS_H

#include <stdbool.h>
#include <stdint.h>

struct sums_entry {
        uint32_t crc;
        uint64_t bytes;
};

/* 0: every line is as cksum prints it. Else the number of the first line that is not. */
uint32_t sums_bad_line(const char *text, uint64_t bytes);
bool sums_find(const char *text, uint64_t bytes, const char *name, struct sums_entry *out);
/* The checksum of POSIX cksum. */
uint32_t sums_crc(const void *data, uint64_t bytes);

#endif

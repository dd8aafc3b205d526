/* SPDX-License-Identifier: MIT
 * Reads lines of cksum and computes its checksum: see sums.h. */
#include "sums.h"

#include "rf_string.h"

struct line {
        struct sums_entry entry;
        const char *name, *end;
};

/* A decimal number and the blank behind it. */
static bool take_number(const char **at, const char *end, uint64_t *out)
{
        const char *first = *at;

        *out = 0;
        for (; *at < end && **at >= '0' && **at <= '9'; ++*at) {
                if (*out > UINT64_MAX / 10 - 1)
                        return false;
                *out = *out * 10 + (uint64_t)(**at - '0');
        }
        return *at > first && *at < end && *(*at)++ == ' ';
}

/* One line without its end. A file that was edited on Windows has a carriage return there. */
static bool parse(const char *at, const char *end, struct line *out)
{
        uint64_t crc;

        if (end > at && end[-1] == '\r')
                end--;
        if (!take_number(&at, end, &crc) || crc > UINT32_MAX || !take_number(&at, end, &out->entry.bytes))
                return false;
        out->entry.crc = (uint32_t)crc;
        out->name = at;
        out->end = end;
        return at < end;
}

/* The end of the line that begins at `at`. */
static const char *line_end(const char *at, const char *end)
{
        while (at < end && *at != '\n')
                at++;
        return at;
}

uint32_t sums_bad_line(const char *text, uint64_t bytes)
{
        const char *end = text + bytes, *stop;
        uint32_t number = 1;
        struct line line;

        for (const char *at = text; at < end; at = stop + 1, number++) {
                stop = line_end(at, end);
                /* cksum ends every line: without its end, part of the name may be missing */
                if (stop == end || !parse(at, stop, &line))
                        return number;
        }
        return number == 1 ? 1 : 0; /* an empty file lost all its lines */
}

bool sums_find(const char *text, uint64_t bytes, const char *name, struct sums_entry *out)
{
        const char *end = text + bytes, *stop;
        size_t n = strlen(name);
        struct line line;

        for (const char *at = text; at < end; at = stop < end ? stop + 1 : end) {
                stop = line_end(at, end);
                if (parse(at, stop, &line) && (size_t)(line.end - line.name) == n &&
                    memcmp(line.name, name, n) == 0) {
                        *out = line.entry;
                        return true;
                }
        }
        return false;
}

/* POSIX.1-2017, cksum: polynomial 0x04c11db7, highest bit first, over the data and then over its
 * length, lowest byte first and no more bytes than it needs; the result is complemented. */
static uint32_t step(uint32_t crc, uint8_t byte)
{
        static uint32_t table[256];

        if (table[1] == 0) {
                for (uint32_t i = 0; i < 256; i++) {
                        table[i] = i << 24;
                        for (int bit = 0; bit < 8; bit++)
                                table[i] = table[i] << 1 ^ (table[i] >> 31 ? 0x04c11db7 : 0);
                }
        }
        return crc << 8 ^ table[crc >> 24 ^ byte];
}

uint32_t sums_crc(const void *data, uint64_t bytes)
{
        const uint8_t *at = data;
        uint32_t crc = 0;

        for (uint64_t i = 0; i < bytes; i++)
                crc = step(crc, at[i]);
        for (uint64_t rest = bytes; rest != 0; rest >>= 8)
                crc = step(crc, (uint8_t)rest);
        return ~crc;
}

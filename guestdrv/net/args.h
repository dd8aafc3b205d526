/* SPDX-License-Identifier: MIT
 * Arguments of a network function: key=value words and flags, by table. Pure functions.
 * The error text names the argument and the form that was expected. */
#ifndef NET_ARGS_H
#define NET_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct args_option {
        const char *key;  /* "ip" for ip=...; or the flag itself */
        const char *form; /* what the value must be, for the error text; NULL: a flag, without a value */
        bool required, many;
        /* Takes the value ("" for a flag). 0, or an error number if it has not that form. */
        int (*set)(void *ctx, const char *value);
        void *ctx;
};

/* 0, or -RF_EINVAL with the error in text[0..size). At most 64 options. */
int args_parse(const struct args_option *options, size_t count, int argc, char **argv, char *text,
               size_t size);

/* Whole-string conversions: 0, or -RF_EINVAL. */
int args_number(const char *text, uint64_t min, uint64_t max, uint64_t *value);
int args_ipv4(const char *text, uint32_t *ip);  /* A.B.C.D, one host's address */
int args_mac(const char *text, uint8_t mac[6]); /* xx:xx:xx:xx:xx:xx, one station's address */
int args_prefix(const char *text, uint32_t *ip, uint32_t *mask);   /* A.B.C.D or A.B.C.D/0-32 */
int args_range(const char *text, uint16_t *from, uint16_t *to);    /* N or N-M, ports */
int args_endpoint(const char *text, uint32_t *ip, uint16_t *port); /* A.B.C.D:PORT */

#endif

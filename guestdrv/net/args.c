/* SPDX-License-Identifier: MIT
 * Argument values: numbers, addresses, ranges. */
#include "args.h"

#include "rf/error.h"
#include "wire.h"

/* Reads decimal digits up to `max`; NULL if there is none or the number is larger. */
static const char *take_number(const char *p, uint64_t max, uint64_t *value)
{
        const char *start = p;

        for (*value = 0; *p >= '0' && *p <= '9'; p++) {
                uint64_t digit = (uint64_t)(*p - '0');

                if (*value > (max - digit) / 10 || digit > max)
                        return NULL;
                *value = *value * 10 + digit;
        }
        return p != start ? p : NULL;
}

static const char *take_ipv4(const char *p, uint32_t *ip)
{
        uint64_t byte;

        *ip = 0;
        for (int i = 0; i < 4; i++) {
                if (i > 0 && *p++ != '.')
                        return NULL;
                p = take_number(p, 255, &byte);
                if (p == NULL)
                        return NULL;
                *ip = *ip << 8 | (uint32_t)byte;
        }
        return p;
}

/* The end of a value that must be all of the text. */
static int whole(const char *end)
{
        return end != NULL && *end == '\0' ? 0 : -RF_EINVAL;
}

int args_number(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
        if (whole(take_number(text, max, value)) != 0 || *value < min)
                return -RF_EINVAL;
        return 0;
}

int args_ipv4(const char *text, uint32_t *ip)
{
        if (whole(take_ipv4(text, ip)) != 0 || !ip_is_host(*ip))
                return -RF_EINVAL;
        return 0;
}

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c = (char)(c | 0x20); /* lower case */
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int args_mac(const char *text, uint8_t mac[6])
{
        for (int i = 0; i < 6; i++) {
                int high, low;

                if (i > 0 && *text++ != ':')
                        return -RF_EINVAL;
                high = hex_digit(*text);
                low = high < 0 ? -1 : hex_digit(text[1]);
                if (low < 0)
                        return -RF_EINVAL;
                mac[i] = (uint8_t)(high << 4 | low);
                text += 2;
        }
        return *text == '\0' && !mac_is_group(mac) ? 0 : -RF_EINVAL;
}

int args_prefix(const char *text, uint32_t *ip, uint32_t *mask)
{
        const char *p = take_ipv4(text, ip);
        uint64_t bits = 32;

        if (p != NULL && *p == '/')
                p = take_number(p + 1, 32, &bits);
        if (whole(p) != 0)
                return -RF_EINVAL;
        *mask = bits == 0 ? 0 : UINT32_MAX << (32 - bits);
        *ip &= *mask;
        return 0;
}

int args_range(const char *text, uint16_t *from, uint16_t *to)
{
        uint64_t a, b;
        const char *p = take_number(text, 65535, &a);

        b = a;
        if (p != NULL && *p == '-')
                p = take_number(p + 1, 65535, &b);
        if (whole(p) != 0 || b < a)
                return -RF_EINVAL;
        *from = (uint16_t)a;
        *to = (uint16_t)b;
        return 0;
}

int args_endpoint(const char *text, uint32_t *ip, uint16_t *port)
{
        uint64_t n;
        const char *p = take_ipv4(text, ip);

        if (p == NULL || *p != ':' || whole(take_number(p + 1, 65535, &n)) != 0 || n == 0 || !ip_is_host(*ip))
                return -RF_EINVAL;
        *port = (uint16_t)n;
        return 0;
}

/* SPDX-License-Identifier: MIT
 * printf-like formatting without libc, shared by ring 0, root and the guest SDK. */
#include "rf_format.h"

#include <stdbool.h>
#include <stdint.h>

#include "rf_string.h"

struct sink {
        char *out;
        size_t size, length;
};

struct spec {
        bool left, zero, prefix, has_precision;
        int width, precision, longs;
};

static void put(struct sink *s, char c)
{
        if (s->length + 1 < s->size)
                s->out[s->length] = c;
        s->length++;
}

static void put_padding(struct sink *s, int n, char c)
{
        for (; n > 0; n--)
                put(s, c);
}

static void put_text(struct sink *s, const struct spec *p, const char *text)
{
        int n = 0;

        if (text == NULL)
                text = "(null)";
        while ((!p->has_precision || n < p->precision) && text[n] != '\0')
                n++;
        if (!p->left)
                put_padding(s, p->width - n, ' ');
        for (int i = 0; i < n; i++)
                put(s, text[i]);
        if (p->left)
                put_padding(s, p->width - n, ' ');
}

static void put_number(struct sink *s, const struct spec *p, uint64_t value, unsigned base, bool upper,
                       bool negative)
{
        const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
        char text[24];
        int n = 0, sign = negative ? 1 : 0;

        do {
                text[n++] = digits[value % base];
                value /= base;
        } while (value != 0);
        while (p->has_precision && n < p->precision && n < (int)sizeof(text))
                text[n++] = '0';
        if (!p->left && !p->zero)
                put_padding(s, p->width - n - sign, ' ');
        if (negative)
                put(s, '-');
        if (!p->left && p->zero)
                put_padding(s, p->width - n - sign, '0');
        for (int i = n; i > 0; i--)
                put(s, text[i - 1]);
        if (p->left)
                put_padding(s, p->width - n - sign, ' ');
}

static const char *parse_number(const char *f, int *value)
{
        for (*value = 0; *f >= '0' && *f <= '9'; f++)
                *value = *value * 10 + (*f - '0');
        return f;
}

/* va_list travels by pointer: an array type decays when passed, a struct of it does not. */
struct arguments {
        va_list list;
};

static const char *parse_spec(const char *f, struct spec *p, struct arguments *a)
{
        *p = (struct spec){0};
        for (; *f == '-' || *f == '0' || *f == '#'; f++) {
                p->left |= *f == '-';
                p->zero |= *f == '0';
                p->prefix |= *f == '#';
        }
        if (*f == '*') {
                p->width = va_arg(a->list, int);
                f++;
        } else {
                f = parse_number(f, &p->width);
        }
        if (*f == '.') {
                p->has_precision = true;
                if (*++f == '*') {
                        p->precision = va_arg(a->list, int);
                        f++;
                } else {
                        f = parse_number(f, &p->precision);
                }
        }
        for (; *f == 'l' || *f == 'z' || *f == 'h'; f++)
                p->longs += *f == 'h' ? 0 : *f == 'z' ? 2 : 1;
        return f;
}

static void put_signed(struct sink *s, const struct spec *p, struct arguments *a)
{
        int64_t v = p->longs > 0 ? va_arg(a->list, int64_t) : va_arg(a->list, int);

        put_number(s, p, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10, false, v < 0);
}

static void put_unsigned(struct sink *s, const struct spec *p, struct arguments *a, char conversion)
{
        uint64_t v = p->longs > 0 ? va_arg(a->list, uint64_t) : va_arg(a->list, unsigned);

        if (p->prefix && conversion != 'u')
                put_text(s, &(struct spec){0}, "0x");
        put_number(s, p, v, conversion == 'u' ? 10 : 16, conversion == 'X', false);
}

static void put_conversion(struct sink *s, const struct spec *p, struct arguments *a, char conversion)
{
        switch (conversion) {
        case 'd':
        case 'i':
                put_signed(s, p, a);
                break;
        case 'u':
        case 'x':
        case 'X':
                put_unsigned(s, p, a, conversion);
                break;
        case 'p':
                put_text(s, &(struct spec){0}, "0x");
                put_number(s, p, (uintptr_t)va_arg(a->list, void *), 16, false, false);
                break;
        case 's':
                put_text(s, p, va_arg(a->list, const char *));
                break;
        case 'c':
                put(s, (char)va_arg(a->list, int));
                break;
        case '%':
                put(s, '%');
                break;
        default:
                put(s, '%');
                put(s, conversion);
        }
}

size_t rf_vsnprintf(char *out, size_t size, const char *format, va_list args)
{
        struct sink s = {out, size, 0};
        struct arguments a;
        struct spec p;

        va_copy(a.list, args);
        for (const char *f = format; *f != '\0'; f++) {
                if (*f != '%') {
                        put(&s, *f);
                        continue;
                }
                f = parse_spec(f + 1, &p, &a);
                if (*f == '\0')
                        break;
                put_conversion(&s, &p, &a, *f);
        }
        va_end(a.list);
        if (size > 0)
                out[s.length < size ? s.length : size - 1] = '\0';
        return s.length;
}

size_t rf_snprintf(char *out, size_t size, const char *format, ...)
{
        va_list args;
        size_t n;

        va_start(args, format);
        n = rf_vsnprintf(out, size, format, args);
        va_end(args);
        return n;
}

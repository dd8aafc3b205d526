/* SPDX-License-Identifier: MIT
 * evilroot's serial port, and its words in ringfence.conf: a comment `# evil = word word ...`. */
#include <stdarg.h>

#include "evil.h"
#include "rf_format.h"
#include "rf_string.h"

enum { COM1 = 0x3f8, LSR = COM1 + 5, LSR_DATA = 1, LSR_EMPTY = 0x20, LINE = 320 };

static void out(uint16_t port, uint8_t value)
{
        __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in(uint16_t port)
{
        uint8_t value;

        __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
        return value;
}

static void put(const char *text)
{
        for (; *text != '\0'; text++) {
                while ((in(LSR)&LSR_EMPTY) == 0)
                        ;
                out(COM1, (uint8_t)*text);
        }
}

static void vsay(const char *head, const char *format, va_list args)
{
        char line[LINE];

        rf_vsnprintf(line, sizeof(line), format, args);
        put(head);
        put(line);
        put("\n");
}

void say(const char *format, ...)
{
        va_list args;

        va_start(args, format);
        vsay("", format, args);
        va_end(args);
}

char get_key(void)
{
        while ((in(LSR)&LSR_DATA) == 0)
                ;
        return (char)in(COM1);
}

void want(const char *format, ...)
{
        va_list args;

        nic_settle();
        va_start(args, format);
        vsay("want: ", format, args);
        va_end(args);
        get_key();
}

void fail(const char *format, ...)
{
        va_list args;

        va_start(args, format);
        vsay("evilroot: BROKEN: ", format, args);
        va_end(args);
        sys_halt(1);
        for (;;)
                ;
}

static bool is_end(char c)
{
        return c == '\0' || c == ' ' || c == '\n' || c == '\r';
}

/* Behind `word` in the line of ours; NULL: it is not there. */
static const char *find(const char *word, bool whole)
{
        static const char key[] = "evil =";
        const char *text = (const char *)RF_ROOT_FILE, *end = text + BOOT->file[0].bytes;
        size_t n = strlen(word);

        while (text + sizeof(key) < end && memcmp(text, key, sizeof(key) - 1) != 0)
                text++;
        for (; text + n < end && *text != '\n'; text++)
                if (text[-1] == ' ' && memcmp(text, word, n) == 0 && (!whole || is_end(text[n])))
                        return text + n;
        return NULL;
}

bool asked(const char *word)
{
        return find(word, true) != NULL;
}

uint64_t asked_number(const char *word, uint64_t otherwise)
{
        const char *at = find(word, false);
        uint64_t value = 0;

        if (at == NULL)
                return otherwise;
        for (; *at >= '0' && *at <= '9'; at++)
                value = 10 * value + (uint64_t)(*at - '0');
        return value;
}

void report(const char *name, const char *part, const struct tally *t)
{
        static uint64_t last;
        uint64_t now = tsc_now();

        say("attack: name=%s part=%s controls=%x tried=%u blocked=%u succeeded=%u other=%u hung=%u ms=%lu",
            name, part, controls, t->tried, t->blocked, t->succeeded, t->other, t->hung,
            last == 0 ? 0 : (now - last) / tsc_of_ms(1));
        last = now;
}

void check(const char *name, const char *part, bool good)
{
        struct tally t = {.tried = 1, .blocked = good, .succeeded = !good};

        report(name, part, &t);
}

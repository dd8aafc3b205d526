/* SPDX-License-Identifier: MIT
 * COM1, polled: 115200 8N1. */
#include <stdarg.h>

#include "bare.h"
#include "rf_format.h"
#include "rf_string.h"

enum { COM1 = 0x3f8, DIVISOR_115200 = 1, LSR_THRE = 0x20, SPINS = 100000 };

static bool present;

void bare_serial_start(bool found)
{
        present = found;
        if (!present)
                return;
        out8(COM1 + 1, 0);    /* IER: no interrupts */
        out8(COM1 + 3, 0x80); /* LCR: divisor latch */
        out8(COM1 + 0, DIVISOR_115200);
        out8(COM1 + 1, 0);
        out8(COM1 + 3, 3); /* LCR: 8N1 */
        out8(COM1 + 2, 7); /* FCR: FIFOs on and empty */
        out8(COM1 + 4, 3); /* MCR: DTR, RTS */
}

static void put_char(char c)
{
        for (unsigned i = 0; i < SPINS && (in8(COM1 + 5) & LSR_THRE) == 0; i++)
                __asm__ volatile("pause");
        out8(COM1, (uint8_t)c);
}

void bare_put(const char *text, size_t n)
{
        for (size_t i = 0; present && i < n; i++) {
                if (text[i] == '\n')
                        put_char('\r');
                put_char(text[i]);
        }
}

static void print(const char *format, va_list args)
{
        char text[256];
        size_t n = rf_vsnprintf(text, sizeof(text), format, args);

        bare_put(text, n < sizeof(text) ? n : sizeof(text) - 1);
}

void bare_printf(const char *format, ...)
{
        va_list args;

        va_start(args, format);
        print(format, args);
        va_end(args);
}

_Noreturn void bare_panic(const char *format, ...)
{
        va_list args;

        bare_put("bare: PANIC: ", 13);
        va_start(args, format);
        print(format, args);
        va_end(args);
        bare_put("\n", 1);
        bare_halt();
}

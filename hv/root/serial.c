/* SPDX-License-Identifier: MIT
 * COM1. Source: 16550 UART: data at +0, line status at +5. */
#include "serial.h"

#include <stdint.h>

enum { COM1 = 0x3f8, LSR = COM1 + 5, LSR_DATA = 0x01, LSR_ROOM = 0x20, POLLS = 1000000 };

static uint8_t port_in(uint16_t port)
{
        uint8_t value;

        __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
        return value;
}

static void port_out(uint16_t port, uint8_t value)
{
        __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

/* Bounded: a UART that never empties must not hang root. */
static void put(char c)
{
        for (unsigned i = 0; i < POLLS && (port_in(LSR) & LSR_ROOM) == 0; i++)
                __asm__ volatile("pause");
        port_out(COM1, (uint8_t)c);
}

void serial_text(const char *text)
{
        for (; *text != '\0'; text++)
                put(*text);
}

int serial_key(void)
{
        return (port_in(LSR) & LSR_DATA) != 0 ? port_in(COM1) : -1;
}

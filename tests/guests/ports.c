/* SPDX-License-Identifier: MIT
 * ports: prints by OUT, to COM1 as a driver of a 16550 does, and to the debug port. */
#include "ringfence_sdk.h"

enum { COM1 = 0x3f8, COM1_LSR = 0x3fd, LSR_THRE = 0x20, DEBUG = 0xe9 };

static uint8_t in(uint16_t port)
{
        uint8_t value;

        __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
        return value;
}

static void out(uint16_t port, const char *text)
{
        for (; *text != '\0'; text++) {
                while (port == COM1 && (in(COM1_LSR)&LSR_THRE) == 0)
                        rf_relax();
                __asm__ volatile("outb %0, %1" : : "a"(*text), "Nd"(port));
        }
}

int rf_main(const struct rf_info *info, int argc, char **argv)
{
        out(COM1, "ports: by COM1\n");
        out(DEBUG, "ports: by e9\n");
        return in(DEBUG) == DEBUG ? 0 : 1; /* it answers itself where there is one */
}

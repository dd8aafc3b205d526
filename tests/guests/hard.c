/* SPDX-License-Identifier: MIT
 * hard: has the bytes of WRPKRU where no guest may have them; its argument names the way. `intended` runs one
 * (the instruction stands in the image, and a UD2 in its place), `made` writes one into an executable page
 * and runs that, `across` makes one across two pages. Prints SURVIVED if it lives on. */
#include "rf_string.h"
#include "ringfence_sdk.h"

enum { PAGE = 4096, PAGES = 2 };

extern uint8_t hard_pages[PAGES * PAGE];
__asm__(".section .text.hard, \"ax\", @progbits\n\t"
        ".balign 4096\n"
        "hard_pages:\n\t"
        ".fill 2 * 4096, 1, 0xcc\n\t"
        ".previous");

static void call(const volatile uint8_t *p)
{
        ((void (*)(void))(uintptr_t)p)();
}

static void intended(void)
{
        __asm__ volatile("wrpkru" : : "a"(0), "c"(0), "d"(0));
}

/* xor eax, eax; xor ecx, ecx; xor edx, edx; wrpkru; ret */
static void make(volatile uint8_t *p)
{
        static const uint8_t code[] = {0x31, 0xc0, 0x31, 0xc9, 0x31, 0xd2, 0x0f, 0x01, 0xef, 0xc3};

        for (unsigned i = 0; i < sizeof(code); i++)
                p[i] = code[i];
        call(p);
}

static void made(void)
{
        make(hard_pages);
}

/* Each page is clean by itself, and the first is executable before the second is written. */
static void across(void)
{
        volatile uint8_t *p = hard_pages + PAGE - 8;

        p[-1] = 0xc3;
        p[6] = 0x0f;
        p[7] = 0x01;
        call(p - 1);
        hard_pages[PAGE + 1] = 0xc3;
        call(hard_pages + PAGE + 1);
        hard_pages[PAGE] = 0xef;
        call(hard_pages + PAGE + 1);
}

int rf_main(const struct rf_info *info, int argc, char **argv)
{
        static const struct {
                const char *name;
                void (*go)(void);
        } ways[] = {{"intended", intended}, {"made", made}, {"across", across}};

        for (unsigned i = 0; argc > 1 && i < sizeof(ways) / sizeof(ways[0]); i++) {
                if (strcmp(argv[1], ways[i].name) != 0)
                        continue;
                rf_printf("hard: %s\n", argv[1]);
                rf_flush();
                ways[i].go();
                rf_printf("hard: SURVIVED %s\n", argv[1]);
                return 0;
        }
        return RF_EXIT_USAGE;
}

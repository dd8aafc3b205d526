/* SPDX-License-Identifier: MIT
 * spin: never gives the CPU back, on any of its vCPUs. With the argument `cli`, interrupts are switched off
 * first. */
#include "rf_string.h"
#include "ringfence_sdk.h"

static volatile uint64_t rounds;

static _Noreturn void spin(void)
{
        for (;;)
                rounds++;
}

void rf_secondary(const struct rf_info *info)
{
        spin();
}

int rf_main(const struct rf_info *info, int argc, char **argv)
{
        rf_printf("spin: for ever\n");
        if (argc > 1 && strcmp(argv[1], "cli") == 0)
                __asm__ volatile("cli");
        spin();
}

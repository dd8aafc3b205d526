/* SPDX-License-Identifier: MIT
 * halt: HLT for ever, interrupts off first with the argument `cli`. */
#include "rf_string.h"
#include "ringfence_sdk.h"

int rf_main(const struct rf_info *info, int argc, char **argv)
{
        rf_printf("halt: for ever\n");
        if (argc > 1 && strcmp(argv[1], "cli") == 0)
                __asm__ volatile("cli");
        for (;;)
                __asm__ volatile("hlt");
}

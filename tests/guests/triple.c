/* SPDX-License-Identifier: MIT
 * triple: an empty IDT, then an exception: on a machine of its own this is a triple fault. */
#include "ringfence_sdk.h"

int rf_main(const struct rf_info *info, int argc, char **argv)
{
        static const struct __attribute__((packed)) {
                uint16_t limit;
                uint64_t base;
        } empty = {0, 0};

        rf_printf("triple: now\n");
        __asm__ volatile("lidt %0\n\tint3\n\tud2" : : "m"(empty));
        rf_printf("triple: SURVIVED\n");
        return 1;
}

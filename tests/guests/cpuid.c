/* SPDX-License-Identifier: MIT
 * cpuid: prints what CPUID tells a guest. */
#include "rf_string.h"
#include "ringfence_sdk.h"

struct leaf {
        uint32_t a, b, c, d;
};

static struct leaf cpuid(uint32_t leaf, uint32_t sub)
{
        struct leaf r;

        __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(sub));
        return r;
}

int rf_main(const struct rf_info *info, int argc, char **argv)
{
        static const uint32_t leaves[] = {0,          1,          7,          0xd,       0x40000000,
                                          0x80000000, 0x80000001, 0x80000008, 0x8000000a};
        struct leaf r = cpuid(0, 0);
        char vendor[13] = {0};

        memcpy(vendor, &r.b, 4);
        memcpy(vendor + 4, &r.d, 4);
        memcpy(vendor + 8, &r.c, 4);
        rf_printf("cpuid: vendor %s\n", vendor);
        for (unsigned i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
                r = cpuid(leaves[i], 0);
                rf_printf("cpuid: %08x: %08x %08x %08x %08x\n", leaves[i], r.a, r.b, r.c, r.d);
        }
        return 0;
}

/* SPDX-License-Identifier: MIT
 * What a ring guest sees of the CPU: an allow-list. Only what works at CPL 0 of a ring space, with XCR0 = 7
 * and no control register of its own, is shown. */
#ifndef CPUID_H
#define CPUID_H

#include <stdint.h>

struct cpuid_regs {
        uint32_t eax, ebx, ecx, edx;
};

/* Pure: `host` is what the CPU answers to the same leaf. */
struct cpuid_regs cpuid_filter(uint32_t leaf, uint32_t sub, struct cpuid_regs host, uint32_t vcpu);
struct cpuid_regs cpuid_for_guest(uint32_t leaf, uint32_t sub, uint32_t vcpu);

#endif

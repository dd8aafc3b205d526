/* SPDX-License-Identifier: MIT
 *
 * Instructions C has no words for, and the architectural numbers ring 0 needs.
 * Sources: AMD64 APM volumes 2 and 3, Intel SDM volume 3.
 */
#ifndef X86_H
#define X86_H

#include <stdint.h>

enum {
        CR0_PE = 1u << 0,
        CR0_MP = 1u << 1,
        CR0_ET = 1u << 4,
        CR0_NE = 1u << 5,
        CR0_WP = 1u << 16,
        CR0_CD = 1u << 30,
        CR4_PAE = 1u << 5,
        CR4_PGE = 1u << 7,
        CR4_OSFXSR = 1u << 9,
        CR4_OSXMMEXCPT = 1u << 10,
        CR4_UMIP = 1u << 11,
        CR4_VMXE = 1u << 13,
        CR4_OSXSAVE = 1u << 18,
        CR4_SMEP = 1u << 20,
        CR4_SMAP = 1u << 21,
        CR4_PKE = 1u << 22,
        EFER_SCE = 1u << 0,
        EFER_LME = 1u << 8,
        EFER_LMA = 1u << 10,
        EFER_NXE = 1u << 11,
        EFER_SVME = 1u << 12,
        RFLAGS_FIXED = 1u << 1,
        RFLAGS_IF = 1u << 9,
        XCR0_X87 = 1u << 0,
        XCR0_SSE = 1u << 1,
        XCR0_AVX = 1u << 2,
        XCR0_PKRU = 1u << 9,
};
#define CR0_PG (1ull << 31)

enum {
        MSR_APIC_BASE = 0x1b,
        MSR_ARCH_CAPABILITIES = 0x10a,
        MSR_TSX_CTRL = 0x122,
        MSR_PAT = 0x277,
        MSR_EFER = 0xc0000080,
        MSR_STAR = 0xc0000081,
        MSR_LSTAR = 0xc0000082,
        MSR_FMASK = 0xc0000084,
        MSR_FS_BASE = 0xc0000100,
        MSR_GS_BASE = 0xc0000101,
        MSR_KERNEL_GS_BASE = 0xc0000102,
};

enum {
        VECTOR_DE = 0,
        VECTOR_DB = 1,
        VECTOR_NMI = 2,
        VECTOR_UD = 6,
        VECTOR_DF = 8,
        VECTOR_GP = 13,
        VECTOR_PF = 14,
        VECTOR_MC = 18
};
/* Page-fault error code, APM volume 2, 8.4.2 */
enum { PF_P = 1, PF_W = 2, PF_U = 4, PF_RSV = 8, PF_I = 16, PF_PK = 32 };

struct cpuid {
        uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t sub)
{
        struct cpuid r;

        __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(sub));
        return r;
}

static inline uint64_t rdmsr(uint32_t msr)
{
        uint32_t low, high;

        __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
        return low | (uint64_t)high << 32;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
        __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

static inline uint64_t rdtsc(void)
{
        uint32_t low, high;

        __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
        return low | (uint64_t)high << 32;
}

#define X86_CR(n)                                                                                            \
        static inline uint64_t read_cr##n(void)                                                              \
        {                                                                                                    \
                uint64_t value;                                                                              \
                __asm__ volatile("mov %%cr" #n ", %0" : "=r"(value) : : "memory");                           \
                return value;                                                                                \
        }                                                                                                    \
        static inline void write_cr##n(uint64_t value)                                                       \
        {                                                                                                    \
                __asm__ volatile("mov %0, %%cr" #n : : "r"(value) : "memory");                               \
        }
X86_CR(0)
X86_CR(2)
X86_CR(3)
X86_CR(4)
#undef X86_CR

static inline void xsetbv(uint32_t reg, uint64_t value)
{
        __asm__ volatile("xsetbv" : : "c"(reg), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static inline uint32_t rdpkru(void)
{
        uint32_t value, high;

        __asm__ volatile("rdpkru" : "=a"(value), "=d"(high) : "c"(0));
        return value;
}

static inline void wrpkru(uint32_t value)
{
        __asm__ volatile("wrpkru" : : "a"(value), "c"(0), "d"(0) : "memory");
}

#define X86_PORT(suffix, type)                                                                               \
        static inline type in##suffix(uint16_t port)                                                         \
        {                                                                                                    \
                type value;                                                                                  \
                __asm__ volatile("in" #suffix " %1, %0" : "=a"(value) : "Nd"(port));                         \
                return value;                                                                                \
        }                                                                                                    \
        static inline void out##suffix(uint16_t port, type value)                                            \
        {                                                                                                    \
                __asm__ volatile("out" #suffix " %0, %1" : : "a"(value), "Nd"(port));                        \
        }
X86_PORT(b, uint8_t)
X86_PORT(w, uint16_t)
X86_PORT(l, uint32_t)
#undef X86_PORT

static inline void cpu_pause(void)
{
        __asm__ volatile("pause" : : : "memory");
}

static inline void invlpg(const void *va)
{
        __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

static inline void interrupts_off(void)
{
        __asm__ volatile("cli" : : : "memory");
}

#endif

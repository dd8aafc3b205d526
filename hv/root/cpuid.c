/* SPDX-License-Identifier: MIT
 * CPUID for ring guests: see cpuid.h. Bits from the AMD64 APM volume 3, appendix E, and the Intel SDM volume
 * 2, CPUID. A bit that stands in no mask is 0: PKU, OSPKE, SVM, VMX, SMX, MONITOR, x2APIC, TSC deadline,
 * PCID, TSX, AVX-512, RDTSCP (it exits), FSGSBASE, MSR, APIC, everything that needs a table or control
 * register. */
#include "cpuid.h"

#define BIT(n)            (1u << (n))
#define LEAF_HYPERVISOR   0x40000000u
#define LEAF_EXTENDED     0x80000000u
#define LEAF_MAX_EXTENDED 0x80000008u

enum {
        LEAF_MAX_BASIC = 0xd,
        XCR0_GUEST = 7,          /* x87, SSE, AVX (ringfence.h) */
        XSAVE_GUEST_BYTES = 832, /* legacy area 512, header 64, AVX 256 */
};

/* SSE3 PCLMULQDQ SSSE3 FMA CX16 SSE4.1 SSE4.2 MOVBE POPCNT AES XSAVE OSXSAVE AVX F16C RDRAND */
#define LEAF1_ECX                                                                                            \
        (BIT(0) | BIT(1) | BIT(9) | BIT(12) | BIT(13) | BIT(19) | BIT(20) | BIT(22) | BIT(23) | BIT(25) |    \
         BIT(26) | BIT(27) | BIT(28) | BIT(29) | BIT(30))
#define LEAF1_ECX_HYPERVISOR BIT(31)
/* FPU TSC CX8 CMOV CLFSH MMX FXSR SSE SSE2 */
#define LEAF1_EDX (BIT(0) | BIT(4) | BIT(8) | BIT(15) | BIT(19) | BIT(23) | BIT(24) | BIT(25) | BIT(26))
/* BMI1 AVX2 BMI2 ERMS RDSEED ADX CLFLUSHOPT CLWB SHA */
#define LEAF7_EBX (BIT(3) | BIT(5) | BIT(8) | BIT(9) | BIT(18) | BIT(19) | BIT(23) | BIT(24) | BIT(29))
/* GFNI VAES VPCLMULQDQ */
#define LEAF7_ECX (BIT(8) | BIT(9) | BIT(10))
/* FSRM */
#define LEAF7_EDX BIT(4)
/* XSAVEOPT XSAVEC XGETBV(1) */
#define LEAFD_1_EAX (BIT(0) | BIT(1) | BIT(2))
/* LAHF ABM SSE4A MISALIGNSSE PREFETCHW */
#define EXT1_ECX (BIT(0) | BIT(5) | BIT(6) | BIT(7) | BIT(8))
/* NX LM */
#define EXT1_EDX (BIT(20) | BIT(29))
/* invariant TSC */
#define EXT7_EDX BIT(8)

static uint32_t at_most(uint32_t a, uint32_t b)
{
        return a < b ? a : b;
}

static struct cpuid_regs leaf_1(struct cpuid_regs h, uint32_t vcpu)
{
        return (struct cpuid_regs){
            .eax = h.eax,
            .ebx = (h.ebx & 0xffff) | vcpu << 24, /* brand, CLFLUSH size; APIC id in 31:24 */
            .ecx = (h.ecx & LEAF1_ECX) | LEAF1_ECX_HYPERVISOR,
            .edx = h.edx & LEAF1_EDX,
        };
}

static struct cpuid_regs leaf_d(uint32_t sub, struct cpuid_regs h)
{
        if (sub == 0)
                return (struct cpuid_regs){h.eax & XCR0_GUEST, XSAVE_GUEST_BYTES, XSAVE_GUEST_BYTES, 0};
        if (sub == 1)
                return (struct cpuid_regs){h.eax & LEAFD_1_EAX, XSAVE_GUEST_BYTES, 0, 0};
        return sub == 2 ? h : (struct cpuid_regs){0}; /* 2: size and offset of the AVX part */
}

static struct cpuid_regs basic(uint32_t leaf, uint32_t sub, struct cpuid_regs h, uint32_t vcpu)
{
        switch (leaf) {
        case 0:
                h.eax = at_most(h.eax, LEAF_MAX_BASIC);
                return h;
        case 1:
                return leaf_1(h, vcpu);
        case 7:
                if (sub == 0)
                        return (struct cpuid_regs){0, h.ebx & LEAF7_EBX, h.ecx & LEAF7_ECX,
                                                   h.edx & LEAF7_EDX};
                break;
        case 0xd:
                return leaf_d(sub, h);
        }
        return (struct cpuid_regs){0};
}

static struct cpuid_regs extended(uint32_t leaf, struct cpuid_regs h)
{
        switch (leaf) {
        case LEAF_EXTENDED:
                h.eax = at_most(h.eax, LEAF_MAX_EXTENDED);
                return h;
        case LEAF_EXTENDED + 1:
                return (struct cpuid_regs){h.eax, 0, h.ecx & EXT1_ECX, h.edx & EXT1_EDX};
        case LEAF_EXTENDED + 2: /* the brand string */
        case LEAF_EXTENDED + 3:
        case LEAF_EXTENDED + 4:
                return h;
        case LEAF_EXTENDED + 7:
                return (struct cpuid_regs){0, 0, 0, h.edx & EXT7_EDX};
        case LEAF_EXTENDED + 8:
                return (struct cpuid_regs){h.eax & 0xffff, 0, 0, 0}; /* address widths */
        }
        return (struct cpuid_regs){0};
}

struct cpuid_regs cpuid_filter(uint32_t leaf, uint32_t sub, struct cpuid_regs host, uint32_t vcpu)
{
        if (leaf == LEAF_HYPERVISOR) /* "RINGFENCE", highest leaf of this kind in EAX */
                return (struct cpuid_regs){LEAF_HYPERVISOR, 0x474e4952, 0x434e4546, 0x00000045};
        if (leaf < LEAF_HYPERVISOR)
                return basic(leaf, sub, host, vcpu);
        return leaf >= LEAF_EXTENDED ? extended(leaf, host) : (struct cpuid_regs){0};
}

static struct cpuid_regs cpuid_host(uint32_t leaf, uint32_t sub)
{
        struct cpuid_regs r;

        __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(sub));
        return r;
}

struct cpuid_regs cpuid_for_guest(uint32_t leaf, uint32_t sub, uint32_t vcpu)
{
        uint32_t highest = leaf >= LEAF_EXTENDED ? cpuid_host(LEAF_EXTENDED, 0).eax : cpuid_host(0, 0).eax;
        struct cpuid_regs host = {0};

        if (leaf <= highest)
                host = cpuid_host(leaf, sub);
        return cpuid_filter(leaf, sub, host, vcpu);
}

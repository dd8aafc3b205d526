/* SPDX-License-Identifier: MIT
 * Is this CPU, as the firmware left it, one that Ringfence runs on? And the jump.
 * Sources: AMD APM volumes 2 and 3 (24593, 24594), Intel SDM volumes 2 to 4. */
#include "loader.h"

enum {
        CPUID_1_ECX_VMX = 1u << 5,
        CPUID_80000001_ECX_SVM = 1u << 2,
        CPUID_80000001_EDX_NX = 1u << 20,
        CPUID_8000000A_EDX_NP = 1u << 0, /* nested paging */
        CR4_PGE = 1u << 7,
        CR4_LA57 = 1u << 12,
        MSR_FEATURE_CONTROL = 0x3a, /* IA32_FEATURE_CONTROL: SDM vol. 3, 24.7 */
        FEATURE_CONTROL_LOCKED = 1u << 0,
        FEATURE_CONTROL_VMX = 1u << 2, /* outside SMX */
        MSR_EFER = 0xc0000080,
        EFER_NXE = 1u << 11,
        MSR_VM_CR = 0xc0010114, /* APM vol. 2, 15.30.1 */
        VM_CR_SVMDIS = 1u << 4,
};

#define CPUID_1_ECX_HYPERVISOR (1u << 31)

#define SWITCH_ON                                                                                            \
        "Enter the firmware setup (often Del or F2 at power-on), switch on virtualization (called SVM, AMD-V, VT-x or VMX), save, power off and on."
#define NESTED                                                                                               \
        "This is a virtual machine: give it a CPU with nested virtualization (QEMU: -cpu max,+svm,+npt)."

struct cpuid {
        uint32_t eax, ebx, ecx, edx;
};

/* All zero for a leaf that this CPU does not have. */
static struct cpuid cpuid(uint32_t leaf)
{
        struct cpuid r = {0};
        uint32_t highest = leaf & 0x80000000;

        __asm__("cpuid" : "+a"(highest), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "2"(0));
        if (leaf > highest)
                return (struct cpuid){0};
        r.eax = leaf;
        r.ecx = 0;
        __asm__("cpuid" : "+a"(r.eax), "=b"(r.ebx), "+c"(r.ecx), "=d"(r.edx));
        return r;
}

static uint64_t rdmsr(uint32_t msr)
{
        uint32_t lo, hi;

        __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
        return (uint64_t)hi << 32 | lo;
}

static uint64_t read_cr4(void)
{
        uint64_t cr4;

        __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
        return cr4;
}

uint32_t cpu_apic_id(void)
{
        struct cpuid topology = cpuid(0xb); /* EBX is 0 where the leaf is not implemented */

        return topology.ebx != 0 ? topology.edx : cpuid(1).ebx >> 24;
}

void cpu_check_entry(void)
{
        if (!(cpuid(0x80000001).edx & CPUID_80000001_EDX_NX))
                stop(
                    "Enter the firmware setup and switch on Execute Disable (NX, XD); save, power off and on.",
                    "this CPU offers no page protection against execution (NX)");
        if (read_cr4() & CR4_LA57)
                stop(
                    "Enter the firmware setup and switch off 5-level paging (LA57); in QEMU: -cpu ...,-la57.",
                    "the firmware runs with 5-level page tables");
}

static bool in_virtual_machine(void)
{
        return cpuid(1).ecx & CPUID_1_ECX_HYPERVISOR;
}

static void check_svm(void)
{
        if (!(cpuid(0x8000000a).edx & CPUID_8000000A_EDX_NP))
                stop(in_virtual_machine() ? NESTED
                                          : "Use another machine: this CPU is too old for Ringfence.",
                     "AMD-V of this CPU lacks nested paging");
        if (rdmsr(MSR_VM_CR) & VM_CR_SVMDIS)
                stop(SWITCH_ON, "the firmware has switched AMD-V (SVM) off (VM_CR.SVMDIS)");
}

/* An unlocked register is no obstacle: the kernel sets and locks it. */
static void check_vmx(void)
{
        uint64_t control = rdmsr(MSR_FEATURE_CONTROL);

        if ((control & FEATURE_CONTROL_LOCKED) && !(control & FEATURE_CONTROL_VMX))
                stop(SWITCH_ON, "the firmware has switched VT-x (VMX) off (IA32_FEATURE_CONTROL)");
}

void cpu_check_virtualization(void)
{
        if (cpuid(0x80000001).ecx & CPUID_80000001_ECX_SVM)
                check_svm();
        else if (cpuid(1).ecx & CPUID_1_ECX_VMX)
                check_vmx();
        else
                stop(in_virtual_machine() ? NESTED : SWITCH_ON,
                     "this CPU offers neither AMD-V (SVM) nor Intel VT-x (VMX)");
}

void cpu_enable_nx(void)
{
        uint64_t efer = rdmsr(MSR_EFER) | EFER_NXE;

        __asm__ volatile("wrmsr" : : "c"(MSR_EFER), "a"((uint32_t)efer), "d"((uint32_t)(efer >> 32)));
}

/* Clearing CR4.PGE drops the firmware's global translations, which a new CR3 alone would leave. */
noreturn void cpu_jump(uint64_t cr3, uint64_t entry, const struct rf_boot_info *info)
{
        uint64_t cr4 = read_cr4() & ~(uint64_t)CR4_PGE;

        __asm__ volatile("cli\n\t"
                         "cld\n\t"
                         "mov %0, %%cr4\n\t"
                         "mov %1, %%cr3\n\t"
                         "jmp *%2"
                         :
                         : "r"(cr4), "r"(cr3), "r"(entry), "D"(info)
                         : "memory");
        __builtin_unreachable();
}

/* SPDX-License-Identifier: MIT
 * What every CPU gets: segments, TSS with root's I/O permissions, control registers, MSRs.
 * Sources: AMD64 APM volume 2, chapters 3, 4, 6, 12; Intel SDM volume 3, chapters 2, 7. */
#include "cpu.h"

#include "frame.h"
#include "smp.h"
#include "user.h"
#include "x86.h"

struct tss {
        uint32_t reserved0;
        uint64_t rsp[3];
        uint64_t reserved1;
        uint64_t ist[7];
        uint64_t reserved2;
        uint16_t reserved3, io_offset;
        uint8_t io[0x400 / 8]; /* 1 = forbidden; ports above are beyond the limit: forbidden */
        uint8_t io_end;
} __attribute__((packed));
_Static_assert(__builtin_offsetof(struct tss, io) == 104, "APM 2, 12.2.5");

struct segments {
        uint64_t gdt[7];
        struct tss tss;
        uint8_t ist_stack[3][4096] __attribute__((aligned(16)));
};

static struct segments segments[RF_BOOT_MAX_CPUS];
struct cpu cpus[RF_BOOT_MAX_CPUS];
uint32_t ncpus = 1;
uint64_t cpu_xcr0;
bool cpu_has_keys, cpu_has_smep;
static bool tsx_control; /* TSX is there, and IA32_TSX_CTRL switches it off */

enum { COM1 = 0x3f8 };

static void setup_tss(struct segments *s)
{
        struct tss *t = &s->tss;

        for (unsigned i = 0; i < sizeof(t->io); i++)
                t->io[i] = 0xff;
        t->io[COM1 / 8] = 0; /* eight ports: root's console */
        t->io_end = 0xff;
        t->io_offset = __builtin_offsetof(struct tss, io);
        for (unsigned i = 0; i < 3; i++)
                t->ist[i] = (uint64_t)(s->ist_stack[i] + sizeof(s->ist_stack[i]));
}

static void setup_gdt(struct segments *s)
{
        uint64_t base = (uint64_t)&s->tss, limit = sizeof(struct tss) - 1;

        s->gdt[1] = 0x00af9b000000ffff; /* ring 0 code, L */
        s->gdt[2] = 0x00cf93000000ffff; /* ring 0 data */
        s->gdt[3] = 0x00cff3000000ffff; /* ring 3 data */
        s->gdt[4] = 0x00affb000000ffff; /* ring 3 code, L */
        s->gdt[5] = limit | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
        s->gdt[6] = base >> 32;
}

/* LTR wants a TSS that is not busy. */
static void load_gdt(struct segments *s)
{
        struct {
                uint16_t limit;
                uint64_t base;
        } __attribute__((packed)) gdtr = {sizeof(s->gdt) - 1, (uint64_t)s->gdt};

        s->gdt[5] &= ~(2ull << 40);
        __asm__ volatile("lgdt %0\n\t"
                         "pushq %1\n\t"
                         "lea 1f(%%rip), %%rax\n\t"
                         "pushq %%rax\n\t"
                         "lretq\n"
                         "1: mov %2, %%ds\n\t"
                         "mov %2, %%es\n\t"
                         "mov %2, %%ss\n\t"
                         "mov %3, %%fs\n\t"
                         "mov %3, %%gs\n\t"
                         "ltr %w4"
                         :
                         : "m"(gdtr), "i"(SELECTOR_KERNEL_CODE), "r"(SELECTOR_KERNEL_DATA), "r"(0),
                           "r"(SELECTOR_TSS)
                         : "rax", "memory");
}

/* Features of the boot CPU decide for all: a CPU that lacks one would fault on the way up, not silently
 * differ. A transaction could abort out of the open guard: where TSX cannot be switched off (SDM 1, 16.3; SDM
 * 4, IA32_TSX_CTRL) the keys are not used. */
static void find_features(void)
{
        struct cpuid f = cpuid(7, 0);
        bool rtm = (f.ebx >> 11 & 1) != 0;

        tsx_control = rtm && (f.edx >> 29 & 1) != 0 && (rdmsr(MSR_ARCH_CAPABILITIES) >> 7 & 1) != 0;
        cpu_has_keys = (f.ecx >> 3 & 1) != 0 && (!rtm || tsx_control);
        cpu_has_smep = (f.ebx >> 7 & 1) != 0;
        cpu_xcr0 = XCR0_X87 | XCR0_SSE | (cpuid(1, 0).ecx >> 28 & 1 ? XCR0_AVX : 0);
}

static void setup_control_registers(void)
{
        struct cpuid f = cpuid(7, 0);
        uint64_t cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE;

        cr4 |= cpu_has_smep ? CR4_SMEP : 0;
        cr4 |= f.ebx >> 20 & 1 ? CR4_SMAP : 0;
        cr4 |= f.ecx >> 2 & 1 ? CR4_UMIP : 0;
        cr4 |= cpu_has_keys ? CR4_PKE : 0;
        write_cr0(CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG);
        write_cr4(cr4);
        xsetbv(0, cpu_xcr0);
        if (cpu_has_keys)
                wrpkru(0);
}

static void setup_msrs(struct cpu *cpu)
{
        wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE | EFER_NXE);
        wrmsr(MSR_PAT, 0x0007040600070106); /* entry 1 is WC, the rest as after reset */
        wrmsr(MSR_GS_BASE, (uint64_t)cpu);
        wrmsr(MSR_KERNEL_GS_BASE, 0);
        if (tsx_control)
                wrmsr(MSR_TSX_CTRL, 3); /* RTM aborts at once, CPUID hides TSX */
        wrmsr(MSR_STAR, (uint64_t)SELECTOR_KERNEL_CODE << 32 | (uint64_t)SELECTOR_KERNEL_DATA << 48);
        wrmsr(MSR_LSTAR, (uint64_t)syscall_entry);
        wrmsr(MSR_FMASK, 0x47700); /* TF IF DF IOPL NT AC off in ring 0 */
}

void cpu_setup(struct cpu *cpu)
{
        struct segments *s = &segments[cpu->id];

        if (cpu->id == 0)
                find_features();
        setup_tss(s);
        setup_gdt(s);
        load_gdt(s);
        trap_load();
        setup_control_registers();
        setup_msrs(cpu);
}

void cpu_load_tables(struct cpu *cpu)
{
        load_gdt(&segments[cpu->id]);
        trap_load();
        wrmsr(MSR_GS_BASE, (uint64_t)cpu); /* loading the selector has cleared it */
}

struct cpu_tables cpu_tables(const struct cpu *cpu)
{
        const struct segments *s = &segments[cpu->id];

        return (struct cpu_tables){(uint64_t)s->gdt, (uint64_t)&s->tss, trap_idt()};
}

void cpu_set_user_stack(struct cpu *cpu, uint64_t rsp)
{
        segments[cpu->id].tss.rsp[0] = rsp;
}

void cpu_park(void)
{
        for (;;)
                __asm__ volatile("cli; hlt");
}

/* SPDX-License-Identifier: MIT
 *
 * The SVM back end: is it there, switch it on, one vCPU's life, one entry. AMD64 APM volume 2, chapter 15.
 */
#include "svm.h"
#include "../frame.h"
#include "../x86.h"

enum { DENY_MAP_PAGES = 3 }; /* IOPM is 12 KiB, MSRPM the first 8 of the same: both all ones */

struct svm_cpu {
        uint64_t hsave; /* VM_HSAVE_PA */
        uint64_t host;  /* VMCB for VMSAVE and VMLOAD of the host's FS, GS, TR, LDTR and SYSCALL MSRs */
        bool flush_by_asid;
};

static struct svm_cpu svm_cpus[RF_BOOT_MAX_CPUS];
static uint64_t deny_map;

static bool svm_probe(const char **why)
{
        if (cpuid(0x80000000, 0).eax < 0x8000000a || !(cpuid(0x80000001, 0).ecx & CPUID_SVM))
                *why = "the CPU has no AMD-V (SVM)";
        else if (rdmsr(MSR_VM_CR) & VM_CR_SVMDIS)
                *why = "firmware switched AMD-V (SVM) off";
        else if (!(cpuid(0x8000000a, 0).edx & SVM_NESTED_PAGING))
                *why = "the CPU has AMD-V but no nested paging";
        else if (cpuid(0x8000000a, 0).ebx < 2)
                *why = "the CPU has AMD-V but no address-space identifiers";
        else
                return true;
        return false;
}

static int make_deny_map(void)
{
        int64_t hpa;

        if (deny_map)
                return RF_OK;
        hpa = frame_alloc_contiguous(FRAME_KERNEL, OWNER_KERNEL, DENY_MAP_PAGES);
        if (hpa < 0)
                return (int)hpa;
        __builtin_memset(phys((uint64_t)hpa), 0xff, DENY_MAP_PAGES * PAGE_SIZE);
        deny_map = (uint64_t)hpa;
        return RF_OK;
}

static int svm_cpu_enable(struct cpu *cpu)
{
        struct svm_cpu *s = &svm_cpus[cpu->id];
        struct cpuid features = cpuid(0x8000000a, 0);
        int64_t hsave = frame_alloc(FRAME_KERNEL, OWNER_KERNEL);
        int64_t host = frame_alloc(FRAME_KERNEL, OWNER_KERNEL);

        if (hsave < 0 || host < 0 || make_deny_map() != RF_OK)
                return -RF_ENOMEM; /* ring 0 stops without this CPU's back end: nothing to give back */
        s->hsave = (uint64_t)hsave;
        s->host = (uint64_t)host;
        cpu->tags = features.ebx - 1 < CPU_MAX_TAGS ? features.ebx - 1 : CPU_MAX_TAGS; /* 0 is the host's */
        s->flush_by_asid = (features.edx & SVM_FLUSH_BY_ASID) != 0;
        cpu->hw = s;
        wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
        wrmsr(MSR_VM_HSAVE_PA, s->hsave);
        return RF_OK;
}

static void svm_cpu_disable(struct cpu *cpu)
{
        if (!cpu->hw)
                return;
        cpu->hw = NULL;
        /* with SVME off and GIF clear nothing, not even INIT, would reach this CPU again (15.4) */
        __asm__ volatile("stgi" : : : "memory");
        wrmsr(MSR_VM_HSAVE_PA, 0);
        wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~(uint64_t)EFER_SVME);
}

static int svm_vcpu_init(struct vcpu *v)
{
        int64_t hpa = frame_alloc(FRAME_KERNEL, OWNER_KERNEL);

        if (hpa < 0)
                return (int)hpa;
        v->hw = phys((uint64_t)hpa);
        svm_init_vmcb(v->hw, v, deny_map);
        return RF_OK;
}

static void svm_vcpu_free(struct vcpu *v)
{
        if (!v->hw)
                return;
        frame_free(phys_of(v->hw));
        v->hw = NULL;
}

static void load_state(const struct vcpu *v, struct vmcb *c, uint8_t flush)
{
        c->asid = v->tag;
        c->tlb_control = flush;
        c->rax = v->gpr[RAX];
        c->rsp = v->gpr[RSP];
        c->rip = v->rip;
        c->rflags = v->rflags | RFLAGS_FIXED;
        c->interrupt_shadow = 0;
        c->eventinj = 0; /* no event is ever injected into a ring space */
        c->clean = 0;    /* every field is read again: simple first */
}

static void store_state(struct vcpu *v, const struct vmcb *c)
{
        v->gpr[RAX] = c->rax;
        v->gpr[RSP] = c->rsp;
        v->rip = c->rip;
        v->rflags = c->rflags;
        v->code64 = (c->cs.attrib & SEGMENT_L) != 0;
}

static void svm_vcpu_run(struct vcpu *v, bool flush, struct vm_exit *exit)
{
        const struct svm_cpu *s = this_cpu()->hw;
        struct vmcb *c = v->hw;

        if (RF_TEST_CONTROLS) /* they may change while a guest lives */
                svm_set_intercepts(c);
        load_state(v, c, !flush ? TLB_NONE : s->flush_by_asid ? TLB_FLUSH_ASID : TLB_FLUSH_ALL);
        if (RF_TEST_CONTROLS && v->bad_entry == RF_BAD_CONTROL)
                c->asid = 0;
        if (RF_TEST_CONTROLS && v->bad_entry == RF_BAD_ENTRY)
                c->efer &= ~(uint64_t)EFER_SVME; /* both are illegal: 15.5.1 */
        svm_run(v->gpr, phys_of(c), s->host);
        svm_decode_exit(c, exit);
        if (exit->kind != VM_EXIT_ENTRY_FAILED) /* else v's registers stay as given */
                store_state(v, c);
}

/* A VMCB is memory, and its ASID is checked at each entry: nothing stays. */
static void svm_vcpu_put(struct vcpu *v)
{
}

const struct vm_ops svm_ops = {
    .name = "SVM",
    .hypercall_opcode = {0x0f, 0x01, 0xd9}, /* VMMCALL */
    .nested = &format_npt,
    .probe = svm_probe,
    .cpu_enable = svm_cpu_enable,
    .cpu_disable = svm_cpu_disable,
    .vcpu_init = svm_vcpu_init,
    .vcpu_free = svm_vcpu_free,
    .vcpu_run = svm_vcpu_run,
    .vcpu_put = svm_vcpu_put,
};

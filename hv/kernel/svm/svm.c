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
        uint32_t asids;
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
        s->asids = features.ebx < CPU_MAX_ASIDS ? features.ebx : CPU_MAX_ASIDS;
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

/* A later vCPU may get the same address or id: no CPU may take it for the owner of an ASID's translations. */
static void forget_asids(const struct vcpu *v)
{
        for (uint32_t i = 0; i < ncpus; i++)
                for (uint32_t asid = 0; asid < CPU_MAX_ASIDS; asid++)
                        if (cpus[i].asid_owner[asid] == v)
                                cpus[i].asid_owner[asid] = NULL;
}

static void svm_vcpu_free(struct vcpu *v)
{
        if (!v->hw)
                return;
        forget_asids(v);
        frame_free(phys_of(v->hw));
        v->hw = NULL;
}

/* ASID 0 is the host's. Two vCPUs may share a number where the CPU has few, so a change of owner flushes. */
static void set_asid(struct cpu *cpu, struct vcpu *v, bool flush)
{
        const struct svm_cpu *s = cpu->hw;
        struct vmcb *c = v->hw;
        uint32_t asid = 1 + v->id % (s->asids - 1);

        c->asid = asid;
        c->tlb_control = TLB_NONE;
        if (flush || cpu->asid_owner[asid] != v)
                c->tlb_control = s->flush_by_asid ? TLB_FLUSH_ASID : TLB_FLUSH_ALL;
        cpu->asid_owner[asid] = v;
}

static void load_state(const struct vcpu *v, struct vmcb *c)
{
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
        struct cpu *cpu = this_cpu();
        const struct svm_cpu *s = cpu->hw;
        struct vmcb *c = v->hw;

        if (RF_TEST_CONTROLS) /* they may change while a guest lives */
                svm_set_intercepts(c);
        set_asid(cpu, v, flush);
        load_state(v, c);
        if (RF_TEST_CONTROLS && v->bad_entry)
                c->efer &= ~(uint64_t)EFER_SVME; /* one of the illegal states of 15.5.1 */
        svm_run(v->gpr, phys_of(c), s->host);
        svm_decode_exit(c, exit);
        if (exit->kind == VM_EXIT_ENTRY_FAILED)
                cpu->asid_owner[c->asid] =
                    NULL; /* whether it flushed is unknown; v's registers stay as given */
        else
                store_state(v, c);
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
};

/* SPDX-License-Identifier: MIT
 *
 * policy.h in the fields of a VMCS, and what an exit finds the host in. The VMCS is current throughout.
 * Intel SDM volume 3, chapter 25; the checks an entry makes: chapter 27.
 */
#include "../frame.h"
#include "../policy.h"
#include "../smp.h"
#include "../user.h"
#include "../x86.h"
#include "vmx.h"

/* Which controls stop an act. Acts without a line always exit, or cannot: those are native. */
static const struct {
        uint32_t act, proc, proc2;
} acts[] = {
    {ACT_CR_WRITE, PROC_CR3_LOAD, 0}, {ACT_CR_READ, PROC_CR3_STORE, 0}, {ACT_TABLES, 0, PROC2_TABLES},
    {ACT_RDTSC, PROC_RDTSC, 0},       {ACT_PAUSE, PROC_PAUSE, 0},
};

static void set_controls(uint32_t native)
{
        uint32_t proc = vmx_controls.proc, proc2 = vmx_controls.proc2;

        for (unsigned i = 0; i < ARRAY_LENGTH(acts); i++) {
                if ((native & acts[i].act) == 0)
                        continue;
                proc &= ~acts[i].proc;
                proc2 &= ~acts[i].proc2;
        }
        /* one control for reads and writes of debug registers */
        if ((native & ACT_DR_WRITE) != 0)
                proc &= ~(uint32_t)PROC_DR;
        /* without a bitmap every MSR access exits; the bitmap we have says that none does */
        if ((native & ACT_MSR) != 0)
                proc |= PROC_MSR_BITMAP;
        vmwrite(VMCS_PROC, proc);
        vmwrite(VMCS_PROC2, proc2);
}

/* A bit in the mask is the host's: the guest reads the shadow, and to change it exits. */
void vmx_set_policy(void)
{
        uint32_t native = policy_native();
        bool free = (native & ACT_CR_WRITE) != 0;

        set_controls(native);
        vmwrite(VMCS_EXCEPTIONS, policy_exceptions());
        vmwrite(VMCS_CR0_MASK, free ? vmx_controls.cr0_set : UINT64_MAX);
        vmwrite(VMCS_CR4_MASK, free ? vmx_controls.cr4_set : UINT64_MAX);
}

static void set_segments(void)
{
        enum { ES, CS, SS, DS, FS, GS, LDTR, TR, SEGMENTS };

        for (unsigned i = 0; i < SEGMENTS; i++) {
                uint32_t access = i == CS     ? RING_CODE_ACCESS
                                  : i == TR   ? RING_TASK_ACCESS
                                  : i == LDTR ? ACCESS_UNUSABLE
                                              : RING_DATA_ACCESS;

                vmwrite(VMCS_GUEST_ES + 2 * i, 0);
                vmwrite(VMCS_GUEST_LIMIT + 2 * i, i < LDTR ? RING_SEGMENT_LIMIT : 0);
                vmwrite(VMCS_GUEST_ACCESS + 2 * i, access);
                vmwrite(VMCS_GUEST_BASE + 2 * i, 0);
        }
}

static void set_registers(void)
{
        struct ring_registers r;

        policy_registers(&r);
        vmwrite(VMCS_GUEST_CR0, (r.cr0 | vmx_controls.cr0_set) & vmx_controls.cr0_allowed);
        vmwrite(VMCS_GUEST_CR4, (r.cr4 | vmx_controls.cr4_set) & vmx_controls.cr4_allowed);
        vmwrite(VMCS_CR0_SHADOW, r.cr0);
        vmwrite(VMCS_CR4_SHADOW, r.cr4);
        vmwrite(VMCS_GUEST_EFER, r.efer);
        vmwrite(VMCS_GUEST_PAT, r.pat);
        vmwrite(VMCS_GUEST_DR7, r.dr7);
}

static const uint16_t zero_fields[] = {
    VMCS_PF_MASK, /* with VMCS_PF_MATCH: every #PF goes by bit 14 of the exceptions */
    VMCS_PF_MATCH,
    VMCS_CR3_TARGETS,
    VMCS_EXIT_MSR_STORES,
    VMCS_EXIT_MSR_LOADS,
    VMCS_ENTRY_MSR_LOADS,
    VMCS_ENTRY_EVENT, /* no event is ever injected into a ring space */
    VMCS_GUEST_DEBUGCTL,
    VMCS_GUEST_GDTR_BASE,
    VMCS_GUEST_GDTR_LIMIT,
    VMCS_GUEST_IDTR_BASE,
    VMCS_GUEST_IDTR_LIMIT,
    VMCS_GUEST_SYSENTER_CS,
    VMCS_GUEST_SYSENTER_ESP,
    VMCS_GUEST_SYSENTER_EIP,
    VMCS_GUEST_ACTIVITY,
    VMCS_HOST_FS,
    VMCS_HOST_GS,
    VMCS_HOST_FS_BASE,
    VMCS_HOST_SYSENTER_CS,
    VMCS_HOST_SYSENTER_ESP,
    VMCS_HOST_SYSENTER_EIP,
};

void vmx_init_vmcs(const struct vcpu *v, uint64_t msr_bitmap)
{
        for (unsigned i = 0; i < ARRAY_LENGTH(zero_fields); i++)
                vmwrite(zero_fields[i], 0);
        vmwrite(VMCS_LINK, UINT64_MAX);
        vmwrite(VMCS_PIN, vmx_controls.pin);
        vmwrite(VMCS_EXIT_CONTROLS, vmx_controls.exit);
        vmwrite(VMCS_ENTRY_CONTROLS, vmx_controls.entry);
        vmx_set_policy();
        if ((vmx_controls.proc2 & PROC2_ENCLS) != 0)
                vmwrite(VMCS_ENCLS_BITMAP, UINT64_MAX);
        vmwrite(VMCS_MSR_BITMAP, msr_bitmap);
        vmwrite(VMCS_EPTP, v->guest->nested.root | EPTP_WB | EPTP_WALK4);
        vmwrite(VMCS_GUEST_CR3, v->pml4);
        set_segments();
        set_registers();
}

/* Differs from CPU to CPU: written whenever a VMCS becomes current. */
void vmx_set_host_state(const struct cpu *cpu)
{
        const struct cpu_tables tables = cpu_tables(cpu);

        vmwrite(VMCS_HOST_CR0, read_cr0());
        vmwrite(VMCS_HOST_CR3, read_cr3());
        vmwrite(VMCS_HOST_CR4, read_cr4());
        vmwrite(VMCS_HOST_EFER, rdmsr(MSR_EFER));
        vmwrite(VMCS_HOST_PAT, rdmsr(MSR_PAT));
        vmwrite(VMCS_HOST_CS, SELECTOR_KERNEL_CODE);
        vmwrite(VMCS_HOST_ES, SELECTOR_KERNEL_DATA);
        vmwrite(VMCS_HOST_SS, SELECTOR_KERNEL_DATA);
        vmwrite(VMCS_HOST_DS, SELECTOR_KERNEL_DATA);
        vmwrite(VMCS_HOST_TR, SELECTOR_TSS);
        vmwrite(VMCS_HOST_GS_BASE, (uint64_t)cpu);
        vmwrite(VMCS_HOST_GDTR_BASE, tables.gdt);
        vmwrite(VMCS_HOST_TR_BASE, tables.tss);
        vmwrite(VMCS_HOST_IDTR_BASE, tables.idt);
        vmwrite(VMCS_HOST_RIP, (uint64_t)vmx_exit_entry);
}

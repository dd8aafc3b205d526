/* SPDX-License-Identifier: MIT
 *
 * The VMX back end: is it there, switch it on, one vCPU's life, one entry. Intel SDM volume 3, chapters 24
 * to 29.
 */
#include "vmx.h"
#include "../frame.h"
#include "../smp.h"
#include "../x86.h"

enum { REASON_XSETBV = 55, REASON_TIMER = 52 };
enum { TIMER_SLACK_US = 200 /* behind the APIC timer, which normally ends a slice */ };
enum { INVEPT_ONE = 1, INVEPT_ALL = 2, INVVPID_ONE = 1, INVVPID_ALL = 2 };
enum { TAGS = RF_MAX_VCPUS }; /* VPIDs have 16 bits: each vCPU has one of its own. 0 is the host's */

static struct vmx_vcpu vmx_vcpus[RF_MAX_VCPUS];
static int64_t no_msr_exits; /* HPA of an MSR bitmap, all zero */

#define VMX_INSTRUCTION(name)                                                                                \
        static bool name(const uint64_t *operand)                                                            \
        {                                                                                                    \
                bool failed;                                                                                 \
                __asm__ volatile(#name " %1" : "=@ccna"(failed) : "m"(*operand) : "memory");                 \
                return !failed;                                                                              \
        }
VMX_INSTRUCTION(vmxon)
VMX_INSTRUCTION(vmclear)
VMX_INSTRUCTION(vmptrld)
#undef VMX_INSTRUCTION

void vmwrite(enum vmcs_field field, uint64_t value)
{
        bool failed;

        __asm__ volatile("vmwrite %2, %1" : "=@ccna"(failed) : "r"((uint64_t)field), "r"(value) : "memory");
        if (failed)
                panic("VMWRITE of field %x failed", field);
}

uint64_t vmread(enum vmcs_field field)
{
        uint64_t value;

        __asm__ volatile("vmread %1, %0" : "=r"(value) : "r"((uint64_t)field));
        return value;
}

static bool vmx_probe(const char **why)
{
        uint64_t feature;

        *why = "the CPU has no Intel VT-x (VMX)";
        if ((cpuid(1, 0).ecx & CPUID_1_ECX_VMX) == 0)
                return false;
        feature = rdmsr(MSR_FEATURE_CONTROL);
        *why = "firmware switched Intel VT-x (VMX) off and locked it (IA32_FEATURE_CONTROL)";
        if ((feature & FEATURE_LOCK) != 0 && (feature & FEATURE_VMX) == 0)
                return false;
        return vmx_find_controls(rdmsr, why);
}

/* A region that begins with the revision this CPU wants (25.2, 24.7). */
static int64_t new_region(void)
{
        int64_t hpa = frame_alloc(FRAME_KERNEL, OWNER_KERNEL);

        if (hpa >= 0)
                *(uint32_t *)phys((uint64_t)hpa) = vmx_controls.revision;
        return hpa;
}

static int vmx_cpu_enable(struct cpu *cpu)
{
        int64_t region = new_region();
        uint64_t feature = rdmsr(MSR_FEATURE_CONTROL);

        if (no_msr_exits == 0)
                no_msr_exits = frame_alloc(FRAME_KERNEL, OWNER_KERNEL);
        if (region < 0 || no_msr_exits < 0)
                return -RF_ENOMEM; /* ring 0 stops without this CPU's back end: nothing to give back */
        if ((feature & FEATURE_LOCK) == 0)
                wrmsr(MSR_FEATURE_CONTROL, feature | FEATURE_LOCK | FEATURE_VMX);
        else if ((feature & FEATURE_VMX) == 0)
                return -RF_ENOTSUP; /* VMXON would fault: firmware treats this CPU unlike the first */
        write_cr4(read_cr4() | CR4_VMXE);
        if (!vmxon(&(uint64_t){(uint64_t)region}))
                return -RF_ENOTSUP;
        cpu->tags = TAGS;
        cpu->hw = cpu;
        return RF_OK;
}

static void vmx_cpu_disable(struct cpu *cpu)
{
        if (cpu->hw == NULL)
                return;
        cpu->hw = NULL;
        __asm__ volatile("vmxoff" : : : "cc", "memory");
        write_cr4(read_cr4() & ~(uint64_t)CR4_VMXE);
}

static int vmx_vcpu_init(struct vcpu *v)
{
        struct vmx_vcpu *h = &vmx_vcpus[v->id];
        int64_t vmcs = new_region();

        if (vmcs < 0)
                return (int)vmcs;
        *h = (struct vmx_vcpu){.vmcs = (uint64_t)vmcs};
        v->hw = h;
        ASSERT(vmclear(&h->vmcs) && vmptrld(&h->vmcs));
        vmx_init_vmcs(v, (uint64_t)no_msr_exits);
        ASSERT(vmclear(&h->vmcs)); /* another CPU may be the one that runs it */
        return RF_OK;
}

static void vmx_vcpu_free(struct vcpu *v)
{
        struct vmx_vcpu *h = v->hw;

        if (h == NULL)
                return;
        frame_free(h->vmcs);
        v->hw = NULL;
}

/* The CPU may hold the VMCS in itself: it goes back to memory before another CPU takes it. An exit has also
 * left limits of 64 KiB in GDTR and IDTR, and cut TR's before the I/O bitmap (28.5.2): root may not run like
 * that. */
static void vmx_vcpu_put(struct vcpu *v)
{
        struct vmx_vcpu *h = v->hw;

        if (!h->loaded)
                return;
        ASSERT(vmclear(&h->vmcs));
        h->loaded = h->launched = false;
        cpu_load_tables(this_cpu());
}

static void vcpu_load(struct vcpu *v, struct vmx_vcpu *h)
{
        if (h->loaded)
                return;
        ASSERT(vmptrld(&h->vmcs));
        vmx_set_host_state(this_cpu());
        if ((vmx_controls.proc2 & PROC2_VPID) != 0)
                vmwrite(VMCS_VPID, v->tag);
        h->loaded = true;
}

static void invalidate(const struct vcpu *v)
{
        const uint64_t ept[2] = {vmread(VMCS_EPTP), 0}, vpid[2] = {v->tag, 0};
        uint64_t ept_type = vmx_controls.invept_one ? INVEPT_ONE : INVEPT_ALL;
        uint64_t vpid_type = vmx_controls.invvpid_one ? INVVPID_ONE : INVVPID_ALL;

        __asm__ volatile("invept %0, %1" : : "m"(ept), "r"(ept_type) : "cc", "memory");
        if ((vmx_controls.proc2 & PROC2_VPID) != 0)
                __asm__ volatile("invvpid %0, %1" : : "m"(vpid), "r"(vpid_type) : "cc", "memory");
}

/* A guest that has cleared IF must still be interruptible for the host. Bochs looks at IF (real CPUs do not,
 * 26.2), so it is set at each entry; the preemption timer ends what a guest makes of that. */
static void load_state(const struct cpu *cpu, const struct vcpu *v)
{
        uint64_t now = rdtsc(), end = cpu->timer_deadline + tsc_hz / 1000000 * TIMER_SLACK_US;
        uint64_t ticks = (end > now ? end - now : 0) >> vmx_controls.timer_shift;

        vmwrite(VMCS_GUEST_RSP, v->gpr[RSP]);
        vmwrite(VMCS_GUEST_RIP, v->rip);
        vmwrite(VMCS_GUEST_RFLAGS, v->rflags | RFLAGS_FIXED | RFLAGS_IF);
        vmwrite(VMCS_GUEST_INTERRUPTIBILITY, 0);
        vmwrite(VMCS_GUEST_PENDING_DEBUG, 0);
        if ((vmx_controls.pin & PIN_PREEMPTION_TIMER) != 0)
                vmwrite(VMCS_PREEMPTION_TIMER, ticks > UINT32_MAX ? UINT32_MAX : ticks);
}

static void store_state(struct vcpu *v)
{
        v->gpr[RSP] = vmread(VMCS_GUEST_RSP);
        v->rip = vmread(VMCS_GUEST_RIP);
        v->rflags = vmread(VMCS_GUEST_RFLAGS);
        v->code64 = (vmread(VMCS_GUEST_CS_ACCESS) & ACCESS_L) != 0;
}

/* CR2 and KERNEL_GS_BASE are the guest's to use and in no field of the VMCS. */
static bool run(struct vcpu *v, struct vmx_vcpu *h)
{
        bool entered;

        wrmsr(MSR_KERNEL_GS_BASE, h->swapped_gs);
        write_cr2(h->cr2);
        entered = vmx_run(v->gpr, h->launched);
        h->cr2 = read_cr2();
        h->swapped_gs = rdmsr(MSR_KERNEL_GS_BASE);
        wrmsr(MSR_KERNEL_GS_BASE, 0);
        return entered;
}

static void after_exit(struct cpu *cpu, struct vcpu *v, struct vm_exit *exit)
{
        store_state(v);
        if (exit->code == REASON_TIMER)
                cpu->tick = 1;
        /* an NMI that exits leaves NMIs blocked until an IRET (28.5.5): the handler's */
        if (exit->kind == VM_EXIT_NMI)
                __asm__ volatile("int $2" : : : "memory");
        if (exit->code == REASON_XSETBV && control_on(RF_CONTROL_NO_XSETBV)) {
                v->rip += 3; /* it always exits: the control lets it pass, loop.c has set XCR0 */
                exit->kind = VM_EXIT_INTERRUPT;
        }
}

/* Test builds: both ways in which an entry fails, exit reason 33 and VMfail. */
static void spoil(uint32_t what)
{
        if (what == RF_BAD_ENTRY)
                vmwrite(VMCS_GUEST_RFLAGS, 0); /* bit 1 must be 1: 27.3.1.4 */
        if (what == RF_BAD_CONTROL)
                vmwrite(VMCS_CR3_TARGETS, 5); /* at most 4: 27.2.1.1 */
}

static void vmx_vcpu_run(struct vcpu *v, bool flush, struct vm_exit *exit)
{
        struct cpu *cpu = this_cpu();
        struct vmx_vcpu *h = v->hw;

        vcpu_load(v, h);
        if (RF_TEST_CONTROLS) /* they may change while a guest lives */
                vmx_set_policy();
        if (flush)
                invalidate(v);
        load_state(cpu, v);
        if (RF_TEST_CONTROLS)
                spoil(v->bad_entry);
        if (!run(v, h)) {
                *exit =
                    (struct vm_exit){.kind = VM_EXIT_ENTRY_FAILED, .info1 = vmread(VMCS_INSTRUCTION_ERROR)};
                return;
        }
        vmx_decode_exit(exit, (uint32_t)vmread(VMCS_EXIT_REASON));
        if (exit->kind == VM_EXIT_ENTRY_FAILED)
                return; /* nothing ran: v's registers stay as given */
        h->launched = true;
        after_exit(cpu, v, exit);
}

const struct vm_ops vmx_ops = {
    .name = "VMX",
    .hypercall_opcode = {0x0f, 0x01, 0xc1}, /* VMCALL */
    .nested = &format_ept,
    .probe = vmx_probe,
    .cpu_enable = vmx_cpu_enable,
    .cpu_disable = vmx_cpu_disable,
    .vcpu_init = vmx_vcpu_init,
    .vcpu_free = vmx_vcpu_free,
    .vcpu_run = vmx_vcpu_run,
    .vcpu_put = vmx_vcpu_put,
};

/* SPDX-License-Identifier: MIT
 *
 * Which VM-execution controls this CPU has, and what they are set to: every field is computed from the
 * allowed-0 and allowed-1 settings of its capability MSR (Intel SDM volume 3, appendix A). A CPU that cannot
 * stop something which policy.h wants stopped is refused.
 */
#include "../policy.h"
#include "vmx.h"

enum {
        /* Bits that are 1 because they once were reserved and meant what they still mean (default1, A.2) */
        PIN_DEFAULT1 = 0x16,
        PROC_DEFAULT1 = 0x0401e172,
        EXIT_DEFAULT1 = 0x36dff,
        ENTRY_DEFAULT1 = 0x11ff,
};

struct vmx_controls vmx_controls;

bool vmx_adjust(uint64_t capability, uint32_t want, uint32_t optional, uint32_t *value)
{
        uint32_t must = (uint32_t)capability, may = (uint32_t)(capability >> 32);

        *value = (want | must) & may;
        return (want & ~optional & ~*value) == 0 && (must & ~may) == 0;
}

/* Everything that can be made to exit does, but for what is native (policy.h, applied in state.c). */
static const struct {
        uint32_t msr;
        size_t value; /* in struct vmx_controls */
        uint32_t want, optional, default1;
        const char *why;
} fields[] = {
    {MSR_VMX_PINBASED, offsetof(struct vmx_controls, pin), PIN_INTERRUPTS | PIN_NMI | PIN_PREEMPTION_TIMER,
     PIN_PREEMPTION_TIMER, PIN_DEFAULT1, "the CPU's VMX cannot make interrupts and NMIs exit"},
    {MSR_VMX_PROCBASED, offsetof(struct vmx_controls, proc),
     PROC_HLT | PROC_INVLPG | PROC_MWAIT | PROC_RDPMC | PROC_RDTSC | PROC_CR3_LOAD | PROC_CR3_STORE |
         PROC_CR8_LOAD | PROC_CR8_STORE | PROC_DR | PROC_IO | PROC_MONITOR | PROC_PAUSE | PROC_SECONDARY,
     0, PROC_DEFAULT1, "the CPU's VMX cannot intercept what a ring guest must not do"},
    {MSR_VMX_EXIT, offsetof(struct vmx_controls, exit),
     EXIT_SAVE_DEBUG | EXIT_HOST_64 | EXIT_SAVE_PAT | EXIT_LOAD_PAT | EXIT_SAVE_EFER | EXIT_LOAD_EFER, 0,
     EXIT_DEFAULT1, "the CPU's VMX does not switch EFER and PAT at exits"},
    {MSR_VMX_ENTRY, offsetof(struct vmx_controls, entry),
     ENTRY_LOAD_DEBUG | ENTRY_GUEST_64 | ENTRY_LOAD_PAT | ENTRY_LOAD_EFER, 0, ENTRY_DEFAULT1,
     "the CPU's VMX does not switch EFER and PAT at entries"},
    {MSR_VMX_PROCBASED2, offsetof(struct vmx_controls, proc2),
     PROC2_EPT | PROC2_TABLES | PROC2_RDTSCP | PROC2_VPID | PROC2_WBINVD | PROC2_UNRESTRICTED | PROC2_ENCLS,
     PROC2_RDTSCP | PROC2_VPID | PROC2_UNRESTRICTED | PROC2_ENCLS, 0,
     "the CPU has VMX but no extended page tables (EPT), or cannot intercept descriptor-table accesses"},
};

/* A control that the CPU forces on, and that nobody here has thought about, is no control of ours. */
static bool find_field(uint64_t (*read)(uint32_t), unsigned i)
{
        bool has_true = fields[i].msr != MSR_VMX_PROCBASED2 && (read(MSR_VMX_BASIC) & BASIC_TRUE_CTLS) != 0;
        uint32_t *value = (uint32_t *)((char *)&vmx_controls + fields[i].value);
        uint64_t capability = read(fields[i].msr + (has_true ? TRUE_CTLS : 0u));

        return vmx_adjust(capability, fields[i].want, fields[i].optional, value) &&
               (*value & ~(fields[i].want | fields[i].default1)) == 0;
}

static bool find_ept(uint64_t cap, const char **why)
{
        vmx_controls.invept_one = (cap & EPT_CAP_INVEPT_ONE) != 0;
        vmx_controls.invvpid_one = (cap & EPT_CAP_INVVPID_ONE) != 0;
        if ((vmx_controls.proc2 & PROC2_VPID) != 0 && (cap & EPT_CAP_INVVPID) == 0)
                vmx_controls.proc2 &=
                    ~(uint32_t)PROC2_VPID; /* tags that cannot be dropped are worse than none */
        *why = "the CPU's EPT lacks write-back tables of four levels, or INVEPT";
        return (cap & EPT_CAP_WALK4) != 0 && (cap & EPT_CAP_WB) != 0 && (cap & EPT_CAP_INVEPT) != 0;
}

/* Without CR4.PKE the fence would be gone without a word. */
static bool find_registers(uint64_t (*read)(uint32_t), const char **why)
{
        struct ring_registers r;

        policy_registers(&r);
        vmx_controls.cr0_set = read(MSR_VMX_CR0_FIXED0);
        vmx_controls.cr0_allowed = read(MSR_VMX_CR0_FIXED1);
        vmx_controls.cr4_set = read(MSR_VMX_CR4_FIXED0);
        vmx_controls.cr4_allowed = read(MSR_VMX_CR4_FIXED1);
        *why = "the CPU's VMX does not let a guest run with the control registers of a ring space";
        return (r.cr0 & ~vmx_controls.cr0_allowed) == 0 && (r.cr4 & ~vmx_controls.cr4_allowed) == 0;
}

bool vmx_find_controls(uint64_t (*read)(uint32_t), const char **why)
{
        uint64_t basic = read(MSR_VMX_BASIC);

        vmx_controls.revision = basic & 0x7fffffff;
        vmx_controls.timer_shift = read(MSR_VMX_MISC) & 31;
        *why = "the CPU's VMX structures are not write-back memory";
        if ((basic >> 50 & 15) != BASIC_WB)
                return false;
        for (unsigned i = 0; i < ARRAY_LENGTH(fields); i++) {
                *why = fields[i].why;
                if (!find_field(read, i))
                        return false;
        }
        return find_registers(read, why) && find_ept(read(MSR_VMX_EPT_VPID), why);
}

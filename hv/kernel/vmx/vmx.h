/* SPDX-License-Identifier: MIT
 *
 * Inside the VMX back end. What the rest of ring 0 sees is vmx_ops in vm.h.
 */
#ifndef VMX_H
#define VMX_H

#include "../vm.h"
#include "vmcs.h"

extern const struct table_format format_ept; /* ept.c */

/* What this CPU lets us set, found once by the boot CPU (controls.c). */
struct vmx_controls {
        uint32_t pin, proc, proc2, entry, exit;
        uint64_t cr0_set, cr0_allowed, cr4_set, cr4_allowed; /* FIXED0, FIXED1 */
        uint32_t revision;
        uint8_t timer_shift; /* the preemption timer counts down when this bit of the TSC changes */
        bool invept_one, invvpid_one;
};
extern struct vmx_controls vmx_controls;
/* capability: RDMSR. why: one sentence when this CPU will not do. */
bool vmx_find_controls(uint64_t (*capability)(uint32_t msr), const char **why);
/* want: bits to set; optional: those of them a CPU may lack; capability: bits that must be 1 in the low half,
 * bits that may be 1 in the high half. false: a wanted bit is missing, or the CPU forces one we do not know.
 */
bool vmx_adjust(uint64_t capability, uint32_t want, uint32_t optional, uint32_t *value);

struct vmx_vcpu {
        uint64_t vmcs;       /* HPA */
        bool loaded;         /* current on the CPU that runs it */
        bool launched;       /* VMRESUME, not VMLAUNCH */
        uint64_t swapped_gs; /* KERNEL_GS_BASE: SWAPGS never exits, and no field holds it */
        uint64_t cr2;
};

void vmx_init_vmcs(const struct vcpu *v, uint64_t msr_bitmap); /* state.c; the VMCS is current */
void vmx_set_policy(void);
void vmx_set_host_state(const struct cpu *cpu);
void vmx_decode_exit(struct vm_exit *exit, uint32_t reason); /* exits.c */
enum vm_exit_kind vmx_exit_kind(uint32_t reason, uint32_t event);

/* run.S: one VMLAUNCH or VMRESUME. false: it failed with VM_INSTRUCTION_ERROR, nothing ran. */
bool vmx_run(uint64_t *gpr, bool launched);
extern const uint8_t vmx_exit_entry[];

void vmwrite(enum vmcs_field field,
             uint64_t value); /* of the current VMCS; panics when there is no such field */
uint64_t vmread(enum vmcs_field field);

#endif

/* SPDX-License-Identifier: MIT
 *
 * The vendor seam: all that differs between SVM and VMX. What both share (what an exit means, what a guest
 * may do, PKRU, FPU, scheduling) lies above it, in exit.c and loop.c.
 *
 * A back end owns its control structure (vcpu.hw). It sets its fields from policy.h. Between exits the
 * neutral registers of struct vcpu are the truth: vcpu_run() loads RIP, RSP, RFLAGS, GPRs from them and
 * stores them back.
 */
#ifndef VM_H
#define VM_H

#include "cpu.h"
#include "vcpu.h"

enum vm_exit_kind {
        VM_EXIT_INTERRUPT, /* host interrupt pending: taken as soon as the host allows */
        VM_EXIT_NMI,
        VM_EXIT_EXCEPTION, /* vector, error, address (CR2 value for #PF) */
        VM_EXIT_HYPERCALL,
        VM_EXIT_CPUID,
        VM_EXIT_HLT,
        VM_EXIT_IO,
        VM_EXIT_PRIVILEGED, /* CR, DR, MSR, XSETBV, descriptor tables, virtualization instructions, INVD, ...
                             */
        VM_EXIT_NESTED,     /* address = GPA, error as a page-fault error code */
        VM_EXIT_SHUTDOWN,   /* triple fault */
        VM_EXIT_ENTRY_FAILED, /* nothing of the guest ran */
        VM_EXIT_UNKNOWN,
};

struct vm_exit {
        enum vm_exit_kind kind;
        uint32_t vector, error;
        uint64_t address;
        uint64_t code, info1, info2; /* raw, for reports */
};

struct vm_ops {
        const char *name;                  /* "SVM", "VMX" */
        uint8_t hypercall_opcode[3];       /* VMMCALL or VMCALL, stamped into the guard */
        const struct table_format *nested; /* NPT or EPT; perm() and leaf() honour PERM_R/W/X/UC */
        /* Does this CPU have it, and did firmware leave it on? why: one sentence when not. */
        bool (*probe)(const char **why);
        int (*cpu_enable)(struct cpu *cpu);   /* on each CPU, once; sets cpu->tags */
        void (*cpu_disable)(struct cpu *cpu); /* before a halt */
        /* A fresh ring vCPU: CPL 0, 64-bit, CR3 = v->pml4, nested = v->guest->nested, flat segments, empty
         * GDT and IDT; everything intercepted that design.md names. 0 or -RF_ENOMEM. */
        int (*vcpu_init)(struct vcpu *v);
        void (*vcpu_free)(struct vcpu *v);
        /* One entry, one exit. Translations are tagged with v->tag; flush: drop this tag's first. At about
         * cpu->timer_deadline the APIC timer fires. A failed entry changes no register of v. Interrupts of
         * the host are off before and after; while the guest runs any host interrupt exits, whatever
         * RFLAGS.IF of the guest is. */
        void (*vcpu_run)(struct vcpu *v, bool flush, struct vm_exit *exit);
        /* The CPU that ran v turns to something else: nothing of v stays in it, and ring 3 may run. */
        void (*vcpu_put)(struct vcpu *v);
};

extern const struct vm_ops svm_ops, vmx_ops;
extern const struct vm_ops *vm; /* the one chosen at boot */

#endif

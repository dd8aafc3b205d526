/* SPDX-License-Identifier: MIT
 *
 * Per-CPU state. GS base points to it in ring 0.
 */
#ifndef CPU_H
#define CPU_H

#include "kernel.h"

struct vcpu;
struct guest;

enum { CPU_STACK_BYTES = 16384, CPU_MAX_TAGS = 256 };

struct cpu {
        struct cpu *self;    /* gs:0 */
        uint64_t kernel_rsp; /* gs:8, where user_run() continues (user.S) */
        uint64_t scratch;    /* gs:16, user RSP during SYSCALL entry */
        uint32_t id, apic_id;
        struct vcpu *current; /* the vCPU it runs or ran last */
        /* What code runs outside ring 0 here: a guest, OUTSIDE_ROOT, or NULL. Set under the lock before
         * entry, cleared first thing after exit: shootdowns wait for that. */
        void *volatile outside;
        uint64_t host_epoch;     /* host tables this CPU has seen */
        volatile uint32_t tick;  /* the timer fired */
        uint64_t timer_deadline; /* what apic_timer_arm() was given last */
        /* ASIDs or VPIDs 1 to `tags`: whose translations carry that number here. NULL: unknown. */
        uint32_t tags;
        const struct vcpu *tag_owner[CPU_MAX_TAGS + 1];
        void *hw; /* back end: host save area, ... */
        uint64_t stack_top, idle_tsc;
        volatile bool online;
        bool fpu_loaded;
};

#define OUTSIDE_ROOT ((void *)1)

static inline struct cpu *this_cpu(void)
{
        struct cpu *cpu;

        __asm__ volatile("mov %%gs:0, %0" : "=r"(cpu));
        return cpu;
}

extern struct cpu cpus[RF_BOOT_MAX_CPUS];
extern uint32_t ncpus;

#endif

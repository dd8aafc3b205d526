/* SPDX-License-Identifier: MIT
 *
 * Guests and their vCPUs, as ring 0 sees them. Everything here is touched under the kernel lock, except a
 * running vCPU's registers, which belong to the CPU that runs it.
 */
#ifndef VCPU_H
#define VCPU_H

#include "kernel.h"
#include "paging.h"

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

struct guard_state;
struct nic_queue;

struct guest {
        int id;
        bool used, dead;
        uint32_t nvcpus;
        uint64_t quota, charged; /* frames */
        uint64_t epoch;          /* bumped by guest_flush() */
        uint32_t frames;         /* head of its frame list */
        struct table slot0;      /* PDPT shared by the vCPUs' PML4s */
        struct table nested;     /* NPT or EPT, GPA = HPA */
        struct vcpu *vcpu[RF_GUEST_VCPUS];
        struct rf_console *console;
        uint64_t console_budget, console_tsc; /* rate limit */
};

struct vcpu {
        uint64_t gpr[16], rip, rflags; /* true between exits */
        uint32_t pkru;
        bool code64; /* CS.L at the last exit */
        struct guest *guest;
        uint32_t id, index;
        struct rf_vcpu_report *report; /* state, counters: shared read-only with root */
        uint64_t pml4;                 /* HPA: the CR3 of its ring space */
        struct table slot1;            /* PDPT of slot 1: guard, state, info, window, staging */
        struct guard_state *state;     /* physmap view of its guard state page */
        struct nic_queue *queue;       /* its one queue pair, or NULL */
        uint64_t info_hpa;
        void *hw;  /* the back end's: VMCB or VMCS and what belongs to it */
        void *fpu; /* XSAVE area */
        /* scheduling */
        struct vcpu *next;
        bool queued, stop;
        uint32_t bad_entry; /* test builds: make the next entry fail, RF_BAD_ENTRY or RF_BAD_CONTROL */
        uint64_t deadline;  /* TSC, in RF_VCPU_WAITING: when to wake it */
        uint64_t wait_end;  /* what it asked for: may be later */
        uint32_t wait_slot;
        uint64_t slice_end;
        /* TLB: flushed at entry unless all still hold */
        uint64_t tlb_epoch;
        int last_cpu;
        uint32_t tag; /* ASID or VPID for this entry */
};

struct guest *guest_get(uint64_t id); /* NULL: none */
struct vcpu *vcpu_get(uint64_t id);

/* Every translation of the guest that was taken back is gone from every CPU when this returns. */
void guest_flush(struct guest *g);
void guest_kill(struct vcpu *v, enum rf_death death); /* v is the one that did it; tells root */
void vcpu_wake(struct vcpu *v, uint64_t result);      /* from RF_VCPU_WAITING; otherwise nothing */
void vcpu_make_ready(struct vcpu *v);
void vcpu_request(struct vcpu *v, enum rf_request request); /* blocks it until root answers */

/* Window mappings in this vCPU's slot 1 (and the guest's nested table); perm as in paging.h. -RF_ENOMEM
 * possible. */
int space_map_fence(struct vcpu *v, uint64_t va, uint64_t hpa, unsigned perm);
void space_unmap_fence(struct vcpu *v, uint64_t va);

#endif

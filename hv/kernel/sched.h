/* SPDX-License-Identifier: MIT
 * Which vCPU a CPU runs next. Root is one of them: it has a place in the same queue. */
#ifndef SCHED_H
#define SCHED_H

#include "cpu.h"
#include "user.h"
#include "vcpu.h"

extern struct vcpu root_vcpu; /* never entered by a back end; guest == NULL */

void sched_add(struct vcpu *v);       /* to the tail of the ready queue; wakes an idle CPU */
bool sched_add_first(struct vcpu *v); /* to its head; true: an idle CPU takes it */
struct vcpu *sched_next(void);        /* from its head, or NULL */
void sched_remove(struct vcpu *v);
bool sched_waiting(void);                       /* is anybody ready? */
void sched_expire(void);                        /* wakes what waits for a time that has come */
uint64_t sched_deadline(const struct cpu *cpu); /* the earliest one this CPU answers for, or UINT64_MAX */
void sched_idle(struct cpu *cpu, bool idle);

/* exit.c */
struct vm_exit;
void exit_handle(struct vcpu *v, const struct vm_exit *exit);
bool vcpu_window_open(const struct vcpu *v);
void vcpu_leave_guard(struct vcpu *v); /* close, and resume at the guard's revoked exit */
/* hypercall.c */
void hypercall(struct vcpu *v);

/* root.c */
struct root {
        struct user_regs regs;
        uint64_t requests; /* bit per vCPU id */
        uint32_t last;     /* served last: the next search starts after it */
        bool waiting;      /* in RF_SYS_WAIT */
        bool dead;         /* waits for ever */
        bool rung;         /* the switch has work: RF_SYS_WAIT returns at once */
        uint64_t deadline;
        struct vcpu *donor; /* whose request it works on: pays the time */
};
extern struct root root;
void root_init(void);
void root_notify(struct vcpu *v);
void root_wake(void);
int64_t root_take_request(void); /* vCPU id or -RF_ENOENT */
void root_died(uint64_t vector);
bool root_ring(void); /* there is work for the switch; true: an idle CPU takes root */

/* syscall.c */
void syscall_handle(void); /* on root.regs */

/* guest.c */
int64_t guest_new(uint64_t quota, uint64_t nvcpus);
int64_t guest_map(struct guest *g, uint64_t va, uint64_t pages, uint64_t kind);
int64_t guest_stop(struct guest *g, enum rf_death death);
int64_t guest_release(struct guest *g);
/* accept.c */
int64_t guest_accept(struct guest *g, uint64_t va, uint64_t pages);
int64_t guest_open(struct guest *g, uint64_t va, uint64_t pages);
extern uint64_t accept_hit; /* guest address of the last refusal */
/* audit.c */
int64_t audit(void);

#endif

/* SPDX-License-Identifier: MIT
 * What an exit means, for both vendors. Nothing is skipped: what no rule knows kills that one guest. */
#include "frame.h"
#include "guard.h"
#include "sched.h"
#include "smp.h"
#include "vm.h"
#include "x86.h"

bool vcpu_window_open(const struct vcpu *v)
{
        return cpu_has_keys && v->pkru != RF_PKRU_CLOSED;
}

void vcpu_leave_guard(struct vcpu *v)
{
        if (!vcpu_window_open(v))
                return;
        v->pkru = RF_PKRU_CLOSED;
        v->rip = guard_revoked_rip();
}

static void count(struct vcpu *v, enum rf_exit kind)
{
        v->report->exits[kind]++;
}

static void kill(struct vcpu *v, enum rf_exit kind, enum rf_death death)
{
        count(v, kind);
        guest_kill(v, death);
}

static bool queue_revoked(const struct vcpu *v)
{
        for (unsigned i = 0; i < GUARD_RINGS; i++)
                if (v->state->ring[i].mode == GR_MODE_REVOKED)
                        return true;
        return false;
}

/* A walk that met its own page's old entry and then found the nested one gone: mappings were taken back while
 * it ran. It tries again, and by then its translations are flushed (run_once). */
static bool stale_walk(const struct vcpu *v, const struct vm_exit *exit)
{
        return exit->kind == VM_EXIT_NESTED && v->tlb_epoch != v->guest->epoch;
}

/* P8. PKRU not closed means open, and then RIP must be in the guard, in 64-bit code. Interrupts are
 * deferred, a fault on a window that was just taken away ends the commit, anything else is an attack.
 * Returns true when the exit is dealt with. */
static bool handle_open(struct vcpu *v, const struct vm_exit *exit)
{
        if (!vcpu_window_open(v) || control_on(RF_CONTROL_NO_OPEN_CHECK))
                return false;
        if (!guard_contains(v->rip) || !v->code64) {
                kill(v, RF_EXIT_OTHER, RF_DEATH_WINDOW_OPEN);
                return true;
        }
        if (exit->kind == VM_EXIT_INTERRUPT || exit->kind == VM_EXIT_NMI) {
                count(v, this_cpu()->tick ? RF_EXIT_TIMER : RF_EXIT_INTERRUPT);
                v->state->pending = 1;
                v->report->pending++;
                return true;
        }
        if (stale_walk(v, exit)) {
                count(v, RF_EXIT_NESTED);
                return true;
        }
        if (exit->kind == VM_EXIT_EXCEPTION && exit->vector == VECTOR_PF && queue_revoked(v)) {
                count(v, RF_EXIT_WINDOW);
                vcpu_leave_guard(v);
                return true;
        }
        kill(v, RF_EXIT_OTHER, RF_DEATH_GUARD);
        return true;
}

static bool in_window(uint64_t va)
{
        return (va >= RF_RING_VA && va < RF_STAGING_VA) ||
               (va >= RF_DOORBELL_VA && va < RF_DOORBELL_VA + 0x10000);
}

/* The guest's own memory: is there a page, and may it become (or is it) executable? */
static const struct frame *code_frame(const struct vcpu *v, uint64_t va)
{
        uint64_t hpa;
        unsigned perm;
        const struct frame *f;

        if (va >= RF_GUEST_HI || !table_query(&v->guest->slot0, va, &hpa, &perm))
                return NULL;
        f = frame_of(hpa);
        return f != NULL && (f->kind == FRAME_CODE || f->kind == FRAME_DATA) ? f : NULL;
}

static void page_fault(struct vcpu *v, const struct vm_exit *exit)
{
        uint64_t va = exit->address;
        const struct frame *f = code_frame(v, va);

        if (in_window(va) && !guard_contains(v->rip)) {
                count(v, RF_EXIT_WINDOW);
                vcpu_request(v, RF_REQ_WINDOW);
        } else if ((exit->error & PF_I) != 0 && f != NULL) {
                count(v, RF_EXIT_CODE);
                vcpu_request(v, RF_REQ_FETCH);
        } else if ((exit->error & (PF_W | PF_P)) == (PF_W | PF_P) && f != NULL) {
                count(v, RF_EXIT_CODE);
                vcpu_request(v, RF_REQ_CODE_WRITE);
        } else {
                kill(v, RF_EXIT_EXCEPTION, guard_contains(v->rip) ? RF_DEATH_GUARD : RF_DEATH_ACCESS);
        }
}

static void record(struct vcpu *v, const struct vm_exit *exit)
{
        struct rf_vcpu_report *r = v->report;

        r->exit_code = exit->code;
        r->info1 = exit->info1;
        r->info2 = exit->info2;
        r->vector = exit->vector;
        r->fault_error = exit->error;
        r->fault_va = exit->address;
}

static void privileged(struct vcpu *v)
{
        count(v, RF_EXIT_PRIVILEGED);
        vcpu_request(v, RF_REQ_PRIVILEGED);
}

static void dispatch(struct vcpu *v, const struct vm_exit *exit)
{
        switch (exit->kind) {
        case VM_EXIT_INTERRUPT:
                count(v, this_cpu()->tick ? RF_EXIT_TIMER : RF_EXIT_INTERRUPT);
                return;
        case VM_EXIT_NMI:
                count(v, RF_EXIT_INTERRUPT);
                return;
        case VM_EXIT_EXCEPTION:
                if (exit->vector == VECTOR_PF)
                        page_fault(v, exit);
                else
                        kill(v, RF_EXIT_EXCEPTION, RF_DEATH_EXCEPTION);
                return;
        case VM_EXIT_HYPERCALL:
                hypercall(v);
                return;
        case VM_EXIT_CPUID:
        case VM_EXIT_HLT:
        case VM_EXIT_IO:
                privileged(v);
                return;
        case VM_EXIT_PRIVILEGED:
                kill(v, RF_EXIT_PRIVILEGED, RF_DEATH_PRIVILEGED);
                return;
        case VM_EXIT_NESTED:
                if (stale_walk(v, exit))
                        count(v, RF_EXIT_NESTED);
                else
                        kill(v, RF_EXIT_NESTED, RF_DEATH_NESTED);
                return;
        case VM_EXIT_SHUTDOWN:
                kill(v, RF_EXIT_OTHER, RF_DEATH_TRIPLE);
                return;
        case VM_EXIT_ENTRY_FAILED:
                kill(v, RF_EXIT_OTHER, RF_DEATH_ENTRY_FAILED);
                return;
        case VM_EXIT_UNKNOWN:
                break;
        }
        kill(v, RF_EXIT_OTHER, RF_DEATH_UNKNOWN_EXIT);
}

void exit_handle(struct vcpu *v, const struct vm_exit *exit)
{
        if (v->report->state != RF_VCPU_RUNNING || v->stop)
                return; /* another CPU ended this guest meanwhile */
        if (exit->kind != VM_EXIT_INTERRUPT && exit->kind != VM_EXIT_HYPERCALL)
                record(v, exit);
        if (!handle_open(v, exit))
                dispatch(v, exit);
}

/* SPDX-License-Identifier: MIT
 * What a guest may ask ring 0 for (guestdrv/include/ringfence.h). No argument is a pointer. */
#include "guard.h"
#include "nic.h"
#include "ringfence.h"
#include "sched.h"
#include "smp.h"
#include "x86.h"

enum { CONSOLE_BYTES_PER_SECOND = 65536, OPCODE_BYTES = 3 };

/* A token bucket: a guest's log costs its neighbours nothing. */
static bool console_allowed(struct guest *g, uint64_t bytes)
{
        uint64_t now = rdtsc(), ms = (now - g->console_tsc) / (tsc_hz / 1000);

        if (ms > 0) {
                g->console_tsc = now;
                g->console_budget += ms * CONSOLE_BYTES_PER_SECOND / 1000;
                if (g->console_budget > CONSOLE_BYTES_PER_SECOND)
                        g->console_budget = CONSOLE_BYTES_PER_SECOND;
        }
        if (g->console_budget < bytes)
                return false;
        g->console_budget -= bytes;
        return true;
}

static int64_t console(struct vcpu *v)
{
        const uint64_t words[5] = {v->gpr[RSI], v->gpr[RDX], v->gpr[R10], v->gpr[R8], v->gpr[R9]};
        struct rf_console *c = v->guest->console;
        uint64_t bytes = v->gpr[RDI];

        if (bytes > RF_CONSOLE_BYTES)
                return -RF_EINVAL;
        if (!console_allowed(v->guest, bytes)) {
                v->report->console_dropped += bytes;
                return 0;
        }
        for (uint64_t i = 0; i < bytes; i++)
                c->data[(c->head + i) % sizeof(c->data)] = ((const char *)words)[i];
        __atomic_store_n(&c->head, c->head + bytes, __ATOMIC_RELEASE);
        return 0;
}

/* Arms the queue's interrupt, then looks at the descriptor, then blocks: no wake-up is lost. */
static void wait(struct vcpu *v)
{
        uint64_t slot = v->gpr[RDI], next = v->gpr[RSI], deadline = v->gpr[RDX];
        bool has_queue = (uint32_t)slot != UINT32_MAX;
        int armed = has_queue ? nic_wait_arm(v, slot, next) : 0;

        v->report->exits[RF_EXIT_WAIT]++;
        v->gpr[RAX] = (uint64_t)(int64_t)armed; /* 1: there already; negative: no such queue */
        if (armed != 0)
                return;
        if (deadline <= rdtsc()) {
                if (has_queue)
                        nic_wait_disarm(v, slot);
                return;
        }
        v->wait_slot = (uint32_t)slot;
        v->wait_end = deadline;
        v->deadline = nic_wait_until(v, deadline);
        v->report->state = RF_VCPU_WAITING;
}

/* A commit that wakes the switch gives way to it, unless an idle CPU takes it. */
static void yield(struct vcpu *v)
{
        bool taken = soft_notified(v) && switch_ring();

        if (!taken || v->state->pending != 0)
                v->slice_end = 0;
        v->state->pending = 0;
        v->bad_entry = control_on(RF_CONTROL_BAD_ENTRY) ? (uint32_t)v->gpr[RDI] : 0;
}

/* The guard's YIELD after an event that met its open window is the second half of that event, not the guest's
 * doing: the data path itself exits for nothing, but for a commit that has to wake the switch. */
static enum rf_exit exit_kind(const struct vcpu *v, uint64_t number)
{
        if (number == RF_HC_COMMIT || (number == RF_HC_YIELD && soft_notified(v)))
                return RF_EXIT_COMMIT;
        return number == RF_HC_YIELD && v->state->pending != 0 ? RF_EXIT_INTERRUPT : RF_EXIT_HYPERCALL;
}

void hypercall(struct vcpu *v)
{
        uint64_t number = v->gpr[RAX];
        int64_t result = 0;

        v->rip += OPCODE_BYTES;
        if (number == RF_HC_WAIT) {
                wait(v);
                return;
        }
        v->report->exits[exit_kind(v, number)]++;
        switch (number) {
        case RF_HC_VERSION:
                result = RF_ABI_VERSION;
                break;
        case RF_HC_CONSOLE:
                result = console(v);
                break;
        case RF_HC_YIELD:
                yield(v);
                break;
        case RF_HC_EXIT:
                v->report->exit_status = v->gpr[RDI];
                guest_kill(v, RF_DEATH_NONE);
                return;
        case RF_HC_COMMIT:
                result = (int64_t)commit_hypercall(v, (uint32_t)v->gpr[RDI], (uint32_t)v->gpr[RSI]);
                break;
        default:
                result = -RF_ENOTSUP;
        }
        v->gpr[RAX] = (uint64_t)result;
}

/* SPDX-License-Identifier: MIT
 * A FIFO of ready vCPUs for all CPUs, round robin by slices. Everything here needs the lock. */
#include "sched.h"

#include "smp.h"
#include "x86.h"

struct vcpu root_vcpu;
static struct vcpu *head, *tail;
static bool cpu_idle[RF_BOOT_MAX_CPUS];

void sched_idle(struct cpu *cpu, bool idle)
{
        cpu_idle[cpu->id] = idle;
}

/* Prefer the CPU it ran on: its caches are warm there. */
static bool wake_a_cpu(const struct vcpu *v)
{
        uint32_t start = v->last_cpu >= 0 ? (uint32_t)v->last_cpu : 0;

        for (uint32_t i = 0; i < ncpus; i++) {
                uint32_t id = (start + i) % ncpus;

                if (!cpu_idle[id])
                        continue;
                cpu_idle[id] = false;
                smp_kick(&cpus[id]);
                return true;
        }
        return false;
}

void sched_add(struct vcpu *v)
{
        ASSERT(!v->queued);
        v->queued = true;
        host_page->ready++;
        v->next = NULL;
        if (tail != NULL)
                tail->next = v;
        else
                head = v;
        tail = v;
        wake_a_cpu(v);
}

bool sched_add_first(struct vcpu *v)
{
        ASSERT(!v->queued);
        v->queued = true;
        host_page->ready++;
        v->next = head;
        head = v;
        if (tail == NULL)
                tail = v;
        return wake_a_cpu(v);
}

void sched_remove(struct vcpu *v)
{
        struct vcpu **at = &head, *previous = NULL;

        if (!v->queued)
                return;
        while (*at != v) {
                previous = *at;
                at = &(*at)->next;
        }
        *at = v->next;
        if (tail == v)
                tail = previous;
        v->queued = false;
        host_page->ready--;
}

struct vcpu *sched_next(void)
{
        struct vcpu *v = head;

        if (v != NULL)
                sched_remove(v);
        return v;
}

bool sched_waiting(void)
{
        return head != NULL;
}

void sched_expire(void)
{
        uint64_t now = rdtsc();

        for (uint64_t id = 0; id < RF_MAX_VCPUS; id++) {
                struct vcpu *v = vcpu_get(id);

                if (v != NULL && v->report->state == RF_VCPU_WAITING && v->deadline <= now)
                        vcpu_wake(v, v->wait_end <= now ? 0 : 2);
        }
        if (root.waiting && root.deadline <= now)
                root_wake();
}

uint64_t sched_deadline(const struct cpu *cpu)
{
        uint64_t earliest = UINT64_MAX;

        for (uint64_t id = 0; id < RF_MAX_VCPUS; id++) {
                const struct vcpu *v = vcpu_get(id);

                if (v != NULL && v->report->state == RF_VCPU_WAITING && v->last_cpu == (int)cpu->id &&
                    v->deadline < earliest)
                        earliest = v->deadline;
        }
        if (root.waiting && root_vcpu.last_cpu == (int)cpu->id && root.deadline < earliest)
                earliest = root.deadline;
        return earliest;
}

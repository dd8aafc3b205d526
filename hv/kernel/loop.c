/* SPDX-License-Identifier: MIT
 * What each CPU does for ever: pick a vCPU (or root), run it, handle why it came back. */
#include "nic.h"
#include "sched.h"
#include "smp.h"
#include "vm.h"
#include "x86.h"

enum { SLICE_MS = 10, LEAST_US = 100 };

/* Interrupts that made us leave the outside, or arrived since: let them in for a moment, they are only noted.
 */
static void take_interrupts(void)
{
        __asm__ volatile("sti; nop; nop; cli" : : : "memory");
}

static void deferred_work(struct cpu *cpu)
{
        uint32_t noted = __atomic_exchange_n(&nic_pending, 0, __ATOMIC_ACQUIRE);

        for (unsigned i = 0; noted != 0; i++, noted >>= 1)
                if (noted & 1)
                        nic_interrupt(VECTOR_NIC + i);
        if (cpu->tick) {
                cpu->tick = 0;
                sched_expire();
        }
}

/* Never sooner than LEAST_US: a guard whose slice is over while its window is open, entered with a timer that
 * has already run out, would exit again before its next instruction, for ever. */
static void arm_timer(struct cpu *cpu, uint64_t slice_end)
{
        uint64_t deadline = sched_deadline(cpu), soonest = rdtsc() + tsc_hz / 1000000 * LEAST_US;

        deadline = deadline < slice_end ? deadline : slice_end;
        cpu->timer_deadline = deadline > soonest ? deadline : soonest;
        apic_timer_arm(cpu->timer_deadline);
}

static void fpu(struct vcpu *v, bool load)
{
        uint32_t low = (uint32_t)cpu_xcr0, high = 0;

        if (load)
                __asm__ volatile("xrstor64 (%0)" : : "r"(v->fpu), "a"(low), "d"(high) : "memory");
        else
                __asm__ volatile("xsave64 (%0)" : : "r"(v->fpu), "a"(low), "d"(high) : "memory");
}

/* PKRU is shared between host and guest on both vendors: swapped here, around every entry. XCR0 never has the
 * PKRU bit in a ring space, so that XRSTOR cannot write it. */
static void enter(struct vcpu *v, bool flush, struct vm_exit *exit)
{
        uint64_t xcr0 = cpu_xcr0 | (control_on(RF_CONTROL_NO_XSETBV) ? XCR0_PKRU : 0);

        if (RF_TEST_CONTROLS)
                xsetbv(0, xcr0);
        if (cpu_has_keys)
                wrpkru(v->pkru);
        vm->vcpu_run(v, flush, exit);
        if (cpu_has_keys) {
                v->pkru = rdpkru();
                wrpkru(0);
        }
}

/* Two vCPUs may share a number where the CPU has few, so a change of owner flushes. A later vCPU at the same
 * address has no last_cpu. */
static bool take_tag(struct cpu *cpu, struct vcpu *v)
{
        const struct vcpu *owner;

        v->tag = 1 + v->id % cpu->tags;
        owner = cpu->tag_owner[v->tag];
        cpu->tag_owner[v->tag] = v;
        return owner != v;
}

static void run_once(struct cpu *cpu, struct vcpu *v)
{
        struct vm_exit exit = {0};
        bool flush = take_tag(cpu, v) | (v->tlb_epoch != v->guest->epoch) | (v->last_cpu != (int)cpu->id);
        uint64_t start;

        v->tlb_epoch = v->guest->epoch;
        v->last_cpu = (int)cpu->id;
        v->report->cpu = cpu->id;
        v->report->entries++;
        arm_timer(cpu, v->slice_end);
        cpu->outside = v->guest;
        kernel_unlock();
        start = rdtsc();
        enter(v, flush, &exit);
        cpu->outside = NULL;
        take_interrupts();
        start = rdtsc() - start;
        kernel_lock();
        if (exit.kind == VM_EXIT_ENTRY_FAILED)
                cpu->tag_owner[v->tag] = NULL; /* whether it flushed is unknown */
        v->report->run_tsc += start;
        host_page->cpu_exits[cpu->id]++;
        exit_handle(v, &exit);
        deferred_work(cpu);
}

/* A vCPU with its window open is never taken off its CPU: the guard is short, and makes a YIELD hypercall
 * when it finds `pending` set. A stop does not wait for that. */
static bool keeps_cpu(struct vcpu *v)
{
        if (v->report->state != RF_VCPU_RUNNING)
                return false;
        if (v->stop)
                return false;
        if (vcpu_window_open(v))
                return true;
        if (rdtsc() < v->slice_end)
                return true;
        if (sched_waiting())
                return false;
        v->slice_end = rdtsc() + tsc_hz * SLICE_MS / 1000;
        return true;
}

static void put_back(struct vcpu *v)
{
        if (v->report->state != RF_VCPU_RUNNING)
                return;
        if (v->stop) {
                vcpu_leave_guard(v);
                v->report->state = RF_VCPU_STOPPED;
                return;
        }
        vcpu_make_ready(v);
}

static void run_vcpu(struct cpu *cpu, struct vcpu *v)
{
        v->report->state = RF_VCPU_RUNNING;
        v->slice_end = rdtsc() + tsc_hz * SLICE_MS / 1000;
        cpu->current = v;
        fpu(v, true);
        do {
                run_once(cpu, v);
        } while (keeps_cpu(v));
        fpu(v, false);
        vm->vcpu_put(v);
        cpu->current = NULL;
        put_back(v);
}

static void run_root(struct cpu *cpu)
{
        uint64_t start = rdtsc(), why;

        root_vcpu.last_cpu = (int)cpu->id;
        root_vcpu.slice_end = start + tsc_hz * SLICE_MS / 1000;
        do {
                /* Nobody else waits, or we would not be here: with a slice in the past the timer would end
                 * root before its first instruction, for ever. */
                if (start >= root_vcpu.slice_end)
                        root_vcpu.slice_end = start + tsc_hz * SLICE_MS / 1000;
                arm_timer(cpu, root_vcpu.slice_end);
                cpu->outside = OUTSIDE_ROOT;
                kernel_unlock();
                why = user_run(&root.regs, cpu);
                cpu->outside = NULL;
                if (why >= 32 && why < USER_SYSCALL)
                        interrupt_take(why);
                kernel_lock();
                deferred_work(cpu);
                if (why < 32)
                        root_died(why);
                if (root.donor != NULL)
                        root.donor->report->run_tsc += rdtsc() - start;
                start = rdtsc();
                if (why == USER_SYSCALL)
                        syscall_handle();
        } while (!root.waiting && (start < root_vcpu.slice_end || !sched_waiting()));
        if (!root.waiting)
                sched_add(&root_vcpu);
}

static void idle(struct cpu *cpu)
{
        uint64_t start = rdtsc();

        sched_idle(cpu, true);
        arm_timer(cpu, start + tsc_hz);
        kernel_unlock();
        __asm__ volatile("sti; hlt; cli" : : : "memory");
        kernel_lock();
        sched_idle(cpu, false);
        host_page->cpu_idle_tsc[cpu->id] += rdtsc() - start;
        deferred_work(cpu);
}

void cpu_loop(struct cpu *cpu)
{
        kernel_lock();
        for (;;) {
                struct vcpu *v = sched_next();

                if (v == NULL)
                        idle(cpu);
                else if (v == &root_vcpu)
                        run_root(cpu);
                else
                        run_vcpu(cpu, v);
        }
}

/* SPDX-License-Identifier: MIT
 * Attack 13: guests that never come back by themselves. Root must get the CPU at its deadline, and end them.
 */
#include "evil.h"

extern const uint8_t r_cli_spin[], r_ud[], r_hlt[];
enum { ROUNDS = 10, WAIT_MS = 20, LATE_MS = 60 };

/* Interrupts off and a loop, on each vCPU: more loops than CPUs. */
static void spin(void)
{
        struct run first = run_at(snippet_va(r_cli_spin)), second = first;
        struct tally t = {0};
        struct subject s;

        second.gpr[RSP] = SECOND_STACK;
        for (unsigned round = 0; round < ROUNDS; round++) {
                uint64_t end, late;

                subject_new(&s, -1, 2);
                start_second(&s, &second);
                let_go(s.vcpu, &first);
                end = tsc_now() + tsc_of_ms(WAIT_MS);
                sys_wait(end);
                late = tsc_now() - end;
                t.tried++;
                t.blocked += late < tsc_of_ms(LATE_MS) && sys_guest_stop(s.guest) == 0;
                t.succeeded += late >= tsc_of_ms(LATE_MS);
                subject_end(&s);
        }
        report("states", "spin", &t);
}

/* A fault without a handler kills the guest at the fault; if only that did not exit, at the triple fault. */
static void fault(void)
{
        struct run r = run_at(snippet_va(r_ud));
        struct tally t = {.tried = 1};
        struct subject s;

        subject_new(&s, -1, 1);
        run(&s, &r);
        t.blocked = r.end == END_DEAD && r.death == RF_DEATH_EXCEPTION;
        t.succeeded = r.end == END_DEAD && r.death == RF_DEATH_TRIPLE;
        t.other = r.end != END_DEAD;
        report("states", "fault", &t);
        subject_end(&s);
}

static void halt(void)
{
        struct run r = run_at(snippet_va(r_hlt));
        struct tally t = {.tried = 1};
        struct subject s;

        subject_new(&s, -1, 1);
        t.blocked = run(&s, &r) == END_OTHER;
        t.hung = r.end == END_HANG;
        report("states", "halt", &t);
        subject_end(&s);
}

void attack_states(void)
{
        fault();
        if (controls)
                return;
        spin();
        halt();
}

/* SPDX-License-Identifier: MIT
 * Attacks 6, 9 and 12: two vCPUs of a guest at once. One rewrites staging while the other commits; one
 * commits to the other's queue; both make hypercalls at random, on past the death of their guest. The queue
 * is a soft one, so that evilroot sees in the ring what came through, as the device would. */
#include "rf_string.h"
#include "soft.h"
#include "wire.h"

extern const uint8_t r_store[], r_copy[], r_calls[], r_commit[];
enum { ROUNDS = 12, STORM_MS = 120, AFTER_MS = 5 };

static void pause_ms(uint64_t ms)
{
        uint64_t end = tsc_now() + tsc_of_ms(ms);

        while (tsc_now() < end)
                sys_wait(end);
}

/* Of the other's window a vCPU has nothing, staging included: it cannot change what the guard is about to
 * read. Root starts each of its tries; those that come back from a store or load that faulted are dead. */
static void another_window(void)
{
        static const uint64_t pages[] = {
            RF_STAGING_VA,           RF_STAGING_VA + RF_RING_TX_OFF, RF_RING_VA, RF_RING_VA + RF_RING_TX_OFF,
            RF_DOORBELL_VA + 0x2000, RF_DOORBELL_VA + 0xc000};
        struct tally t = {0}, own = {0};

        for (unsigned i = 0; i < 2 * sizeof(pages) / sizeof(pages[0]); i++) {
                struct run r = run_at(snippet_va(i % 2 ? r_store : r_copy));
                struct subject s;

                r.gpr[RBX] = r.gpr[RSI] = pages[i / 2];
                r.gpr[RDI] = DATA_VA;
                r.gpr[RCX] = 8;
                subject_new(&s, 0, 2);
                own.tried += i < 4;
                own.succeeded += i < 4 && run(&s, &r) == END_LANDED; /* to its own staging */
                born_second(&s);
                r = run_at(snippet_va(i % 2 ? r_store : r_copy));
                r.gpr[RBX] = r.gpr[RSI] = pages[i / 2];
                r.gpr[RDI] = DATA_VA;
                r.gpr[RCX] = 8;
                r.gpr[RSP] = SECOND_STACK;
                t.tried++;
                t.succeeded += run_on(&s, s.second, &r) == END_LANDED;
                t.blocked += r.end == END_DEAD || r.end == END_WINDOW;
                subject_end(&s);
        }
        report("pair", "own-window", &own);
        report("pair", "another-window", &t);
}

/* A vCPU without a queue commits to every ring there is, by guard and by hypercall. */
static void another_queue(void)
{
        struct tally t = {0};
        struct subject s;

        subject_new(&s, 0, 2);
        born_second(&s);
        for (unsigned ring = 0; ring < 9; ring++)
                for (unsigned way = 0; way < 2; way++) {
                        struct run r = run_at(snippet_va(r_commit));

                        r.gpr[RSP] = SECOND_STACK;
                        r.gpr[RBX] = DATA_VA;
                        r.gpr[RAX] = RF_HC_COMMIT;
                        r.gpr[R12] = RF_GUARD_VA + (way == 0 ? RF_GUARD_COMMIT : RF_GUARD_HYPERCALL);
                        r.gpr[RDI] = ring;
                        r.gpr[RSI] = 1;
                        t.tried++;
                        if (run_on(&s, s.second, &r) == END_LANDED && reason(r.gpr[R15]) == RF_COMMIT_RING &&
                            state_of(0)->ring[0].clean == 0 && state_of(0)->ring[1].clean == 0)
                                t.blocked++;
                        else
                                t.succeeded++;
                }
        report("pair", "another-queue", &t);
        subject_end(&s);
}

static struct run calls(uint64_t seed, uint64_t stack)
{
        struct run r = run_at(snippet_va(r_calls));

        r.gpr[R12] = RF_GUARD_VA + RF_GUARD_HYPERCALL;
        r.gpr[R15] = seed;
        r.gpr[RSP] = stack;
        return r;
}

/* While both make calls, root takes the queue away and gives it back; then the guest is stopped, and nothing
 * of it may run any more. */
static void storm(unsigned round, struct tally *t)
{
        struct run first = calls(round * 0x9e3779b97f4a7c15 + 1, STACK_VA - 8),
                   second = calls(round * 0xc2b2ae3d27d4eb4f + 7, SECOND_STACK);
        struct subject s;
        uint64_t entries[2];

        subject_new(&s, 0, 2);
        start_second(&s, &second);
        let_go(s.vcpu, &first);
        pause_ms(STORM_MS / ROUNDS);
        sys_queue_revoke(RF_NIC_OF_SOFT, 0);
        pause_ms(STORM_MS / ROUNDS);
        t->tried++;
        t->other += REPORTS[s.vcpu].state == RF_VCPU_DEAD || REPORTS[s.second].state == RF_VCPU_DEAD;
        sys_guest_stop(s.guest);
        pause_ms(AFTER_MS);
        entries[0] = REPORTS[s.vcpu].entries;
        entries[1] = REPORTS[s.second].entries;
        pause_ms(AFTER_MS);
        t->blocked += entries[0] == REPORTS[s.vcpu].entries && entries[1] == REPORTS[s.second].entries &&
                      sys_vcpu_resume(s.vcpu, first.rip) < 0 && sys_vcpu_start(s.second, first.rip, 0) < 0 &&
                      sys_commit(s.vcpu, 0, 1) < 0;
        t->succeeded = t->tried - t->blocked;
        subject_end(&s);
}

static void storms(void)
{
        struct tally t = {0};
        uint64_t before, after;

        storm(0, &t);
        sys_wait(0);
        before = HOST->free_pages;
        for (unsigned round = 1; round < ROUNDS; round++)
                storm(round, &t);
        sys_wait(0);
        after = HOST->free_pages;
        report("pair", "storm", &t);
        check("pair", "audit", sys_audit() == 0);
        check("pair", "given-back", before == after);
}

void attack_pair(void)
{
        nic_soft = true;
        another_window();
        another_queue();
        storms();
        nic_soft = asked("on-soft");
}

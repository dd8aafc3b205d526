/* SPDX-License-Identifier: MIT
 * Attack 4: timer interrupts into the guard. The guest commits in a loop; root's deadline takes its CPU at
 * times that move on by one tick of the TSC, so that where that counts instructions (Bochs) each instruction
 * of the loop has its turn. The guest, which does no wrong, must live, and every commit must be as it would
 * have been. */
#include "soft.h"
#include "wire.h"

enum { ROUNDS = 600, LEAST_US = 130 /* loop.c: no deadline is sooner than 100 us */, NO_PAUSE = 1 };

static bool sane(void)
{
        const volatile struct rf_soft_state *g = state_of(0);
        uint32_t clean = g->ring[1].clean;

        for (unsigned i = 0; i < RF_RING_ENTRIES && i < clean; i++)
                if (ring_of(0, 1)[i].lo != 0 || (ring_of(0, 1)[i].hi & 0xffff) != FRAME_BYTES)
                        return false;
        return clean > 0;
}

void attack_preempt(void)
{
        const volatile struct rf_vcpu_report *v;
        struct tally t = {0};
        struct subject s;

        nic_soft = true;
        subject_new(&s, 0, 1);
        v = &REPORTS[s.vcpu];
        heartbeat(&s, NO_PAUSE);
        for (unsigned round = 0; round < ROUNDS; round++) {
                uint32_t pending = v->pending;
                uint64_t end = tsc_now() + HOST->tsc_hz / 1000000 * LEAST_US + round;

                while (tsc_now() < end)
                        sys_wait(end);
                t.tried++;
                t.blocked += v->state != RF_VCPU_DEAD && sane();
                t.succeeded += v->state == RF_VCPU_DEAD || !sane();
                t.other += v->pending != pending;
                soft_complete();
        }
        say("preempt: %u interrupts met an open window", v->pending);
        report("preempt", "ticks", &t);
        subject_end(&s);
        nic_soft = asked("on-soft");
}

/* SPDX-License-Identifier: MIT
 * Attacks 4 and 7, held still: the host's debug stub stops the guest's CPU at an instruction of the guard,
 * and only then this takes the queue away. The interrupt that tells that CPU meets it exactly there. */
#include "wire.h"

enum { MANY = 1000, LOOK_MS = 3, NO_PAUSE = 1, PACE = 5000 /* or its ring is full before anybody looks */ };

static void pause_ms(uint64_t ms)
{
        uint64_t end = tsc_now() + tsc_of_ms(ms);

        while (tsc_now() < end)
                ;
}

/* 0: the host has seen enough. */
static bool one(unsigned round)
{
        const volatile struct rf_vcpu_report *v;
        struct subject s;
        int64_t error, tail;
        char key;

        subject_new(&s, 0, 1);
        v = &REPORTS[s.vcpu];
        heartbeat(&s, controls ? PACE : NO_PAUSE);
        say("held: ready %u", round);
        key = get_key();
        error = sys_queue_revoke(nic, 0);
        tail = sys_nic_read(nic, card->tdt);
        pause_ms(LOOK_MS);
        say("held: round=%u error=%d moved=%d dead=%d death=%u", round, (int)error,
            sys_nic_read(nic, card->tdt) != tail, v->state == RF_VCPU_DEAD, v->death);
        subject_end(&s);
        return key != 'q';
}

void attack_held(void)
{
        for (unsigned round = 0; round < MANY && one(round); round++)
                ;
}

/* SPDX-License-Identifier: MIT
 * Attack 7: a queue taken away while its vCPU is anywhere in or around the guard. The tail must stand still
 * from then on, whatever the guard had begun; and the guest, which did no wrong, must live. */
#include "wire.h"

enum {
        ROUNDS = 150,
        SPREAD_US = 700,
        LOOK_MS = 2,
        NO_PAUSE = 1,
        PACE = 5000 /* or its ring is full before anybody looks */
};

static void pause_us(uint64_t us)
{
        uint64_t end = tsc_now() + HOST->tsc_hz / 1000000 * us;

        while (tsc_now() < end)
                ;
}

static void one(unsigned round, struct tally *t)
{
        const volatile struct rf_vcpu_report *v;
        struct subject s;
        int64_t error, tail;

        subject_new(&s, 0, 1);
        v = &REPORTS[s.vcpu];
        heartbeat(&s, controls ? PACE : NO_PAUSE);
        pause_us(100 + round * 7919 % SPREAD_US);
        error = sys_queue_revoke(nic_soft ? RF_NIC_OF_SOFT : nic, 0);
        tail = sys_nic_read(nic, card->tdt);
        pause_us((controls ? 10 : 1) * LOOK_MS * 1000); /* a busy host may not have let the guest go on yet */
        t->tried++;
        t->succeeded += sys_nic_read(nic, card->tdt) != tail || error != 0;
        t->blocked += v->state != RF_VCPU_DEAD;
        t->other += v->state == RF_VCPU_DEAD;
        if (v->state == RF_VCPU_DEAD)
                say("attack 7: died of %u at %lx, address %lx", v->death, v->rip, v->fault_va);
        subject_end(&s);
}

void attack_revoke(void)
{
        struct tally t = {0};

        for (unsigned round = 0; round < (controls ? ROUNDS / 10 : ROUNDS); round++)
                one(round, &t);
        report("revoke", "running", &t);
}

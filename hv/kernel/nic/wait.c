/* SPDX-License-Identifier: MIT
 * Waiting for a frame (RF_HC_WAIT), whatever the model: the queue's interrupt is masked but while a vCPU
 * waits. It is armed first, then the ring is looked at, so that no wake-up is lost. */
#include "cpu.h"
#include "frame.h"
#include "nic.h"
#include "rf/rings.h"
#include "smp.h"
#include "vcpu.h"
#include "x86.h"

enum { APIC_IDS = 255 /* a destination has 8 bits, and 255 is broadcast */ };

static bool is_done(const struct nic_queue *q)
{
        const volatile uint8_t *status = phys(q->ring[0] + q->next * 16 + q->nic->model->form[0].dd);

        return (*status & 1) != 0;
}

static void mask(struct nic_queue *q)
{
        q->nic->ops->irq_mask(q);
        q->armed = false;
}

static struct nic_queue *waited_for(const struct vcpu *v, uint64_t slot)
{
        struct nic_queue *q = nic_queue_of(v);

        return q != NULL && q->state == QUEUE_ENABLED && q->slot == slot ? q : NULL;
}

int nic_wait_arm(struct vcpu *v, uint64_t slot, uint64_t next)
{
        struct nic_queue *q = waited_for(v, slot);
        uint32_t apic_id = cpus[v->last_cpu].apic_id; /* it pays for its own frames, not CPU 0 */

        if (q == NULL || next >= RF_RING_ENTRIES)
                return q == NULL ? -RF_ENOENT : -RF_EINVAL;
        q->next = (uint32_t)next;
        /* a frame from now on interrupts, one before it shows in the ring */
        q->nic->ops->irq_arm(q, apic_id < APIC_IDS ? apic_id : q->route);
        q->armed = true;
        if (!is_done(q) || control_on(RF_CONTROL_NO_WAIT_CHECK))
                return 0;
        mask(q);
        return 1;
}

void nic_wait_disarm(struct vcpu *v, uint64_t slot)
{
        struct nic_queue *q = waited_for(v, slot);

        if (q != NULL && q->armed)
                mask(q);
}

/* A frame for another slot than the one waited for ends the wait too (2): who waits for the wrong slot pays
 * for each round with a hypercall of its own. */
void queue_interrupt(struct nic_queue *q)
{
        if (!q->armed)
                return; /* sent before the cause was masked */
        mask(q);
        vcpu_wake(q->vcpu, is_done(q) ? 1 : 2);
}

uint64_t nic_wait_until(const struct vcpu *v, uint64_t deadline)
{
        const struct nic_queue *q = nic_queue_of(v);
        uint64_t soon = rdtsc() + tsc_hz / 1000;

        return q != NULL && q->armed && q->nic->polled && soon < deadline ? soon : deadline;
}

void nic_quiet(unsigned vector)
{
        struct nic *nic = &nics[(vector - NIC_VECTOR) / NIC_QUEUES];

        if (nic->ops != NULL && nic->ops->quiet != NULL)
                nic->ops->quiet(nic);
}

void nic_interrupt(unsigned vector)
{
        unsigned n = vector - NIC_VECTOR;

        queue_interrupt(&nics[n / NIC_QUEUES].queue[n % NIC_QUEUES]);
}

/* SPDX-License-Identifier: MIT
 * Plain form: an ordinary driver, as on bare metal. Descriptors are stored into the ring, in the
 * pieces the datasheet names, and the tail into the tail register. No slot that is not handed over is ever
 * loaded, nor the tail register: under Ringfence the first execution of each store below faults and is
 * rewritten. */
#include "ring.h"

const char ring_form[] = "plain";

void ring_put_rx(struct ring *r, uint32_t buffer, struct rf_desc d)
{
        uint32_t slot = ring_slot(r, r->filled);

        r->buffer[slot] = buffer;
        r->desc[slot].lo = d.lo;
        r->desc[slot].hi = d.hi;
        r->filled++;
}

void ring_put_tx(struct ring *r, uint32_t buffer, struct rf_desc d)
{
        uint32_t slot = ring_slot(r, r->filled);
        volatile uint32_t *half = (volatile uint32_t *)&r->desc[slot].hi;

        r->buffer[slot] = buffer;
        r->desc[slot].lo = d.lo;
        half[0] = (uint32_t)d.hi;         /* cmd_type_len; of a legacy descriptor CMD, CSO and length */
        half[1] = (uint32_t)(d.hi >> 32); /* olinfo_status; special, CSS and STA */
        r->filled++;
}

void ring_hand_over(struct ring *r)
{
        if (r->handed == r->filled)
                return;
        /* x86 keeps stores in order (SDM 3, 8.2.2), to uncached memory too: the compiler must as well. */
        __asm__ volatile("" ::: "memory");
        *r->doorbell = ring_slot(r, r->filled);
        r->handed = r->filled;
        r->commits++;
}

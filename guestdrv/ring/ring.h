/* SPDX-License-Identifier: MIT
 *
 * One descriptor ring, and the seam between the two forms of the driver (commit.c, plain.c).
 *
 * Three free-running indices, cleaned <= handed <= filled <= cleaned + entries - 1; slot = index mod entries.
 *   [cleaned, handed)  handed over: the NIC owns them until it sets DD
 *   [handed, filled)   written by us, not handed over yet
 * A slot is looked at only while it lies in [cleaned, handed): what a ring shows in any other slot is old.
 */
#ifndef RF_RING_H
#define RF_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "rf/nic_form.h"
#include "ringfence_sdk.h"

struct rf_desc { /* of any model */
        uint64_t lo, hi;
};
_Static_assert(sizeof(struct rf_desc) == 16, "hardware");

struct ring {
        volatile struct rf_desc *desc;    /* as the NIC sees it */
        volatile struct rf_desc *staging; /* commit form writes here */
        volatile uint32_t *doorbell;      /* plain form writes the tail here */
        uint32_t number;                  /* ring number of the ABI */
        uint32_t dd;                      /* byte of a descriptor whose bit 0 the NIC sets when done */
        uint32_t entries;                 /* a power of two, at most RF_RING_ENTRIES */
        uint32_t cleaned, handed, filled;
        uint32_t buffer[RF_RING_ENTRIES]; /* pool buffer of each slot in [cleaned, filled) */
        uint64_t commits, stalls;
        int error; /* 0, or why the ring stopped for good: -RF_E... */
};

static inline uint32_t ring_slot(const struct ring *r, uint32_t index)
{
        return index & (r->entries - 1);
}

static inline bool ring_has_room(const struct ring *r)
{
        return r->filled - r->cleaned < r->entries - 1;
}

/* Has the NIC written back the oldest slot? */
static inline bool ring_done(const struct ring *r)
{
        const volatile struct rf_desc *d = &r->desc[ring_slot(r, r->cleaned)];

        if (r->cleaned == r->handed)
                return false;
        if ((*(const volatile uint32_t *)((const volatile char *)d + r->dd) & 1) == 0)
                return false;
        __asm__ volatile("" ::: "memory"); /* what the descriptor covers is read after its DD bit */
        return true;
}

/* ---- the seam: what each form implements --------------------------------------------------------- */

/* Writes slot `filled` for pool buffer `buffer` and advances `filled`. The ring has room. */
void ring_put_rx(struct ring *r, uint32_t buffer, struct rf_desc d);
void ring_put_tx(struct ring *r, uint32_t buffer, struct rf_desc d);

/* Hands over [handed, filled), or a first part of it: the caller does not care, the next call goes on.
 * Sets r->error if the ring is lost. */
void ring_hand_over(struct ring *r);

extern const char ring_form[];

#endif

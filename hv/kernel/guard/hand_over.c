/* SPDX-License-Identifier: MIT
 *
 * Commit in C, the twin of guard.S: for CPUs without protection keys and for what root does on behalf of a
 * vCPU. Pure but for the memory it is given, so that the unit tests run both on the same input.
 */
#include "kernel.h"
#include "desc.h"
#include "rf/rings.h"

static bool done(const struct guard_ring *r, const volatile struct desc *slot)
{
        return (((const volatile uint8_t *)slot)[r->form.dd] & 1) != 0;
}

static void reap(struct guard_ring *r, const volatile struct desc *ring)
{
        for (unsigned i = 0; i < RF_REAP_MAX && r->reaped != r->clean; i++) {
                if (!done(r, &ring[r->reaped & r->mask]))
                        return;
                r->reaped++;
        }
}

/* How many slots, and why not all (P6: written only while clean < reaped + entries - 1). */
static uint32_t slots(const struct guard_ring *r, uint32_t tail, enum rf_commit_reason *reason)
{
        uint32_t count = (tail - r->clean) & r->mask, room = r->mask - (r->clean - r->reaped);

        if (count > RF_COMMIT_MAX) {
                count = RF_COMMIT_MAX;
                *reason = RF_COMMIT_LIMIT;
        }
        if (count > room && !control_on(RF_CONTROL_NO_REAP)) {
                count = room;
                *reason = RF_COMMIT_FULL;
        }
        return count;
}

static enum rf_commit_reason one(const struct guard_ring *r, volatile struct desc *to,
                                 const volatile struct desc *from)
{
        uint64_t lo = from->lo, hi = from->hi; /* once: another vCPU may be writing them */
        enum rf_commit_reason reason = guard_check(r, lo, hi);

        if (reason != RF_COMMIT_OK || (control_on(RF_CONTROL_NO_REAP) && done(r, to)))
                return reason;
        to->lo = lo + r->bus;
        to->hi = hi | r->form.set;
        return RF_COMMIT_OK;
}

static uint64_t result(uint32_t tail, enum rf_commit_reason reason)
{
        return tail | (uint64_t)reason << 32;
}

uint64_t guard_hand_over(struct guard_ring *r, volatile struct desc *ring,
                         const volatile struct desc *staging, uint32_t tail, bool *moved)
{
        enum rf_commit_reason reason = RF_COMMIT_OK, refused = RF_COMMIT_OK;
        uint32_t count, start = r->clean;

        *moved = false;
        if (r->mode == GR_MODE_REVOKED)
                return result(0, RF_COMMIT_REVOKED);
        if (r->mode != GR_MODE_ON)
                return result(0, RF_COMMIT_RING);
        if (tail > r->mask)
                return result(r->clean & r->mask, RF_COMMIT_TAIL);
        reap(r, ring);
        for (count = slots(r, tail, &reason); count > 0 && refused == RF_COMMIT_OK; count--) {
                refused = one(r, &ring[r->clean & r->mask], &staging[r->clean & r->mask]);
                if (refused == RF_COMMIT_OK)
                        r->clean++;
                else
                        r->rejected++;
        }
        *moved = r->clean != start;
        return result(r->clean & r->mask, refused != RF_COMMIT_OK ? refused : reason);
}

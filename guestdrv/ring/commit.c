/* SPDX-License-Identifier: MIT
 * Commit form: descriptors to the staging ring, then one commit for the burst. */
#include "ring.h"

const char ring_form[] = "commit";

enum { FULL_TRIES = 4 };

static void put(struct ring *r, uint32_t buffer, struct rf_desc d)
{
        uint32_t slot = ring_slot(r, r->filled);

        r->buffer[slot] = buffer;
        r->staging[slot].lo = d.lo;
        r->staging[slot].hi = d.hi;
        r->filled++;
}

void ring_put_rx(struct ring *r, uint32_t buffer, struct rf_desc d)
{
        put(r, buffer, d);
}

void ring_put_tx(struct ring *r, uint32_t buffer, struct rf_desc d)
{
        put(r, buffer, d);
}

/* Takes the guard's word for how far it got, as long as that lies within what we asked for. */
static bool advance(struct ring *r, uint32_t reached)
{
        uint32_t step = (reached - r->handed) & (r->entries - 1);

        if (reached >= r->entries || step > r->filled - r->handed)
                return false;
        r->handed += step;
        return true;
}

static int reason_to_error(uint32_t reason)
{
        if (reason == RF_COMMIT_OK || reason == RF_COMMIT_LIMIT || reason == RF_COMMIT_FULL)
                return 0;
        return reason == RF_COMMIT_REVOKED ? -RF_EREVOKED : -RF_EINVAL;
}

/* LIMIT means 32 slots are done and there are more. FULL means the guard has not taken back enough
 * written-back slots yet: it takes 64 a call, so a few calls are worth it, then the NIC needs time. */
void ring_hand_over(struct ring *r)
{
        unsigned full = 0;

        while (r->error == 0 && r->handed != r->filled && full < FULL_TRIES) {
                uint64_t result = rf_commit(r->number, ring_slot(r, r->filled));
                uint32_t reason = (uint32_t)(result >> 32);

                r->commits++;
                r->error = reason_to_error(reason);
                full += reason == RF_COMMIT_FULL;
                if (!advance(r, (uint32_t)result) && r->error == 0)
                        r->error = -RF_EINVAL;
        }
        r->stalls += r->handed != r->filled;
}

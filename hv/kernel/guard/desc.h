/* SPDX-License-Identifier: MIT
 *
 * May a guest hand over this descriptor (P7)? Used by commit as a hypercall, and by the tests as the measure
 * for guard.S. The tables of each NIC model: rf/igb_desc.h, rf/e1000_desc.h.
 */
#ifndef GUARD_DESC_H
#define GUARD_DESC_H

#include <stdbool.h>
#include <stdint.h>

#include "guard_state.h"
#include "ringfence.h"

struct desc { /* of any model */
        uint64_t lo, hi;
};
_Static_assert(sizeof(struct desc) == 16, "82576, 7.1.5; 82540EM, 3.2.3");

extern const struct guard_form igb_form[2], e1000_form[2]; /* receive, transmit */

/* lo and hi as the guest wrote them. Same order of rules as guard.S. */
enum rf_commit_reason guard_check(const struct guard_ring *r, uint64_t lo, uint64_t hi);

/* commit on ring 0's own view of ring and staging. Returns what commit returns; *moved: the doorbell is to be
 * written, with the tail reached. Reads each word of staging once. */
uint64_t guard_hand_over(struct guard_ring *r, volatile struct desc *ring,
                         const volatile struct desc *staging, uint32_t tail, bool *moved);

#endif

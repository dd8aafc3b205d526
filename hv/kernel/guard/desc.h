/* SPDX-License-Identifier: MIT
 *
 * What rf/igb_desc.h states, as C: may a guest hand over this descriptor (P7)? Used by commit as a hypercall,
 * and by the tests as the measure for guard.S.
 */
#ifndef GUARD_DESC_H
#define GUARD_DESC_H

#include <stdbool.h>
#include <stdint.h>

#include "guard_state.h"
#include "ringfence.h"

struct igb_desc {
        uint64_t lo, hi;
};
_Static_assert(sizeof(struct igb_desc) == 16, "82576, 7.1.5");

/* lo as the guest wrote it, pool-relative; limit: the highest address allowed. */
enum rf_commit_reason igb_desc_check_rx(uint64_t lo, uint64_t hi, uint64_t limit);
enum rf_commit_reason igb_desc_check_tx(uint64_t lo, uint64_t hi, uint64_t limit);

/* commit on ring 0's own view of ring and staging. Returns what commit returns; *moved: the doorbell is to be
 * written, with the tail reached. Reads each word of staging once. */
uint64_t guard_hand_over(struct guard_ring *r, volatile struct igb_desc *ring,
                         const volatile struct igb_desc *staging, uint32_t tail, bool *moved);

#endif

/* SPDX-License-Identifier: MIT
 * Soft queues as their device sees them: evilroot is that device. */
#ifndef SOFT_H
#define SOFT_H

#include "evil.h"
#include "rf/igb_desc.h"

struct port_desc {
        uint64_t lo, hi;
};

static inline volatile struct port_desc *ring_of(unsigned queue, unsigned ring)
{
        return (volatile struct port_desc *)(RF_ROOT_SOFT + queue * RF_ROOT_SOFT_STEP + ring * RF_PAGE_SIZE);
}

static inline const volatile struct rf_soft_state *state_of(unsigned queue)
{
        return (const volatile struct rf_soft_state *)ring_of(queue, RF_SOFT_STATE);
}

/* The device is done with all that was handed over on queue 0. Slots that never were are the guard's to
 * write. */
static inline void soft_complete(void)
{
        for (unsigned ring = 0; ring < 2; ring++) {
                uint32_t clean = state_of(0)->ring[ring].clean;

                for (unsigned i = 0; i < RF_RING_ENTRIES && i < clean; i++)
                        ring_of(0, ring)[i].hi |= ring == 0 ? IGB_RX_DD : (uint64_t)IGB_TX_DD << 32;
        }
}

#endif

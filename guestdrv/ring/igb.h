/* SPDX-License-Identifier: MIT
 * The 82576's advanced descriptors as a driver sees them. rf/igb_desc.h has the rules for what may be handed
 * over; here is how to build it, and how to read what the NIC writes back.
 * Source: Intel 82576 datasheet, 7.1.5.2 (receive write-back) and 7.2.2.3 (transmit). */
#ifndef RF_RING_IGB_H
#define RF_RING_IGB_H

#include <stdbool.h>
#include <stdint.h>

#include "rf/igb_desc.h"

struct igb_desc {
        uint64_t lo, hi;
};
_Static_assert(sizeof(struct igb_desc) == 16, "hardware");

/* Receive write-back: the second word is status and error (31:0), length (47:32), VLAN tag (63:48). */
#define IGB_RX_EOP 0x00000002u
#define IGB_RX_RXE 0x80000000u /* the MAC saw a bad frame. IPE and L4E (30, 29) are offloads' verdicts on */
                               /* checksums that the stack computes itself, and no reason to drop */

static inline uint32_t igb_rx_length(uint64_t hi)
{
        return (uint32_t)(hi >> 32) & 0xffff;
}

static inline struct igb_desc igb_rx_desc(uint64_t buffer)
{
        return (struct igb_desc){buffer, 0};
}

static inline struct igb_desc igb_tx_desc(uint64_t buffer, uint32_t length)
{
        uint64_t hi = IGB_TX_FIXED | IGB_TX_RS | length | (uint64_t)length << IGB_TX_PAYLEN_SHIFT;

        return (struct igb_desc){buffer, hi};
}

#endif

/* SPDX-License-Identifier: MIT
 *
 * How a driver builds and reads the descriptors of a NIC model, as data: one code for all of them. Ring
 * driver and switch use it. What may be handed over is stated in igb_desc.h and e1000_desc.h. Sources: Intel
 * 82576 datasheet, 7.1.5.2 (receive write-back) and 7.2.2.3 (transmit); 8254x Software Developer's
 * Manual, 3.2.3 and 3.3.3.
 */
#ifndef RF_NIC_FORM_H
#define RF_NIC_FORM_H

#include <stdint.h>

#include "rf/e1000_desc.h"
#include "rf/igb_desc.h"
#include "ringfence.h"

struct nic_form {
        uint64_t tx, tx_length; /* second word of a frame to send: tx + tx_length * length */
        /* second word of a frame received. `bad`: the MAC saw a bad frame. Offloads' verdicts on checksums,
         * which the stack computes itself, are no reason to drop. */
        uint64_t rx_eop, rx_bad;
        uint8_t rx_length;    /* the bit at which its 16 bits of length begin */
        uint8_t rx_dd, tx_dd; /* byte of the descriptor whose bit 0 is DD */
};

static const struct nic_form nic_form_82576 = {
    .tx = IGB_TX_FIXED | IGB_TX_RS,
    .tx_length = 1 + (1ull << IGB_TX_PAYLEN_SHIFT),
    .rx_eop = IGB_RX_EOP,
    .rx_bad = IGB_RX_RXE,
    .rx_length = 32,
    .rx_dd = IGB_RX_DD_OFF,
    .tx_dd = IGB_TX_DD_OFF,
};

static const struct nic_form nic_form_82540em = {
    .tx = E1000_TX_FIXED | E1000_TX_RS,
    .tx_length = 1,
    .rx_eop = E1000_RX_EOP,
    .rx_bad = E1000_RX_BAD,
    .rx_length = 0,
    .rx_dd = E1000_DD_OFF,
    .tx_dd = E1000_DD_OFF,
};

/* Of a model that a driver knows: 82576 or 82540EM. */
static inline const struct nic_form *nic_form_of(enum rf_nic_model model)
{
        return model == RF_NIC_82540EM ? &nic_form_82540em : &nic_form_82576;
}

#endif

/* SPDX-License-Identifier: MIT
 * The descriptor table of rf/igb_desc.h as two predicates. Same order of rules as guard.S. */
#include "kernel.h"
#include "desc.h"
#include "rf/igb_desc.h"

enum rf_commit_reason igb_desc_check_rx(uint64_t lo, uint64_t hi, uint64_t limit)
{
        if (lo > limit && !control_on(RF_CONTROL_NO_VALIDATE))
                return RF_COMMIT_ADDRESS;
        return hi == 0 ? RF_COMMIT_OK : RF_COMMIT_HEADER;
}

enum rf_commit_reason igb_desc_check_tx(uint64_t lo, uint64_t hi, uint64_t limit)
{
        uint64_t length = hi & IGB_TX_LEN_MASK;

        if (lo > limit && !control_on(RF_CONTROL_NO_VALIDATE))
                return RF_COMMIT_ADDRESS;
        if (control_on(RF_CONTROL_NO_TXFLAGS))
                return RF_COMMIT_OK;
        if ((hi & IGB_TX_FIXED_MASK) != IGB_TX_FIXED)
                return RF_COMMIT_FLAGS;
        if (length < IGB_TX_LEN_MIN || length > IGB_TX_LEN_MAX)
                return RF_COMMIT_LENGTH;
        return hi >> IGB_TX_PAYLEN_SHIFT == length ? RF_COMMIT_OK : RF_COMMIT_PAYLEN;
}

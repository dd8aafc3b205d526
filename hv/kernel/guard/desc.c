/* SPDX-License-Identifier: MIT
 * The descriptor tables of rf/igb_desc.h and rf/e1000_desc.h as trusted constants, and the check that they
 * feed. */
#include "kernel.h"
#include "desc.h"
#include "rf/e1000_desc.h"
#include "rf/igb_desc.h"

const struct guard_form igb_form[2] = {
    {.dd = IGB_RX_DD_OFF, .reason = RF_COMMIT_HEADER}, /* the second word is 0 */
    {
        .set = IGB_TX_RS,
        .factor = 1 + (1ull << IGB_TX_PAYLEN_SHIFT), /* DTALEN, and PAYLEN alike */
        .fixed = IGB_TX_FIXED | IGB_TX_RS,
        .length_min = IGB_TX_LEN_MIN,
        .length_span = IGB_TX_LEN_MAX - IGB_TX_LEN_MIN,
        .dd = IGB_TX_DD_OFF,
        .reason = RF_COMMIT_FLAGS,
    },
};

const struct guard_form e1000_form[2] = {
    {.dd = E1000_DD_OFF, .reason = RF_COMMIT_HEADER},
    {
        .set = E1000_TX_RS,
        .factor = 1,
        .fixed = E1000_TX_FIXED | E1000_TX_RS,
        .length_min = E1000_TX_LEN_MIN,
        .length_span = E1000_TX_LEN_MAX - E1000_TX_LEN_MIN,
        .dd = E1000_DD_OFF,
        .reason = RF_COMMIT_FLAGS,
    },
};

_Static_assert(((IGB_TX_FIXED | IGB_TX_RS | E1000_TX_FIXED | E1000_TX_RS) & 0xffff) == 0, "the length's");

enum rf_commit_reason guard_check(const struct guard_ring *r, uint64_t lo, uint64_t hi)
{
        const struct guard_form *f = &r->form;
        uint32_t length = hi & 0xffff;

        if (lo > r->limit && !control_on(RF_CONTROL_NO_VALIDATE))
                return RF_COMMIT_ADDRESS;
        if (control_on(RF_CONTROL_NO_TXFLAGS))
                return RF_COMMIT_OK;
        if ((hi | f->set) != f->fixed + f->factor * length)
                return (enum rf_commit_reason)f->reason;
        return length - f->length_min <= f->length_span ? RF_COMMIT_OK : RF_COMMIT_LENGTH;
}

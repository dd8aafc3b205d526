/* SPDX-License-Identifier: MIT
 * Ring driver: receiving. Both forms. */
#include "net.h"

/* Judges the write-back of one slot: the length of a frame to pass on, or 0 after counting why not. */
static uint32_t judge(struct rf_net *n, uint64_t hi)
{
        uint32_t length = (uint32_t)(hi >> n->form.rx_length) & 0xffff;
        bool fragment = n->rx_skip || (hi & n->form.rx_eop) == 0;

        n->rx_skip = (hi & n->form.rx_eop) == 0;
        if ((hi & n->form.rx_bad) != 0)
                n->stats.rx_errors++;
        else if (fragment || length > RF_NET_BUFFER)
                n->stats.rx_oversize++;
        else if (length < RF_NET_MIN)
                n->stats.rx_runts++;
        else
                return length;
        return 0;
}

unsigned rf_net_rx_burst(struct rf_net *n, struct rf_frame *out, unsigned max)
{
        struct ring *r = &n->rx;
        unsigned got = 0;

        while (got < max && r->error == 0 && ring_done(r)) {
                uint32_t slot = ring_slot(r, r->cleaned), length = judge(n, r->desc[slot].hi);

                r->cleaned++;
                if (length == 0) {
                        net_push_free(n, r->buffer[slot]);
                        continue;
                }
                out[got++] = net_give(n, r->buffer[slot], length);
                n->stats.rx_frames++;
                n->stats.rx_bytes += length;
        }
        net_refill_rx(n);
        return got;
}

void net_refill_rx(struct rf_net *n)
{
        struct ring *r = &n->rx;
        uint32_t missing = n->rx_target - (r->filled - r->cleaned);

        if (missing >= n->rx_batch && n->nfree == 0)
                net_reap_tx(n);
        if (missing >= n->rx_batch) {
                for (; missing > 0 && n->nfree > 0; missing--) {
                        uint32_t buffer = n->free[--n->nfree];

                        ring_put_rx(r, buffer, (struct rf_desc){net_bus(n, buffer), 0});
                }
        }
        ring_hand_over(r);
}

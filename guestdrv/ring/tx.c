/* SPDX-License-Identifier: MIT
 * Ring driver: sending. Both forms. */
#include "net.h"

#include "rf_string.h"

void net_reap_tx(struct rf_net *n)
{
        struct ring *r = &n->tx;

        while (ring_done(r)) {
                net_push_free(n, r->buffer[ring_slot(r, r->cleaned)]);
                r->cleaned++;
                n->stats.tx_done++;
        }
}

/* Short frames are padded here, with zeros: the NIC would pad too, but what stands behind the frame in the
 * buffer is the frame before it. */
static uint32_t padded(struct rf_net *n, const struct rf_frame *f)
{
        if (f->length >= RF_NET_TX_MIN)
                return f->length;
        memset(net_data(n, f->buffer) + f->length, 0, RF_NET_TX_MIN - f->length);
        return RF_NET_TX_MIN;
}

static void send_one(struct rf_net *n, const struct rf_frame *f)
{
        uint32_t length;

        if (!net_take(n, f))
                return;
        if (f->length == 0 || f->length > RF_NET_TX_MAX) {
                n->stats.tx_refused++;
                net_push_free(n, f->buffer);
                return;
        }
        length = padded(n, f);
        ring_put_tx(&n->tx, f->buffer,
                    (struct rf_desc){net_bus(n, f->buffer), n->form.tx + n->form.tx_length * length});
        n->stats.tx_frames++;
        n->stats.tx_bytes += length;
}

unsigned rf_net_tx_burst(struct rf_net *n, const struct rf_frame *in, unsigned count)
{
        unsigned done = 0;

        net_reap_tx(n);
        while (done < count && n->tx.error == 0 && ring_has_room(&n->tx))
                send_one(n, &in[done++]);
        ring_hand_over(&n->tx);
        return done;
}

unsigned rf_net_tx_room(struct rf_net *n)
{
        net_reap_tx(n);
        return n->tx.error != 0 ? 0 : n->tx.entries - 1 - (n->tx.filled - n->tx.cleaned);
}

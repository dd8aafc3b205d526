/* SPDX-License-Identifier: MIT
 *
 * The ring driver: frames in and out of one queue slot, without copies.
 *
 * There is one interface and two forms of what lies under it, chosen when the program is linked:
 *   commit form  descriptors go to the staging ring, one commit a burst hands them over;
 *   plain form   descriptors go to the ring and the tail to the doorbell, as on bare metal.
 * A program cannot tell them apart but by counting commits.
 *
 * Ownership. The DMA pool is cut into buffers of RF_NET_BUFFER bytes. Each buffer has one owner:
 *   driver  free, or on a ring. The program MUST NOT touch it.
 *   program after rf_net_rx_burst or rf_net_alloc returned it. The program may read and write
 *           frame.data[0 .. RF_NET_BUFFER), change frame.length, and MUST in the end pass the frame
 *           to rf_net_tx_burst (which takes it over if it counts it) or to rf_net_free.
 * A received frame may be sent on as it is: that is how a forwarder copies nothing.
 * The driver keeps book; a frame passed back by who does not own it is refused and counted as misuse.
 *
 * Everything in a received frame comes from the wire and is hostile. The driver promises only that
 * RF_NET_MIN <= length <= RF_NET_BUFFER.
 *
 * A rf_net belongs to the vCPU that opened it. Nothing here is safe from two vCPUs at once.
 */
#ifndef RINGFENCE_NET_H
#define RINGFENCE_NET_H

#include "ringfence_sdk.h"

enum {
        RF_NET_BUFFER = 2048,
        RF_NET_MIN = 14,          /* an Ethernet header; what is shorter is dropped */
        RF_NET_TX_MIN = 60,       /* shorter frames are padded with zeros to this */
        RF_NET_TX_MAX = 1514,     /* longer frames are not sent */
        RF_NET_BURST = 32,        /* a good number for `max`: what one commit hands over */
        RF_NET_MAX_BUFFERS = 8192 /* of a larger pool the rest stays unused */
};

struct rf_net; /* one open queue slot */

struct rf_frame {
        uint8_t *data;   /* Ethernet header first, no FCS; MUST stay as given */
        uint32_t length; /* bytes */
        uint32_t buffer; /* the driver's name for it; MUST stay as given */
};

struct rf_net_stats {
        uint64_t rx_frames, rx_bytes;
        uint64_t rx_errors;           /* the MAC reported an error */
        uint64_t rx_oversize;         /* longer than a buffer, or in more than one */
        uint64_t rx_runts;            /* shorter than an Ethernet header */
        uint64_t tx_frames, tx_bytes; /* handed to the driver; on the wire once `tx_done` counts them */
        uint64_t tx_done;
        uint64_t tx_refused; /* length outside (0, RF_NET_TX_MAX]: dropped */
        uint64_t commits;    /* hand-overs: commit calls, or doorbell stores */
        uint64_t stalls;     /* hand-overs that ended early; the rest follows with the next */
        uint64_t waits;      /* rf_net_wait calls that reached the hypervisor */
        uint64_t misuse;     /* frames passed back by who did not own them */
};

/* Opens queue slot `slot` of this vCPU and fills its receive ring. 0, or
 *   -RF_ENOENT   no such queue      -RF_ENOTSUP  a NIC model this driver does not know
 *   -RF_ENOMEM   heap too small     -RF_EINVAL   pool or ring of an impossible size
 *   -RF_EBUSY    opened before      -RF_EREVOKED taken away in the meantime */
int rf_net_open(struct rf_net **net, uint32_t slot);

/* At most `max` frames into out[]; returns how many. The program owns them. Refills the ring. */
unsigned rf_net_rx_burst(struct rf_net *net, struct rf_frame *out, unsigned max);

/* Sends in[0..count); returns how many the driver took, always from the front. Fewer than `count`: the ring
 * is full; the program still owns the others. Refused lengths and misuse are taken and dropped. */
unsigned rf_net_tx_burst(struct rf_net *net, const struct rf_frame *in, unsigned count);

/* How many frames rf_net_tx_burst would take now. */
unsigned rf_net_tx_room(struct rf_net *net);

/* An empty buffer with length 0. 0, or -RF_ENOMEM when none is free now. */
int rf_net_alloc(struct rf_net *net, struct rf_frame *frame);
void rf_net_free(struct rf_net *net, const struct rf_frame *frame);

/* Gives the CPU away until a frame is there (1), `deadline_ns` passes (0), or for no reason (2). Transmit
 * completion does not wake. -RF_EREVOKED: the queue is gone for good. */
int64_t rf_net_wait(struct rf_net *net, uint64_t deadline_ns);

/* 0 while the queue works; else why it does not:
 *   -RF_EREVOKED  taken away     -RF_EINVAL  a descriptor was refused (a bug of the driver or
 *   of whoever wrote over its memory). No burst moves a frame any more. */
int rf_net_error(const struct rf_net *net);

const uint8_t *rf_net_mac(const struct rf_net *net);
const struct rf_net_stats *rf_net_stats(struct rf_net *net);
const char *rf_net_form(void); /* "commit" or "plain" */

#endif

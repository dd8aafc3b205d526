/* SPDX-License-Identifier: MIT
 * Shared inside the ring driver only: one open queue slot and its buffers. */
#ifndef RF_RING_NET_H
#define RF_RING_NET_H

#include "ring.h"
#include "ringfence_net.h"

enum { RX_REFILL_BATCH = 16 }; /* fewer empty slots than this are not worth a doorbell */

struct rf_net {
        struct ring rx, tx;
        struct nic_form form;
        uint8_t *pool;
        uint64_t pool_bus;
        uint32_t slot;
        uint32_t rx_target, rx_batch; /* keep this many buffers on the ring; refill in such steps */
        bool rx_skip;                 /* inside a frame of several buffers, which we drop as a whole */
        uint32_t nbuffers, nfree;
        uint32_t *free;   /* stack of free buffers */
        uint8_t *program; /* 1: the program owns the buffer */
        struct rf_net_stats stats;
        uint8_t mac[6];
};

static inline uint64_t net_bus(const struct rf_net *n, uint32_t buffer)
{
        return n->pool_bus + (uint64_t)buffer * RF_NET_BUFFER;
}

static inline uint8_t *net_data(const struct rf_net *n, uint32_t buffer)
{
        return n->pool + (uint64_t)buffer * RF_NET_BUFFER;
}

static inline void net_push_free(struct rf_net *n, uint32_t buffer)
{
        n->free[n->nfree++] = buffer;
}

/* Passes a buffer to the program. */
static inline struct rf_frame net_give(struct rf_net *n, uint32_t buffer, uint32_t length)
{
        n->program[buffer] = 1;
        return (struct rf_frame){net_data(n, buffer), length, buffer};
}

/* Takes a buffer back from the program; false if it was not the program's. */
static inline bool net_take(struct rf_net *n, const struct rf_frame *f)
{
        if (f->buffer >= n->nbuffers || n->program[f->buffer] == 0) {
                n->stats.misuse++;
                return false;
        }
        n->program[f->buffer] = 0;
        return true;
}

/* Which slots are open, by vCPU: each once. */
extern struct rf_net *net_opened[RF_SDK_VCPUS][RF_MAX_QUEUES];

/* Takes back the buffers of sent frames. */
void net_reap_tx(struct rf_net *n);
/* Puts free buffers on the receive ring. */
void net_refill_rx(struct rf_net *n);

#endif

/* SPDX-License-Identifier: MIT
 *
 * A soft queue from the device's side: takes the frames its guest has handed over, puts frames into the
 * buffers it has given. Rings were written by the guard or by ring 0, pools by a guest that may write on
 * meanwhile: so every word is read once, every address is checked again, and what is decided by is a copy.
 * Pure but for the memory it is given.
 */
#ifndef PORT_H
#define PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "rf/nic_io.h"
#include "rf/root.h"

enum { PORT_SPARE = 8, FRAME_HEAD = 64, FRAME_MIN = 60, FRAME_MAX = 1514, FRAME_CRC = 4 };

struct frame {
        uint32_t length;
        const uint8_t *data;      /* of the sender's pool; it may change */
        uint8_t head[FRAME_HEAD]; /* its first bytes, read once: what is looked at is what is delivered */
};

struct port_desc {
        uint64_t lo, hi;
};
_Static_assert(sizeof(struct port_desc) == 16, "82576, 7.1.5");

struct port {
        volatile struct port_desc *rx, *tx;
        const volatile struct rf_soft_state *state;
        uint8_t *pool;
        uint64_t limit;            /* highest address of a buffer in it */
        uint32_t rx_head, tx_head; /* free-running: slots the device is done with */
        uint32_t most;             /* buffers that the guest has ever had waiting at once */
        bool delivered;            /* a frame since port_wants_wake() looked last */
        uint64_t bad;              /* descriptors that no guard can have let through */
        struct nic_counters count;
};

enum port_next { PORT_EMPTY, PORT_FRAME, PORT_BAD };

/* The next frame that the guest has handed over. Each FRAME or BAD is given back by port_sent(). */
enum port_next port_next(struct port *p, struct frame *f);
void port_sent(struct port *p);
/* false: the guest has given no buffer; counted. The last PORT_SPARE-th of its buffers is for the wire: a
 * neighbour that floods it must not cost it everything else. */
bool port_deliver(struct port *p, const struct frame *f, bool from_wire);
/* Does its vCPU wait for what was delivered? The caller has put a full fence in between. */
bool port_wants_wake(struct port *p);

/* Copies a frame as it was seen, short ones padded with zeros; returns its length then. */
uint32_t frame_copy(uint8_t *to, const struct frame *f);
void frame_snapshot(struct frame *f, const uint8_t *data, uint32_t length);

#endif

/* SPDX-License-Identifier: MIT
 *
 * A bed for the ring driver on the host: an info page, rings, a pool, and a small model of the NIC and of the
 * guard. It takes the place of the SDK (rf_self, rf_alloc, rf_commit, rf_wait, time), so that the driver's
 * own objects run in it, in either form. It fails the test at once when the driver
 *   - hands over a descriptor that the model's table (rf/igb_desc.h, rf/e1000_desc.h) forbids, or a buffer
 * that the NIC already has;
 *   - changes a ring slot that the NIC owns;
 *   - waits for a slot that is not handed over.
 * A slot the NIC has given back, or never had, is full of 1 bits (DD among them): a driver that looks at
 * one that it has not handed over takes a frame that was never there.
 */
#ifndef NET_BED_H
#define NET_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../guestdrv/ring/ring.h"
#include "ringfence_net.h"

enum { BED_BUFFERS = 1024, BED_BUS = 0x10000000, BED_KEEP = 512, BED_HEAP = 16 };

struct bed_ring {
        struct rf_desc desc[RF_RING_ENTRIES];    /* what the NIC sees */
        struct rf_desc staging[RF_RING_ENTRIES]; /* commit form */
        struct rf_desc seen[RF_RING_ENTRIES];    /* as handed over, while the NIC owns it */
        uint32_t doorbell;                       /* plain form */
        uint32_t clean, reaped;                  /* the guard's indices, free-running */
        uint32_t head, tail;                     /* the NIC's, free-running */
};

struct bed_frame {
        uint32_t length;
        uint8_t data[RF_NET_BUFFER];
};

/* Status bits of a write-back, as the 82576 has them; the bed translates. */
enum { BED_EOP = IGB_RX_EOP, BED_OTHER = 0x7fffffff };
#define BED_BAD IGB_RX_RXE

extern uint32_t bed_model; /* enum rf_nic_model: of the next bed */
extern struct bed {
        struct rf_info info;
        struct bed_ring rx, tx;
        uint8_t *pool;
        void *heap[BED_HEAP]; /* what rf_alloc gave */
        unsigned nheap;
        bool nic_has[BED_BUFFERS];
        struct bed_frame sent[BED_KEEP]; /* ring buffer of what left */
        uint64_t nsent;
        uint64_t now_ns;
        unsigned commits, waits;
        /* For tests of the commit form: answer the next `refuse_count` commits with this reason. */
        uint32_t refuse;
        unsigned refuse_count;
        /* Called by rf_wait; NULL: time passes to the deadline. */
        int64_t (*on_wait)(uint32_t queue, uint32_t next, uint64_t deadline_ns);
        char console[65536];
        size_t console_used;
} * bed;

/* A new bed, with `buffers` of pool and rings of 256. rf_net_open forgets what it had open. */
void bed_make(uint32_t buffers);
void bed_free(void);

/* The NIC takes in what was handed over; plain form: what the doorbell says. Both directions. */
void bed_nic_look(void);
/* Receives one frame; false if there is no descriptor. `status` is the write-back's first dword, DD is added.
 */
bool bed_nic_receive_raw(const void *data, uint32_t copied, uint32_t length, uint32_t status);
bool bed_nic_receive(const void *data, uint32_t length);
/* Sends at most `max` frames. */
unsigned bed_nic_send(unsigned max);
const struct bed_frame *bed_last_sent(void);
uint32_t bed_owned(const struct bed_ring *r); /* slots that the NIC owns */

#endif

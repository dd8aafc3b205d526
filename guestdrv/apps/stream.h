/* SPDX-License-Identifier: MIT
 * The book that meter keeps about its stream: which sequence numbers are out, came back, are lost. Pure
 * functions; time comes in as an argument.
 *
 * A datagram's data: 2 bytes run, 8 sequence number, 8 time sent (all big-endian: 18 bytes, what fits the
 * shortest frame), then a pattern that depends on sequence number and place. */
#ifndef APPS_STREAM_H
#define APPS_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "histogram.h"

enum {
        STREAM_HEADER = 18,
        STREAM_SLOTS = 4096,      /* how far the newest may be ahead of the oldest unsettled */
        STREAM_MAX_WINDOW = 1024, /* outstanding at once */
};

enum stream_state { STREAM_FREE = 0, STREAM_OUT, STREAM_BACK, STREAM_LOST };

struct stream_slot {
        uint64_t seq, sent_ns;
        uint32_t bytes; /* of data */
        enum stream_state state;
};

struct stream {
        uint16_t run;    /* tells this run's frames from those of an earlier one */
        uint64_t next;   /* sequence number to send next = frames sent so far */
        uint64_t oldest; /* everything before is settled */
        uint32_t out;    /* outstanding now */
        uint64_t received, lost, late, duplicates, corrupt, stray;
        uint64_t first_ns, last_ns; /* first sent, last received */
        struct histogram latency;
        struct stream_slot slot[STREAM_SLOTS];
};

bool stream_may_send(const struct stream *s, uint32_t window);
/* Books the next frame and writes its `bytes` (>= STREAM_HEADER) of data. */
void stream_send(struct stream *s, uint8_t *data, uint32_t bytes, uint64_t now_ns);
/* Judges received data. */
void stream_receive(struct stream *s, const uint8_t *data, uint32_t bytes, uint64_t now_ns);
/* Gives up what was sent before now_ns - timeout_ns. Returns when to look again, UINT64_MAX if nothing is
 * out. */
uint64_t stream_expire(struct stream *s, uint64_t now_ns, uint64_t timeout_ns);
/* Frames received per second, from the first sent to the last received. */
uint64_t stream_rate(const struct stream *s);

#endif

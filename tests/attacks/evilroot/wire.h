/* SPDX-License-Identifier: MIT
 * Frames of the DMA attacks: to the host's load generator, with a word that says what they prove. */
#ifndef WIRE_H
#define WIRE_H

#include "evil.h"

enum { FRAME_BYTES = 60, BUFFER = 2048, BUFFERS = POOL_PAGES * 2 };

/* In a subject's pool: buffer n holds a frame with this 8-character word. */
void wire_put(struct subject *s, unsigned buffer, const char *word);
void wire_fill(struct subject *s, const char *word); /* all buffers */
/* A subject whose whole pool is this frame, and where that lies: with the second queue, if the NIC has one.
 */
uint64_t wire_victim(struct subject *s, const char *word);
bool wire_intact(struct subject *s, const char *word); /* are they? */
/* It sends a frame now and then, for ever, and never comes back to us. */
void heartbeat(struct subject *s, uint64_t pause);
uint64_t wire_bus(struct subject *s); /* of its pool: guests can read it */
uint64_t wire_hi(uint32_t length);    /* a good transmit descriptor */
static inline uint32_t reached(uint64_t result)
{
        return (uint32_t)result;
}
static inline uint32_t reason(uint64_t result)
{
        return (uint32_t)(result >> 32);
}

#endif

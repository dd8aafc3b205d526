/* SPDX-License-Identifier: MIT
 *
 * The switch: guests with soft queues on one side, the switch's own hardware queue (wire.h) on the other.
 * Frames go by destination address; between guests they never touch the wire. A guest that floods gets its
 * share of each round and no more, one that gives no buffers loses its own frames, one that lies about its
 * address is not heard.
 */
#ifndef SWITCH_H
#define SWITCH_H

#include "guest.h"
#include "rf/nic_io.h"

enum switch_drop {
        SWITCH_SPOOFED, /* from a guest, not with its own source address */
        SWITCH_BAD,     /* from a guest, a descriptor out of bounds */
        SWITCH_STRAY,   /* to an address of nobody: from the wire, or the sender's own */
        SWITCH_DROPS
};

int switch_attach(
    const struct guest *g); /* its soft queue, number g->queue: assigned, enabled; or -RF_E... */
void switch_detach(const struct guest *g);                  /* taken back */
struct nic_counters switch_counters(const struct guest *g); /* since switch_attach() */
uint64_t switch_dropped(const struct guest *g, enum switch_drop why);
bool switch_used(void);          /* has there been a guest behind it? */
uint64_t switch_strays(void);    /* from the wire, so far */
uint64_t switch_reflected(void); /* from the wire, though one of ours had sent them */
uint64_t switch_ticks(void);     /* TSC ticks spent in rounds that moved frames */

/* Moves what there is, in fair portions, and says until when root may sleep: at most `next`, 0 for not at
 * all. */
uint64_t switch_run(uint64_t next);

#endif

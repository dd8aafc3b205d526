/* SPDX-License-Identifier: MIT
 *
 * The guard in Unicorn: an emulated CPU with paging and protection keys of its own. WRPKRU is executed, not
 * modelled; a store with the window closed meets a page fault of the emulator's. Pages and rights are those
 * of a ring space (design.md), but for NX, which this CPU model lacks: what would run outside the guard
 * counts as having left it. `window` and `staging` of guard_bed.h are the memory.
 */
#ifndef ENTER_BED_H
#define ENTER_BED_H

#include "guard_bed.h"

enum enter_stop { ENTER_LEFT, ENTER_FAULT, ENTER_LONG, ENTER_STOPS };

struct enter_run {
        enum enter_stop stop;
        uint32_t pkru;                /* at the end, as RDPKRU says */
        unsigned opens;               /* properly, by the WRPKRU at guard_open */
        uint32_t opened;              /* bit n: ring n was named at one of them */
        unsigned hypercalls, fetched; /* instructions of the guard */
        bool code32;                  /* it ended in a 32-bit segment */
        const char *wrong;
};

extern bool enter_racing;   /* staging changes at each read */
extern uint64_t enter_mask; /* addresses are cut to this: 32 bits in the world that is not ours */

void enter_init(void);
uint8_t *enter_page(void);   /* to change it; then enter_reload() */
uint64_t *enter_stack(void); /* 512 words at BED_STACK */
void enter_load(void);
void enter_reload(void);
struct enter_run enter(const struct bed_regs *regs, bool code32);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Runs the real guard page in this process, at its real address, and watches it.
 *
 * The pages of the window lie at the addresses of rf/layout.h, backed by memory this side can always reach
 * (`window`, `staging`). PKRU is a variable here: WRPKRU faults on a CPU without keys, or is met before it
 * executes when single-stepping, and becomes mprotect() on the window. So a store with the window closed
 * faults, as it would in a ring space. Whenever the window is opened properly, the C twin (guard_hand_over)
 * is run on copies; afterwards both must agree on every byte of the window.
 */
#ifndef GUARD_BED_H
#define GUARD_BED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "desc.h"
#include "guard.h"

enum { BED_RINGS = 4, BED_ENTRIES = 256 };
extern const uint32_t bed_ring[BED_RINGS]; /* the ring numbers that have pages: 0, 1, 6, 7 */

struct bed_window {
        union {
                struct guard_state state;
                uint8_t state_page[4096];
        };
        struct desc ring[BED_RINGS][BED_ENTRIES];
        uint32_t bell[2][1024]; /* the pages of RDT and TDT */
};
extern struct bed_window *window;
extern struct desc (*staging)[BED_ENTRIES];
extern bool bed_fast; /* the window stays writable (mprotect is slow): rights are not checked, results are */

struct bed_regs {                     /* order as in vcpu.h */
        uint64_t gpr[16], rip, flags; /* flags: all but TF, IF, AC and the system's */
};
enum { A_RAX, A_RCX, A_RDX, A_RBX, A_RSP, A_RBP, A_RSI, A_RDI, A_R8, A_R9, A_R10, A_R11, A_R12 };

enum bed_stop {
        BED_LEFT,      /* RIP left the guard page */
        BED_FAULT,     /* the CPU raised an exception: a guest would exit */
        BED_FORBIDDEN, /* met an instruction that would harm this process, window closed */
        BED_LIMIT,     /* too many steps */
};

struct bed_run {
        struct bed_regs regs;
        enum bed_stop stop;
        int signal;
        uint64_t fault;        /* address of a SIGSEGV */
        unsigned steps, opens; /* opens: with the right value */
        uint32_t pkru;
        uint64_t expect; /* what the C twin returned at the last open */
        unsigned hypercalls;
        struct bed_regs hypercall; /* registers at the last one */
        const char *wrong;         /* a rule broken on the way, or NULL */
};

#define BED_RETURN 0x0000000400000000ull /* nothing is mapped there */
#define BED_STACK  0x0000001800000000ull /* one page */

void bed_init(void);
void bed_load(bool keys); /* a fresh guard page from guard_build() */
uint8_t *bed_page(void);  /* to mutate it; then bed_reload() */
void bed_reload(void);
bool bed_yields(uint32_t ring); /* does a commit in it end with a YIELD? */
void bed_random(void);          /* new random state, rings, staging */
/* ring bed_ring[n], of the model with these two forms: empty, staging all valid */
void bed_plain(unsigned n, const struct guard_form *forms, uint32_t mask);
void bed_done(unsigned n, unsigned slot); /* the NIC sets DD */
struct bed_run bed_go(const struct bed_regs *regs, bool step);
struct bed_run bed_commit(uint64_t ring, uint64_t tail, bool step);
const char *bed_compare(const struct bed_run *run); /* NULL: all as it must be */
void bed_forget(void);
unsigned bed_seen(unsigned offset); /* how often single-stepping met this offset of the page */

/* between the files of the bed (guard_pages.c) */
void bed_protect(uint32_t pkru);
void bed_full_speed(bool on);
bool bed_is_wrpkru(const uint8_t *p);

uint64_t bed_rand(void);
static inline uint64_t bed_below(uint64_t n)
{
        return bed_rand() % n;
}
bool bed_chance(unsigned percent);
struct desc bed_spoiled(const struct guard_form *form, uint64_t limit); /* not always */
struct desc bed_valid(const struct guard_form *form, uint64_t limit);   /* one of igb_form[], e1000_form[] */

#endif

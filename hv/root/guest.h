/* SPDX-License-Identifier: MIT
 * A guest as root knows it: what ringfence.conf asks for, what is built, what it has used so far. */
#ifndef GUEST_H
#define GUEST_H

#include "config.h"
#include "dbos.h"
#include "dbos_trampoline.h"
#include "elf.h"
#include "layout.h"
#include "ringfence.h"

enum guest_state {
        GUEST_DOWN, /* not started, or stays down: `why` */
        GUEST_RUNNING,
        GUEST_BACKOFF, /* is built again at restart_tsc */
        GUEST_ENDED,   /* exited, and its policy leaves it at that */
        GUEST_STATES
};

enum { GUEST_OPEN_PAGES = 32, GUEST_REMOVED = 32, GUEST_DETOURS = 64, GUEST_WHY = 224, GUEST_HISTORY = 10 };

/* Totals since the start of the guest's name, across restarts. */
struct tally {
        uint64_t rx_frames, tx_frames, rx_bytes, tx_bytes, drops;
        uint64_t spoofed, refused; /* by the switch: forged source; other frames of its own it did not take */
        uint64_t exits[RF_EXIT_COUNT];
        uint64_t entries, run_tsc;
};

/* An instruction that the engine replaced by UD2: to give its #UD a name. */
struct guest_removed {
        uint64_t va;
        enum dbos_rule rule;
        const char *advice;
};

struct guest {
        struct config_guest *config;
        unsigned number; /* from 1, in the order of ringfence.conf: what keys and table use */
        enum guest_state state;
        char why[GUEST_WHY]; /* of GUEST_DOWN and GUEST_ENDED */

        /* built: valid while id >= 0 */
        int id;
        int queue; /* of the NIC, or a soft one; -1: none */
        bool soft;
        uint32_t vcpu[RF_GUEST_VCPUS]; /* ring 0's ids */
        uint32_t nvcpus;
        struct elf_image image;
        struct layout layout;
        struct trampolines trampolines;
        struct dbos_code code[ELF_MAX_SEGMENTS];
        unsigned ncode;
        struct dbos_summary summary;
        bool accepted; /* from then on a write to code opens its page first */
        uint64_t open[GUEST_OPEN_PAGES];
        unsigned nopen;
        struct guest_removed removed[GUEST_REMOVED];
        unsigned nremoved;
        struct { /* stores with no room for a jump: where each goes on instead (dbos.h, DBOS_EMULATED) */
                uint64_t site, next;
        } detour[GUEST_DETOURS];
        unsigned ndetours;
        struct { /* each vCPU's last write to code, to notice one that writes the instruction it runs */
                uint64_t page, rip;
        } written[RF_GUEST_VCPUS];

        struct tally past; /* of earlier lives */
        uint32_t restarts;
        uint64_t restart_tsc;
        uint64_t history[GUEST_HISTORY]; /* when it was restarted last, a ring */
};

extern struct guest guests[RF_MAX_GUESTS];
extern unsigned nguests;

/* build.c. 0, or -RF_E... and g->why; then nothing of it is left. */
int guest_build(struct guest *g);
int guest_start(struct guest *g);
/* Queue, vCPUs and frames are given back; the totals are kept. */
void guest_tear_down(struct guest *g);
void guest_why(struct guest *g, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* space.c: the engine's way to the guest's code. */
struct dbos_space guest_space(struct guest *g);
int guest_accept_code(struct guest *g);   /* all of it, for the first time */
int guest_accept_opened(struct guest *g); /* what the engine wrote to since */
int guest_accept_page(struct guest *g, uint64_t page);
bool guest_is_code(const struct guest *g, uint64_t va);
const struct dbos_code *guest_code_at(const struct guest *g, uint64_t va);
static inline void *guest_pointer(const struct guest *g, uint64_t va)
{
        return (void *)(uintptr_t)(RF_ROOT_GUEST(g->id) + va);
}

/* life.c */
void guests_start_all(struct config *c);
void guests_tick(uint64_t now); /* restarts that are due */
/* It stopped, g->why says why: torn down, then its restart policy. failure: not an exit with status 0. */
void guest_ended(struct guest *g, bool failure);
void guest_restart(struct guest *g);    /* at once, whatever the policy */
void guest_kill(struct guest *g);       /* as if it had died; while it waits for a restart: it stays down */
struct guest *guest_of_id(uint32_t id); /* the running one with this id of ring 0's, or NULL */

/* service.c: answers the request of a vCPU. */
void service(uint32_t vcpu);

/* death.c: why a vCPU died, in one line, into g->why. */
void guest_explain_death(struct guest *g, uint32_t vcpu);
void guest_where(const struct guest *g, uint64_t rip, char *out, size_t n); /* "0x400001010 (main+0x10)" */
const char *commit_reason(uint32_t reason);                                 /* of enum rf_commit_reason */

#endif

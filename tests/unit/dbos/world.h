/* SPDX-License-Identifier: MIT
 *
 * A ring space inside a test process: guest code, trampolines, window and staging at the addresses of
 * rf/layout.h, with the process's own SIGSEGV in the place of ring 0 and root. Code runs natively.
 */
#ifndef TEST_DBOS_WORLD_H
#define TEST_DBOS_WORLD_H

#include "dbos.h"
#include "ringfence.h"

enum { WORLD_CODE_PAGES = 4, WORLD_LOG = 64 };

struct state { /* what a run starts from and ends with */
        uint64_t gpr[16], rflags;
        uint8_t xmm[8][16];
};

struct commit_call {
        uint32_t ring, tail;
};

struct world {
        struct dbos_space space;
        struct dbos_code code;
        uint64_t entries[8];
        /* what happened */
        unsigned faults, rewritten, emulated, kills;
        struct dbos_finding last;
        struct dbos_store store;
        unsigned nfindings;
        struct dbos_finding findings[256];
        bool crashed; /* a signal nobody expected */
        uint64_t crash_va, crash_rip;
        unsigned no_trampolines;         /* 1: the allocator always fails */
        uint64_t detour_from, detour_to; /* the one site that no jump fits at, as hv/root remembers it */
        uint64_t step_from, step_to;     /* world_run counts the guest's instructions between these two */
        unsigned steps;
};
extern struct world world;

void world_open(void);                 /* once a process */
void world_map(uint64_t va, size_t n); /* more that the engine may read */
void world_reset(void);                /* forget trampolines and logs; code pages become INT3 */
/* Put code at RF_IMAGE_BASE + offset, followed by the way out. Returns its address. */
uint64_t world_code(unsigned offset, const void *bytes, size_t n);
/* Run from va. guarded: ring read-only, doorbell unmapped, faults go to the engine. */
void world_run(uint64_t va, struct state *s, bool guarded);

void world_fill(uint32_t seed); /* same content for ring, staging and data */
enum { WORLD_DATA_BYTES = 0x4000 };
#define WORLD_DATA  (RF_HEAP_VA)
#define WORLD_STACK (RF_STACK_VA + 0x8000)

/* The guard's stubs: calls recorded, answers from a script (the last one repeats). */
extern struct commit_call commit_log[WORLD_LOG];
extern unsigned ncommits;
extern uint64_t commit_answer[WORLD_LOG]; /* reason << 32 | tail reached; tail ~0: the one asked for */
extern unsigned nanswers;
extern uint64_t hypercall_log[WORLD_LOG][2]; /* RAX, RDI */
extern unsigned nhypercalls;

uint64_t world_random(void);
void world_seed(uint64_t seed);

#endif

/* SPDX-License-Identifier: MIT
 *
 * The guard state page: one a vCPU, at RF_STATE_VA, protection key 1 (the guest reads, only the guard and
 * ring 0 write). The guard takes every address, limit and index from here, after it has opened the window.
 * guard.S uses the byte offsets below; the assertions keep both in step.
 */
#ifndef GUARD_STATE_H
#define GUARD_STATE_H

#define GUARD_RINGS 8 /* 2 * RF_MAX_QUEUES; ring number = 2 * slot + (0 receive, 1 transmit) */

/* struct guard_state */
#define GS_PENDING 0
#define GS_RINGS   64
/* struct guard_ring */
#define GR_SHIFT    6
#define GR_RING     0
#define GR_STAGING  8
#define GR_DOORBELL 16
#define GR_BUS      24
#define GR_LIMIT    32
#define GR_MODE     40
#define GR_MASK     44
#define GR_CLEAN    48
#define GR_REAPED   52
#define GR_REJECTED 56

#define GR_MODE_NONE    0
#define GR_MODE_RX      1
#define GR_MODE_TX      2
#define GR_MODE_REVOKED 3

#ifndef __ASSEMBLER__
#include <stdint.h>

struct guard_ring {
        uint64_t ring, staging, doorbell; /* VA in the ring space */
        uint64_t bus;                     /* of the pool: added to each address */
        uint64_t limit;                   /* highest allowed pool-relative address */
        uint32_t mode;                    /* GR_MODE_ */
        uint32_t mask;                    /* entries - 1 */
        uint32_t clean, reaped;           /* free-running: handed over, returned (P6) */
        uint32_t rejected;
        uint32_t reserved;
};

struct guard_state {
        uint32_t pending; /* ring 0 -> guard: make a YIELD hypercall after closing */
        uint32_t reserved[15];
        struct guard_ring ring[GUARD_RINGS];
};

_Static_assert(__builtin_offsetof(struct guard_state, ring) == GS_RINGS, "guard.S");
_Static_assert(sizeof(struct guard_ring) == 1 << GR_SHIFT, "guard.S");
_Static_assert(__builtin_offsetof(struct guard_ring, limit) == GR_LIMIT, "guard.S");
_Static_assert(__builtin_offsetof(struct guard_ring, mode) == GR_MODE, "guard.S");
_Static_assert(__builtin_offsetof(struct guard_ring, clean) == GR_CLEAN, "guard.S");
_Static_assert(__builtin_offsetof(struct guard_ring, rejected) == GR_REJECTED, "guard.S");
#endif

#endif

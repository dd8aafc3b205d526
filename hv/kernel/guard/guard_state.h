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
#define GR_SHIFT       7
#define GR_RING        0
#define GR_STAGING     8
#define GR_DOORBELL    16
#define GR_BUS         24
#define GR_LIMIT       32
#define GR_MODE        40
#define GR_MASK        44
#define GR_CLEAN       48
#define GR_REAPED      52
#define GR_REJECTED    56
#define GR_SET         64
#define GR_FACTOR      72
#define GR_FIXED       80
#define GR_LENGTH_MIN  88
#define GR_LENGTH_SPAN 92
#define GR_DD          96
#define GR_REASON      100
#define GR_NOTIFY      104

#define GR_MODE_NONE    0
#define GR_MODE_ON      1
#define GR_MODE_REVOKED 2

#ifndef __ASSEMBLER__
#include <stdint.h>

/* Which second words of a descriptor a guest may hand over, for one direction of one NIC model. Trusted:
 * with `set` put in, the word must be fixed + factor * length, its low 16 bits being the length. */
struct guard_form {
        uint64_t set, factor, fixed;
        uint32_t length_min, length_span; /* min <= length <= min + span */
        uint32_t dd;                      /* byte of the descriptor whose bit 0 is DD after write-back */
        uint32_t reason;                  /* of another word: enum rf_commit_reason */
};

struct guard_ring {
        uint64_t ring, staging, doorbell; /* VA in the ring space */
        uint64_t bus;                     /* of the pool: added to each address */
        uint64_t limit;                   /* highest allowed pool-relative address */
        uint32_t mode;                    /* GR_MODE_ */
        uint32_t mask;                    /* entries - 1 */
        uint32_t clean, reaped;           /* free-running: handed over, returned (P6) */
        uint32_t rejected;
        uint32_t bell; /* the doorbell of a soft queue: nobody looks at it */
        struct guard_form form;
        uint32_t notify; /* ring 0 -> guard: YIELD after commits in this ring: the switch sleeps */
        uint32_t reserved[5];
};

struct guard_state {
        uint32_t pending; /* ring 0 -> guard: make a YIELD hypercall after closing */
        uint32_t waiting; /* ring 0 -> root: in RF_HC_WAIT on a soft queue */
        uint32_t reserved[14];
        struct guard_ring ring[GUARD_RINGS];
};

_Static_assert(__builtin_offsetof(struct guard_state, ring) == GS_RINGS, "guard.S");
_Static_assert(sizeof(struct guard_ring) == 1 << GR_SHIFT, "guard.S");
_Static_assert(__builtin_offsetof(struct guard_ring, limit) == GR_LIMIT, "guard.S");
_Static_assert(__builtin_offsetof(struct guard_ring, mode) == GR_MODE, "guard.S");
_Static_assert(__builtin_offsetof(struct guard_ring, clean) == GR_CLEAN, "guard.S");
_Static_assert(__builtin_offsetof(struct guard_ring, rejected) == GR_REJECTED, "guard.S");
_Static_assert(__builtin_offsetof(struct guard_ring, form.set) == GR_SET, "guard.S");
_Static_assert(__builtin_offsetof(struct guard_ring, form.fixed) == GR_FIXED, "guard.S");
_Static_assert(__builtin_offsetof(struct guard_ring, form.length_span) == GR_LENGTH_SPAN, "guard.S");
_Static_assert(__builtin_offsetof(struct guard_ring, form.reason) == GR_REASON, "guard.S");
_Static_assert(__builtin_offsetof(struct guard_ring, notify) == GR_NOTIFY, "guard.S");
_Static_assert(sizeof(struct guard_state) <= 4096, "one page");
#endif

#endif

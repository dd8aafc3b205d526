/* SPDX-License-Identifier: MIT
 *
 * Every 4 KiB frame of RAM has one owner and one kind. What a frame may be mapped as follows from its kind,
 * and a guest frame is mapped at one guest address only, so that taking a right away finds every mapping.
 */
#ifndef FRAME_H
#define FRAME_H

#include "kernel.h"

enum frame_kind {
        FRAME_NONE = 0, /* not RAM, or firmware's */
        FRAME_FREE,
        FRAME_KERNEL, /* ring 0's data, tables of its own, loader's hand-over */
        FRAME_KERNEL_TEXT,
        FRAME_FILE, /* boot files and read-only image parts: root may read */
        FRAME_ROOT, /* root's data */
        FRAME_ROOT_TEXT,
        FRAME_TABLE, /* page table of a guest: nested-writable for the walker, at no guest VA */
        FRAME_DATA,  /* guest read-write */
        FRAME_RODATA,
        FRAME_CODE,  /* guest code; executable only while `executable` */
        FRAME_POOL,  /* DMA pool */
        FRAME_RING,  /* descriptor ring: window */
        FRAME_STATE, /* guard state: window */
        FRAME_INFO,
        FRAME_STAGING,
        FRAME_GUARD,      /* the guard's code */
        FRAME_QUARANTINE, /* a device may still write here: never reused */
        FRAME_KINDS
};

enum { OWNER_KERNEL = -1, OWNER_ROOT = -2 }; /* else a guest id */

struct frame {
        uint64_t va;         /* the one guest address (guest kinds) */
        uint32_t next, prev; /* list of its owner's frames, or the free list; index, 0 = end */
        uint8_t kind;        /* enum frame_kind */
        uint8_t executable;  /* accepted: mapped RX, writable nowhere */
        int16_t owner;
        uint16_t pins; /* queues whose DMA may reach it: not freed while > 0 */
        uint16_t reserved;
};
_Static_assert(sizeof(struct frame) == 24, "one a frame: keep it small");

void frame_init(void);
/* A zeroed frame: its HPA, or -RF_ENOMEM. A guest owner is charged against its quota. */
int64_t frame_alloc(enum frame_kind kind, int owner);
/* `pages` contiguous zeroed frames. */
int64_t frame_alloc_contiguous(enum frame_kind kind, int owner, uint64_t pages);
void frame_free(uint64_t hpa);
void frame_free_owner(int owner);     /* everything but quarantine */
struct frame *frame_of(uint64_t hpa); /* NULL: not RAM */
void frame_set_kind(uint64_t hpa, enum frame_kind kind);
uint64_t frame_free_count(void);

/* Ring 0's view of RAM: never executable; read-only while the frame is executable anywhere. */
#ifndef PHYSMAP_BASE /* the unit tests have it where a process can */
#define PHYSMAP_BASE 0xffff800000000000ull
#endif
static inline void *phys(uint64_t hpa)
{
        return (void *)(uintptr_t)(PHYSMAP_BASE + hpa);
}
static inline uint64_t phys_of(const void *p) /* of a physmap pointer */
{
        return (uint64_t)(uintptr_t)p - PHYSMAP_BASE;
}

#endif

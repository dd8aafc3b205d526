/* SPDX-License-Identifier: MIT
 *
 * One walker for every radix table of the system: ring 0's and root's, the ring spaces', NPT (and EPT).
 * A format encodes leaves; everything else is shared.
 */
#ifndef PAGING_H
#define PAGING_H

#include "kernel.h"

enum perm {
        PERM_R = 1 << 0,
        PERM_W = 1 << 1,
        PERM_X = 1 << 2,
        PERM_U = 1 << 3,    /* user leaf: in ring spaces the window only */
        PERM_UC = 1 << 4,   /* device memory */
        PERM_WC = 1 << 5,   /* framebuffer */
        PERM_KEY_SHIFT = 8, /* protection key in bits 11:8 */
};
#define PERM_KEY(k) ((unsigned)(k) << PERM_KEY_SHIFT)
#define PERM_RW     (PERM_R | PERM_W)
#define PERM_RX     (PERM_R | PERM_X)

struct table_format {
        const char *name;
        uint64_t (*leaf)(uint64_t hpa, unsigned perm);
        uint64_t (*table)(uint64_t hpa);
        bool (*present)(uint64_t entry);
        unsigned (*perm)(uint64_t entry); /* of a leaf */
};
extern const struct table_format format_host; /* AMD64 long mode: host and ring-space tables */

struct table {
        const struct table_format *format;
        uint64_t root;        /* HPA of the top table */
        int top;              /* its level: 4 = PML4, 3 = PDPT (then addresses are 39 bits) */
        int owner;            /* pays for tables below */
        struct table *nested; /* ring spaces: where new tables must be mapped for the walker, else NULL */
};

#define ENTRY_HPA 0x000ffffffffff000ull

/* Maps one 4 KiB page, replacing what was there. 0 or -RF_ENOMEM. Flushing is the caller's. */
int table_map(struct table *t, uint64_t va, uint64_t hpa, unsigned perm);
void table_unmap(struct table *t, uint64_t va);
/* The leaf entry for va, or NULL. */
uint64_t *table_leaf(const struct table *t, uint64_t va);
int table_map_large(struct table *t, uint64_t va, uint64_t hpa, unsigned perm); /* 2 MiB, host format only */
void table_visit(const struct table *t, uint64_t root, int level, uint64_t va,
                 void (*visit)(const struct table *t, uint64_t va, uint64_t entry, uint64_t pages, void *ctx),
                 void *ctx);
bool table_query(const struct table *t, uint64_t va, uint64_t *hpa, unsigned *perm);

/* host tables (host_map.c) */
extern struct table host_table; /* PML4 of ring 0 and root, the CR3 of every CPU in the host */
void host_map_init(void);
void *host_map_device(uint64_t hpa, uint64_t bytes,
                      unsigned perm_type); /* PERM_UC or PERM_WC; stays for ever */
int physmap_split(uint64_t hpa);           /* before the frame may ever become code; -RF_ENOMEM */
void physmap_set_writable(uint64_t hpa, bool writable); /* then host_flush() */
/* Makes every CPU drop stale host translations: root is interrupted where it runs, other CPUs flush when they
 * next take the lock. Returns when no CPU can use an old translation. */
void host_flush(void);

#endif

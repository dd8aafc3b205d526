/* SPDX-License-Identifier: MIT
 *
 * Ring 0's part in driving NICs: find them, keep other devices off the bus, check what root writes, give
 * queue pairs to vCPUs and take them back. No driver logic: that is hv/root/igb.c and e1000.c.
 * Everything here runs under the kernel lock.
 */
#ifndef NIC_H
#define NIC_H

#include "kernel.h"
#include "regs.h"
#include "rf/nic_io.h"

struct guest;
struct nic_queue;
struct vcpu;

enum {
        NIC_MAX = 2,
        NIC_QUEUES = 8, /* at most, each NIC; IDT vector NIC_VECTOR + 8 * nic + queue */
        NIC_VECTOR = 0x40,
};

/* Records every endpoint in host_page->pci and takes bus mastering and INTx from it; bridges keep theirs.
 * Once, before the first system call of root. */
void pci_init(void);

/* ---- system calls ----------------------------------------------------------------------- */
int64_t pci_read_checked(uint64_t bdf, uint64_t off);
int64_t nic_bind(uint64_t bdf);
int64_t nic_read(uint64_t nic, uint64_t off);
int64_t nic_write(uint64_t nic, uint64_t off, uint64_t value);
/* One queue pair a vCPU for now (-RF_ENOTSUP for a second). -RF_EBUSY: the vCPU runs, or stands in the guard.
 */
int64_t nic_queue_assign(uint64_t nic, uint64_t queue, struct vcpu *v, uint64_t slot, uint64_t pool_va,
                         uint64_t pool_pages);
int64_t nic_queue_enable(uint64_t nic, uint64_t queue);
int64_t nic_queue_revoke(uint64_t nic, uint64_t queue);
int64_t nic_queue_get(uint64_t nic, uint64_t queue, uint64_t field);

/* ---- for the rest of ring 0 -------------------------------------------------------------- */
void nic_revoke_guest(struct guest *g);    /* what does not drain stays pinned: frame.h */
void nic_halt(void);                       /* every queue revoked, every NIC off the bus */
void nic_interrupt(unsigned vector);       /* some time after the EOI */
void nic_quiet(unsigned vector);           /* before the EOI; without the lock */
void queue_interrupt(struct nic_queue *q); /* a frame came, or root says so of a soft queue */
/* soft.c. RF_SYS_SWITCH_ARM; and what it armed has happened: true: an idle CPU takes root. */
int64_t switch_arm(uint64_t next);
bool switch_ring(void);
bool soft_notified(const struct vcpu *v); /* is its next commit to wake the switch? */
/* RF_HC_WAIT. 1: slot `next` of the receive ring is done, nothing armed. 0: armed; the interrupt calls
 * vcpu_wake(v, 1 or 2). -RF_ENOENT, -RF_EINVAL. disarm: the deadline came first. */
int nic_wait_arm(struct vcpu *v, uint64_t slot, uint64_t next);
void nic_wait_disarm(struct vcpu *v, uint64_t slot);
/* When it is to be woken, whatever it waits for: `deadline`, or sooner if its NIC has no interrupt. */
uint64_t nic_wait_until(const struct vcpu *v, uint64_t deadline);
int64_t nic_link_up(const struct vcpu *v, uint64_t slot); /* 1, 0 or -RF_ENOENT */

/* What commit as a hypercall works on: ring 0's view of a ring, its staging and its tail register. */
struct nic_ring {
        void *ring, *staging;
        volatile uint32_t *tail;
};
bool nic_ring_view(const struct vcpu *v, uint32_t ring_number, struct nic_ring *view); /* false: none */

/* ---- inside hv/kernel/nic ---------------------------------------------------------------- */
enum queue_state {
        QUEUE_FREE = 0,
        QUEUE_ASSIGNED, /* rings zeroed, bases and lengths programmed, window mapped */
        QUEUE_ENABLED,
        QUEUE_QUARANTINED, /* did not drain: unusable until the NIC is reset */
};

struct nic_queue {
        struct nic *nic;
        uint32_t index; /* within its NIC: queue pair and pool */
        enum queue_state state;
        struct vcpu *vcpu; /* NULL unless assigned or enabled */
        uint32_t slot;
        uint64_t ring[2], staging[2]; /* HPA; 0 receive, 1 transmit */
        uint64_t pool, pool_pages;
        bool armed;     /* its interrupt is unmasked */
        uint32_t next;  /* slot waited for */
        uint32_t route; /* APIC id its vector goes to */
};

/* What is code in the differences between models: igb.c, e1000.c. Errors are -RF_E... */
struct nic_ops {
        const struct nic_model *model;
        int (*start)(struct nic *nic); /* once, registers mapped and reset: interrupts. -RF_ENOTSUP */
        int (*reset)(struct nic *nic); /* DMA ended, reset, then all off that a reset leaves on */
        int (*queue_setup)(const struct nic_io *io, unsigned queue, uint64_t rx_bus, uint64_t tx_bus);
        int (*queue_enable)(const struct nic_io *io, unsigned queue);
        int (*queue_disable)(const struct nic_io *io, unsigned queue); /* -RF_ETIMEDOUT: may still do DMA */
        /* The receive interrupt of a queue: routed while it is open, and closed or masked but for a wait. */
        void (*irq_open)(struct nic_queue *q);
        void (*irq_close)(struct nic_queue *q);
        /* To that CPU, if it can be; old causes dropped, unmasked. A frame after that interrupts; what the
         * NIC wrote before it is in memory on return. */
        void (*irq_arm)(struct nic_queue *q, uint32_t apic_id);
        void (*irq_mask)(struct nic_queue *q);
        /* NULL, or for a level that must end before the EOI: every interrupt masked. Needs no lock. */
        void (*quiet)(struct nic *nic);
};

struct nic {
        const struct nic_model *model; /* NULL: not bound */
        const struct nic_ops *ops;
        uint16_t bdf;
        bool ready;    /* reset by ring 0: enables are allowed */
        bool polled;   /* it has no interrupt: waits end every millisecond */
        uint32_t line; /* its pin of the I/O APIC, or 0 */
        volatile uint32_t *bar, *msix;
        uint64_t bar_hpa;
        struct nic_io io;
        struct nic_queue queue[NIC_QUEUES];
};

extern struct nic nics[NIC_MAX];
extern const struct nic_ops igb_ops, e1000_ops;

struct nic_queue *nic_queue_at(uint64_t id, uint64_t queue); /* NULL: none */
struct nic_queue *nic_queue_of(const struct vcpu *v);        /* assigned or enabled, or NULL */
int queue_revoke(struct nic_queue *q);

void nic_change(struct nic *nic, uint32_t off, uint32_t set, uint32_t clear);
bool nic_becomes_clear(struct nic *nic, uint32_t off, uint32_t bits); /* bounded */

/* soft.c: queues whose device is root */
struct nic_queue *soft_queue_at(uint64_t queue); /* NULL: none */
bool queue_is_soft(const struct nic_queue *q);
int soft_map(const struct nic_queue *q); /* rings, state and pool into root; -RF_ENOMEM */
void soft_unmap(const struct nic_queue *q);
int64_t root_pool(uint64_t va, uint64_t pages); /* of root's own queue: HPA, or -RF_E... */

/* msix.c: interrupts of models that have a vector for each queue */
int msix_start(struct nic *nic);
void msix_route(struct nic_queue *q, uint32_t apic_id);
void msix_close(struct nic_queue *q);

#endif

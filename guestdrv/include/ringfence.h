/* SPDX-License-Identifier: MIT
 *
 * Ringfence guest ABI: the contract between a ring guest and the hypervisor.
 *
 * Image. A guest MUST be a static ELF64 x86-64 executable whose PT_LOAD segments lie in
 * [RF_GUEST_LO, RF_GUEST_HI), share no page, and are never both writable and executable.
 * It SHOULD be linked at RF_IMAGE_BASE, with -z separate-code, and keep its symbol table: with
 * symbols the rewriter knows instruction boundaries, without them it can only refuse.
 *
 * Entry. Every vCPU starts at e_entry in 64-bit mode, CPL 0, interrupts irrelevant (no event is
 * ever delivered to a ring guest), RDI = RF_INFO_VA, RSP = top of its stack (16-byte aligned, as
 * at a call: RSP + 8 is a multiple of 16), other registers 0, SSE and AVX usable (XCR0 = 7).
 *
 * Calls. A guest MUST reach the hypervisor through the two entry points in the guard page:
 *   hypercall (rf_info.hypercall): RAX = number, RDI RSI RDX R10 R8 R9 = arguments, result in
 *     RAX: 0 or positive, or -RF_E... All other registers and flags but RCX and R11 are kept.
 *   commit (rf_info.commit): C calling convention, EDI = ring number, ESI = new tail (ring
 *     index), result in RAX: low 32 bits = tail reached, high 32 bits = enum rf_commit_reason.
 *     It keeps RBX, RBP, RSP, R12-R15 and the vector registers; flags are lost. Neither entry asks for
 *     an aligned stack or a clear direction flag.
 * No hypercall takes a pointer.
 *
 * Rings. Queue slot k of this vCPU has ring numbers 2k (receive) and 2k+1 (transmit). A ring has
 * `entries` descriptors of 16 bytes, native for the model, and starts with head = tail = 0.
 * The ring is readable; writes to it fault. A driver in commit form writes native
 * descriptors, with pool-relative addresses, to the same slot of the staging ring and calls
 * commit. A driver in plain form stores to ring and doorbell as on bare metal: the first
 * such store at each instruction faults, is rewritten, and costs nothing afterwards.
 * A plain driver MUST NOT load a descriptor it has not handed over yet, and MUST NOT load the
 * doorbell. The NIC writes descriptors back with DD set (nic_form.h says where).
 * A guest MUST NOT rely on a slot's old content after commit.
 */
#ifndef RINGFENCE_H
#define RINGFENCE_H

#include <stdint.h>

#include "rf/error.h"
#include "rf/layout.h"

#define RF_ABI_MAGIC   0x45434e4546474e52ull /* "RNGFENCE" */
#define RF_ABI_VERSION 1u

enum {
        RF_MAX_QUEUES = 4, /* queue pairs of one vCPU */
        RF_ARGUMENTS = 1024,
        RF_CONSOLE_BYTES = 40, /* in one RF_HC_CONSOLE */
};

enum rf_nic_model { RF_NIC_NONE = 0, RF_NIC_82576 = 1, RF_NIC_82540EM = 2, RF_NIC_SOFT = 3 };

struct rf_queue {
        uint32_t model; /* enum rf_nic_model: descriptor format and register meaning */
        uint32_t entries;
        uint8_t mac[6];
        uint16_t mtu;          /* bytes of payload, 1500 */
        uint32_t buffer_bytes; /* what the NIC may write at a receive address */
        uint32_t reserved;
        uint64_t ring_rx, ring_tx;         /* VA, read-only window */
        uint64_t staging_rx, staging_tx;   /* VA, read-write */
        uint64_t doorbell_rx, doorbell_tx; /* VA of the 32-bit tail registers */
        uint64_t pool;                     /* VA of the DMA pool */
        uint64_t pool_bytes;               /* buffers MUST start at or below pool_bytes - buffer_bytes */
        uint64_t pool_bus;                 /* what to add to a pool offset in a descriptor: 0 under Ringfence,
                                              the bus address on a bare machine */
};

struct rf_info { /* at RF_INFO_VA, read-only */
        uint64_t magic;
        uint32_t version;
        uint32_t bytes;
        uint32_t vcpu, vcpus; /* this vCPU's number, how many the guest has */
        uint64_t tsc_hz;      /* RDTSC runs natively */
        uint64_t boot_tsc;    /* TSC when this guest was started */
        uint64_t hypercall;   /* VA of the hypercall entry */
        uint64_t commit;      /* VA of the commit entry */
        uint64_t heap, heap_bytes;
        uint64_t stack_top;
        uint32_t restarts; /* how often this guest was started before */
        uint32_t nqueues;  /* of this vCPU */
        struct rf_queue queue[RF_MAX_QUEUES];
        char name[32];
        char arguments[RF_ARGUMENTS]; /* NUL-terminated, as in ringfence.conf */
};

enum rf_hypercall {
        RF_HC_VERSION = 0, /* -> RF_ABI_VERSION */
        /* (bytes, w0..w4): `bytes` (<= RF_CONSOLE_BYTES) characters packed little-endian into five
         * words -> 0. Lines are prefixed with the guest's name; more than the console rate of the
         * guest is dropped and counted. */
        RF_HC_CONSOLE = 1,
        /* (queue slot, next, deadline): block until slot `next` (a ring index) of the receive ring has
         * DD set -> 1, or the TSC passes `deadline` -> 0 (UINT64_MAX: never), or a wake-up that is
         * neither (MAY happen) -> 2. -RF_ENOENT: no such queue. queue = UINT32_MAX: time only. */
        RF_HC_WAIT = 2,
        RF_HC_YIELD = 3,  /* give up the rest of the time slice -> 0 */
        RF_HC_EXIT = 4,   /* (code): the guest ends, all vCPUs; 0 = success. Does not return. */
        RF_HC_COMMIT = 5, /* (ring number, tail): as the commit entry; what it is without keys */
        RF_HC_COUNT
};

enum rf_commit_reason {
        RF_COMMIT_OK = 0,
        RF_COMMIT_FULL = 1,     /* the next slot still belongs to the NIC: reap, try again */
        RF_COMMIT_LIMIT = 2,    /* 32 slots done: call again */
        RF_COMMIT_RING = 3,     /* no such ring on this vCPU */
        RF_COMMIT_TAIL = 4,     /* tail >= entries */
        RF_COMMIT_REVOKED = 5,  /* the queue is being taken away */
        RF_COMMIT_ADDRESS = 16, /* the slot at `tail reached` was refused: buffer outside the pool */
        RF_COMMIT_LENGTH = 17,  /* ... length outside [17, 1514] */
        RF_COMMIT_FLAGS = 18,   /* ... type, command, PAYLEN or reserved bits */
        RF_COMMIT_HEADER = 20,  /* ... second word of a receive descriptor not 0 */
};

_Static_assert(sizeof(struct rf_queue) == 96, "ABI");
_Static_assert(sizeof(struct rf_info) <= 4096, "ABI: one page");

#endif

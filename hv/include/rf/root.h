/* SPDX-License-Identifier: MIT
 *
 * The system-call contract between hv/kernel (ring 0) and hv/root (ring 3).
 *
 * SYSCALL with RAX = number, RDI RSI RDX R10 R8 R9 = arguments; result in RAX, >= 0 or -RF_E...
 * RCX and R11 are lost. No call takes a pointer: what is larger than a register crosses in
 * the shared pages below, which ring 0 maps into root (read-only unless said).
 * Ring 0 checks every argument; root is trusted for policy only, never for memory safety.
 */
#ifndef RF_ROOT_H
#define RF_ROOT_H

#include <stdint.h>

#include "rf/boot.h"
#include "rf/error.h"

#define RF_ROOT_VERSION 2u

enum { RF_MAX_GUESTS = 16, RF_MAX_VCPUS = 64, RF_GUEST_VCPUS = 8, RF_MAX_PCI = 64, RF_NIC_QUEUES = 16 };
/* Numbers that stand where ids stand: the nic that soft queues belong to, and root as the owner of a queue.
 */
enum { RF_NIC_OF_SOFT = 0xff, RF_SOFT_QUEUES = RF_MAX_VCPUS, RF_VCPU_ROOT = RF_MAX_VCPUS };

/* ---- root's address space ---------------------------------------------------------------- */
#define RF_ROOT_IMAGE     0x0000000000400000ull /* where root is linked */
#define RF_ROOT_STACK     0x0000000040000000ull /* top; 256 KiB below it, then nothing */
#define RF_ROOT_HOST      0x0000000050000000ull /* struct rf_host */
#define RF_ROOT_BOOT      0x0000000051000000ull /* struct rf_boot_info, read-only */
#define RF_ROOT_REPORT    0x0000000052000000ull /* struct rf_vcpu_report [RF_MAX_VCPUS] */
#define RF_ROOT_CONSOLE   0x0000000053000000ull /* struct rf_console [RF_MAX_GUESTS] */
#define RF_ROOT_INFO      0x0000000054000000ull /* vCPU v's info page at + v * 4096; read-write */
#define RF_ROOT_SOFT      0x0000000056000000ull /* soft queue q at + q * RF_ROOT_SOFT_STEP: see below */
#define RF_ROOT_SOFT_STEP 0x4000ull
#define RF_ROOT_POOL      0x0000000060000000ull /* DMA pool of root's own queue, read-write */
#define RF_ROOT_FB        0x0000000100000000ull /* framebuffer, read-write, write-combining */
#define RF_ROOT_FILE      0x0000001000000000ull /* boot file i at + i * RF_ROOT_FILE_STEP */
#define RF_ROOT_FILE_STEP 0x0000000010000000ull
/* Guest g's slot-0 memory at guest address va appears at RF_ROOT_GUEST(g) + va: read-write while the
 * page is data, read-only once it is accepted as code. A DMA pool is there while its queue is a soft one. */
#define RF_ROOT_GUEST(g) ((uint64_t)(64u + (unsigned)(g)) << 39)

/* Root runs with I/O permission for COM1 (0x3F8-0x3FF) and for nothing else. */

struct rf_pci_fn {
        uint16_t bdf; /* bus << 8 | device << 3 | function */
        uint16_t vendor, device;
        uint16_t class_sub; /* class << 8 | subclass */
        uint64_t bar0;
};

struct rf_host {
        uint32_t version; /* RF_ROOT_VERSION */
        uint32_t ncpus;
        uint64_t tsc_hz;
        uint64_t ram_pages;  /* all that ring 0 manages */
        uint64_t free_pages; /* now */
        uint32_t keys;       /* 1: protection keys in use, 0: commit is a hypercall */
        uint32_t intel;      /* 0: SVM, 1: VMX */
        uint32_t controls;   /* test builds: defences switched off; 0 in a release */
        uint32_t npci;
        char cpu_name[64];
        char backend[16]; /* "SVM", "VMX" */
        struct rf_pci_fn pci[RF_MAX_PCI];
        uint64_t cpu_exits[RF_BOOT_MAX_CPUS]; /* per physical CPU */
        uint64_t cpu_idle_tsc[RF_BOOT_MAX_CPUS];
        uint32_t ready; /* vCPUs that could run and have no CPU, now */
        uint32_t reserved;
};

/* Why a vCPU left the guest. One counter each; also the columns of the live table. */
enum rf_exit {
        RF_EXIT_TIMER,     /* our own tick */
        RF_EXIT_INTERRUPT, /* other host interrupts: IPI, NIC */
        RF_EXIT_HYPERCALL, /* all but WAIT and COMMIT */
        RF_EXIT_WAIT,
        RF_EXIT_COMMIT,     /* the hypercall form */
        RF_EXIT_WINDOW,     /* fault on ring or doorbell */
        RF_EXIT_CODE,       /* fetch from a page not accepted, or a write to code */
        RF_EXIT_PRIVILEGED, /* CPUID, HLT, IN, OUT, RDMSR, ... */
        RF_EXIT_EXCEPTION,  /* any other exception */
        RF_EXIT_NESTED,     /* NPT or EPT violation */
        RF_EXIT_OTHER,
        RF_EXIT_COUNT
};

enum rf_vcpu_state {
        RF_VCPU_NONE = 0,
        RF_VCPU_NEW,   /* created, not started */
        RF_VCPU_READY, /* waits for a CPU */
        RF_VCPU_RUNNING,
        RF_VCPU_WAITING, /* in RF_HC_WAIT */
        RF_VCPU_REQUEST, /* blocked until root answers `request` */
        RF_VCPU_STOPPED,
        RF_VCPU_DEAD, /* `death` says why; the whole guest is stopped */
};

/* What a vCPU in RF_VCPU_REQUEST (or, once, in RF_VCPU_DEAD) wants from root. */
enum rf_request {
        RF_REQ_NONE = 0,
        RF_REQ_FETCH,      /* fetch from fault_va: page not executable. Scan, accept, resume or kill */
        RF_REQ_CODE_WRITE, /* write to fault_va, an accepted page. Open it, resume or kill */
        RF_REQ_WINDOW,     /* access to ring or doorbell at fault_va by the instruction at rip */
        RF_REQ_PRIVILEGED, /* instruction at rip exits; `exit` tells which kind. Emulate or kill */
        RF_REQ_EXITED,     /* RF_HC_EXIT; exit_status */
        RF_REQ_DEAD,       /* ring 0 killed the guest; `death` */
};

enum rf_death {
        RF_DEATH_NONE = 0,
        RF_DEATH_ROOT,         /* root asked for it */
        RF_DEATH_EXCEPTION,    /* vector, fault_error, fault_va */
        RF_DEATH_WINDOW_OPEN,  /* a fault or an event with the window open outside the guard */
        RF_DEATH_GUARD,        /* a fault in the guard */
        RF_DEATH_NESTED,       /* nested fault at fault_va (GPA) */
        RF_DEATH_TRIPLE,       /* SHUTDOWN */
        RF_DEATH_ENTRY_FAILED, /* VM entry failed */
        RF_DEATH_PRIVILEGED,   /* CR, DR, XSETBV, LGDT, MSR, VMRUN, ... */
        RF_DEATH_UNKNOWN_EXIT, /* exit_code */
        RF_DEATH_ACCESS,       /* load or store outside its memory: fault_va */
        RF_DEATH_COUNT
};

struct rf_vcpu_report {
        uint32_t state;        /* enum rf_vcpu_state */
        uint32_t guest, index; /* owner and number within it */
        uint32_t cpu;          /* where it ran last */
        uint32_t request;      /* enum rf_request */
        uint32_t death;        /* enum rf_death */
        uint32_t vector, fault_error;
        uint64_t fault_va;
        uint64_t exit_code, info1, info2; /* raw, for the log */
        uint64_t exit_status;
        uint64_t rip, rflags;
        uint64_t gpr[16]; /* rax rcx rdx rbx rsp rbp rsi rdi r8..r15 */
        uint64_t run_tsc; /* time in the guest, requests served for it included */
        uint64_t entries; /* VM entries */
        uint64_t console_dropped;
        uint32_t pending; /* events deferred because the window was open */
        uint32_t reserved;
        uint64_t exits[RF_EXIT_COUNT];
        uint8_t pad[512 - 336];
};

/* ---- soft queues and the switch ------------------------------------------------------------
 * A soft queue is a queue pair with root in the place of the NIC. Rings, staging, guard state and commit are
 * those of an 82576 (rf/igb_desc.h), but addresses stay pool-relative. It is a queue of the nic
 * RF_NIC_OF_SOFT: assigned, enabled, revoked and looked at like any other. From assign to revoke root has of
 * queue q, at RF_ROOT_SOFT + q * RF_ROOT_SOFT_STEP: the receive ring, the transmit ring (read-write) and,
 * read-only, struct rf_soft_state, a page each; and the pool, at RF_ROOT_GUEST(g) + its address. None of it
 * is ever executable.
 *
 * The switch's own hardware queue is one that is assigned to RF_VCPU_ROOT, with RF_ROOT_POOL for its pool.
 * Root finds its rings (read-only) and staging where a vCPU would (rf/layout.h), and hands over by
 * RF_SYS_COMMIT.
 *
 * Sleep, so that no wake-up is lost: RF_SYS_SWITCH_ARM, look at all rings once more, RF_SYS_WAIT. And to wake
 * a guest: write DD, a full fence, look at `waiting`, RF_SYS_SOFT_WAKE. */
enum { RF_SOFT_RX, RF_SOFT_TX, RF_SOFT_STATE, RF_ROOT_POOL_PAGES = 256 };

struct rf_soft_state { /* what root needs of struct guard_state */
        uint32_t pending;
        uint32_t waiting; /* its vCPU is in RF_HC_WAIT */
        uint32_t private1[14];
        struct {
                uint32_t private2[12];
                uint32_t clean; /* free-running: slots handed over */
                uint32_t private3[19];
        } ring[8]; /* 2 * slot + (0 receive, 1 transmit) */
};

struct rf_console { /* a ring: ring 0 writes at head % sizeof data and advances head */
        uint64_t head;
        char data[4096 - 8];
};

enum rf_map_kind {
        RF_MAP_DATA = 0,   /* guest read-write, never executable */
        RF_MAP_CODE = 1,   /* as data until accepted; the only kind that can be accepted */
        RF_MAP_POOL = 2,   /* physically contiguous, guest read-write, never executable, not in root */
        RF_MAP_RODATA = 3, /* guest read-only, root read-write */
};

enum rf_queue_field {
        RF_QUEUE_RX_CLEAN,
        RF_QUEUE_RX_REAPED,
        RF_QUEUE_TX_CLEAN,
        RF_QUEUE_TX_REAPED,
        RF_QUEUE_REJECTED, /* descriptors refused so far */
        RF_QUEUE_RING_RX,
        RF_QUEUE_RING_TX, /* VA in the vCPU's space, 0 if not assigned */
};

enum rf_syscall {
        RF_SYS_WAIT =
            0, /* (deadline_tsc) -> vCPU id with a request, or -ETIMEDOUT (also: the switch was rung) */
        RF_SYS_GUEST_NEW,    /* (quota_pages, nvcpus) -> guest id. Quota counts every frame, tables too */
        RF_SYS_GUEST_MAP,    /* (guest, va, pages, enum rf_map_kind) -> 0. Zeroed frames */
        RF_SYS_GUEST_ACCEPT, /* (guest, va, pages) -> 0; -EHARD: see RF_SYS_ACCEPT_AT */
        RF_SYS_GUEST_OPEN,   /* (guest, va, pages): executable -> data again, shot down -> 0 */
        RF_SYS_GUEST_STOP,   /* (guest): all its vCPUs stop -> 0. Death reason ROOT if it was alive */
        RF_SYS_GUEST_FREE,   /* (guest): must be stopped and own no queue; frames are scrubbed */
        RF_SYS_ACCEPT_AT,    /* () -> guest va of the hit of the last refused ACCEPT */
        RF_SYS_VCPU_ID,      /* (guest, index) -> vCPU id: the index of reports and info pages */
        RF_SYS_VCPU_START,   /* (vcpu, rip, rsp) -> 0 */
        RF_SYS_VCPU_RESUME,  /* (vcpu, rip): ends its request -> 0 */
        RF_SYS_VCPU_SET,     /* (vcpu, gpr number, value) -> 0; in RF_VCPU_REQUEST only */
        RF_SYS_STAGE_STORE,  /* (vcpu, ring va, value, bytes 1-8): store into staging for it -> 0 */
        RF_SYS_COMMIT,    /* (vcpu, ring number, tail) -> as RF_HC_COMMIT, on behalf of the vCPU; or of root,
                             RF_VCPU_ROOT, in its own queue */
        RF_SYS_PCI_READ,  /* (bdf, offset) -> 32 bits */
        RF_SYS_NIC_BIND,  /* (bdf) -> nic id; -ENOTSUP: no register table for this device */
        RF_SYS_NIC_READ,  /* (nic, offset) -> 32 bits; -EREFUSED */
        RF_SYS_NIC_WRITE, /* (nic, offset, value) -> 0; -EREFUSED; forced bits are merged silently */
        RF_SYS_QUEUE_ASSIGN, /* (nic, queue, vcpu, slot, pool va, pool pages) -> 0: rings zeroed, bases
                                programmed, window mapped; not enabled */
        RF_SYS_QUEUE_ENABLE, /* (nic, queue) -> 0 */
        RF_SYS_QUEUE_REVOKE, /* (nic, queue) -> 0; -ETIMEDOUT: did not drain, frames quarantined */
        RF_SYS_QUEUE_GET,    /* (nic, queue, enum rf_queue_field) -> value */
        RF_SYS_AUDIT,        /* () -> number of leaves that break W^X or the U=1 rule; logs a summary */
        RF_SYS_CONTROL,      /* (mask of enum rf_control): test builds; otherwise -ENOTSUP */
        RF_SYS_HALT,         /* (code): revoke every queue, stop every CPU; does not return */
        RF_SYS_SWITCH_ARM,   /* (next): the next frame handed over in a soft queue, or in root's own, ends
                                RF_SYS_WAIT -> 0; 1: slot `next` of root's receive ring is done, do not sleep */
        RF_SYS_SOFT_WAKE,    /* (soft queue): its vCPU, if it is in RF_HC_WAIT, gets the answer -> 0 */
        RF_SYS_COUNT
};

/* What a test build may be asked to spoil: a register of the guest, or a field that rules the entry itself.
 */
enum { RF_BAD_ENTRY = 0xbad, RF_BAD_CONTROL = 0xbae };

/* Positive controls: each bit switches exactly one defence off, in test builds only. */
enum rf_control {
        RF_CONTROL_NO_KEYS_WD = 1u << 0,      /* window writable for the guest: key rights ignored */
        RF_CONTROL_NO_BYTE_CHECK = 1u << 1,   /* acceptance does not look at the bytes */
        RF_CONTROL_NO_OPEN_CHECK = 1u << 2,   /* PKRU not checked at exits */
        RF_CONTROL_NO_XSETBV = 1u << 3,       /* XCR0.PKRU and XSETBV allowed */
        RF_CONTROL_NO_CR = 1u << 4,           /* CR and DR writes not intercepted */
        RF_CONTROL_NO_VALIDATE = 1u << 5,     /* guard accepts any buffer address */
        RF_CONTROL_NO_REAP = 1u << 6,         /* guard lets the tail pass slots the NIC has written back */
        RF_CONTROL_NO_REGTABLE = 1u << 7,     /* every NIC register write of root is let through */
        RF_CONTROL_NO_EXCLUSIVE = 1u << 8,    /* acceptance leaves writable mappings in place */
        RF_CONTROL_LGDT = 1u << 9,            /* guest may load descriptor tables (to reach 32-bit code) */
        RF_CONTROL_NO_TXFLAGS = 1u << 11,     /* guard accepts any transmit command bits and lengths */
        RF_CONTROL_NO_EXCEPTIONS = 1u << 12,  /* only #PF is intercepted */
        RF_CONTROL_NO_CLOSE_CHECK = 1u << 13, /* guard does not look at what its closing WRPKRU wrote */
        RF_CONTROL_NO_MSR = 1u << 14,         /* MSR accesses not intercepted */
        RF_CONTROL_NO_WAIT_CHECK = 1u << 15,  /* `wait` does not look at the ring once it is armed */
        RF_CONTROL_NO_SPOOF_CHECK = 1u << 16, /* the switch (root) takes any source address */
        RF_CONTROL_NO_REVOKE = 1u << 17,      /* a revocation leaves state, rings and doorbell as they are */
        /* Not defences but failures to order, for the tests of their handling: */
        RF_CONTROL_PANIC = 1u << 24,     /* ring 0 faults at once */
        RF_CONTROL_BAD_ENTRY = 1u << 25, /* RF_HC_YIELD with RDI = RF_BAD_...: the next VM entry fails */
        RF_CONTROL_ROOT_DIES = 1u << 26, /* root dies once its guests run */
        RF_CONTROL_NO_LINE = 1u << 27,   /* a NIC without MSI-X seems to have no interrupt line */
        RF_CONTROL_SLOW_TICK = 1u << 28, /* root looks around by itself every 3 s only: lost wake-ups show */
};

_Static_assert(sizeof(struct rf_vcpu_report) == 512, "ABI: eight a page");
_Static_assert(sizeof(struct rf_console) == 4096, "ABI");
_Static_assert(sizeof(struct rf_soft_state) == 1088, "ABI");
_Static_assert(sizeof(struct rf_host) <= 4096, "ABI: one page");

#endif

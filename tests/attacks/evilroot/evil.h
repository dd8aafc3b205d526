/* SPDX-License-Identifier: MIT
 *
 * evilroot: a root process that means harm. It takes root.elf's place in an image and attacks ring 0 with
 * system calls, and with guests whose every instruction and register it chooses: what it cannot do, no guest
 * can do and no bug of hv/root can do. Results go to the serial port, one `attack:` line a tally, which
 * test_evilroot.py judges.
 */
#ifndef EVIL_H
#define EVIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "card.h"
#include "ringfence.h"
#include "snippet.h"
#include "sys.h"

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

/* ---- a subject's memory ------------------------------------------------------------------ */
#define CODE_VA      0x0000000400000000ull /* the snippets */
#define SPOT_VA      0x0000000400010000ull /* SPOT_PAGES of code pages to play with, not accepted */
#define DATA_VA      0x0000001000000000ull
#define STACK_VA     (DATA_VA + 0x7000) /* grows down into the last but one data page */
#define SECOND_STACK (DATA_VA + 0x4ff8)
#define POOL_VA      0x0000002000000000ull
enum { SPOT_PAGES = 4, DATA_PAGES = 8, POOL_PAGES = 16, SUBJECT_QUOTA = 256 };
#define POOL_BYTES (POOL_PAGES * RF_PAGE_SIZE)

struct subject {
        int guest;
        uint32_t vcpu, second; /* second: -1u with one vCPU */
        int queue;             /* -1: none */
        bool alive, soft;
};

/* How a run ended. */
enum end {
        END_LANDED, /* came out at `landing`: nothing stopped it */
        END_WINDOW, /* stopped at ring or doorbell, alive */
        END_FETCH,  /* stopped at a page that is not executable, alive */
        END_WRITE,  /* stopped at a write to code, alive */
        END_OTHER,  /* stopped at an instruction that exits, alive */
        END_DEAD,   /* ring 0 ended the guest */
        END_HANG,   /* still running after hang_ms: stopped by us */
        END_COUNT
};

struct run {
        uint64_t gpr[16]; /* in: as set; out: as reported */
        uint64_t rip;     /* in: where to start; out: where it stood */
        enum end end;
        uint32_t death, vector, error; /* END_DEAD */
        uint64_t fault;
};

/* What became of one kind of attack under one set of controls. */
struct tally {
        unsigned tried, blocked, succeeded, other, hung;
};

/* ---- run.c ------------------------------------------------------------------------------- */
void subject_new(struct subject *s, int queue, unsigned nvcpus);
void subject_end(struct subject *s);
void subject_renew(struct subject *s); /* if it is dead */
struct run run_at(uint64_t rip);       /* a stack, zeros, and where to start */
enum end run(struct subject *s, struct run *r);
enum end run_on(struct subject *s, uint32_t vcpu, struct run *r);
void let_go(uint32_t vcpu, const struct run *r);           /* nobody waits for it */
void born_second(struct subject *s);                       /* vCPU 1 stands at its landing */
void start_second(struct subject *s, const struct run *r); /* born, and let go */
enum { HANG_MS = 1500 };
extern unsigned hang_ms; /* after which run() ends a guest */
uint64_t snippet_va(const uint8_t *code);
static inline void *in_guest(const struct subject *s, uint64_t va)
{
        return (void *)(uintptr_t)(RF_ROOT_GUEST(s->guest) + va);
}
/* From where root cannot look (pool, ring, state), through the guest: false if the guest could not. */
bool peek(struct subject *s, uint64_t va, void *out, size_t n);
bool poke(struct subject *s, uint64_t va, const void *in, size_t n);
uint64_t guard_close_va(struct subject *s);
/* The descriptor into staging slot `tail - 1`, commit up to `tail`, by the guard or by ring 0: what that
 * answers. */
enum path { BY_GUARD, BY_HYPERCALL };
extern enum path commit_path;
uint64_t commit(struct subject *s, unsigned ring, uint32_t tail, uint64_t lo, uint64_t hi);

/* ---- nic.c ------------------------------------------------------------------------------- */
extern int nic;
extern const struct card *card;
extern const struct nic_io nic_io; /* through ring 0's table */
extern bool nic_soft;              /* queues are soft ones from here on */
void nic_open(void);
void nic_reopen(void); /* after something may have reset or upset it */
const uint8_t *nic_mac(int queue);
void nic_attach(struct subject *s);
void nic_detach(struct subject *s);
void nic_settle(void);     /* until frames are received */
bool nic_tail_moved(void); /* of a queue that attacks use: is any tail not 0? */

/* ---- print.c ----------------------------------------------------------------------------- */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool asked(const char *word);                                /* does ringfence.conf have it after "evil ="? */
uint64_t asked_number(const char *word, uint64_t otherwise); /* the number behind "word=" there */
char get_key(void);                                          /* that the host pressed */
void want(const char *format, ...) __attribute__((format(printf, 1, 2))); /* says so, waits for a key */
void report(const char *name, const char *part, const struct tally *t);
void check(const char *name, const char *part, bool good); /* one try, blocked if good */
void fail(const char *format, ...)
    __attribute__((format(printf, 1, 2), noreturn)); /* evilroot's own trouble */

/* ---- controls: main.c ---------------------------------------------------------------------- */
extern uint32_t controls;         /* in force */
bool set_controls(uint32_t mask); /* false: not a test build */
static inline bool control(uint32_t mask)
{
        return (controls & mask) != 0;
}

/* ---- the attacks -------------------------------------------------------------------------- */
void attack_stores(void);
void attack_wrpkru(void);
void attack_guard(void);
void attack_control(void);
void attack_step(void);
void attack_code(void);
void attack_far(void);
void attack_open(void);
void attack_revoke(void);
void attack_dma(void);
void attack_handover(void);
void attack_flags(void);
void attack_registers(void);
void attack_calls(void);
void attack_fuzz(void);
void attack_memory(void);
void attack_soft(void);
void attack_pair(void);
void attack_states(void);
void attack_preempt(void);
void attack_flood(void);
void attack_recycle(void);
void attack_random(void);
void attack_held(void);
void last_write_code(void);
void last_read_kernel(void);
void last_port(void);
void last_soft_state(void);
void last_soft_revoked(void);
void last_soft_execute(void);

#endif

/* SPDX-License-Identifier: MIT
 *
 * The test process as a ring space; see world.h.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "rf/igb_desc.h"
#include "host/arena.h"
#include "run.h"

enum { RING_BYTES = RF_MAX_QUEUES * RF_RING_STEP, DOORBELL_BYTES = 0x10000 };

struct world world;
struct commit_call commit_log[WORLD_LOG];
unsigned ncommits, nanswers, nhypercalls;
uint64_t commit_answer[WORLD_LOG], hypercall_log[WORLD_LOG][2];
static uint8_t map[WORLD_CODE_PAGES * 4096];
static uint64_t stack[1024];
static uint8_t alt_stack[1 << 18], call_stack[1 << 16] __attribute__((aligned(16)));
static sigjmp_buf out;
static bool guarded_run;
static uint64_t rng = 1;

void world_seed(uint64_t seed)
{
        rng = seed * 2 + 1;
}

uint64_t world_random(void) /* xorshift64* */
{
        rng ^= rng >> 12;
        rng ^= rng << 25;
        rng ^= rng >> 27;
        return rng * 0x2545f4914f6cdd1dull;
}

static void *fixed(uint64_t va, size_t n, int prot)
{
        void *p = mmap((void *)va, n, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

        if (p != (void *)va) {
                perror("mmap of the ring space");
                exit(99);
        }
        return p;
}

static uint64_t on_commit(uint32_t ring, uint32_t tail)
{
        unsigned k = ncommits < nanswers ? ncommits : nanswers - 1;
        uint64_t answer = nanswers ? commit_answer[k] : 0xffffffff;

        if (ncommits < WORLD_LOG)
                commit_log[ncommits] = (struct commit_call){ring, tail};
        ncommits++;
        return (uint32_t)answer == 0xffffffff ? (answer & ~0xffffffffull) | tail : answer;
}

static uint64_t on_hypercall(uint64_t number, uint64_t arg)
{
        if (nhypercalls < WORLD_LOG) {
                hypercall_log[nhypercalls][0] = number;
                hypercall_log[nhypercalls][1] = arg;
        }
        nhypercalls++;
        if (number == RF_HC_EXIT)
                siglongjmp(out, 2);
        return 0;
}

static struct {
        uint64_t va;
        size_t n;
} range[8];
static unsigned nranges;

static bool mapped_byte(uint64_t va)
{
        for (unsigned i = 0; i < nranges; i++)
                if (va - range[i].va < range[i].n)
                        return true;
        return arena_bytes(va) != NULL;
}

static bool mapped(uint64_t va, size_t n)
{
        return n && va + n - 1 >= va && mapped_byte(va) && mapped_byte(va + n - 1);
}

void world_map(uint64_t va, size_t n)
{
        range[nranges].va = va;
        range[nranges++].n = n;
}

static uint64_t range_until(uint64_t page)
{
        for (unsigned i = 0; i < nranges; i++)
                if (page - range[i].va < range[i].n)
                        return range[i].va + range[i].n;
        return 0;
}

static uint8_t *back(uint64_t va)
{
        void *p = mmap((void *)va, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

        return p == (void *)va ? p : NULL;
}

static void drop(uint64_t va, uint8_t *bytes)
{
        munmap(bytes, 4096);
}

static int space_read(void *ctx, uint64_t va, void *buf, size_t n)
{
        return mapped(va, n) ? (memcpy(buf, (void *)va, n), 0) : -RF_ENOENT;
}

static int space_write(void *ctx, uint64_t va, const void *buf, size_t n)
{
        if (!mapped(va, n))
                return -RF_ENOENT;
        memcpy((void *)va, buf, n);
        return 0;
}

static uint64_t space_trampoline(void *ctx, uint64_t lo, uint64_t hi, size_t n)
{
        return world.no_trampolines ? 0 : arena_take(lo, hi, n);
}

static int tail_ring(void *ctx, uint64_t va)
{
        const struct rf_info *info = (const struct rf_info *)RF_INFO_VA;

        for (int k = 0; k < (int)info->nqueues; k++)
                if (va == info->queue[k].doorbell_rx || va == info->queue[k].doorbell_tx)
                        return 2 * k + (va == info->queue[k].doorbell_tx);
        return -1;
}

static void space_finding(void *ctx, const struct dbos_finding *f)
{
        if (world.nfindings < sizeof world.findings / sizeof world.findings[0])
                world.findings[world.nfindings] = *f;
        world.nfindings++;
}

static void regs_from(struct dbos_regs *r, const greg_t *g)
{
        static const int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                      REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

        for (int i = 0; i < 16; i++)
                r->gpr[i] = (uint64_t)g[order[i]];
        r->rip = (uint64_t)g[REG_RIP];
        r->rflags = (uint64_t)g[REG_EFL];
}

static bool in_window(uint64_t va)
{
        return va - RF_RING_VA < RING_BYTES || va - RF_DOORBELL_VA < DOORBELL_BYTES;
}

static bool emulate(greg_t *g)
{
        const struct dbos_store *st = &world.store;

        if (st->va - RF_RING_VA < RING_BYTES)
                memcpy((void *)(st->va + RF_STAGING_DELTA), &st->value, st->bytes);
        else
                on_commit((uint32_t)(st->va >> 13 & 1), (uint32_t)st->value);
        g[REG_RIP] = (greg_t)st->next;
        return true;
}

/* Ring 0 and root in one. */
static bool window_fault(uint64_t va, greg_t *g)
{
        struct dbos_regs r;

        regs_from(&r, g);
        world.faults++;
        if (world.detour_from && r.rip == world.detour_from) {
                world.emulated++;
                g[REG_RIP] = (greg_t)world.detour_to;
                return true;
        }
        switch (dbos_rewrite_store(&world.space, &world.code, &r, va, g[REG_ERR] & 2, &world.store,
                                   &world.last)) {
        case DBOS_REWRITTEN:
                world.rewritten++;
                return true;
        case DBOS_EMULATED:
                world.emulated++;
                if (world.store.bytes)
                        return emulate(g);
                world.detour_from = r.rip;
                world.detour_to = world.store.next;
                g[REG_RIP] = (greg_t)world.store.next;
                return true;
        default:
                world.kills++;
                return false;
        }
}

enum { TRAP_FLAG = 0x100, NEAR = 0x7fffffff };

/* One instruction was run; what is not within a jump's reach of the image is the guard's or ours. */
static void step(greg_t *g)
{
        uint64_t rip = (uint64_t)g[REG_RIP];
        static bool counting;

        if (rip == world.step_to) {
                g[REG_EFL] &= ~TRAP_FLAG;
                counting = false;
        }
        counting |= rip == world.step_from;
        world.steps += counting && rip - RF_IMAGE_BASE + NEAR < 2ull * NEAR;
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
        greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
        uint64_t va = (uint64_t)info->si_addr;

        if (sig == SIGTRAP && world.step_to && info->si_code == TRAP_TRACE) {
                step(g);
                return;
        }
        if (sig == SIGSEGV && guarded_run && in_window(va) && world.faults < 100 && window_fault(va, g))
                return;
        world.crashed = true;
        world.crash_va = va;
        world.crash_rip = (uint64_t)g[REG_RIP];
        siglongjmp(out, 1);
}

static void set_stub(const uint8_t *slot, uint64_t v)
{
        memcpy((uint8_t *)RF_GUARD_VA + ((uintptr_t)slot - (uintptr_t)guard_stubs), &v, 8);
}

static void make_info(void)
{
        struct rf_info *info = fixed(RF_INFO_VA, 4096, PROT_READ | PROT_WRITE);

        info->nqueues = 2;
        for (unsigned k = 0; k < 2; k++) {
                info->queue[k].doorbell_rx = RF_DOORBELL_VA + IGB_RDT0 + IGB_QUEUE_STEP * (3 + k);
                info->queue[k].doorbell_tx = RF_DOORBELL_VA + IGB_TDT0 + IGB_QUEUE_STEP * (3 + k);
        }
}

/* cmocka puts its own handlers in place before every test. */
static void take_signals(void)
{
        static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE};
        struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};

        for (unsigned i = 0; i < sizeof signals / sizeof signals[0]; i++)
                sigaction(signals[i], &sa, NULL);
}

void world_open(void)
{
        stack_t ss = {.ss_sp = alt_stack, .ss_size = sizeof alt_stack};

        fixed(RF_IMAGE_BASE, sizeof map, PROT_READ | PROT_WRITE | PROT_EXEC);
        fixed(WORLD_DATA, WORLD_DATA_BYTES, PROT_READ | PROT_WRITE);
        fixed(RF_STACK_VA, 0x10000, PROT_READ | PROT_WRITE);
        fixed(RF_GUARD_VA, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
        fixed(RF_DOORBELL_VA, DOORBELL_BYTES, PROT_READ | PROT_WRITE);
        fixed(RF_RING_VA, RING_BYTES, PROT_READ | PROT_WRITE);
        fixed(RF_STAGING_VA, RING_BYTES, PROT_READ | PROT_WRITE);
        make_info();
        memcpy((void *)RF_GUARD_VA, guard_stubs, (uintptr_t)guard_stubs_end - (uintptr_t)guard_stubs);
        set_stub(guard_on_commit, (uint64_t)on_commit);
        set_stub(guard_on_hypercall, (uint64_t)on_hypercall);
        set_stub(guard_stack, (uint64_t)call_stack + sizeof call_stack);
        sigaltstack(&ss, NULL);
        arena_open(&(struct arena_place){RF_IMAGE_BASE + sizeof map, range_until, back, drop});
        world_map(RF_IMAGE_BASE, sizeof map);
        world.space =
            (struct dbos_space){NULL, space_read, space_write, space_trampoline, space_finding, tail_ring};
        world.code = (struct dbos_code){.va = RF_IMAGE_BASE,
                                        .bytes = sizeof map,
                                        .entries = world.entries,
                                        .map = map,
                                        .stack = stack,
                                        .stack_len = 1024,
                                        .hypercall = RF_GUARD_VA + RF_GUARD_HYPERCALL,
                                        .commit = RF_GUARD_VA + RF_GUARD_COMMIT};
        world_reset();
}

void world_reset(void)
{
        struct dbos_space space = world.space;
        struct dbos_code code = world.code;

        take_signals();
        arena_reset();
        memset(&world, 0, sizeof world);
        world.space = space;
        world.code = code;
        world.code.entries = world.entries;
        world.code.nentries = 0;
        ncommits = nanswers = nhypercalls = 0;
        memset((void *)RF_IMAGE_BASE, 0xcc, sizeof map);
}

uint64_t world_code(unsigned offset, const void *bytes, size_t n)
{
        uint8_t *at = (uint8_t *)(RF_IMAGE_BASE + offset);
        static const uint8_t jmp[] = {0xff, 0x25, 0, 0, 0, 0}; /* jmp [rip] */
        uint64_t leave = (uint64_t)run_leave;

        memcpy(at, bytes, n);
        memcpy(at + n, jmp, 6);
        memcpy(at + n + 6, &leave, 8);
        return (uint64_t)at;
}

static void protect(int ring, int doorbell)
{
        if (mprotect((void *)RF_RING_VA, RING_BYTES, ring) ||
            mprotect((void *)RF_DOORBELL_VA, DOORBELL_BYTES, doorbell))
                abort();
}

void world_run(uint64_t va, struct state *s, bool guarded)
{
        guarded_run = guarded;
        if (guarded)
                protect(PROT_READ, PROT_NONE);
        else
                protect(PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE);
        run_state = *s;
        if (world.step_to)
                run_state.rflags |= TRAP_FLAG;
        run_target = va;
        if (!sigsetjmp(out, 1))
                run_enter();
        else
                __asm__ volatile("cld");
        *s = run_state;
        guarded_run = false;
        protect(PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE);
}

void world_fill(uint32_t seed)
{
        uint64_t keep = rng;

        world_seed(seed);
        for (unsigned page = 0; page < 4; page++)
                for (unsigned i = 0; i < 4096; i += 8) {
                        uint64_t v = world_random(),
                                 off = (page >> 1) * RF_RING_STEP + (page & 1) * RF_RING_TX_OFF;

                        memcpy((void *)(RF_RING_VA + off + i), &v, 8);
                        memcpy((void *)(RF_STAGING_VA + off + i), &v, 8);
                        memcpy((void *)(WORLD_DATA + page * 4096 + i), &v, 8);
                }
        rng = keep;
}

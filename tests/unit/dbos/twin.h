/* SPDX-License-Identifier: MIT
 *
 * Two machines in Unicorn for dbos_unicorn.c: `bare` runs the original, `guest` is a ring space whose window
 * faults the engine answers. What a state leaves behind is compared.
 */
#ifndef TEST_DBOS_TWIN_H
#define TEST_DBOS_TWIN_H

#include <unicorn/unicorn.h>

#include "dbos/generate.h"
#include "engine.h"
#include "host/arena.h"

enum { CODE_BYTES = 0x4000, RING_BYTES = RF_MAX_QUEUES * RF_RING_STEP, STACK_BYTES = 0x10000, XMMS = 16 };
enum { FLAGS = 0xcd5, STEPS = 200, BELOW = 640, AROUND = 1024 };
#define NOWHERE 0x0000007000000000ull

struct regs {
        uint64_t gpr[16], flags, rip;
        uint8_t xmm[XMMS][16];
};

struct stop { /* how a run ended */
        bool fault, write;
        uint64_t va;
        uc_err err;
};

struct sampled {
        uint8_t bytes[16 + 16]; /* the instruction, and what stands behind it */
        unsigned length;
        bool dead;  /* nobody looks at the flags behind it: dbos_store.c tests that this is so */
        bool moved; /* runs in a trampoline: at a fault, which is the guest's end, registers may be others */
        const char *name;
};

static uc_engine *bare, *guest;
static struct stop stopped;
static const char *unexpected; /* the engine's words, where it refused */
static struct dbos_code code;
static uint8_t map[CODE_BYTES];
static uint64_t stack[256], entries[1];
static struct rf_info *info;
static uint32_t committed, ncommitted;
static struct {
        unsigned cases, sites, dead, unknown, detours, emulated, tails, faults;
} tally;
static char **files;

#define OK(call) assert_int_equal(call, UC_ERR_OK)

/* ---- the two machines ------------------------------------------------------------------------------- */

static bool on_fault(uc_engine *uc, uc_mem_type type, uint64_t va, int size, int64_t value, void *ctx)
{
        stopped = (struct stop){
            .fault = true, .va = va, .write = type == UC_MEM_WRITE_PROT || type == UC_MEM_WRITE_UNMAPPED};
        return false;
}

/* The guard's commit entry: takes the tail, and leaves nothing of what it may lose. */
static void on_commit(uc_engine *uc, uint64_t va, uint32_t size, void *ctx)
{
        static const int lost[] = {UC_X86_REG_RCX, UC_X86_REG_RDX, UC_X86_REG_RSI, UC_X86_REG_RDI,
                                   UC_X86_REG_R8,  UC_X86_REG_R9,  UC_X86_REG_R10, UC_X86_REG_R11};
        uint64_t tail, junk = 0x5a5a5a5a5a5a5a5a;

        uc_reg_read(uc, UC_X86_REG_RSI, &tail);
        committed = (uint32_t)tail;
        ncommitted++;
        tail = committed;
        uc_reg_write(uc, UC_X86_REG_RAX, &tail);
        for (unsigned i = 0; i < sizeof lost / sizeof lost[0]; i++)
                uc_reg_write(uc, lost[i], &junk);
}

static void plain(uc_engine *uc, uint64_t va, size_t n, uint32_t may)
{
        OK(uc_mem_map(uc, va, n, may));
}

static uc_engine *machine(bool ring_space)
{
        static const uint8_t ret = 0xc3;
        uint32_t window = ring_space ? UC_PROT_READ : UC_PROT_READ | UC_PROT_WRITE;
        uc_engine *uc;
        uc_hook hook;

        OK(uc_open(UC_ARCH_X86, UC_MODE_64, &uc));
        plain(uc, RF_IMAGE_BASE, CODE_BYTES, UC_PROT_ALL);
        plain(uc, WORLD_DATA, WORLD_DATA_BYTES, UC_PROT_READ | UC_PROT_WRITE);
        plain(uc, RF_STACK_VA, STACK_BYTES, UC_PROT_READ | UC_PROT_WRITE);
        plain(uc, RF_RING_VA, RING_BYTES, window);
        plain(uc, RF_GUARD_VA, 0x1000, UC_PROT_READ | UC_PROT_EXEC);
        plain(uc, RF_INFO_VA, 0x1000, UC_PROT_READ);
        if (ring_space)
                plain(uc, RF_STAGING_VA, RING_BYTES, UC_PROT_READ | UC_PROT_WRITE);
        else
                plain(uc, RF_DOORBELL_VA, 0x10000, UC_PROT_READ | UC_PROT_WRITE);
        OK(uc_mem_write(uc, RF_GUARD_VA + RF_GUARD_COMMIT, &ret, 1));
        OK(uc_mem_write(uc, RF_INFO_VA, info, 4096));
        OK(uc_hook_add(uc, &hook, UC_HOOK_MEM_INVALID, (void *)on_fault, NULL, 1, 0));
        OK(uc_hook_add(uc, &hook, UC_HOOK_CODE, (void *)on_commit, NULL, RF_GUARD_VA + RF_GUARD_COMMIT,
                       RF_GUARD_VA + RF_GUARD_COMMIT));
        return uc;
}

static void fill(void)
{
        static uint8_t b[0x10000];

        for (unsigned i = 0; i < sizeof b; i += 8)
                memcpy(b + i, &(uint64_t){world_random()}, 8);
        for (uint64_t off = 0; off < 2 * RF_RING_STEP; off += RF_RING_TX_OFF) {
                OK(uc_mem_write(bare, RF_RING_VA + off, b, 0x1000));
                OK(uc_mem_write(guest, RF_STAGING_VA + off, b, 0x1000));
        }
        OK(uc_mem_write(bare, WORLD_DATA, b, WORLD_DATA_BYTES));
        OK(uc_mem_write(guest, WORLD_DATA, b, WORLD_DATA_BYTES));
        OK(uc_mem_write(bare, RF_STACK_VA, b, STACK_BYTES));
        OK(uc_mem_write(guest, RF_STACK_VA, b, STACK_BYTES));
}

/* ---- the engine's view of the guest ------------------------------------------------------------------- */

static bool image_page(uint64_t va)
{
        return va - RF_IMAGE_BASE < CODE_BYTES;
}

static int space_read(void *ctx, uint64_t va, void *buf, size_t n)
{
        return uc_mem_read(guest, va, buf, n) ? -RF_ENOENT : 0;
}

static int space_write(void *ctx, uint64_t va, const void *buf, size_t n)
{
        if (uc_mem_write(guest, va, buf, n))
                return -RF_ENOENT;
        uc_ctl_remove_cache(guest, va, va + n);
        return 0;
}

static uint64_t space_trampoline(void *ctx, uint64_t lo, uint64_t hi, size_t n)
{
        return arena_take(lo, hi, n);
}

static int tail_ring(void *ctx, uint64_t va)
{
        for (int k = 0; k < 2; k++)
                if (va == info->queue[k].doorbell_rx || va == info->queue[k].doorbell_tx)
                        return 2 * k + (va == info->queue[k].doorbell_tx);
        return -1;
}

static const struct dbos_space space = {NULL, space_read, space_write, space_trampoline, NULL, tail_ring};

static uint64_t mapped_until(uint64_t page)
{
        return image_page(page) ? RF_IMAGE_BASE + CODE_BYTES : 0;
}

static uint8_t *back(uint64_t va)
{
        uint8_t *p = aligned_alloc(4096, 4096);

        OK(uc_mem_map_ptr(guest, va, 4096, UC_PROT_READ | UC_PROT_EXEC, p));
        return p;
}

static void drop(uint64_t va, uint8_t *bytes)
{
        OK(uc_mem_unmap(guest, va, 4096));
        uc_ctl_remove_cache(guest, va, va + 4096);
        free(bytes);
}

/* ---- running ---------------------------------------------------------------------------------------- */

static const int gpr_ids[16] = {UC_X86_REG_RAX, UC_X86_REG_RCX, UC_X86_REG_RDX, UC_X86_REG_RBX,
                                UC_X86_REG_RSP, UC_X86_REG_RBP, UC_X86_REG_RSI, UC_X86_REG_RDI,
                                UC_X86_REG_R8,  UC_X86_REG_R9,  UC_X86_REG_R10, UC_X86_REG_R11,
                                UC_X86_REG_R12, UC_X86_REG_R13, UC_X86_REG_R14, UC_X86_REG_R15};

static void put_regs(uc_engine *uc, const struct regs *r)
{
        for (int i = 0; i < 16; i++)
                uc_reg_write(uc, gpr_ids[i], &r->gpr[i]);
        uc_reg_write(uc, UC_X86_REG_EFLAGS, &r->flags);
        for (int i = 0; i < XMMS; i++)
                uc_reg_write(uc, UC_X86_REG_XMM0 + i, r->xmm[i]);
}

static void get_regs(uc_engine *uc, struct regs *r)
{
        memset(r, 0, sizeof *r);
        for (int i = 0; i < 16; i++)
                uc_reg_read(uc, gpr_ids[i], &r->gpr[i]);
        uc_reg_read(uc, UC_X86_REG_EFLAGS, &r->flags);
        uc_reg_read(uc, UC_X86_REG_RIP, &r->rip);
        for (int i = 0; i < XMMS; i++)
                uc_reg_read(uc, UC_X86_REG_XMM0 + i, r->xmm[i]);
}

static struct stop go(uc_engine *uc, uint64_t from, uint64_t to)
{
        stopped = (struct stop){0};
        stopped.err = uc_emu_start(uc, from, to, 0, STEPS);
        return stopped;
}

/* What root does with a plain store that no jump fits at. */
static struct stop carry_out(const struct dbos_store *store)
{
        tally.emulated++;
        if (store->va - RF_DOORBELL_VA < 0x10000) {
                committed = (uint32_t)store->value;
                ncommitted++;
        } else {
                OK(uc_mem_write(guest, store->va + RF_STAGING_DELTA, &store->value, store->bytes));
        }
        return (struct stop){0};
}

/* The guest, with ring 0 and root in one. `answered` counts faults; a detour ends the rewriting. */
static struct stop go_guest(const struct regs *start, uint64_t va, uint64_t end, unsigned *answered)
{
        uint64_t from = va;

        for (*answered = 0;;) {
                struct stop s = go(guest, from, end);
                struct dbos_store store;
                struct dbos_finding f;
                struct dbos_regs r;

                if (!s.fault || (s.va - RF_RING_VA >= RING_BYTES && s.va - RF_DOORBELL_VA >= 0x10000))
                        return s;
                /* Nothing has run yet. Unicorn does not tell it where a helper faulted, and lets some run on.
                 */
                put_regs(guest, start);
                memcpy(r.gpr, start->gpr, sizeof r.gpr);
                r.rip = va;
                r.rflags = start->flags;
                if (++*answered > 1)
                        return s; /* one fault a state: what runs instead has none */
                if (dbos_rewrite_store(&space, &code, &r, s.va, s.write, &store, &f) == DBOS_REWRITTEN)
                        from = va;
                else if (f.action == DBOS_EMULATED && !store.bytes)
                        from = store.next;
                else if (f.action == DBOS_EMULATED)
                        return carry_out(&store);
                else
                        return unexpected = f.advice, s;
                tally.detours += f.action == DBOS_EMULATED;
        }
}

static bool same(uint64_t in_bare, uint64_t in_guest, size_t n)
{
        static uint8_t a[0x10000], b[0x10000];

        OK(uc_mem_read(bare, in_bare, a, n));
        OK(uc_mem_read(guest, in_guest, b, n));
        return !memcmp(a, b, n);
}

/* `far`: all memory; else what is near enough to be hit. */
static const char *memory_differs(uint64_t target, bool far)
{
        uint64_t near = target & ~(uint64_t)(AROUND / 2 - 1);

        if (!same(WORLD_STACK - RED_ZONE, WORLD_STACK - RED_ZONE, RED_ZONE + 256))
                return "stack or red zone";
        if (target - RF_RING_VA < RING_BYTES && !same(near, near + RF_STAGING_DELTA, AROUND))
                return "ring";
        if (far || target - WORLD_DATA < WORLD_DATA_BYTES)
                if (!same(WORLD_DATA, WORLD_DATA, WORLD_DATA_BYTES))
                        return "data";
        for (uint64_t off = 0; far && off < 2 * RF_RING_STEP; off += RF_RING_TX_OFF)
                if (!same(RF_RING_VA + off, RF_STAGING_VA + off, 0x1000))
                        return "rings";
        return NULL;
}

static const char *registers_differ(const struct regs *a, const struct regs *b, bool dead)
{
        if (memcmp(a->gpr, b->gpr, sizeof a->gpr))
                return "registers";
        if (!dead && (a->flags ^ b->flags) & FLAGS)
                return "flags";
        return memcmp(a->xmm, b->xmm, sizeof a->xmm) ? "vector registers" : NULL;
}

/* One state through both. NULL: they agree. */
static const char *compare(const struct sampled *s, uint64_t va, const struct regs *start, uint64_t target)
{
        bool tail = target - RF_DOORBELL_VA < 0x10000;
        struct regs a, b;
        struct stop x, y;
        unsigned answered;
        uint32_t value;

        tally.cases++;
        put_regs(bare, start);
        put_regs(guest, start);
        ncommitted = 0;
        x = go(bare, va, va + s->length);
        get_regs(bare, &a);
        if (!x.fault && (x.err || a.rip != va + s->length)) {
                tally.unknown++;
                return NULL; /* Unicorn does not know the instruction */
        }
        y = go_guest(start, va, va + s->length, &answered);
        get_regs(guest, &b);
        if (x.fault != y.fault || x.va != y.va)
                return y.fault ? "a fault" : y.err ? "an error" : "no fault";
        tally.faults += x.fault;
        if (tail) {
                OK(uc_mem_read(bare, target, &value, 4));
                if (ncommitted != 1 || committed != value)
                        return "the commit";
                tally.tails++;
        } else if (ncommitted) {
                return "a commit too many";
        }
        if (x.fault && s->moved)
                return NULL;
        return registers_differ(&a, &b, s->dead) ?: memory_differs(target, tally.cases % 512 == 0);
}

static void fail_site(const char *what, const struct sampled *s, uint64_t va, uint64_t target)
{
        uint8_t now[24] = {0};

        print_error("%s: %s, at %#lx, target %#lx: original", s->name, what, va, target);
        for (unsigned i = 0; i < s->length; i++)
                print_error(" %02x", s->bytes[i]);
        uc_mem_read(guest, va, now, sizeof now);
        print_error("; now");
        for (unsigned i = 0; i < sizeof now; i++)
                print_error(" %02x", now[i]);
        print_error("; %s\n", unexpected ? unexpected : "");
        fail();
}

#endif

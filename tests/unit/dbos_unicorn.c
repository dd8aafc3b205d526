/* SPDX-License-Identifier: MIT
 *
 * Equivalence in Unicorn: two machines, one runs the original on plain memory, the other is a ring space
 * whose faults the engine answers. Stores generated, and stores of real drivers and libraries; each first
 * hits the ring, then in other states the ring again, plain data, a tail register, or an address where
 * nothing is. Registers, flags, vector registers, memory, faulting addresses must agree; staging must hold
 * what the ring would. And instructions with the hard bytes, rewritten before they run.
 *
 *   dbos_unicorn FILE...     DBOS_SEED and DBOS_CASES choose other and longer runs
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unicorn/unicorn.h>

#include "dbos/generate.h"
#include "engine.h"
#include "host/arena.h"
#include "host/image.h"
#include "rf/igb_desc.h"

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
        unsigned cases, sites, dead, unknown, detours, tails, faults;
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

/* The guest, with ring 0 and root in one. `answered` counts faults; a detour ends the rewriting. */
static struct stop go_guest(uint64_t va, uint64_t end, unsigned *answered)
{
        uint64_t from = va;

        for (*answered = 0;;) {
                struct stop s = go(guest, from, end);
                struct dbos_store store;
                struct dbos_finding f;
                struct dbos_regs r;
                struct regs now;

                if (!s.fault || (s.va - RF_RING_VA >= RING_BYTES && s.va - RF_DOORBELL_VA >= 0x10000))
                        return s;
                get_regs(guest, &now);
                memcpy(r.gpr, now.gpr, sizeof r.gpr);
                r.rip = va; /* Unicorn does not tell it where a helper faulted: x87, for one */
                r.rflags = now.flags;
                if (++*answered > 1)
                        return s; /* one fault a state: what runs instead has none */
                if (dbos_rewrite_store(&space, &code, &r, s.va, s.write, &store, &f) == DBOS_REWRITTEN)
                        from = va;
                else if (f.action == DBOS_EMULATED && !store.bytes)
                        from = store.next;
                else if (f.action == DBOS_EMULATED)
                        return s; /* carried out by root: dbos_window.c */
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
        if (x.err && !x.fault) {
                tally.unknown++;
                return NULL; /* Unicorn does not know the instruction */
        }
        y = go_guest(va, va + s->length, &answered);
        get_regs(bare, &a);
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

/* ---- sites ------------------------------------------------------------------------------------------ */

static void random_regs(struct regs *r)
{
        for (int i = 0; i < 16; i++)
                r->gpr[i] = world_random();
        r->gpr[RSP] = WORLD_STACK;
        r->gpr[RCX] = world_random() % 5 | 1;                      /* of REP, and of shifts */
        r->gpr[RSI] = WORLD_DATA + 0x800 + world_random() % 0x100; /* of MOVS */
        r->flags = 2 | (world_random() & 0x8d5);
        for (int i = 0; i < XMMS * 16; i += 8)
                memcpy((uint8_t *)r->xmm + i, &(uint64_t){world_random()}, 8);
}

/* Registers that make the instruction's address `target`; false: it cannot be. */
static bool aim_at(const struct insn *in, struct regs *r, uint64_t target)
{
        struct mem m;

        if (insn_mem(in, &m) < 0) {
                r->gpr[RDI] = target; /* STOS, MOVS */
                return true;
        }
        if (m.absolute || m.segment || m.addr32)
                return false;
        if (m.base != NO_REG && m.base != RSP && m.base != m.index) {
                r->gpr[m.base] = target - (uint64_t)m.disp;
                if (m.index != NO_REG)
                        r->gpr[m.base] -= r->gpr[m.index] * m.scale;
                return true;
        }
        if (m.index == NO_REG || m.scale != 1 || m.base == m.index)
                return false;
        r->gpr[m.index] = target - (uint64_t)m.disp - (m.base == RSP ? r->gpr[RSP] : 0);
        return true;
}

/* These store where the last x87 instruction stood. */
static bool tells_place(ZydisMnemonic m)
{
        return m == ZYDIS_MNEMONIC_FNSTENV || m == ZYDIS_MNEMONIC_FNSAVE || m == ZYDIS_MNEMONIC_FXSAVE ||
               m == ZYDIS_MNEMONIC_FXSAVE64;
}

static bool is_store(const struct insn *in)
{
        if (tells_place(in->z.mnemonic))
                return false;
        for (unsigned i = 0; i < in->z.operand_count; i++)
                if (in->op[i].type == ZYDIS_OPERAND_TYPE_MEMORY &&
                    in->op[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
                        return in->z.meta.branch_type == ZYDIS_BRANCH_TYPE_NONE &&
                               in->z.meta.category != ZYDIS_CATEGORY_PUSH &&
                               in->z.meta.category != ZYDIS_CATEGORY_POP && policy_of(&in->z).way == WAY_KEEP;
        return false;
}

static uint64_t choose(unsigned kind)
{
        uint64_t off = (world_random() % 200 + 8) * 16 + (world_random() & 3) * 4 * (world_random() & 1);

        switch (kind) {
        case 0:
                return WORLD_DATA + off;
        case 1:
                return NOWHERE + off;
        case 2:
        case 3:
                return (world_random() & 1 ? info->queue[0].doorbell_tx : info->queue[1].doorbell_rx);
        default:
                return RF_RING_VA + (world_random() & 1) * RF_RING_TX_OFF + off;
        }
}

static void lay_down(const struct sampled *s, uint64_t va)
{
        uint8_t around[128];

        memset(around, 0xcc, sizeof around);
        memcpy(around + 48, s->bytes, sizeof s->bytes);
        OK(uc_mem_write(bare, va - 48, around, sizeof around));
        OK(uc_mem_write(guest, va - 48, around, sizeof around));
        uc_ctl_remove_cache(bare, va - 48, va + 80);
        uc_ctl_remove_cache(guest, va - 48, va + 80);
        if (arena_pages() > 32)
                arena_reset();
}

/* MOV of 32 bits: it may go to a tail register too. */
static bool may_be_tail(const struct insn *in)
{
        return in->z.mnemonic == ZYDIS_MNEMONIC_MOV && in->op[0].size == 32;
}

static void run_site(struct sampled *s, uint64_t va, unsigned states)
{
        struct insn in;
        const char *what;
        bool tails;

        lay_down(s, va);
        if (!insn_read(&space, va, UINT64_MAX, false, &in) || in.length != s->length || !is_store(&in))
                return;
        tails = may_be_tail(&in);
        s->dead = flags_dead(&space, va);
        tally.dead += s->dead;
        tally.sites++;
        for (unsigned i = 0; i < states; i++) {
                unsigned kind = i == 0 ? 7 : (unsigned)(world_random() >> 61);
                uint64_t target = choose((kind | 1) == 3 && !tails ? 7 : kind);
                struct regs r;

                random_regs(&r);
                if (!aim_at(&in, &r, target))
                        return;
                what = compare(s, va, &r, target);
                if (what)
                        fail_site(what, s, va, target);
        }
}

static uint64_t random_place(void)
{
        return RF_IMAGE_BASE + 0x100 + world_random() % (CODE_BYTES - 0x400);
}

static void one_generated(void)
{
        struct sampled s = {0};
        struct sample g;

        generate(&g, RF_RING_VA + 0x100);
        if (g.kind == KIND_MOFFS)
                return;
        memcpy(s.bytes, g.bytes, g.length);
        for (unsigned i = g.length; i < sizeof s.bytes; i++)
                s.bytes[i] = (uint8_t)world_random();
        if (world_random() & 1)
                memcpy(s.bytes + g.length, "\x0f\x92\xc0", 3); /* setb: flags are live */
        s.length = g.length;
        s.name = g.name;
        run_site(&s, random_place(), 4);
}

static uint64_t cases_wanted(void)
{
        const char *env = getenv("DBOS_CASES");

        return env ? strtoull(env, NULL, 0) : 20000;
}

static void generated(void **unused)
{
        unsigned from = tally.cases;

        while (tally.cases - from < cases_wanted() / 4)
                one_generated();
        printf(
            "unicorn: %u states at %u generated sites; %u detours, %u tails, %u faults, %u unknown to it\n",
            tally.cases, tally.sites, tally.detours, tally.tails, tally.faults, tally.unknown);
        assert_true(tally.dead > tally.sites / 50 && tally.dead < tally.sites / 2);
        assert_true(tally.faults > 100 && tally.tails > 10 && tally.unknown < tally.cases / 5);
}

/* ---- the hard bytes -------------------------------------------------------------------------------------
 */

static bool with_hard_bytes(struct sampled *s)
{
        struct sample g;
        unsigned room;

        *s = (struct sampled){0};
        generate(&g, 0);
        if (g.kind == KIND_MOFFS || g.kind == KIND_STRING || g.length < g.tail + 3)
                return false;
        room = g.length - g.tail - 2;
        memcpy(g.bytes + g.tail + world_random() % room, "\x0f\x01\xef", 3);
        memset(s->bytes, 0xcc, sizeof s->bytes);
        memcpy(s->bytes, g.bytes, g.length);
        s->length = g.length;
        s->name = g.name;
        s->moved = true;
        return true;
}

/* As at load: the whole range around it. */
static bool subtracted(uint64_t va)
{
        struct dbos_code c = code;
        struct dbos_summary sum;

        c.va = va - 48;
        c.bytes = 128;
        c.nentries = 1;
        entries[0] = va;
        return !dbos_rewrite_code(&space, &c, &sum) && sum.rewritten == 1;
}

static unsigned hard_form(void)
{
        uint64_t va = random_place(), target;
        struct sampled s;
        struct insn in;
        const char *what;

        if (!with_hard_bytes(&s))
                return 0;
        lay_down(&s, va);
        if (!insn_read(&space, va, UINT64_MAX, false, &in) || in.length != s.length || !subtracted(va))
                return 0;
        for (unsigned i = 0; i < 4; i++) {
                struct regs r;

                target = choose((unsigned)(world_random() >> 61) ? 0 : 1);
                random_regs(&r);
                if (!aim_at(&in, &r, target))
                        return 0;
                what = compare(&s, va, &r, target);
                if (what)
                        fail_site(what, &s, va, target);
        }
        return 1;
}

static void hard(void **unused)
{
        unsigned from = tally.cases, sites = 0, tries = 0;

        for (; tally.cases - from < cases_wanted() / 4; tries++)
                sites += hard_form();
        printf("unicorn: %u states at %u instructions with the hard bytes\n", tally.cases - from, sites);
        assert_true(sites > tries / 20);
}

/* ---- real code -------------------------------------------------------------------------------------- */

static struct sampled *found;
static unsigned nfound;

static void collect(const char *name)
{
        struct image as_is, worked;
        struct dbos_summary sum;
        struct dbos_space s;

        assert_true(image_open(&as_is, name) && image_open(&worked, name));
        s = image_space(&worked, NULL);
        image_subtract(&worked, &s, &sum);
        arena_reset();
        for (unsigned k = 0; k < worked.ncode; k++)
                for (uint64_t i = 0; i + 32 < worked.code[k].bytes; i++) {
                        struct dbos_space original = image_space(&as_is, NULL);
                        struct insn in;

                        if (!worked.code[k].map[i] ||
                            !insn_read(&original, worked.code[k].va + i, UINT64_MAX, false, &in) ||
                            !is_store(&in))
                                continue;
                        if (nfound % 4096 == 0)
                                found = realloc(found, (nfound + 4096) * sizeof *found);
                        found[nfound].length = in.length;
                        found[nfound].name = "real code";
                        memcpy(found[nfound++].bytes, image_bytes(&as_is, in.va), 32);
                }
        image_close(&worked);
        image_close(&as_is);
}

static void use_guest_arena(void)
{
        arena_open(&(struct arena_place){RF_IMAGE_BASE + CODE_BYTES, mapped_until, back, drop});
}

static void real(void **unused)
{
        unsigned from = tally.cases, sites = tally.sites;

        arena_reset();
        for (char **f = files; *f; f++)
                collect(*f);
        use_guest_arena();
        assert_true(nfound > 1000);
        while (tally.cases - from < cases_wanted() / 2)
                run_site(&found[world_random() % nfound], random_place(), 4);
        printf("unicorn: %u states at %u sites of real code, of %u; %u faults\n", tally.cases - from,
               tally.sites - sites, nfound, tally.faults);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(generated),
            cmocka_unit_test(hard),
            cmocka_unit_test(real),
        };
        const char *seed = getenv("DBOS_SEED");

        files = argv + 1;
        world_seed(seed ? strtoull(seed, NULL, 0) : 41);
        info = calloc(1, 4096);
        info->nqueues = 2;
        for (unsigned k = 0; k < 2; k++) {
                info->queue[k].doorbell_rx = RF_DOORBELL_VA + IGB_RDT0 + IGB_QUEUE_STEP * k;
                info->queue[k].doorbell_tx = RF_DOORBELL_VA + IGB_TDT0 + IGB_QUEUE_STEP * k;
        }
        bare = machine(false);
        guest = machine(true);
        fill();
        code = (struct dbos_code){.va = RF_IMAGE_BASE,
                                  .bytes = CODE_BYTES,
                                  .entries = entries,
                                  .map = map,
                                  .stack = stack,
                                  .stack_len = 256,
                                  .hypercall = RF_GUARD_VA,
                                  .commit = RF_GUARD_VA + RF_GUARD_COMMIT};
        use_guest_arena();
        return cmocka_run_group_tests(tests, NULL, NULL);
}

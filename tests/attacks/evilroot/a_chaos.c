/* SPDX-License-Identifier: MIT
 * Guests made of random instructions with random registers, on one vCPU or two, between random staging and a
 * guard at whose every byte they may land. What they leave in their rings is looked at after each. */
#include "random.h"
#include "rf_string.h"
#include "wire.h"

enum { PROGRAM = 192, SHORT_MS = 3, SLOTS = 16 };

/* One byte of length, then the bytes: what an attacker would use, and near misses of what is refused. */
static const uint8_t words[][12] = {
    {3, 0x4c, 0x89, 0x2b},                         /* mov %r13, (%rbx) */
    {4, 0x4c, 0x89, 0x6b, 0x08},                   /* mov %r13, 8(%rbx) */
    {4, 0xf0, 0x4c, 0x01, 0x2b},                   /* lock add %r13, (%rbx) */
    {3, 0x41, 0xff, 0xd4},                         /* call *%r12 */
    {3, 0x41, 0xff, 0xe4},                         /* jmp *%r12 */
    {5, 0xb8, 0xc0, 0xff, 0xff, 0xff},             /* mov $RF_PKRU_OPEN, %eax */
    {5, 0xb8, 0x05, 0x00, 0x00, 0x00},             /* mov $RF_HC_COMMIT, %eax */
    {4, 0x31, 0xc9, 0x31, 0xd2},                   /* xor %ecx, %ecx; xor %edx, %edx */
    {3, 0x0f, 0x01, 0xef},                         /* wrpkru */
    {3, 0x0f, 0x01, 0xee},                         /* rdpkru */
    {5, 0x66, 0x0f, 0x01, 0xef, 0x90},             /* a prefixed one */
    {3, 0x0f, 0xae, 0x2e},                         /* xrstor (%rsi) */
    {3, 0x0f, 0x01, 0xd1},                         /* xsetbv */
    {3, 0x0f, 0x22, 0xc0},                         /* mov %rax, %cr0 */
    {3, 0x0f, 0x22, 0xe0},                         /* mov %rax, %cr4 */
    {3, 0x0f, 0x22, 0xd8},                         /* mov %rax, %cr3 */
    {2, 0x0f, 0x30},                               /* wrmsr */
    {3, 0x0f, 0x01, 0x16},                         /* lgdt (%rsi) */
    {3, 0x0f, 0x01, 0x1e},                         /* lidt (%rsi) */
    {2, 0x48, 0xcf},                               /* iretq */
    {2, 0x48, 0xcb},                               /* lretq */
    {2, 0x0f, 0x05},                               /* syscall */
    {2, 0x0f, 0x34},                               /* sysenter */
    {3, 0x0f, 0x01, 0xd9},                         /* vmmcall */
    {3, 0x0f, 0x01, 0xc1},                         /* vmcall */
    {3, 0x0f, 0x01, 0xd8},                         /* vmrun */
    {3, 0x0f, 0x01, 0xd4},                         /* vmfunc */
    {2, 0xf3, 0xab},                               /* rep stosl */
    {2, 0xf3, 0xa4},                               /* rep movsb */
    {1, 0x9d},                                     /* popf */
    {1, 0x9c},                                     /* pushf */
    {1, 0xfa},                                     /* cli */
    {1, 0xf4},                                     /* hlt */
    {2, 0x0f, 0xa2},                               /* cpuid */
    {2, 0x0f, 0x0b},                               /* ud2 */
    {1, 0xcc},                                     /* int3 */
    {2, 0xcd, 0x80},                               /* int $0x80 */
    {1, 0xc3},                                     /* ret */
    {1, 0x50},                                     /* push %rax */
    {3, 0x4c, 0x89, 0xdc},                         /* mov %r11, %rsp */
    {3, 0x48, 0x87, 0xd3},                         /* xchg %rdx, %rbx */
    {3, 0x0f, 0x01, 0xf8},                         /* swapgs */
    {3, 0x48, 0xff, 0xcb},                         /* dec %rbx */
    {7, 0x0f, 0xae, 0x3b, 0x0f, 0xae, 0xf0, 0x90}, /* clflush (%rbx); mfence */
    {3, 0x0f, 0xc7, 0x0b},                         /* cmpxchg8b (%rbx) */
    {3, 0x0f, 0x11, 0x03},                         /* movups %xmm0, (%rbx) */
};

static uint64_t some_value(void)
{
        const uint64_t list[] = {0,
                                 1,
                                 8,
                                 255,
                                 RF_PKRU_OPEN,
                                 RF_PKRU_CLOSED,
                                 RF_RING_VA + 16 * (dice() % 256),
                                 RF_RING_VA + RF_RING_TX_OFF + 16 * (dice() % 256),
                                 RF_STATE_VA + dice() % 0x480,
                                 RF_GUARD_VA + dice() % 0x300,
                                 RF_GUARD_VA + RF_GUARD_COMMIT,
                                 RF_GUARD_VA,
                                 RF_DOORBELL_VA + card->rdt,
                                 RF_DOORBELL_VA + card->tdt,
                                 RF_STAGING_VA + 16 * (dice() % 256),
                                 RF_INFO_VA,
                                 POOL_VA + dice() % POOL_BYTES,
                                 DATA_VA + dice() % (DATA_PAGES * RF_PAGE_SIZE),
                                 SPOT_VA + dice() % PROGRAM,
                                 CODE_VA + dice() % RF_PAGE_SIZE,
                                 0xffff800000000000,
                                 UINT64_MAX};

        return one_in(6) ? dice() >> dice() % 64 : list[dice() % (sizeof(list) / sizeof(list[0]))];
}

static void write_program(uint8_t *p)
{
        unsigned at = 0;

        while (at + sizeof(words[0]) < PROGRAM) {
                const uint8_t *w = words[one_in(8) ? 0 : dice() % (sizeof(words) / sizeof(words[0]))];
                unsigned n = one_in(3) ? 1 + (unsigned)(dice() % 4) : w[0];

                for (unsigned i = 0; i < n; i++)
                        p[at + i] = n == w[0] && !one_in(64) ? w[1 + i] : (uint8_t)dice();
                at += n;
        }
        memset(p + at, 0x90, PROGRAM - at);
}

/* Until ring 0 takes it. How often it did not. */
static unsigned new_program(struct subject *s)
{
        unsigned refused = 0;

        for (;; refused++) {
                if (sys_guest_open(s->guest, SPOT_VA, 1) != 0)
                        fail("a page cannot be opened");
                write_program(in_guest(s, SPOT_VA));
                if (sys_guest_accept(s->guest, SPOT_VA, 1) == 0)
                        return refused;
        }
}

static void fill_staging(struct subject *s)
{
        for (unsigned i = 0; i < SLOTS; i++) {
                uint64_t ring = RF_RING_VA + (dice() & 1) * RF_RING_TX_OFF, slot = ring + 16 * (i / 2);

                sys_stage_store(s->vcpu, slot, one_in(2) ? dice() % POOL_BYTES : some_value(), 8);
                sys_stage_store(s->vcpu, slot + 8,
                                one_in(2) ? wire_hi((uint32_t)dice() % 2000) : some_value(), 8);
        }
}

static struct run some_run(uint64_t stack)
{
        struct run r = run_at(SPOT_VA + (one_in(2) ? 0 : dice() % PROGRAM));

        for (unsigned i = 0; i < 16; i++)
                r.gpr[i] = some_value();
        if (!one_in(4))
                r.gpr[RSP] = stack;
        if (one_in(3))
                r.gpr[RBX] = RF_RING_VA + (dice() & 1) * RF_RING_TX_OFF + 16 * (dice() % RF_RING_ENTRIES);
        if (one_in(2))
                r.gpr[R12] = RF_GUARD_VA + RF_GUARD_COMMIT;
        if (r.gpr[RAX] == RF_HC_WAIT) /* would wait, not attack */
                r.gpr[RAX] = RF_PKRU_OPEN;
        return r;
}

/* Each slot is as the guard writes one: empty, or its address the pool's and its second word a valid one. */
static bool rings_valid(struct subject *s, uint64_t base)
{
        static uint64_t ring[2 * RF_RING_ENTRIES];

        for (unsigned d = 0; d < 2; d++) {
                if (!peek(s, RF_RING_VA + d * RF_RING_TX_OFF, ring, sizeof(ring)))
                        return s->alive = false,
                               true; /* its flags step it, say: it left nothing to look with */
                for (unsigned i = 0; i < RF_RING_ENTRIES; i++) {
                        const uint64_t lo = ring[2 * i], hi = ring[2 * i + 1];
                        bool done =
                            (((uint8_t *)&ring[2 * i])[d ? card->form->tx_dd : card->form->rx_dd] & 1) != 0;

                        if ((lo == 0 && hi == 0) || done)
                                continue;
                        if (lo - base > POOL_BYTES - BUFFER ||
                            (hi & ~card->tx_rs) != (d == 0 ? 0 : wire_hi(hi & 0xffff)))
                                return false;
                }
        }
        return true;
}

/* As let_go(), but the guest may be dead by now. */
static void release(uint32_t vcpu, const struct run *r)
{
        for (unsigned i = 0; i < 16; i++)
                sys_vcpu_set(vcpu, i, r->gpr[i]);
        sys_vcpu_resume(vcpu, r->rip);
}

static void both(struct subject *s, const struct run *first, const struct run *second)
{
        born_second(s);
        let_go(s->vcpu, first);
        release(s->second, second);
        hang_ms = SHORT_MS;
        run_on(s, s->vcpu, NULL);
        hang_ms = HANG_MS;
        s->alive = false; /* it is over, whatever the second does */
}

static void one(struct subject *s, uint64_t base, struct tally *t, unsigned *deaths)
{
        struct run r = some_run(STACK_VA - 8), second = some_run(SECOND_STACK);

        fill_staging(s);
        t->tried++;
        hang_ms = SHORT_MS;
        if (s->second == UINT32_MAX)
                run(s, &r);
        hang_ms = HANG_MS;
        if (s->second != UINT32_MAX) {
                both(s, &r, &second);
                return;
        }
        t->other += r.end == END_HANG; /* a loop: no wrong */
        *deaths += r.end == END_DEAD;
        if (!s->alive || rings_valid(s, base))
                return;
        t->succeeded++;
        if (!controls)
                say("chaos: round %u left a ring that the guard never wrote", t->tried);
        s->alive = false;
}

void chaos(unsigned rounds)
{
        struct tally t = {0};
        unsigned deaths = 0, refused = 0;
        struct subject s;
        uint64_t base;

        subject_new(&s, 0, 1);
        base = wire_bus(&s);
        for (unsigned i = 0; i < rounds; i++) {
                if (!s.alive || one_in(8)) {
                        subject_end(&s);
                        subject_new(&s, 0, 1 + (unsigned)one_in(4));
                        base = wire_bus(&s);
                }
                refused += new_program(&s);
                one(&s, base, &t, &deaths);
        }
        subject_end(&s);
        t.blocked = t.tried - t.succeeded;
        say("chaos: %u programs, %u refused before; %u deaths, %u did not end by themselves", t.tried,
            refused, deaths, t.other);
        report("random", "code", &t);
}

/* SPDX-License-Identifier: MIT
 * Attacks 4 and 5: control state, single steps, 32-bit code. */
#include "evil.h"
#include "rf_string.h"

extern const uint8_t r_step[], r_step_handled[], r_handler[], r_far[], p_code32[], p_code32_end[];
#define SLOT   (RF_RING_VA + 0x400)
#define GDT    (DATA_VA + 0x40)
#define IDT    (DATA_VA + 0x400)
#define OPENED (DATA_VA + 0x2000) /* XSAVE image, PKRU = 0 */
#define CLOSED (DATA_VA + 0x3000)
#define LOW32  0x10000000ull
#define DATA32 0x20000000ull
#define MARK   0x434f4e54524f4c21ull
enum {
        XSTATE_BV = 512,
        XFEATURE_PKRU = 9,
        CODE64 = 8,
        CODE32 = 0x18,
        VECTORS = 32,
        COMMIT = RF_GUARD_COMMIT
};

static uint32_t pkru_offset(void)
{
        uint32_t a = 13, b, c = XFEATURE_PKRU, d; /* CPUID Fn0000_000D_ECX=9: EBX = offset */

        __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
        return b;
}

struct __attribute__((packed)) table_pointer {
        uint16_t limit;
        uint64_t base;
};

/* A gate: APM volume 2, 4.8.4, type 14, present. */
static void set_gate(struct subject *s, unsigned vector, uint64_t to)
{
        uint64_t gate[2] = {
            (to & 0xffff) | (uint64_t)CODE64 << 16 | 0x8eull << 40 | (to >> 16 & 0xffff) << 48, to >> 32};

        memcpy(in_guest(s, IDT + vector * sizeof(gate)), gate, sizeof(gate));
}

static void fill(struct subject *s)
{
        static const uint64_t gdt[] = {0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff};
        const struct table_pointer gp = {sizeof(gdt) - 1, GDT}, ip = {VECTORS * 16 - 1, IDT};
        uint32_t offset = pkru_offset();

        memset(in_guest(s, DATA_VA), 0, 4 * RF_PAGE_SIZE);
        memcpy(in_guest(s, DATA_VA), &gp, sizeof(gp));
        memcpy(in_guest(s, DATA_VA + 16), &ip, sizeof(ip));
        memcpy(in_guest(s, GDT), gdt, sizeof(gdt));
        for (unsigned i = 0; i < VECTORS; i++)
                set_gate(s, i, snippet_va(r_handler));
        *(uint64_t *)in_guest(s, OPENED + XSTATE_BV) = 1u << XFEATURE_PKRU;
        *(uint64_t *)in_guest(s, CLOSED + XSTATE_BV) = 1u << XFEATURE_PKRU;
        if (offset != 0 && offset < RF_PAGE_SIZE)
                *(uint32_t *)in_guest(s, CLOSED + offset) = RF_PKRU_CLOSED;
}

static struct run prepared(struct subject *s, uint64_t rip)
{
        struct run r = run_at(rip);

        fill(s);
        r.gpr[RBX] = SLOT;
        r.gpr[RSI] = DATA_VA;
        r.gpr[RBP] = OPENED;
        r.gpr[R8] = CLOSED;
        r.gpr[R13] = MARK;
        r.gpr[R14] = DATA_VA + 16;
        r.gpr[R12] = RF_GUARD_VA + COMMIT;
        return r;
}

static bool stored(struct subject *s)
{
        uint64_t seen = 0;

        return s->alive && peek(s, SLOT, &seen, sizeof(seen)) && seen == MARK;
}

/* VMX swaps few MSRs. Without the defence a guest that writes another spoils the host's, and that is the end.
 */
static bool is_hosts(const char *name)
{
        return control(RF_CONTROL_NO_MSR) && HOST->intel && memcmp(name, "wrmsr_", 6) == 0 &&
               memcmp(name, "wrmsr_0xc0000080", 16) != 0; /* EFER */
}

/* It stored, and came to an exit before it had closed the window again. */
static bool was_open(const struct run *r)
{
        return r->end == END_DEAD && r->death == RF_DEATH_WINDOW_OPEN;
}

void attack_control(void)
{
        struct tally t = {0};
        struct subject s;

        subject_new(&s, 0, 1);
        for (const struct snippet *c = control_table; c < control_table_end; c++) {
                struct run r = prepared(&s, snippet_va(c->code));

                if (is_hosts(c->name))
                        continue;
                run(&s, &r);
                t.tried++;
                if (r.end == END_LANDED || was_open(&r)) {
                        say("landed: %s controls=%x stored=%d", c->name, controls,
                            was_open(&r) || stored(&s));
                        t.succeeded++;
                } else if (r.end == END_HANG) {
                        t.hung++;
                } else {
                        t.blocked++;
                }
                s.alive = false; /* control state is not given back */
                subject_renew(&s);
        }
        report("control", "all", &t);
        subject_end(&s);
}

/* Each byte of the guard, stepped from there with EAX = open; and the whole of a commit under a handler of
 * ours. */
void attack_step(void)
{
        struct tally t = {0};
        struct subject s;
        struct run r;

        subject_new(&s, 0, 1);
        r = prepared(&s, snippet_va(r_step_handled));
        run(&s, &r);
        check("step", "handler", !stored(&s));
        s.alive = false;
        subject_renew(&s);
        for (uint64_t offset = COMMIT; offset < COMMIT + 32 && !controls; offset++) {
                r = prepared(&s, snippet_va(r_step));
                r.gpr[R12] = RF_GUARD_VA + offset;
                run(&s, &r);
                t.tried++;
                t.blocked += r.end == END_DEAD;
                t.succeeded += r.end == END_LANDED;
                t.hung += r.end == END_HANG;
                subject_renew(&s);
        }
        if (!controls)
                report("step", "every-entry", &t);
        subject_end(&s);
}

void attack_far(void)
{
        struct subject s;
        struct run r;

        subject_new(&s, 0, 1);
        if (sys_guest_map(s.guest, LOW32, 1, RF_MAP_CODE) != 0 ||
            sys_guest_map(s.guest, DATA32, 1, RF_MAP_DATA) != 0)
                fail("no low memory");
        memcpy(in_guest(&s, LOW32), p_code32, (size_t)(p_code32_end - p_code32));
        if (sys_guest_accept(s.guest, LOW32, 1) != 0)
                fail("32-bit code was refused");
        r = prepared(&s, snippet_va(r_far));
        r.gpr[R12] = LOW32;
        r.gpr[R13] = CODE32;
        run(&s, &r);
        check("far", "32-bit", *(uint32_t *)in_guest(&s, DATA32) != 0x32323232);
        subject_end(&s);
}

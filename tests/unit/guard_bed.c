/* SPDX-License-Identifier: MIT
 * See guard_bed.h. */
#include "guard_bed.h"

#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "guard_numbers.h"

enum { PAGE = 4096, STEP_LIMIT = 6000, TRAP_FLAG = 1 << 8, ARITHMETIC_FLAGS = 0xcd5, WRPKRU_BYTES = 3 };

static struct bed_window model;
static unsigned seen[PAGE];
static enum { IDLE, ENTER, RUNNING } phase;
static bool stepping;
static struct bed_run run;
static struct bed_regs wanted;
static mcontext_t home;
static struct _libc_fpstate home_fp;
static uint64_t open_rsp;

static const int greg[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                             REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static void set_pkru(uint32_t value)
{
        run.pkru = value;
        bed_protect(bed_fast ? RF_PKRU_OPEN : value);
}

/* ---- rules ------------------------------------------------------------------------------------------ */

static void wrong(const char *rule)
{
        if (!run.wrong)
                run.wrong = rule;
}

static uint64_t offset_of(const uint8_t *label)
{
        return RF_GUARD_VA + (uint64_t)(label - guard_page);
}

/* What the C twin does with the same arguments, on copies of the window. */
static void twin(uint32_t ring, uint32_t tail)
{
        struct guard_ring *r = ring < GUARD_RINGS ? &model.state.ring[ring] : NULL;
        unsigned n = 0;
        bool moved;

        run.opens++;
        run.expect = (uint64_t)RF_COMMIT_RING << 32;
        while (n < BED_RINGS && bed_ring[n] != ring)
                n++;
        if (!r)
                return;
        run.expect = guard_hand_over(r, n < BED_RINGS ? model.ring[n] : NULL,
                                     n < BED_RINGS ? staging[n] : NULL, tail, &moved);
        if (moved)
                model.bell[ring & 1][(r->doorbell & 0xfff) / 4] = (uint32_t)run.expect;
}

/* WRPKRU at *rip, met or faulted on. False: it raises an exception of its own. */
static bool do_wrpkru(greg_t *g)
{
        if ((uint32_t)g[REG_RCX] != 0 || (uint32_t)g[REG_RDX] != 0)
                return false;
        set_pkru((uint32_t)g[REG_RAX]);
        open_rsp = (uint64_t)g[REG_RSP];
        if (run.pkru == RF_PKRU_OPEN && (uint64_t)g[REG_RIP] == offset_of(guard_open))
                twin((uint32_t)g[REG_RDI], (uint32_t)g[REG_RSI]);
        return true;
}

static void note(struct bed_regs *to, const greg_t *g)
{
        for (unsigned i = 0; i < 16; i++)
                to->gpr[i] = (uint64_t)g[greg[i]];
        to->rip = (uint64_t)g[REG_RIP];
}

/* Whatever was opened with a wrong value gets no further than the comparison and UD2, or the closing code. */
static bool may_follow(uint64_t rip)
{
        uint64_t open = offset_of(guard_open), close = offset_of(guard_close);

        return (rip > open && rip <= open + 6) || (rip >= close - 9 && rip <= close + 6) ||
               memcmp(bed_page() + (rip - RF_GUARD_VA), "\x0f\x0b", 2) == 0;
}

static bool in_page(uint64_t rip)
{
        return rip - RF_GUARD_VA < PAGE;
}

static void check_rules(const greg_t *g)
{
        uint64_t rip = (uint64_t)g[REG_RIP];

        if (run.pkru == RF_PKRU_CLOSED)
                return;
        if (!in_page(rip))
                wrong("left the guard with the window open");
        else if (run.pkru != RF_PKRU_OPEN && !may_follow(rip))
                wrong("went on after a wrong value in PKRU");
        else if (rip > offset_of(guard_open) && rip < offset_of(guard_close) &&
                 (uint64_t)g[REG_RSP] != open_rsp)
                wrong("moved the stack pointer with the window open");
}

/* ---- one instruction ------------------------------------------------------------------------------ */

static const uint8_t *skip_prefixes(const uint8_t *p, bool *bad)
{
        for (;; p++) {
                if (*p == 0x64 || *p == 0x65) /* FS, GS: this process's own */
                        *bad = true;
                else if (!(*p == 0x66 || *p == 0x67 || *p == 0xf0 || *p == 0xf2 || *p == 0xf3 || *p == 0x2e ||
                           *p == 0x36 || *p == 0x3e || *p == 0x26 || (*p & 0xf0) == 0x40))
                        return p;
                if (p > bed_page() + PAGE)
                        return p;
        }
}

/* System calls, far transfers, segment loads, flag loads, hypercalls: they would act on this process, not on
 * a guest. */
static bool forbidden(const uint8_t *p)
{
        unsigned reg = p[1] >> 3 & 7;

        if (p[0] == 0x0f)
                return p[1] == 0x05 || p[1] == 0x34 || p[1] == 0xa1 || p[1] == 0xa9 || p[1] == 0xb2 ||
                       p[1] == 0xb4 || p[1] == 0xb5 || p[1] == 0xae || p[1] == 0xc7 || p[1] == 0x01;
        return p[0] == 0x9d || p[0] == 0xcf || p[0] == 0xca || p[0] == 0xcb || p[0] == 0xcd || p[0] == 0xcc ||
               p[0] == 0xf1 || p[0] == 0x8e || (p[0] == 0xff && (reg == 3 || reg == 5));
}

static bool prefixed(const uint8_t *from, const uint8_t *to, uint8_t prefix)
{
        return memchr(from, prefix, (size_t)(to - from)) != NULL;
}

/* Looks at the instruction about to run. False: stop, with run.stop set. */
static bool inspect(greg_t *g)
{
        for (;;) {
                const uint8_t *start, *p;
                bool bad = false;

                check_rules(g);
                run.stop = BED_LEFT;
                if (!in_page((uint64_t)g[REG_RIP]))
                        return false;
                seen[(uint64_t)g[REG_RIP] - RF_GUARD_VA]++;
                start = bed_page() + ((uint64_t)g[REG_RIP] - RF_GUARD_VA);
                p = skip_prefixes(start, &bad);
                run.stop = BED_LIMIT;
                if (run.steps++ >= STEP_LIMIT)
                        return false;
                if (bed_is_wrpkru(p)) {
                        run.stop = BED_FAULT; /* 66, F2, F3, LOCK: #UD; ECX or EDX not 0: #GP */
                        if (prefixed(start, p, 0x66) || prefixed(start, p, 0xf2) ||
                            prefixed(start, p, 0xf3) || prefixed(start, p, 0xf0))
                                return false;
                        g[REG_RIP] += p - start;
                        if (!do_wrpkru(g))
                                return false;
                        g[REG_RIP] += WRPKRU_BYTES;
                        continue;
                }
                run.stop = BED_FORBIDDEN;
                return !bad && !forbidden(p);
        }
}

/* SIGILL: the hypercall, or without single-stepping a WRPKRU. False: a real #UD. */
static bool illegal(greg_t *g)
{
        uint64_t rip = (uint64_t)g[REG_RIP];

        if (rip == RF_GUARD_VA) {
                if (run.pkru != RF_PKRU_CLOSED)
                        wrong("hypercall with the window open");
                run.hypercalls++;
                note(&run.hypercall, g);
                g[REG_RAX] = 0;
                g[REG_RCX] = g[REG_R11] = 0x5a5a; /* lost, says the ABI */
        } else if (stepping || !in_page(rip) || !bed_is_wrpkru(bed_page() + (rip - RF_GUARD_VA)) ||
                   !do_wrpkru(g)) {
                return false;
        }
        g[REG_RIP] += WRPKRU_BYTES;
        return true;
}

/* ---- signals --------------------------------------------------------------------------------------- */

static void enter(ucontext_t *u)
{
        greg_t *g = u->uc_mcontext.gregs;

        home = u->uc_mcontext;
        home_fp = *u->uc_mcontext.fpregs;
        for (unsigned i = 0; i < 16; i++)
                g[greg[i]] = (greg_t)wanted.gpr[i];
        g[REG_RIP] = (greg_t)wanted.rip;
        g[REG_EFL] = (greg_t)(0x202 | (wanted.flags & ARITHMETIC_FLAGS) | (stepping ? TRAP_FLAG : 0));
        phase = RUNNING;
        set_pkru(RF_PKRU_CLOSED);
}

static void leave(ucontext_t *u)
{
        note(&run.regs, u->uc_mcontext.gregs);
        memcpy(u->uc_mcontext.gregs, home.gregs, sizeof(home.gregs));
        *u->uc_mcontext.fpregs = home_fp;
        phase = IDLE;
}

static void on_signal(int number, siginfo_t *info, void *context)
{
        ucontext_t *u = context;
        greg_t *g = u->uc_mcontext.gregs;
        bool go_on = false;

        if (phase == IDLE) {
                signal(number, SIG_DFL); /* our own bug: let it show */
                return;
        }
        if (phase == ENTER) {
                enter(u);
                go_on = !stepping || inspect(g);
        } else if (number == SIGTRAP && stepping && info->si_code == TRAP_TRACE) {
                go_on = inspect(g);
        } else {
                run.stop = in_page((uint64_t)g[REG_RIP]) ? BED_FAULT : BED_LEFT;
                go_on = number == SIGILL && illegal(g);
                if (go_on && stepping)
                        go_on = inspect(g);
                if (!go_on)
                        check_rules(g);
        }
        run.signal = number;
        run.fault = number == SIGSEGV ? (uint64_t)info->si_addr : 0;
        if (!go_on)
                leave(u);
}

/* Before each run: cmocka puts handlers of its own in place for every test. */
static void catch_signals(void)
{
        static const int numbers[] = {SIGTRAP, SIGILL, SIGSEGV, SIGBUS, SIGFPE};
        struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};

        for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
                sigaction(numbers[i], &action, NULL);
}

/* ---- for the tests ----------------------------------------------------------------------------------- */

struct bed_run bed_go(const struct bed_regs *regs, bool step)
{
        run = (struct bed_run){.pkru = RF_PKRU_CLOSED};
        model = *window;
        wanted = *regs;
        stepping = step;
        bed_full_speed(!step);
        catch_signals();
        phase = ENTER;
        __asm__ volatile("int3"
                         :
                         :
                         : "memory", "cc", "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11");
        return run;
}

struct bed_run bed_commit(uint64_t ring, uint64_t tail, bool step)
{
        struct bed_regs regs;
        uint64_t *top = (uint64_t *)(BED_STACK + PAGE - 64);
        struct bed_run result;

        for (unsigned i = 0; i < 16; i++)
                regs.gpr[i] = bed_rand();
        *top = BED_RETURN;
        regs.gpr[A_RSP] = (uint64_t)top;
        regs.flags = 0;
        regs.gpr[A_RDI] = ring;
        regs.gpr[A_RSI] = tail;
        regs.rip = RF_GUARD_VA + RF_GUARD_COMMIT;
        result = bed_go(&regs, step);
        regs.gpr[A_RSP] += 8;
        if (result.stop != BED_LEFT || result.regs.rip != BED_RETURN)
                wrong("commit did not return");
        for (unsigned i = 0; i < 16; i++)
                if ((i >= A_R12 || i == A_RBX || i == A_RBP || i == A_RSP) &&
                    regs.gpr[i] != result.regs.gpr[i])
                        wrong("commit lost a register it must keep");
        result.wrong = run.wrong;
        return result;
}

const char *bed_compare(const struct bed_run *r)
{
        if (r->wrong)
                return r->wrong;
        if (r->stop == BED_LIMIT && r->pkru != RF_PKRU_CLOSED)
                return "endless loop with the window open";
        if (r->stop == BED_FORBIDDEN && r->pkru != RF_PKRU_CLOSED)
                return "forbidden instruction with the window open";
        if (memcmp(&model.state, window->state_page, PAGE) != 0)
                return "guard state is not what the C twin says";
        if (memcmp(model.ring, window->ring, sizeof(model.ring)) != 0)
                return "a ring is not what the C twin says";
        return memcmp(model.bell, window->bell, sizeof(model.bell)) == 0
                   ? NULL
                   : "a doorbell is not what the C twin says";
}

void bed_forget(void)
{
        memset(seen, 0, sizeof(seen));
}

unsigned bed_seen(unsigned offset)
{
        return seen[offset];
}

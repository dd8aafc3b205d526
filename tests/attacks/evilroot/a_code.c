/* SPDX-License-Identifier: MIT
 * Attack 11: execute what is not code, write what is, change a page between check and use. */
#include "evil.h"
#include "rf/igb_desc.h"
#include "rf_string.h"

extern const uint8_t r_call_page[], r_store[], r_hammer[], landing[], p_open[], p_open_end[], p_stay[],
    p_stay_end[];
enum { NOP = 0x90, RACES = 40, RACE_AT = 0x100, SETTLE_MS = 5, MAX_LOST = 10000, MAX_WAIT_MS = 500 };
#define SLOT (RF_RING_VA + 0x400)

static void judge(struct subject *s, struct run *r, struct tally *t, const char *what)
{
        t->tried++;
        if (r->end == END_LANDED) {
                t->succeeded++;
                if (!controls)
                        say("attack 11: %s", what);
        } else if (r->end == END_HANG) {
                t->hung++;
        } else {
                t->blocked++;
        }
        s->alive = s->alive && r->end != END_LANDED;
        subject_renew(s);
}

/* A jump through RET in each kind of page that is not code. */
static void execute(struct subject *s)
{
        static const struct {
                const char *name;
                uint64_t va;
        } pages[] = {{"data", DATA_VA},
                     {"stack", STACK_VA - 64},
                     {"pool", POOL_VA},
                     {"code not accepted", SPOT_VA},
                     {"staging", RF_STAGING_VA},
                     {"ring", RF_RING_VA},
                     {"state", RF_STATE_VA},
                     {"info", RF_INFO_VA},
                     {"doorbell", RF_DOORBELL_VA + 0xc000},
                     {"page 0", 0},
                     {"nothing", 0x700000000}};
        static const uint8_t ret[16] = {0xc3, 0xc3};
        struct tally t = {0};

        for (unsigned i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
                struct run r = run_at(snippet_va(r_call_page));

                if (i < 5 && !poke(s, pages[i].va, ret, sizeof(ret)))
                        fail("%s cannot be written", pages[i].name);
                r.gpr[RBX] = pages[i].va;
                run(s, &r);
                judge(s, &r, &t, pages[i].name);
        }
        report("code", "execute", &t);
}

/* The same jump where there is code, so that we know it would have worked. */
static void execute_code(struct subject *s)
{
        struct run r = run_at(snippet_va(r_call_page));
        struct tally t = {.tried = 1};

        memset(in_guest(s, SPOT_VA), 0xc3, 16);
        sys_guest_accept(s->guest, SPOT_VA, 1);
        r.gpr[RBX] = SPOT_VA;
        t.succeeded = run(s, &r) == END_LANDED;
        report("code", "execute-accepted", &t);
        sys_guest_open(s->guest, SPOT_VA, 1);
}

/* Stores to accepted pages; the bytes are compared, whatever the exit says. */
static void write(struct subject *s)
{
        struct tally t = {0};

        for (unsigned i = 0; i < 2; i++) {
                uint64_t va = i == 0 ? SPOT_VA : CODE_VA + 0x10;
                struct run r = run_at(snippet_va(r_store));
                uint64_t before;

                sys_guest_accept(s->guest, SPOT_VA, 1);
                before = *(volatile uint64_t *)in_guest(s, va);
                r.gpr[RBX] = va;
                r.gpr[R13] = 0x9090909090909090;
                run(s, &r);
                if (r.end != END_DEAD && *(volatile uint64_t *)in_guest(s, va) != before)
                        r.end = END_LANDED;
                judge(s, &r, &t, "a store to code");
                s->alive = false;
                subject_renew(s);
        }
        report("code", "write", &t);
}

/* An instruction that begins in a checked page and ends in one nobody has looked at. */
static void straddle(struct subject *s)
{
        const uint64_t end = SPOT_VA + RF_PAGE_SIZE;
        struct tally t = {0};

        for (unsigned head = 1; head <= 2; head++) {
                struct run r = run_at(end - head);

                memcpy((uint8_t *)in_guest(s, end) - head, "\x0f\x01\xef", 3);
                if (sys_guest_accept(s->guest, SPOT_VA, 1) != 0)
                        fail("half an opcode was refused");
                r.gpr[RAX] = RF_PKRU_OPEN;
                run(s, &r);
                t.tried++;
                t.blocked += r.end == END_FETCH && (r.fault & ~0xfffull) == end;
                t.succeeded += r.end != END_FETCH;
                s->alive = false;
                subject_renew(s);
        }
        report("code", "straddle", &t);
}

/* 66-prefixed near branches: 16-bit displacement and truncated RIP on AMD, prefix ignored on Intel. Wherever
 * they lead, it is checked code or a fault: the ring stays as it is. */
static void branches(struct subject *s)
{
        static const uint8_t forms[][8] = {{0x66, 0xe9, 0x00, 0x00, 0x00, 0x00},
                                           {0x66, 0xe8, 0x00, 0x00, 0x00, 0x00},
                                           {0x66, 0x0f, 0x85, 0x00, 0x00, 0x00, 0x00},
                                           {0x66, 0xeb, 0x00},
                                           {0x66, 0xc3},
                                           {0x66, 0xff, 0xe0},
                                           {0x66, 0xe9, 0x0f, 0x01, 0xee, 0x90}};
        struct tally t = {0};

        for (unsigned i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
                struct run r = run_at(SPOT_VA);
                uint64_t seen = 1;

                memset(in_guest(s, SPOT_VA), NOP, RF_PAGE_SIZE);
                memcpy(in_guest(s, SPOT_VA), forms[i], sizeof(forms[i]));
                memcpy(in_guest(s, SPOT_VA + 64), "\x4c\x89\x2b", 3); /* mov [rbx], r13 */
                sys_guest_accept(s->guest, SPOT_VA, 1);
                r.gpr[RBX] = SLOT;
                r.gpr[R13] = 0x66;
                r.gpr[RAX] = SPOT_VA + 16;
                run(s, &r);
                t.tried++;
                t.hung += r.end == END_HANG;
                t.succeeded += r.end == END_LANDED || (s->alive && (!peek(s, SLOT, &seen, 8) || seen != 0));
                t.blocked += r.end == END_DEAD || (r.end != END_HANG && seen == 0);
                s->alive = false;
                subject_renew(s);
        }
        report("code", "branch-66", &t);
}

/* WRPKRU as the displacement of such a branch: refused. Without the byte check it runs, entered in the
 * middle. */
static void hidden(struct subject *s)
{
        static const uint8_t form[] = {0x66, 0xe9, 0x0f, 0x01, 0xef, 0x41, 0xff, 0xe4}; /* ... jmp *%r12 */
        struct tally t = {.tried = 1};
        struct run r = run_at(SPOT_VA + 2);

        memcpy(in_guest(s, SPOT_VA), form, sizeof(form));
        sys_guest_accept(s->guest, SPOT_VA, 1);
        r.gpr[RAX] = RF_PKRU_OPEN;
        r.gpr[R12] = snippet_va(landing);
        run(s, &r);
        t.blocked = r.end == END_FETCH;
        t.succeeded = r.end == END_DEAD && r.death == RF_DEATH_WINDOW_OPEN;
        report("code", "hidden-66", &t);
        s->alive = false;
        subject_renew(s);
}

/* RDPKRU where p_stay has WRPKRU: clean. The second vCPU puts WRPKRU back, all the time. */
static uint32_t plant(struct subject *s)
{
        uint8_t *p = in_guest(s, SPOT_VA + RACE_AT);
        size_t n = (size_t)(p_stay_end - p_stay), at = 0;
        uint32_t word;

        memcpy(p, p_stay, n);
        while (p[at + 1] != 0x01 || p[at + 2] != 0xef)
                at++;
        memcpy(&word, p + at, 4);
        p[at + 2] = 0xee;
        *(volatile uint64_t *)in_guest(s, DATA_VA) = SPOT_VA + RACE_AT + at;
        return word;
}

static void pause_ms(uint64_t ms)
{
        uint64_t end = tsc_now() + tsc_of_ms(ms);

        while (tsc_now() < end)
                ;
}

/* Until the page was clean when ring 0 looked. It is looked at again after a while, by running it. */
static bool accept_at_last(struct subject *s)
{
        for (unsigned i = 0; i < MAX_LOST; i++) {
                if (sys_guest_accept(s->guest, SPOT_VA, 1) == 0)
                        return true;
                plant(s); /* the second vCPU was faster */
        }
        return false;
}

static bool stopped_at_write(const struct subject *s)
{
        for (unsigned ms = 0; ms < MAX_WAIT_MS; ms++) {
                if (REPORTS[s->second].request == RF_REQ_CODE_WRITE)
                        return true;
                pause_ms(1);
        }
        return false;
}

static void race(struct tally *t)
{
        struct run hammer = run_at(snippet_va(r_hammer)), r = run_at(SPOT_VA + RACE_AT);
        struct subject s;

        subject_new(&s, 0, 2);
        hammer.gpr[R13] = plant(&s);
        hammer.gpr[RBX] = *(volatile uint64_t *)in_guest(&s, DATA_VA);
        hammer.gpr[RSP] = SECOND_STACK;
        start_second(&s, &hammer);
        t->tried++;
        if (accept_at_last(&s)) {
                pause_ms(SETTLE_MS);
                r.gpr[R12] = snippet_va(landing);
                run(&s, &r);
                t->succeeded += r.end == END_DEAD && r.death == RF_DEATH_WINDOW_OPEN;
                /* the harmless code ran, and the writer stands at its write */
                t->blocked += r.end == END_LANDED && stopped_at_write(&s);
        } else {
                t->other++; /* proves nothing */
        }
        subject_end(&s);
}

static void races(void)
{
        struct tally t = {0};

        for (unsigned i = 0; i < RACES; i++)
                race(&t);
        report("code", "race", &t);
}

void attack_code(void)
{
        struct subject s;

        subject_new(&s, 0, 1);
        execute(&s);
        execute_code(&s);
        write(&s);
        straddle(&s);
        branches(&s);
        hidden(&s);
        sys_guest_accept(s.guest, SPOT_VA, SPOT_PAGES);
        check("code", "audit", sys_audit() == 0);
        subject_end(&s);
        /* Bochs lets CPUs run in turns: without the defence the writer is always there first */
        if (!control(RF_CONTROL_NO_BYTE_CHECK) && !(controls && HOST->intel))
                races();
}

/* An exit with the window open outside the guard: the last line, should WRPKRU ever get into a guest's code.
 * Without the byte check it holds; with neither the guest lives on. */
void attack_open(void)
{
        struct run r = run_at(SPOT_VA);
        struct subject s;

        subject_new(&s, 0, 1);
        memcpy(in_guest(&s, SPOT_VA), p_stay, (size_t)(p_stay_end - p_stay));
        sys_guest_accept(s.guest, SPOT_VA, 1);
        r.gpr[R12] = snippet_va(landing);
        run(&s, &r);
        say("open: end=%d death=%u", (int)r.end, r.death);
        check("open", "exit", r.end != END_LANDED);
        subject_end(&s);
}

/* SPDX-License-Identifier: MIT
 * Attack 2: WRPKRU into executable memory, at every offset, across pages, in whatever page. Ring 0 alone
 * judges: nothing of dbos runs here. */
#include "evil.h"
#include "rf_string.h"

extern const uint8_t p_open[], p_open_end[], landing[];
static const uint8_t wrpkru[3] = {0x0f, 0x01, 0xef};
enum { NOP = 0x90 };

static void clear_spot(struct subject *s)
{
        sys_guest_open(s->guest, SPOT_VA, SPOT_PAGES);
        memset(in_guest(s, SPOT_VA), NOP, SPOT_PAGES * RF_PAGE_SIZE);
}

static void judge(struct tally *t, int64_t error)
{
        t->tried++;
        if (error == -RF_EHARD)
                t->blocked++;
        else if (error == 0)
                t->succeeded++;
        else
                t->other++;
}

static void every_offset(struct subject *s)
{
        struct tally t = {0};

        clear_spot(s);
        for (uint64_t i = 0; i + 2 < RF_PAGE_SIZE; i++) {
                uint8_t *p = (uint8_t *)in_guest(s, SPOT_VA) + i;

                memcpy(p, wrpkru, 3);
                judge(&t, sys_guest_accept(s->guest, SPOT_VA, 1));
                sys_guest_open(s->guest, SPOT_VA, 1); /* of use if it was accepted */
                memset(p, NOP, 3);
        }
        report("wrpkru", "every-offset", &t);
}

/* Split after `head` bytes; the lower page is accepted first, last, or both in one call. */
static void across(struct subject *s, unsigned head, unsigned order, struct tally *t)
{
        const uint64_t low = SPOT_VA, high = SPOT_VA + RF_PAGE_SIZE;
        int64_t error;

        clear_spot(s);
        memcpy((uint8_t *)in_guest(s, high) - head, wrpkru, 3);
        if (order == 2) {
                error = sys_guest_accept(s->guest, low, 2);
        } else {
                if (sys_guest_accept(s->guest, order ? high : low, 1) != 0)
                        fail("half a WRPKRU was refused");
                error = sys_guest_accept(s->guest, order ? low : high, 1);
        }
        judge(t, error);
}

static void across_pages(struct subject *s)
{
        struct tally t = {0};

        for (unsigned head = 1; head <= 2; head++)
                for (unsigned order = 0; order < 3; order++)
                        across(s, head, order, &t);
        report("wrpkru", "across-pages", &t);
}

/* A page that was clean, opened, and comes again; a data page; the neighbour of a page that was opened
 * meanwhile. */
static void second_time(struct subject *s)
{
        struct tally t = {0};

        clear_spot(s);
        sys_guest_accept(s->guest, SPOT_VA, 1);
        sys_guest_open(s->guest, SPOT_VA, 1);
        memcpy(in_guest(s, SPOT_VA), wrpkru, 3);
        judge(&t, sys_guest_accept(s->guest, SPOT_VA, 1));
        memcpy(in_guest(s, DATA_VA), wrpkru, 3);
        judge(&t, sys_guest_accept(s->guest, DATA_VA, 1));
        sys_guest_open(s->guest, DATA_VA, 1);
        report("wrpkru", "second-time", &t);
}

/* The real thing: code that opens the window, stores, closes. It counts when the ring has changed. */
static void open_and_store(struct subject *s, uint64_t at, struct tally *t)
{
        const uint64_t slot = RF_RING_VA + 0x400, mark = 0x57525a4b52553a29;
        struct run r = run_at(at);
        uint64_t seen = 0;

        clear_spot(s);
        memcpy(in_guest(s, at), p_open, (size_t)(p_open_end - p_open));
        sys_guest_accept(s->guest, SPOT_VA, SPOT_PAGES);
        r.gpr[RBX] = slot;
        r.gpr[R12] = snippet_va(landing);
        r.gpr[R13] = mark;
        run(s, &r);
        t->tried++;
        if (r.end == END_LANDED && peek(s, slot, &seen, sizeof(seen)) && seen == mark)
                t->succeeded++;
        else if (r.end == END_FETCH)
                t->blocked++;
        else
                t->other++;
        s->alive = false;
        subject_renew(s);
}

static void payloads(struct subject *s)
{
        struct tally t = {0};

        open_and_store(s, SPOT_VA, &t);
        open_and_store(s, SPOT_VA + 0x7c3, &t);
        for (uint64_t back = 7; back < 24; back++) /* both WRPKRU wander across the page end */
                open_and_store(s, SPOT_VA + RF_PAGE_SIZE - back, &t);
        report("wrpkru", "payload", &t);
}

void attack_wrpkru(void)
{
        struct subject s;

        subject_new(&s, 0, 1);
        every_offset(&s);
        across_pages(&s);
        second_time(&s);
        payloads(&s);
        subject_end(&s);
}

/* SPDX-License-Identifier: MIT
 *
 * Punned jumps: a jump whose upper displacement bytes are the next instruction's first bytes. Whoever later
 * changes those bytes must give the jump a new landing place. The engine keeps no state, so each landing
 * place carries a tag in the eight bytes before it: which jump lands here, and how many displacement bytes
 * are its own. Guests cannot write tags (trampolines are never writable); one that builds its own hurts only
 * itself.
 */
#include "engine.h"
#include "rf_string.h"

enum { TAG = 8, TAG_MARK = 0xdb, HOP = 5, SPREAD = 8, BUDGET = 24, NEAR = 1 << 28, REACH_SLACK = 0x10000 };

uint64_t pun_tag(uint64_t jump, unsigned free_bytes)
{
        return (jump & 0xffffffffffffull) | (uint64_t)TAG_MARK << 48 | (uint64_t)free_bytes << 56;
}

/* The displacement with its own bytes zero and its fixed bytes as they stand. */
int32_t pun_fixed(const uint8_t *displacement, unsigned free_bytes)
{
        uint32_t d;

        memcpy(&d, displacement, 4);
        return (int32_t)(free_bytes == 4 ? 0 : d & ~((1u << 8 * free_bytes) - 1));
}

/* Where a jump at `jump` can land, given the bytes it may choose. False: nowhere in the lower half. */
bool pun_range(uint64_t jump, int32_t fixed, unsigned free_bytes, uint64_t *lo, uint64_t *hi)
{
        int64_t from = (int64_t)(jump + 5), reach = INT32_MAX - (int64_t)REACH_SLACK;
        int64_t first = free_bytes == 4 ? from - reach : from + fixed;
        int64_t last = free_bytes == 4 ? from + reach : first + ((int64_t)1 << 8 * free_bytes) - 1;

        if (first < PAGE)
                first = PAGE;
        *lo = (uint64_t)first;
        *hi = (uint64_t)last;
        return !(jump >> 47) && first <= last;
}

/* Is there a tagged jump whose E9 stands at w[e]? Tells its landing place and own bytes. */
bool pun_tagged(const struct dbos_space *s, const struct window *w, unsigned e, uint64_t *target,
                unsigned *free_bytes)
{
        uint64_t tag;
        int32_t d;

        for (unsigned i = e; i < e + 5; i++)
                if (!w->ok[i])
                        return false;
        if (w->old[e] != 0xe9)
                return false;
        memcpy(&d, w->old + e + 1, 4);
        *target = w->base + e + 5 + (uint64_t)(int64_t)d;
        if (*target >> 47 || s->read(s->ctx, *target - TAG, &tag, TAG))
                return false;
        *free_bytes = (unsigned)(tag >> 56);
        return *free_bytes <= 4 && tag == pun_tag(w->base + e, *free_bytes);
}

bool body_clean(const struct dbos_space *s, uint64_t va, const uint8_t *bytes, size_t n)
{
        uint8_t edge[4] = {0};

        if (dbos_find_hard(bytes, n, 0) >= 0)
                return false;
        if (s->read(s->ctx, va - 2, edge, 2))
                edge[0] = edge[1] = 0;
        memcpy(edge + 2, bytes, 2);
        if (dbos_find_hard(edge, 4, 0) >= 0)
                return false;
        memcpy(edge, bytes + n - 2, 2);
        if (s->read(s->ctx, va + n, edge + 2, 2))
                edge[2] = edge[3] = 0;
        return dbos_find_hard(edge, 4, 0) < 0;
}

/* No hit that a changed byte takes part in. Unreadable bytes cannot. */
bool window_clean(const struct window *w)
{
        uint8_t b[WINDOW_BYTES];
        unsigned first = WINDOW_BYTES, last = 0;

        for (unsigned i = 0; i < WINDOW_BYTES; i++) {
                b[i] = w->ok[i] ? w->now[i] : 0;
                if (w->ok[i] && w->now[i] != w->old[i]) {
                        first = i < first ? i : first;
                        last = i;
                }
        }
        if (first > last)
                return true;
        first = first >= 2 ? first - 2 : 0;
        last = last + 3 <= WINDOW_BYTES ? last + 3 : WINDOW_BYTES;
        return dbos_find_hard(b + first, last - first, 0) < 0;
}

static bool write_jump(const struct dbos_space *s, uint64_t at, uint64_t tag, uint64_t target)
{
        struct code o = {.va = at};

        emit64(&o, tag);
        emit_jmp(&o, target);
        return !o.far && body_clean(s, at, o.b, o.n) && !s->write(s->ctx, at, o.b, o.n);
}

/* Landing places lie up to 2 GiB from their jump on either side, so up to 4 GiB apart: then a jump near the
 * site stands between. Returns where to go instead of `target`; 0: impossible. */
static uint64_t stepping_stone(const struct dbos_space *s, uint64_t jump, uint64_t from, uint64_t target)
{
        uint64_t at;

        if (fits32((int64_t)(target - (from + HOP))))
                return target;
        at = s->trampoline(s->ctx, jump > NEAR ? jump - NEAR : PAGE, jump + NEAR, TAG + HOP);
        return at && write_jump(s, at, 0, target) ? at + TAG : 0;
}

/* A tagged five-byte jump to `target` somewhere in [lo, hi]; 0 if there is none to be had. */
uint64_t pun_hop(const struct dbos_space *s, uint64_t jump, unsigned free_bytes, uint64_t lo, uint64_t hi,
                 uint64_t target)
{
        uint64_t at = s->trampoline(s->ctx, lo - TAG, hi - TAG, TAG + HOP);
        uint64_t next = at ? stepping_stone(s, jump, at + TAG, target) : 0;

        return next && write_jump(s, at, pun_tag(jump, free_bytes), next) ? at + TAG : 0;
}

static void set_displacement(struct window *w, unsigned e, unsigned free_bytes, uint64_t landing)
{
        uint32_t d = (uint32_t)(landing - (w->base + e + 5));

        memcpy(w->now + e + 1, &d, free_bytes);
}

/* How many of the site's first bytes serve an earlier jump as displacement. */
unsigned pun_leaned(const struct dbos_space *s, const struct window *w, uint64_t site)
{
        uint64_t target;
        unsigned free_bytes, at = (unsigned)(site - w->base);

        for (unsigned back = 1; back <= 4; back++) /* the nearest leans on most */
                if (pun_tagged(s, w, at - back, &target, &free_bytes))
                        return 5 - back;
        return 0;
}

/* Try number `i` at a range: later tries land elsewhere in it, so that the displacement's lower bytes, which
 * may be the upper ones of an earlier jump, take other values. False: there is no such try. */
bool pun_spread(uint64_t jump, unsigned free_bytes, unsigned i, uint64_t *lo, uint64_t *hi)
{
        uint64_t from = free_bytes == 4 ? jump + 5 : *lo, last = *hi;

        if (!i)
                return true;
        if (free_bytes < 2)
                return false;
        from += (free_bytes > 2 ? 0x100000u : 0) + i * 0x2010u;
        if (from < *lo || from > last)
                return false;
        *lo = from;
        *hi = last - from > 0xff ? from + 0xff : last;
        return true;
}

struct repair {
        const struct dbos_space *s;
        struct window *w;
        unsigned budget; /* hops that may still be made: nested tries must end */
};

static bool repair_below(struct repair *r, unsigned e);

/* The jump at e gets a landing place that also leaves one for those that lean on it. */
static bool repair_one(struct repair *r, unsigned e, uint64_t target, unsigned free_bytes)
{
        int32_t fixed = pun_fixed(r->w->now + e + 1, free_bytes);
        uint64_t jump = r->w->base + e, lo, hi, hop;

        for (unsigned i = 0; i < SPREAD && r->budget; i++) {
                if (!pun_range(jump, fixed, free_bytes, &lo, &hi) ||
                    !pun_spread(jump, free_bytes, i, &lo, &hi))
                        return false;
                r->budget--;
                hop = pun_hop(r->s, jump, free_bytes, lo, hi, target);
                if (!hop)
                        continue;
                set_displacement(r->w, e, free_bytes, hop);
                if (repair_below(r, e) && window_clean(r->w))
                        return true;
                memcpy(r->w->now, r->w->old, e); /* what lies below starts anew */
        }
        return false;
}

/* A repaired jump changes its own bytes, on which only lower ones can lean. */
static bool repair_below(struct repair *r, unsigned e)
{
        uint64_t target;
        unsigned free_bytes;

        while (e-- > 0) {
                if (!memcmp(r->w->old + e + 1, r->w->now + e + 1, 4))
                        continue;
                if (pun_tagged(r->s, r->w, e, &target, &free_bytes))
                        return repair_one(r, e, target, free_bytes);
        }
        return !memcmp(r->w->old, r->w->now, 4); /* a jump before the window could lean on these */
}

bool pun_repair(const struct dbos_space *s, struct window *w, uint64_t site)
{
        struct repair r = {s, w, BUDGET};

        return repair_below(&r, (unsigned)(site - w->base));
}

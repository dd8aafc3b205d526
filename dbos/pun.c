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

enum { TAG = 8, TAG_MARK = 0xdb, HOP = 5, ATTEMPTS = 6, REACH_SLACK = 0x10000 };

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

/* A tagged five-byte jump to `target` somewhere in [lo, hi]; 0 if there is none to be had. */
uint64_t pun_hop(const struct dbos_space *s, uint64_t jump, unsigned free_bytes, uint64_t lo, uint64_t hi,
                 uint64_t target)
{
        struct code o = {.n = 0};
        uint64_t at = s->trampoline(s->ctx, lo - TAG, hi - TAG, TAG + HOP);

        if (!at)
                return 0;
        o.va = at;
        emit64(&o, pun_tag(jump, free_bytes));
        emit_jmp(&o, target);
        if (o.far || !body_clean(s, at, o.b, o.n) || s->write(s->ctx, at, o.b, o.n))
                return 0;
        return at + TAG;
}

static void set_displacement(struct window *w, unsigned e, unsigned free_bytes, uint64_t landing)
{
        uint32_t d = (uint32_t)(landing - (w->base + e + 5));

        memcpy(w->now + e + 1, &d, free_bytes);
}

static bool repair_one(const struct dbos_space *s, struct window *w, unsigned e, uint64_t target,
                       unsigned free_bytes)
{
        int32_t fixed = pun_fixed(w->now + e + 1, free_bytes);
        uint64_t lo, hi, hop;

        if (!pun_range(w->base + e, fixed, free_bytes, &lo, &hi))
                return false;
        for (int i = 0; i < ATTEMPTS; i++) {
                hop = pun_hop(s, w->base + e, free_bytes, lo, hi, target);
                if (!hop)
                        return false;
                set_displacement(w, e, free_bytes, hop);
                if (window_clean(w))
                        return true;
        }
        return false;
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

/* Highest address first: a repaired jump changes its own bytes, on which only lower ones can lean. */
bool pun_repair(const struct dbos_space *s, struct window *w, uint64_t site)
{
        uint64_t target;
        unsigned free_bytes, e = (unsigned)(site - w->base);

        while (e-- > 0) {
                if (!pun_tagged(s, w, e, &target, &free_bytes))
                        continue;
                if (!memcmp(w->old + e + 1, w->now + e + 1, 4))
                        continue;
                if (!repair_one(s, w, e, target, free_bytes))
                        return false;
        }
        return true;
}

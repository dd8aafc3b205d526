/* SPDX-License-Identifier: MIT
 *
 * One instruction's bytes replaced, by a jump or in place, with the neighbours in view: the bytes before (an
 * earlier punned jump may lean on this site) and after (this site's jump may lean on them).
 */
#include "engine.h"
#include "rf_string.h"

enum { TAG = 8, ATTEMPTS = 6, NEAR = 1 << 28 };

static void load_window(struct window *w, const struct dbos_space *s)
{
        uint64_t at = w->base, end = w->base + WINDOW_BYTES;

        while (at < end) {
                uint64_t page_end = (at | (PAGE - 1)) + 1;
                size_t n = (size_t)((page_end < end ? page_end : end) - at);
                bool ok = !s->read(s->ctx, at, w->old + (at - w->base), n);

                memset(w->ok + (at - w->base), ok, n);
                at += n;
        }
        memcpy(w->now, w->old, WINDOW_BYTES);
}

/* A punned jump leans on bytes that do not change unless this engine changes them: the rest of the code
 * range, or of the page where no range is known. */
void site_open(struct site *site, const struct dbos_space *s, const struct dbos_code *c, uint64_t va,
               uint8_t length)
{
        memset(site, 0, sizeof *site);
        site->s = s;
        site->va = va;
        site->length = length;
        site->fixed_end = ((va + length - 1) | (PAGE - 1)) + 1;
        if (c && va >= c->va && va + length <= c->va + c->bytes)
                site->fixed_end = c->va + c->bytes;
        site->w.base = va - WINDOW_BEFORE;
        load_window(&site->w, s);
}

bool site_flush(struct site *site)
{
        struct window *w = &site->w;
        unsigned first = WINDOW_BYTES, last = 0;

        for (unsigned i = 0; i < WINDOW_BYTES; i++)
                if (w->now[i] != w->old[i]) {
                        first = i < first ? i : first;
                        last = i;
                }
        if (first > last)
                return true;
        if (!site->s->write(site->s->ctx, w->base + first, w->now + first, last - first + 1))
                return true;
        (void)site->s->write(site->s->ctx, w->base + first, w->old + first, last - first + 1);
        return false; /* and the first of two pages, if it was written, is as it was */
}

int site_overwrite(struct site *site, const uint8_t *bytes)
{
        struct window *w = &site->w;

        memcpy(w->now + WINDOW_BEFORE, bytes, site->length);
        if (!pun_repair(site->s, w, site->va) || !window_clean(w))
                return -RF_EREFUSED;
        return site_flush(site) ? 0 : -RF_ENOENT;
}

/* Prefixes without effect on JMP rel32: REX and the segment overrides (APM 3, 1.2). */
static bool idle_prefix(uint8_t b)
{
        return (b & 0xf0) == 0x40 || b == 0x26 || b == 0x2e || b == 0x36 || b == 0x3e || b == 0x64 ||
               b == 0x65;
}

/* Prefixes (kept as they were where they can be, so that an earlier punned jump need not move), E9, the
 * jump's own displacement bytes, and INT3 up to the end of the site. */
static void put_jump(struct site *site, unsigned prefixes, unsigned free_bytes, uint64_t landing)
{
        uint8_t *now = site->w.now + WINDOW_BEFORE, *old = site->w.old + WINDOW_BEFORE;
        uint32_t d = (uint32_t)(landing - (site->va + prefixes + 5));

        memcpy(site->w.now, site->w.old, WINDOW_BYTES);
        for (unsigned i = 0; i < prefixes; i++)
                now[i] = idle_prefix(old[i]) ? old[i] : 0x48;
        now[prefixes] = 0xe9;
        memcpy(now + prefixes + 1, &d, free_bytes);
        for (unsigned i = prefixes + 1 + free_bytes; i < site->length; i++)
                now[i] = 0xcc;
}

struct choice { /* one way to put a jump here */
        unsigned prefixes, free_bytes;
        uint64_t jump, lo, hi;
};

static bool choice_open(const struct site *site, unsigned prefixes, struct choice *ch)
{
        unsigned room = site->length - prefixes - 1u, at = WINDOW_BEFORE + prefixes + 1;

        ch->prefixes = prefixes;
        ch->free_bytes = room < 4 ? room : 4;
        ch->jump = site->va + prefixes;
        if (ch->free_bytes < 4 && ch->jump + 5 > site->fixed_end)
                return false;
        for (unsigned i = ch->free_bytes; i < 4; i++)
                if (!site->w.ok[at + i])
                        return false;
        return pun_range(ch->jump, pun_fixed(site->w.old + at, ch->free_bytes), ch->free_bytes, &ch->lo,
                         &ch->hi);
}

static bool emit_at(const struct site *site, uint64_t va, uint64_t tag, emit_body *body, const void *arg)
{
        struct code o = {.va = va};

        emit64(&o, tag);
        body(&o, arg);
        return !o.bad && !o.far && body_clean(site->s, va, o.b, o.n) &&
               !site->s->write(site->s->ctx, va, o.b, o.n);
}

/* Near the site if possible: what the body refers to is there, and punned jumps go 2 GiB both ways from
 * there. */
static uint64_t reserve(const struct site *site, uint64_t lo, uint64_t hi, size_t n)
{
        uint64_t near_lo = site->va > NEAR ? site->va - NEAR : 0, near_hi = site->va + NEAR, at = 0;

        near_lo = near_lo > lo ? near_lo : lo;
        near_hi = near_hi < hi ? near_hi : hi;
        if (near_lo <= near_hi)
                at = site->s->trampoline(site->s->ctx, near_lo, near_hi, n);
        return at ? at : site->s->trampoline(site->s->ctx, lo, hi, n);
}

/* The body right at the landing place. */
static uint64_t land_whole(const struct site *site, const struct choice *ch, size_t n, emit_body *body,
                           const void *arg)
{
        uint64_t at = reserve(site, ch->lo - TAG, ch->hi - TAG, n);

        if (!at || !emit_at(site, at, pun_tag(ch->jump, ch->free_bytes), body, arg))
                return 0;
        return at + TAG;
}

/* The body anywhere in reach; once for all tries at this site. No jump leans on bytes here: the tag is zero.
 */
static bool place_body(struct site *site, size_t n, emit_body *body, const void *arg)
{
        uint64_t lo, hi, at;

        if (site->body)
                return true;
        if (!pun_range(site->va, 0, 4, &lo, &hi))
                return false;
        at = reserve(site, lo, hi, n);
        if (!at || !emit_at(site, at, 0, body, arg))
                return false;
        site->body = at + TAG;
        return true;
}

/* A five-byte jump at the landing place, the body elsewhere. For ranges that are crowded, and where several
 * landing places may have to be tried. */
static uint64_t land_hop(struct site *site, const struct choice *ch, unsigned i, size_t n, emit_body *body,
                         const void *arg)
{
        uint64_t lo = ch->lo, hi = ch->hi;

        if (!place_body(site, n, body, arg) || !pun_spread(ch->jump, ch->free_bytes, i, &lo, &hi))
                return 0;
        return pun_hop(site->s, ch->jump, ch->free_bytes, lo, hi, site->body);
}

static bool settle(struct site *site, const struct choice *ch, uint64_t landing)
{
        put_jump(site, ch->prefixes, ch->free_bytes, landing);
        return pun_repair(site->s, &site->w, site->va) && window_clean(&site->w) && site_flush(site);
}

static uint64_t try_choice(struct site *site, const struct choice *ch, bool leaned, size_t n, emit_body *body,
                           const void *arg)
{
        uint64_t landing = leaned || site->body ? 0 : land_whole(site, ch, n, body, arg);

        if (landing && settle(site, ch, landing))
                return landing;
        for (unsigned i = 0; i < ATTEMPTS; i++) {
                landing = land_hop(site, ch, i, n, body, arg);
                if (landing && settle(site, ch, landing))
                        return landing;
        }
        return 0;
}

/* Prefixes to start with: as many as an earlier jump leans on, if those bytes can stay as they are. */
static unsigned first_prefixes(const struct site *site)
{
        unsigned n = pun_leaned(site->s, &site->w, site->va);

        if (n >= site->length)
                return 0;
        for (unsigned i = 0; i < n; i++)
                if (!idle_prefix(site->w.old[WINDOW_BEFORE + i]))
                        return 0;
        return n;
}

static uint64_t try_choices(struct site *site, size_t n, emit_body *body, const void *arg)
{
        unsigned start = first_prefixes(site), most = start < 1 ? 2 : start + 1;
        unsigned limit = site->length < 5 ? site->length : most;
        bool leaned = pun_leaned(site->s, &site->w, site->va) > 0;
        struct choice ch;
        uint64_t landing;

        for (unsigned i = 0; i < limit; i++) {
                if (!choice_open(site, (start + i) % limit, &ch))
                        continue;
                landing = try_choice(site, &ch, leaned, n, body, arg);
                if (landing)
                        return landing;
        }
        return 0;
}

uint64_t site_jump(struct site *site, emit_body *body, const void *arg)
{
        struct code o = {.va = site->va};
        uint64_t landing;

        emit64(&o, 0);
        body(&o, arg);
        if (o.bad)
                return 0;
        landing = try_choices(site, o.n, body, arg);
        for (unsigned step = 1; !landing && step < 8 && site_nudge(site, step); step++) {
                load_window(&site->w, site->s);
                landing = try_choices(site, o.n, body, arg);
        }
        return landing;
}

uint64_t site_body(struct site *site, emit_body *body, const void *arg)
{
        struct code o = {.va = site->va};

        emit64(&o, 0);
        body(&o, arg);
        return !o.bad && place_body(site, o.n, body, arg) ? site->body : 0;
}

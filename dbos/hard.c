/* SPDX-License-Identifier: MIT
 *
 * Rule 1 over a code range: every 0F 01 EF, wherever it stands, is taken apart or refused.
 */
#include "engine.h"
#include "rf_string.h"

enum { CHUNK = 4096 };

static const char intended[] = "WRPKRU belongs to the guard alone; call commit instead (RF_GUARD_COMMIT)";
static const char accident[] = "the bytes 0f 01 ef form by accident here; the rewriter can take them apart";
static const char stuck[] =
    "no equivalent code is known for this instruction; use another constant or register";
static const char no_room[] =
    "no trampoline can be placed near; link at RF_IMAGE_BASE and keep the space around free";
static const char data[] =
    "the bytes 0f 01 ef in data or unknown code: link with -z separate-code, keep the symbol table";

/* UD2, then NOPs. A prefix in front of UD2 changes nothing. */
static enum dbos_action kill(const struct job *j, const struct insn *in)
{
        static const uint8_t ud2_nop[] = {0x0f, 0x0b, 0x90};
        struct site site;
        uint8_t b[INSN_MAX];

        memcpy(b, in->bytes, in->length);
        memcpy(b + in->length - 3, ud2_nop, 3);
        site_open(&site, j->s, j->c, in->va, in->length);
        return site_overwrite(&site, b) ? DBOS_REFUSED : DBOS_KILLS;
}

/* Would this form be rid of the bytes? Looked at in two places: displacements that change with the place may
 * hold them in one, constants hold them in both. */
static bool worth_placing(const struct equivalent *e)
{
        static const uint64_t away[] = {0, 0x00543210};
        bool clean = false;

        for (unsigned i = 0; i < 2; i++) {
                struct code probe = {.va = e->in->va + away[i]};

                emit_equivalent(&probe, e);
                if (probe.bad)
                        return false;
                clean |= dbos_find_hard(probe.b, probe.n, 0) < 0;
        }
        return clean;
}

/* Every variant, and two ways to split constants. `known`: some variant would do, were there room. */
static uint64_t take_apart(const struct job *j, const struct insn *in, bool *known)
{
        static const int32_t split[] = {0x11111111, -0x12345678};
        struct equivalent e = {.in = in};
        struct site site;
        uint64_t t;

        *known = false;
        for (e.variant = 0; e.variant < VARIANT_COUNT; e.variant++)
                for (unsigned i = 0; i < 2; i++) {
                        e.split = split[i];
                        if (!worth_placing(&e))
                                continue;
                        *known = true;
                        site_open(&site, j->s, j->c, in->va, in->length);
                        t = site_jump(&site, emit_equivalent, &e);
                        if (t)
                                return t;
                }
        return 0;
}

/* The certain, not yet moved instruction over this offset. */
static bool candidate(const struct job *j, uint64_t offset, struct insn *in)
{
        uint64_t start;
        uint8_t length;

        if (offset >= j->c->bytes || !map_certain(j->c, offset, &start, &length) ||
            j->c->map[start] & MAP_PATCHED)
                return false;
        return insn_read(j->s, j->c->va + start, j->c->va + j->c->bytes, false, in) && in->length == length;
}

static void patched(const struct job *j, const struct insn *in)
{
        j->c->map[in->va - j->c->va] |= MAP_PATCHED;
}

static bool handle_one(const struct job *j, const struct insn *in, struct dbos_finding *f)
{
        bool known;

        if (insn_is_wrpkru(in)) {
                finding_of(f, in, DBOS_RULE_HARD, kill(j, in), intended);
        } else {
                uint64_t t = take_apart(j, in, &known);

                finding_of(f, in, DBOS_RULE_HARD_BYTES, t ? DBOS_REWRITTEN : DBOS_REFUSED,
                           t       ? accident
                           : known ? no_room
                                   : stuck);
                f->trampoline = t;
        }
        if (f->action != DBOS_REFUSED)
                patched(j, in);
        return f->action != DBOS_REFUSED;
}

static bool still_there(const struct job *j, uint64_t va)
{
        uint8_t b[3];

        return !j->s->read(j->s->ctx, va, b, 3) && dbos_find_hard(b, 3, 0) == 0;
}

/* Moving any instruction that holds one of the three bytes will do. The longest goes first: a jump fits best.
 */
static void handle_hit(const struct job *j, uint64_t va)
{
        struct insn in[3];
        struct dbos_finding f = {.va = va,
                                 .bytes = {0x0f, 0x01, 0xef},
                                 .rule = DBOS_RULE_HARD_DATA,
                                 .action = DBOS_REFUSED,
                                 .advice = data};
        unsigned n = 0;

        for (uint64_t k = 0; k < 3; k++)
                if (candidate(j, va + k - j->c->va, &in[n]) && (!n || in[n].va != in[n - 1].va))
                        n++;
        for (unsigned length = INSN_MAX; length > 0; length--)
                for (unsigned i = 0; i < n; i++)
                        if (in[i].length == length && handle_one(j, &in[i], &f) && !still_there(j, va)) {
                                report(j, &f);
                                return;
                        }
        f.action = DBOS_REFUSED;
        f.trampoline = 0;
        report(j, &f);
}

/* n bytes from va; unreadable ones (before or behind the range) read as zero and so end no hit. */
static int fetch(const struct job *j, uint64_t va, uint8_t *b, size_t n)
{
        uint64_t end = j->c->va + j->c->bytes;
        size_t before = va < j->c->va ? (size_t)(j->c->va - va) : 0;
        size_t after = va + n > end ? (size_t)(va + n - end) : 0;

        memset(b, 0, n);
        if (before)
                (void)j->s->read(j->s->ctx, va, b, before);
        if (after)
                (void)j->s->read(j->s->ctx, end, b + n - after, after);
        return j->s->read(j->s->ctx, va + before, b + before, n - before - after);
}

/* From two bytes before the range to two behind it. A hit that could not be removed is passed by one. */
int subtract_hard(const struct job *j)
{
        uint8_t b[CHUNK + 4];
        uint64_t at = j->c->va - 2, end = j->c->va + j->c->bytes + 2;

        while (at + 3 <= end) {
                size_t n = end - at < sizeof b ? (size_t)(end - at) : sizeof b;
                int err = fetch(j, at, b, n);
                int64_t hit;

                if (err)
                        return err;
                hit = dbos_find_hard(b, n, 0);
                if (hit >= 0)
                        handle_hit(j, at + (uint64_t)hit);
                at += hit >= 0 ? (uint64_t)hit + 1 : n - 2;
        }
        return 0;
}

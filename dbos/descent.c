/* SPDX-License-Identifier: MIT
 *
 * Recursive descent from symbols and entry point: where instructions stand for certain. Each offset is
 * decoded at most once, so the work is bounded by the range. A noreturn call lets the descent run on into
 * what follows; if that decodes over other instructions, both lose their certainty.
 */
#include "engine.h"
#include "rf_string.h"

struct descent {
        const struct dbos_space *s;
        const struct dbos_code *c;
        size_t depth;
        uint64_t cached, cached_end; /* text in buf */
        uint8_t buf[2048];
};

static void push(struct descent *d, uint64_t va)
{
        if (va - d->c->va >= d->c->bytes || d->c->map[va - d->c->va] & MAP_SEEN)
                return;
        if (d->depth < d->c->stack_len)
                d->c->stack[d->depth++] = va;
}

/* Reading by the callback once per instruction would cost more than decoding. */
static const uint8_t *text(struct descent *d, uint64_t va, size_t *n)
{
        uint64_t end = d->c->va + d->c->bytes;

        if (va < d->cached || va + INSN_MAX > d->cached_end) {
                uint64_t take = end - va < sizeof d->buf ? end - va : sizeof d->buf;

                if (d->cached_end == end && va >= d->cached && va < end)
                        goto have; /* the last bytes of the range */
                if (d->s->read(d->s->ctx, va, d->buf, take)) {
                        *n = 0;
                        return d->buf;
                }
                d->cached = va;
                d->cached_end = va + take;
        }
have:
        *n = d->cached_end - va < INSN_MAX ? d->cached_end - va : INSN_MAX;
        return d->buf + (va - d->cached);
}

static void mark(const struct dbos_code *c, uint64_t at, unsigned length, bool attention)
{
        bool clash = (c->map[at] & (MAP_BODY | MAP_START)) != 0;

        for (unsigned i = 1; i < length; i++)
                clash |= (c->map[at + i] & (MAP_BODY | MAP_START)) != 0;
        c->map[at] |= (uint8_t)(MAP_START | MAP_SEEN | (attention ? MAP_ATTENTION : 0));
        for (unsigned i = 1; i < length; i++)
                c->map[at + i] |= MAP_BODY;
        for (unsigned i = 0; i < length && clash; i++)
                c->map[at + i] |= MAP_CONFLICT;
}

/* Does control never reach the next instruction? INT3 and UD2 end padding and unreachable code. */
static bool ends_flow(const ZydisDecodedInstruction *z)
{
        return z->meta.category == ZYDIS_CATEGORY_UNCOND_BR || z->meta.category == ZYDIS_CATEGORY_RET ||
               z->mnemonic == ZYDIS_MNEMONIC_UD2 || z->mnemonic == ZYDIS_MNEMONIC_UD1 ||
               z->mnemonic == ZYDIS_MNEMONIC_UD0 || z->mnemonic == ZYDIS_MNEMONIC_INT3;
}

/* One straight run from va. */
static void walk(struct descent *d, ZydisDecoder *decoder, uint64_t va)
{
        ZydisDecodedInstruction z;
        uint64_t target;
        size_t n;

        while (va - d->c->va < d->c->bytes && !(d->c->map[va - d->c->va] & MAP_SEEN)) {
                const uint8_t *b = text(d, va, &n);

                if (!n || ZYAN_FAILED(ZydisDecoderDecodeInstruction(decoder, NULL, b, n, &z))) {
                        d->c->map[va - d->c->va] |= MAP_SEEN | MAP_ATTENTION;
                        return;
                }
                mark(d->c, va - d->c->va, z.length, policy_of(&z).way != WAY_KEEP);
                if (insn_target(&z, va, &target))
                        push(d, target);
                if (ends_flow(&z))
                        return;
                va += z.length;
        }
}

/* An overlapped instruction is no longer certain, nor is the one that began the overlap. */
static void settle(const struct dbos_code *c, struct dbos_summary *sum)
{
        uint64_t i = 0, end;

        while (i < c->bytes) {
                bool clash = false;

                if (!(c->map[i] & MAP_START)) {
                        i++;
                        continue;
                }
                clash = c->map[i] & MAP_CONFLICT;
                for (end = i + 1; end < c->bytes && (c->map[end] & (MAP_BODY | MAP_START)) == MAP_BODY; end++)
                        clash |= (c->map[end] & MAP_CONFLICT) != 0;
                if (clash)
                        c->map[i] = (uint8_t)((c->map[i] & ~MAP_START) | MAP_CONFLICT);
                else
                        sum->instructions++;
                i = end;
        }
}

void descend(const struct dbos_space *s, const struct dbos_code *c, struct dbos_summary *sum)
{
        struct descent d = {.s = s, .c = c};
        ZydisDecoder decoder;

        memset(c->map, 0, c->bytes);
        ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
        for (size_t i = 0; i < c->nentries; i++) {
                walk(&d, &decoder, c->entries[i]);
                while (d.depth)
                        walk(&d, &decoder, c->stack[--d.depth]);
        }
        settle(c, sum);
}

bool map_certain(const struct dbos_code *c, uint64_t offset, uint64_t *start, uint8_t *length)
{
        uint64_t at = offset, end;

        while (!(c->map[at] & MAP_START)) {
                if (!(c->map[at] & MAP_BODY) || (c->map[at] & MAP_CONFLICT) || !at || offset - at >= INSN_MAX)
                        return false;
                at--;
        }
        for (end = at + 1; end < c->bytes && (c->map[end] & (MAP_BODY | MAP_START)) == MAP_BODY; end++)
                if (c->map[end] & MAP_CONFLICT)
                        return false;
        *start = at;
        *length = (uint8_t)(end - at);
        return offset < end && end - at <= INSN_MAX && !(c->map[at] & MAP_CONFLICT);
}

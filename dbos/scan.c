/* SPDX-License-Identifier: MIT
 *
 * The search for WRPKRU's bytes, and the judgement on pages whose boundaries nobody knows.
 */
#include "engine.h"
#include "rf_string.h"

static const uint64_t ones = 0x0101010101010101ull, tops = 0x8080808080808080ull;

/* Is any byte of w 0xEF? 0xEF is the rarest of the three in code, so whole words are skipped by it. */
static bool has_ef(uint64_t w)
{
        uint64_t x = w ^ (ones * 0xef);

        return ((x - ones) & ~x & tops) != 0;
}

static bool hard_at(const uint8_t *p)
{
        return p[0] == 0x0f && p[1] == 0x01 && p[2] == 0xef;
}

int64_t dbos_find_hard(const uint8_t *bytes, size_t n, size_t from)
{
        size_t i = from;
        uint64_t w;

        if (n < 3 || from > n - 3)
                return -1;
        for (; i + 10 <= n; i += 8) { /* starts i..i+7, whose third bytes are i+2..i+9 */
                memcpy(&w, bytes + i + 2, 8);
                if (!has_ef(w))
                        continue;
                for (size_t k = i; k < i + 8; k++)
                        if (hard_at(bytes + k))
                                return (int64_t)k;
        }
        for (; i + 3 <= n; i++)
                if (hard_at(bytes + i))
                        return (int64_t)i;
        return -1;
}

/* A page and two bytes of each neighbour. An unmapped neighbour cannot hold part of a hit. */
int dbos_check_page(const struct dbos_space *s, uint64_t page_va, struct dbos_finding *hit)
{
        uint8_t b[PAGE + 4] = {0};
        int64_t at;
        int err = s->read(s->ctx, page_va, b + 2, PAGE);

        if (err)
                return err;
        if (s->read(s->ctx, page_va - 2, b, 2))
                b[0] = b[1] = 0;
        if (s->read(s->ctx, page_va + PAGE, b + 2 + PAGE, 2))
                b[PAGE + 2] = b[PAGE + 3] = 0;
        at = dbos_find_hard(b, sizeof b, 0);
        if (at < 0)
                return 0;
        memset(hit, 0, sizeof *hit);
        hit->va = page_va - 2 + (uint64_t)at;
        memcpy(hit->bytes, b + at, 3);
        hit->rule = DBOS_RULE_HARD_DATA;
        hit->action = DBOS_REFUSED;
        hit->advice = "code made at run time must not contain the bytes 0f 01 ef at any offset";
        return -RF_EHARD;
}

/* SPDX-License-Identifier: MIT
 *
 * See arena.h. Pages are few (tens), so tables are searched from end to end.
 */
#include <string.h>

#include "arena.h"

enum { PAGES = 4096, PAGE = 4096 };

static struct page {
        uint64_t va;
        uint8_t *bytes;
        uint8_t used[PAGE / 8];
} page[PAGES];
static unsigned npages;
static uint8_t *(*make_bytes)(uint64_t va);
static void (*drop_bytes)(uint64_t va, uint8_t *bytes);

void arena_open(uint8_t *(*back)(uint64_t va), void (*drop)(uint64_t va, uint8_t *bytes))
{
        make_bytes = back;
        drop_bytes = drop;
}

void arena_reset(void)
{
        while (npages) {
                npages--;
                drop_bytes(page[npages].va, page[npages].bytes);
        }
}

unsigned arena_pages(void)
{
        return npages;
}

uint64_t arena_page(unsigned i)
{
        return page[i].va;
}

static struct page *find(uint64_t va)
{
        for (unsigned i = npages; i-- > 0;)
                if (page[i].va == (va & ~(uint64_t)(PAGE - 1)))
                        return &page[i];
        return NULL;
}

uint8_t *arena_bytes(uint64_t va)
{
        struct page *p = find(va);

        return p ? p->bytes + va % PAGE : NULL;
}

static struct page *make(uint64_t va)
{
        struct page *p = find(va);
        uint8_t *bytes;

        if (p || npages == PAGES)
                return p;
        bytes = make_bytes(va & ~(uint64_t)(PAGE - 1));
        if (!bytes)
                return NULL;
        p = &page[npages++];
        memset(p->used, 0, sizeof p->used);
        p->va = va & ~(uint64_t)(PAGE - 1);
        p->bytes = bytes;
        return p;
}

/* The last used byte of [at, at+n), or `at - 1` if all are free. */
static uint64_t last_used(uint64_t at, size_t n)
{
        for (uint64_t b = at + n; b-- > at;) {
                struct page *p = find(b);

                if (p && p->used[b % PAGE / 8] >> (b % 8) & 1)
                        return b;
        }
        return at - 1;
}

static bool claim(uint64_t at, size_t n)
{
        if (!make(at) || !make(at + n - 1))
                return false;
        for (uint64_t b = at; b < at + n; b++)
                find(b)->used[b % PAGE / 8] |= (uint8_t)(1u << (b % 8));
        return true;
}

/* Wide ranges: 1 MiB above their middle, where the code is. Narrow ones: from their start. */
uint64_t arena_take(uint64_t lo, uint64_t hi, size_t n)
{
        uint64_t at = hi - lo > 1 << 20 ? lo + (hi - lo) / 2 + 0x100000 : lo, used;

        for (unsigned tries = 0; at <= hi && tries < PAGE; tries++) {
                used = last_used(at, n);
                if (used == at - 1)
                        return claim(at, n) ? at : 0;
                at = used + 1;
        }
        return 0;
}

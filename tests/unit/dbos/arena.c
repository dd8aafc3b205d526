/* SPDX-License-Identifier: MIT
 *
 * Trampoline pages as hv/root hands them out: of page granularity, anywhere but on guest memory.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "arena.h"

enum { PAGES = 4096, PAGE = 4096, RANGES = 8 };

static struct page {
        uint64_t va;
        uint8_t used[PAGE / 8];
} page[PAGES];
static unsigned npages;
static struct {
        uint64_t va;
        size_t n;
} range[RANGES];
static unsigned nranges;

void arena_add(uint64_t va, size_t n)
{
        range[nranges].va = va;
        range[nranges++].n = n;
}

void arena_reset(void)
{
        for (unsigned i = 0; i < npages; i++)
                munmap((void *)page[i].va, PAGE);
        npages = 0;
}

unsigned arena_pages(void)
{
        return npages;
}

static struct page *find(uint64_t va)
{
        for (unsigned i = 0; i < npages; i++)
                if (page[i].va == (va & ~(uint64_t)(PAGE - 1)))
                        return &page[i];
        return NULL;
}

static bool mapped_byte(uint64_t va)
{
        for (unsigned i = 0; i < nranges; i++)
                if (va - range[i].va < range[i].n)
                        return true;
        return find(va) != NULL;
}

bool arena_mapped(uint64_t va, size_t n)
{
        return n && va + n - 1 >= va && mapped_byte(va) && mapped_byte(va + n - 1);
}

static struct page *make(uint64_t va)
{
        uint64_t base = va & ~(uint64_t)(PAGE - 1);
        struct page *p = find(va);

        if (p)
                return p;
        if (npages == PAGES || base < 0x10000 || base >> 46 ||
            mmap((void *)base, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != (void *)base)
                return NULL;
        p = &page[npages++];
        memset(p, 0, sizeof *p);
        memset((void *)base, 0xcc, PAGE);
        p->va = base;
        return p;
}

static bool used(uint64_t va)
{
        struct page *p = find(va);

        return p && p->used[va % PAGE / 8] >> (va % 8) & 1;
}

static bool run_free(uint64_t at, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (used(at + i))
                        return false;
        return true;
}

static bool claim(uint64_t at, size_t n)
{
        if (!make(at) || !make(at + n - 1))
                return false;
        for (size_t i = 0; i < n; i++)
                find(at + i)->used[(at + i) % PAGE / 8] |= (uint8_t)(1u << ((at + i) % 8));
        return true;
}

/* Wide ranges: near their middle, where the code is. Narrow ones: from their start. */
uint64_t arena_take(uint64_t lo, uint64_t hi, size_t n)
{
        uint64_t at = hi - lo > 1 << 20 ? lo + (hi - lo) / 2 + 0x100000 : lo;

        for (unsigned tries = 0; at <= hi && tries < 100000; at++, tries++)
                if (run_free(at, n))
                        return claim(at, n) ? at : 0;
        return 0;
}

uint64_t arena_page(unsigned i)
{
        return page[i].va;
}

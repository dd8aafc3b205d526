/* SPDX-License-Identifier: MIT
 * Room for trampolines: see dbos_trampoline.h. */
#include "dbos_trampoline.h"

#include "rf/layout.h"
#include "rf_string.h"

#define PAGE_MASK (~(RF_PAGE_SIZE - 1))

static struct trampoline_page *find_page(struct trampolines *t, uint64_t va)
{
        for (unsigned i = 0; i < t->n; i++)
                if (t->page[i].va == (va & PAGE_MASK))
                        return &t->page[i];
        return NULL;
}

bool trampoline_owns(const struct trampolines *t, uint64_t page)
{
        for (unsigned i = 0; i < t->n; i++)
                if (t->page[i].va == page)
                        return true;
        return false;
}

static bool is_used(const struct trampoline_page *p, uint64_t offset)
{
        return (p->used[offset / 64] >> (offset % 64) & 1) != 0;
}

static void take(struct trampolines *t, uint64_t at, size_t n)
{
        for (uint64_t va = at; va < at + n; va++) {
                struct trampoline_page *p = find_page(t, va);
                uint64_t offset = va - p->va;

                p->used[offset / 64] |= 1ull << offset % 64;
                p->free--;
        }
}

/* The lowest free run of n bytes of page p that starts in [lo, hi], or 0. */
static uint64_t fit_in_page(const struct trampoline_page *p, uint64_t lo, uint64_t hi, size_t n)
{
        uint64_t from = lo > p->va ? lo : p->va, run = 0;

        if (p->free < n)
                return 0;
        for (uint64_t va = from; va < p->va + RF_PAGE_SIZE && va < hi + n; va++) {
                run = is_used(p, va - p->va) ? 0 : run + 1;
                if (run == n)
                        return va + 1 - n;
        }
        return 0;
}

static uint64_t fit_in_owned(const struct trampolines *t, uint64_t lo, uint64_t hi, size_t n)
{
        for (unsigned i = 0; i < t->n; i++) {
                const struct trampoline_page *p = &t->page[i];
                uint64_t at = 0;

                if (p->va + RF_PAGE_SIZE > lo && p->va < hi + n)
                        at = fit_in_page(p, lo, hi, n);
                if (at != 0)
                        return at;
        }
        return 0;
}

/* The last page below 4 GiB is never executable (design.md, P10). */
static bool is_forbidden(uint64_t page)
{
        return page == 0x100000000 - RF_PAGE_SIZE || page < RF_GUEST_LO || page >= RF_GUEST_HI;
}

static bool add_page(struct trampolines *t, const struct trampoline_map *m, uint64_t page)
{
        if (trampoline_owns(t, page))
                return true;
        if (t->n == TRAMPOLINE_PAGES || is_forbidden(page) || m->mapped_until(m->ctx, page) != 0 ||
            m->map(m->ctx, page) != 0)
                return false;
        memset(&t->page[t->n], 0, sizeof(t->page[t->n]));
        t->page[t->n].va = page;
        t->page[t->n++].free = RF_PAGE_SIZE;
        return true;
}

/* The first page at or above lo that is not mapped and can hold n bytes starting in [lo, hi]. */
static uint64_t fit_in_new(struct trampolines *t, const struct trampoline_map *m, uint64_t lo, uint64_t hi,
                           size_t n)
{
        uint64_t page = lo & PAGE_MASK;

        while (page <= hi) {
                uint64_t at = page > lo ? page : lo, end = m->mapped_until(m->ctx, page);

                if (end == 0 && !is_forbidden(page) && at + n <= page + RF_PAGE_SIZE)
                        return add_page(t, m, page) ? at : 0;
                page = end > page ? end : page + RF_PAGE_SIZE;
        }
        return 0;
}

static bool is_free(struct trampolines *t, uint64_t at, size_t n)
{
        for (uint64_t va = at; va < at + n; va++) {
                const struct trampoline_page *p = find_page(t, va);

                if (p == NULL || is_used(p, va - p->va))
                        return false;
        }
        return true;
}

/* Across a page end: the last resort of ranges so narrow that nothing inside one page fits. */
static uint64_t fit_across(struct trampolines *t, const struct trampoline_map *m, uint64_t lo, uint64_t hi,
                           size_t n)
{
        uint64_t end = (lo & PAGE_MASK) + RF_PAGE_SIZE;

        for (uint64_t at = lo; at <= hi && at < end; at++) {
                if (at + n <= end)
                        continue;
                if (add_page(t, m, at & PAGE_MASK) && add_page(t, m, (at + n - 1) & PAGE_MASK) &&
                    is_free(t, at, n))
                        return at;
        }
        return 0;
}

uint64_t trampoline_reserve(struct trampolines *t, const struct trampoline_map *m, uint64_t lo, uint64_t hi,
                            size_t n)
{
        uint64_t at;

        if (n == 0 || n > RF_PAGE_SIZE)
                return 0;
        lo = lo < RF_GUEST_LO ? RF_GUEST_LO : lo;
        hi = hi > RF_GUEST_HI - n ? RF_GUEST_HI - n : hi;
        if (lo > hi)
                return 0;
        at = fit_in_owned(t, lo, hi, n);
        if (at == 0 && t->near >= lo && t->near <= hi)
                at = fit_in_new(t, m, t->near, hi, n);
        if (at == 0)
                at = fit_in_new(t, m, lo, hi, n);
        if (at == 0)
                at = fit_across(t, m, lo, hi, n);
        if (at != 0)
                take(t, at, n);
        return at;
}

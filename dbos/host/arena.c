/* SPDX-License-Identifier: MIT
 *
 * See arena.h.
 */
#include <string.h>

#include "arena.h"
#include "dbos_trampoline.h"
#include "rf/error.h"

enum { INT3 = 0xcc };

static struct arena_place here;
static struct trampolines pages;
static uint8_t *bytes[TRAMPOLINE_PAGES];

void arena_open(const struct arena_place *place)
{
        here = *place;
        pages.n = 0;
        pages.near = place->near;
}

void arena_near(uint64_t va)
{
        pages.near = va;
}

void arena_reset(void)
{
        while (pages.n) {
                pages.n--;
                here.drop(pages.page[pages.n].va, bytes[pages.n]);
        }
}

unsigned arena_pages(void)
{
        return pages.n;
}

uint64_t arena_page(unsigned i)
{
        return pages.page[i].va;
}

uint8_t *arena_bytes(uint64_t va)
{
        for (unsigned i = 0; i < pages.n; i++)
                if (va - pages.page[i].va < RF_PAGE_SIZE)
                        return bytes[i] + (va - pages.page[i].va);
        return NULL;
}

static uint64_t mapped_until(void *ctx, uint64_t page)
{
        uint64_t end = here.mapped_until(page);

        return end || !trampoline_owns(&pages, page) ? end : page + RF_PAGE_SIZE;
}

/* The allocator adds the page behind the ones it has. */
static int map(void *ctx, uint64_t page)
{
        bytes[pages.n] = here.back(page);
        if (!bytes[pages.n])
                return -RF_ENOMEM;
        memset(bytes[pages.n], INT3, RF_PAGE_SIZE);
        return 0;
}

uint64_t arena_take(uint64_t lo, uint64_t hi, size_t n)
{
        static const struct trampoline_map m = {NULL, mapped_until, map};

        return trampoline_reserve(&pages, &m, lo, hi, n);
}

/* SPDX-License-Identifier: MIT
 * struct dbos_space over system calls. Reads go through root's window on the guest. A write opens the page
 * first; who called the engine has it accepted again afterwards. Only ring 0's acceptance makes it
 * executable. */
#include "guest.h"
#include "log.h"
#include "nic.h"
#include "rf_string.h"
#include "sys.h"

#define PAGE_OF(va) ((va) & ~(RF_PAGE_SIZE - 1))

enum { ACCEPT_PAGES = 64 }; /* in one call: ring 0 holds its lock meanwhile */

/* End of what root can read from va on without a gap; 0: nothing. */
static uint64_t mapped_until(void *ctx, uint64_t va)
{
        const struct guest *g = ctx;
        const struct layout_range *r = layout_find(&g->layout, va);

        if (r != NULL)
                return layout_end(r);
        return trampoline_owns(&g->trampolines, PAGE_OF(va)) ? PAGE_OF(va) + RF_PAGE_SIZE : 0;
}

static bool is_readable(const struct guest *g, uint64_t va)
{
        const struct layout_range *r = layout_find(&g->layout, va);

        return r != NULL ? r->kind != RF_MAP_POOL : trampoline_owns(&g->trampolines, PAGE_OF(va));
}

bool guest_is_code(const struct guest *g, uint64_t va)
{
        const struct layout_range *r = layout_find(&g->layout, va);

        return r != NULL ? r->kind == RF_MAP_CODE : trampoline_owns(&g->trampolines, PAGE_OF(va));
}

static int space_read(void *ctx, uint64_t va, void *buf, size_t n)
{
        struct guest *g = ctx;
        uint8_t *out = buf;

        while (n > 0) {
                size_t part = (size_t)(PAGE_OF(va) + RF_PAGE_SIZE - va);

                part = part < n ? part : n;
                if (va >= RF_GUEST_HI || !is_readable(g, va))
                        return -RF_ENOENT;
                memcpy(out, guest_pointer(g, va), part);
                va += part;
                out += part;
                n -= part;
        }
        return 0;
}

static bool is_open(const struct guest *g, uint64_t page)
{
        for (unsigned i = 0; i < g->nopen; i++)
                if (g->open[i] == page)
                        return true;
        return false;
}

static int open_page(struct guest *g, uint64_t page)
{
        int64_t error;

        if (!g->accepted || is_open(g, page))
                return 0;
        if (g->nopen == GUEST_OPEN_PAGES)
                return -RF_ENOMEM;
        error = sys_guest_open(g->id, page, 1);
        if (error == 0)
                g->open[g->nopen++] = page;
        return (int)error;
}

static int space_write(void *ctx, uint64_t va, const void *buf, size_t n)
{
        struct guest *g = ctx;
        const uint8_t *in = buf;

        while (n > 0) {
                size_t part = (size_t)(PAGE_OF(va) + RF_PAGE_SIZE - va);
                int error;

                part = part < n ? part : n;
                if (!guest_is_code(g, va))
                        return -RF_EPERM;
                error = open_page(g, PAGE_OF(va));
                if (error != 0)
                        return error;
                memcpy(guest_pointer(g, va), in, part);
                va += part;
                in += part;
                n -= part;
        }
        return 0;
}

/* A fresh page is data until it is accepted: it counts as opened. INT3 wherever no trampoline stands. */
static int map_trampoline(void *ctx, uint64_t page)
{
        struct guest *g = ctx;
        int64_t error;

        if (g->accepted && g->nopen == GUEST_OPEN_PAGES)
                return -RF_ENOMEM;
        error = sys_guest_map(g->id, page, 1, RF_MAP_CODE);
        if (error != 0)
                return (int)error;
        memset(guest_pointer(g, page), 0xcc, RF_PAGE_SIZE);
        if (g->accepted)
                g->open[g->nopen++] = page;
        return 0;
}

static uint64_t space_trampoline(void *ctx, uint64_t lo, uint64_t hi, size_t n)
{
        struct guest *g = ctx;
        struct trampoline_map map = {g, mapped_until, map_trampoline};

        return trampoline_reserve(&g->trampolines, &map, lo, hi, n);
}

static void space_finding(void *ctx, const struct dbos_finding *f)
{
        struct guest *g = ctx;
        char text[256];

        if (f->action == DBOS_KILLS && g->nremoved < GUEST_REMOVED)
                g->removed[g->nremoved++] = (struct guest_removed){f->va, f->rule, f->advice};
        if (f->action != DBOS_REFUSED && !log_verbose)
                return;
        dbos_explain(f, text, sizeof(text));
        log_line("guest %s: %s", g->config->name, text);
}

static int space_tail(void *ctx, uint64_t va)
{
        return nic_doorbell_ring(ctx, va);
}

struct dbos_space guest_space(struct guest *g)
{
        return (struct dbos_space){g, space_read, space_write, space_trampoline, space_finding, space_tail};
}

/* ---- acceptance ------------------------------------------------------------------------------ */

static int accept(struct guest *g, uint64_t va, uint64_t pages)
{
        while (pages > 0) {
                uint64_t part = pages < ACCEPT_PAGES ? pages : ACCEPT_PAGES;
                int64_t error = sys_guest_accept(g->id, va, part);

                if (error == -RF_EHARD)
                        guest_why(g, "ring 0 refused its code: the bytes 0f 01 ef (WRPKRU) at 0x%lx",
                                  (uint64_t)sys_accept_at());
                else if (error != 0)
                        guest_why(g, "ring 0 refused its code at 0x%lx: %s", va, error_name(error));
                if (error != 0)
                        return (int)error;
                va += part * RF_PAGE_SIZE;
                pages -= part;
        }
        return 0;
}

int guest_accept_page(struct guest *g, uint64_t page)
{
        return accept(g, page, 1);
}

int guest_accept_opened(struct guest *g)
{
        while (g->nopen > 0) {
                int error = accept(g, g->open[g->nopen - 1], 1);

                if (error != 0)
                        return error;
                g->nopen--;
        }
        return 0;
}

int guest_accept_code(struct guest *g)
{
        int error = 0;

        for (unsigned i = 0; i < g->layout.n && error == 0; i++)
                if (g->layout.range[i].kind == RF_MAP_CODE)
                        error = accept(g, g->layout.range[i].va, g->layout.range[i].pages);
        for (unsigned i = 0; i < g->trampolines.n && error == 0; i++)
                error = accept(g, g->trampolines.page[i].va, 1);
        g->accepted = error == 0;
        return error;
}

const struct dbos_code *guest_code_at(const struct guest *g, uint64_t va)
{
        for (unsigned i = 0; i < g->ncode; i++)
                if (va >= g->code[i].va && va - g->code[i].va < g->code[i].bytes)
                        return &g->code[i];
        return NULL;
}

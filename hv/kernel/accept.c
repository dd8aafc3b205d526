/* SPDX-License-Identifier: MIT
 *
 * Acceptance (P10): the only thing that makes a guest page executable. First every writable mapping goes: the
 * guest's, the nested one, root's and ring 0's; then every CPU forgets it; then the bytes are looked at; then
 * the page may execute. Opening is the way back: not executable first, on every CPU, then writable.
 */
#include "frame.h"
#include "sched.h"
#include "smp.h"

uint64_t accept_hit;

static const uint8_t hard[3] = {0x0f, 0x01, 0xef}; /* WRPKRU */

/* Rights of a page in all four places. Tables exist: changing a leaf cannot fail. */
static void set_rights(struct guest *g, uint64_t va, uint64_t hpa, unsigned perm)
{
        bool writable = (perm & PERM_W) != 0;

        (void)table_map(&g->slot0, va, hpa, perm);
        (void)table_map(&g->nested, hpa, hpa, perm);
        (void)table_map(&host_table, RF_ROOT_GUEST(g->id) + va, hpa, PERM_U | (writable ? PERM_RW : PERM_R));
        physmap_set_writable(hpa, writable);
}

static void flush(struct guest *g)
{
        guest_flush(g);
        host_flush();
}

/* ---- the check: begin (at most 60 lines, see make lint) ---------------------------------- */

static const uint8_t *executable_page(const struct guest *g, uint64_t va)
{
        uint64_t hpa;
        unsigned perm;

        if (va >= RF_GUEST_HI || !table_query(&g->slot0, va, &hpa, &perm) || (perm & PERM_X) == 0)
                return NULL;
        return phys(hpa);
}

/* Bytes of the page with two of each executable neighbour; elsewhere zeros, which complete no opcode. */
static uint8_t byte_at(const uint8_t *page, const uint8_t *before, const uint8_t *after, int64_t i)
{
        if (i < 0)
                return before == NULL ? 0 : before[(int64_t)PAGE_SIZE + i];
        if (i >= (int64_t)PAGE_SIZE)
                return after == NULL ? 0 : after[i - (int64_t)PAGE_SIZE];
        return page[i];
}

static bool bytes_clean(const struct guest *g, uint64_t va, uint64_t hpa)
{
        const uint8_t *page = phys(hpa), *before = executable_page(g, va - PAGE_SIZE),
                      *after = executable_page(g, va + PAGE_SIZE);

        for (int64_t i = -2; i < (int64_t)PAGE_SIZE; i++) {
                bool match = true;

                if (i >= 0 && i < (int64_t)PAGE_SIZE - 2 && page[i] != hard[0])
                        continue;
                for (int64_t k = 0; k < 3; k++)
                        match = match && byte_at(page, before, after, i + k) == hard[k];
                if (match) {
                        accept_hit = va + (uint64_t)i;
                        return false;
                }
        }
        return true;
}

/* Addresses where no page ever executes, for what might be fetched across their ends. */
static bool forbidden(uint64_t va)
{
        return va < RF_GUEST_LO || va >= RF_GUEST_HI || va == 0xfffff000;
}

/* ---- the check: end ---------------------------------------------------------------------- */

static int64_t accept_page(struct guest *g, uint64_t va)
{
        uint64_t hpa;
        unsigned perm;
        struct frame *f;

        if (forbidden(va) || !table_query(&g->slot0, va, &hpa, &perm))
                return -RF_EINVAL;
        f = frame_of(hpa);
        if (f == NULL || (f->kind != FRAME_CODE && f->kind != FRAME_DATA) || f->va != va || f->owner != g->id)
                return -RF_EPERM;
        if (f->executable)
                return 0;
        if (!control_on(RF_CONTROL_NO_EXCLUSIVE)) {
                set_rights(g, va, hpa, PERM_R);
                flush(g);
        }
        if (!control_on(RF_CONTROL_NO_BYTE_CHECK) && !bytes_clean(g, va, hpa)) {
                set_rights(g, va, hpa, PERM_RW);
                return -RF_EHARD;
        }
        f->executable = 1;
        if (control_on(RF_CONTROL_NO_EXCLUSIVE)) {
                (void)table_map(&g->slot0, va, hpa, PERM_RW | PERM_X);
                (void)table_map(&g->nested, hpa, hpa, PERM_RW | PERM_X);
        } else {
                (void)table_map(&g->slot0, va, hpa, PERM_RX);
                (void)table_map(&g->nested, hpa, hpa, PERM_RX);
        }
        return 0;
}

static int64_t open_page(struct guest *g, uint64_t va)
{
        uint64_t hpa;
        unsigned perm;
        struct frame *f;

        if (forbidden(va) || !table_query(&g->slot0, va, &hpa, &perm))
                return -RF_EINVAL;
        f = frame_of(hpa);
        if (f == NULL || !f->executable)
                return 0;
        (void)table_map(&g->slot0, va, hpa, PERM_R);
        (void)table_map(&g->nested, hpa, hpa, PERM_R);
        guest_flush(g);
        f->executable = 0;
        set_rights(g, va, hpa, PERM_RW);
        return 0;
}

static int64_t each_page(struct guest *g, uint64_t va, uint64_t pages,
                         int64_t (*act)(struct guest *, uint64_t))
{
        int64_t error = 0;

        if (va % PAGE_SIZE != 0 || pages == 0 || pages > 1ull << 20)
                return -RF_EINVAL;
        for (uint64_t i = 0; i < pages && error == 0; i++)
                error = act(g, va + i * PAGE_SIZE);
        return error;
}

int64_t guest_accept(struct guest *g, uint64_t va, uint64_t pages)
{
        return each_page(g, va, pages, accept_page);
}

int64_t guest_open(struct guest *g, uint64_t va, uint64_t pages)
{
        return each_page(g, va, pages, open_page);
}

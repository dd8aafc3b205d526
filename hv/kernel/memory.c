/* SPDX-License-Identifier: MIT
 * A guest's memory. Each frame is mapped at one guest address, in the nested table (GPA = HPA), and, pools
 * excepted, in root's window of that guest. */
#include "frame.h"
#include "sched.h"

enum { PAUSE_EVERY = 512 };

static const struct kind {
        enum frame_kind frame;
        unsigned guest, root; /* perm; root 0: not mapped there */
} kinds[] = {
    [RF_MAP_DATA] = {FRAME_DATA, PERM_RW, PERM_RW | PERM_U},
    [RF_MAP_CODE] = {FRAME_CODE, PERM_RW, PERM_RW | PERM_U},
    [RF_MAP_POOL] = {FRAME_POOL, PERM_RW, 0},
    [RF_MAP_RODATA] = {FRAME_RODATA, PERM_R, PERM_RW | PERM_U},
};

static int map_page(struct guest *g, uint64_t va, uint64_t hpa, const struct kind *k)
{
        struct table root_window = host_table;
        int error = table_map(&g->nested, hpa, hpa, k->guest);

        if (error == 0 && (k->frame == FRAME_CODE || k->frame == FRAME_DATA))
                error = physmap_split(hpa); /* while running out of memory is still an error */
        frame_of(hpa)->va = va;
        root_window.owner = g->id; /* the guest pays for root's tables too */
        if (error == 0 && k->root != 0)
                error = table_map(&root_window, RF_ROOT_GUEST(g->id) + va, hpa, k->root);
        return error < 0 ? error : table_map(&g->slot0, va, hpa, k->guest);
}

static bool range_free(struct guest *g, uint64_t va, uint64_t pages)
{
        uint64_t hpa;
        unsigned perm;

        for (uint64_t i = 0; i < pages; i++)
                if (table_query(&g->slot0, va + i * PAGE_SIZE, &hpa, &perm))
                        return false;
        return true;
}

int64_t guest_map(struct guest *g, uint64_t va, uint64_t pages, uint64_t kind)
{
        const struct kind *k = &kinds[kind < ARRAY_LENGTH(kinds) ? kind : 0];
        int64_t hpa = 0;
        int error = 0;

        if (kind >= ARRAY_LENGTH(kinds) || va % PAGE_SIZE != 0 || pages == 0 || pages > 1ull << 26 ||
            va < RF_GUEST_LO || va >= RF_GUEST_HI || pages * PAGE_SIZE > RF_GUEST_HI - va)
                return -RF_EINVAL;
        if (g->quota - g->charged < pages)
                return -RF_ENOMEM;
        if (!range_free(g, va, pages))
                return -RF_EBUSY;
        if (k->frame == FRAME_POOL) {
                hpa = frame_alloc_contiguous(k->frame, g->id, pages);
                if (hpa < 0)
                        return hpa;
        }
        for (uint64_t i = 0; i < pages && error == 0; i++) {
                if (k->frame != FRAME_POOL)
                        hpa = frame_alloc(k->frame, g->id);
                error = hpa < 0 ? (int)hpa : map_page(g, va + i * PAGE_SIZE, (uint64_t)hpa, k);
                hpa += k->frame == FRAME_POOL ? (int64_t)PAGE_SIZE : 0;
                if (i % PAUSE_EVERY == PAUSE_EVERY - 1) { /* a large guest must not stall its neighbours */
                        kernel_unlock();
                        kernel_lock();
                }
        }
        return error;
}

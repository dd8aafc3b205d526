/* SPDX-License-Identifier: MIT
 *
 * The boot test that walks the tables: no leaf both writable and executable; in ring spaces no user leaf but
 * the window; and over all tables, no frame executable in one and writable in another (P3).
 */
#include "frame.h"
#include "sched.h"
#include "smp.h"

struct count {
        const char *table;
        int owner; /* of the guest whose nested table this is */
        bool ring_space, nested;
        uint64_t leaves, broken;
};

static void report(struct count *c, uint64_t va, const char *what)
{
        if (c->broken++ < 4)
                klog("audit: %s: %llx: %s", c->table, (unsigned long long)va, what);
}

static bool is_window(uint64_t va)
{
        return (va & ~0xfffull) == RF_STATE_VA || (va >= RF_DOORBELL_VA && va < RF_DOORBELL_VA + 0x10000) ||
               (va >= RF_RING_VA && va < RF_STAGING_VA);
}

static bool physmap_writable(uint64_t hpa)
{
        uint64_t at;
        unsigned perm;
        uint64_t *leaf = table_leaf(&host_table, PHYSMAP_BASE + hpa);

        if (leaf == NULL)
                return true; /* inside a large leaf, and those are writable */
        return table_query(&host_table, PHYSMAP_BASE + hpa, &at, &perm) && (perm & PERM_W) != 0;
}

static void check(const struct table *t, uint64_t va, uint64_t entry, uint64_t pages, void *ctx)
{
        struct count *c = ctx;
        unsigned perm = t->format->perm(entry);
        uint64_t hpa = entry & ENTRY_HPA;
        const struct frame *f = frame_of(hpa);

        c->leaves++;
        if ((perm & PERM_W) != 0 && (perm & PERM_X) != 0)
                report(c, va, "writable and executable");
        if ((perm & PERM_X) != 0 && physmap_writable(hpa))
                report(c, va, "executable here, writable for ring 0");
        if ((perm & PERM_W) != 0 && f != NULL && f->executable)
                report(c, va, "writable here, executable elsewhere");
        if (c->ring_space && !c->nested && (perm & PERM_U) != 0 && !is_window(va))
                report(c, va, "user leaf outside the window");
        if (c->ring_space && !c->nested && f != NULL && f->kind == FRAME_TABLE)
                report(c, va, "a page table is mapped");
        if (c->nested && f != NULL && f->owner != c->owner && (perm & PERM_W) != 0)
                report(c, va, "another's frame, writable");
}

static void walk(struct count *total, const struct table *t, const char *name, bool ring_space, bool nested)
{
        struct count c = {.table = name, .owner = t->owner, .ring_space = ring_space, .nested = nested};

        table_visit(t, t->root, t->top, 0, check, &c);
        total->leaves += c.leaves;
        total->broken += c.broken;
}

int64_t audit(void)
{
        struct count total = {0};

        walk(&total, &host_table, "host", false, false);
        for (uint64_t id = 0; id < RF_MAX_GUESTS; id++) {
                const struct guest *g = guest_get(id);

                if (g != NULL)
                        walk(&total, &g->nested, "nested", true, true);
        }
        for (uint64_t id = 0; id < RF_MAX_VCPUS; id++) {
                const struct vcpu *v = vcpu_get(id);
                struct table t = {.format = &format_host, .top = 4};

                if (v == NULL)
                        continue;
                t.root = v->pml4;
                walk(&total, &t, "ring space", true, false);
        }
        klog("audit: %llu leaves, %llu break W^X or the window rule", (unsigned long long)total.leaves,
             (unsigned long long)total.broken);
        return (int64_t)total.broken;
}

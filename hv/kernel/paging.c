/* SPDX-License-Identifier: MIT
 * The radix-table walker, and the AMD64 long-mode format. See paging.h. */
#include "paging.h"

#include "frame.h"

enum {
        PTE_P = 1 << 0,
        PTE_W = 1 << 1,
        PTE_U = 1 << 2,
        PTE_PWT = 1 << 3,
        PTE_PCD = 1 << 4,
        PTE_A = 1 << 5,
        PTE_D = 1 << 6,
        PTE_PS = 1 << 7,
};
#define PTE_NX        (1ull << 63)
#define PTE_KEY_SHIFT 59

/* PAT entry 1 (PWT) is write-combining in the host (cpu.c); entry 3 (PCD|PWT) is uncacheable everywhere. */
static uint64_t host_leaf(uint64_t hpa, unsigned perm)
{
        uint64_t e = hpa | PTE_P | PTE_A;

        e |= perm & PERM_W ? PTE_W | PTE_D : 0;
        e |= perm & PERM_U ? PTE_U : 0;
        e |= perm & PERM_X ? 0 : PTE_NX;
        e |= perm & PERM_UC ? PTE_PCD | PTE_PWT : 0;
        e |= perm & PERM_WC ? PTE_PWT : 0;
        return e | (uint64_t)(perm >> PERM_KEY_SHIFT & 0xf) << PTE_KEY_SHIFT;
}

/* Rights are decided in the leaf; tables allow everything. */
static uint64_t host_table_entry(uint64_t hpa)
{
        return hpa | PTE_P | PTE_W | PTE_U | PTE_A;
}

static bool host_present(uint64_t entry)
{
        return (entry & PTE_P) != 0;
}

static unsigned host_perm(uint64_t e)
{
        unsigned perm = PERM_R;

        perm |= e & PTE_W ? PERM_W : 0;
        perm |= e & PTE_U ? PERM_U : 0;
        perm |= e & PTE_NX ? 0 : PERM_X;
        perm |= (e & (PTE_PCD | PTE_PWT)) == (PTE_PCD | PTE_PWT) ? PERM_UC : 0;
        perm |= (e & (PTE_PCD | PTE_PWT)) == PTE_PWT ? PERM_WC : 0;
        return perm | PERM_KEY(e >> PTE_KEY_SHIFT & 0xf);
}

const struct table_format format_host = {
    .name = "AMD64 long mode",
    .leaf = host_leaf,
    .table = host_table_entry,
    .present = host_present,
    .perm = host_perm,
};

static unsigned index_at(uint64_t va, int level)
{
        return va >> (12 + 9 * (level - 1)) & 511;
}

/* Only the physmap has 2 MiB leaves, and only in the host's format. */
static bool is_large(const struct table *t, uint64_t entry, int level)
{
        return t->format == &format_host && level == 2 && (entry & PTE_PS) != 0;
}

static int64_t new_table(struct table *t)
{
        int64_t hpa = frame_alloc(FRAME_TABLE, t->owner);
        int error;

        if (hpa < 0 || t->nested == NULL)
                return hpa;
        error = table_map(t->nested, (uint64_t)hpa, (uint64_t)hpa, PERM_RW); /* the walker writes A and D */
        return error < 0 ? error : hpa;
}

static int split_large(struct table *t, uint64_t *entry)
{
        int64_t hpa = new_table(t);
        uint64_t *lower, flags = *entry & ~(ENTRY_HPA | PTE_PS), base = *entry & ENTRY_HPA;

        if (hpa < 0)
                return (int)hpa;
        lower = phys((uint64_t)hpa);
        for (unsigned i = 0; i < 512; i++)
                lower[i] = (base + i * PAGE_SIZE) | flags;
        *entry = t->format->table((uint64_t)hpa);
        return 0;
}

static int descend(struct table *t, uint64_t *entry, int level)
{
        int64_t hpa;

        if (t->format->present(*entry))
                return is_large(t, *entry, level) ? split_large(t, entry) : 0;
        hpa = new_table(t);
        if (hpa < 0)
                return (int)hpa;
        *entry = t->format->table((uint64_t)hpa);
        return 0;
}

/* The level-1 slot for va, made if need be. */
static int leaf_slot(struct table *t, uint64_t va, uint64_t **slot)
{
        uint64_t *entries = phys(t->root);

        for (int level = t->top; level > 1; level--) {
                uint64_t *entry = &entries[index_at(va, level)];
                int error = descend(t, entry, level);

                if (error < 0)
                        return error;
                entries = phys(*entry & ENTRY_HPA);
        }
        *slot = &entries[index_at(va, 1)];
        return 0;
}

int table_map(struct table *t, uint64_t va, uint64_t hpa, unsigned perm)
{
        uint64_t *slot = NULL;
        int error = leaf_slot(t, va, &slot);

        if (error < 0)
                return error;
        __atomic_store_n(slot, t->format->leaf(hpa, perm), __ATOMIC_RELEASE);
        return 0;
}

int table_map_large(struct table *t, uint64_t va, uint64_t hpa, unsigned perm)
{
        uint64_t *entries = phys(t->root);

        for (int level = t->top; level > 2; level--) {
                uint64_t *entry = &entries[index_at(va, level)];
                int error = descend(t, entry, level);

                if (error < 0)
                        return error;
                entries = phys(*entry & ENTRY_HPA);
        }
        entries[index_at(va, 2)] = t->format->leaf(hpa, perm) | PTE_PS;
        return 0;
}

uint64_t *table_leaf(const struct table *t, uint64_t va)
{
        uint64_t *entries = phys(t->root);

        for (int level = t->top; level > 1; level--) {
                uint64_t entry = entries[index_at(va, level)];

                if (!t->format->present(entry) || is_large(t, entry, level))
                        return NULL;
                entries = phys(entry & ENTRY_HPA);
        }
        return &entries[index_at(va, 1)];
}

bool table_query(const struct table *t, uint64_t va, uint64_t *hpa, unsigned *perm)
{
        uint64_t *slot = table_leaf(t, va);

        if (slot == NULL || !t->format->present(*slot))
                return false;
        *hpa = *slot & ENTRY_HPA;
        *perm = t->format->perm(*slot);
        return true;
}

void table_unmap(struct table *t, uint64_t va)
{
        uint64_t *slot = table_leaf(t, va);

        if (slot != NULL)
                __atomic_store_n(slot, 0, __ATOMIC_RELEASE);
}

/* Calls visit for every present leaf below `root`. For the audit. */
void table_visit(const struct table *t, uint64_t root, int level, uint64_t va,
                 void (*visit)(const struct table *t, uint64_t va, uint64_t entry, uint64_t pages, void *ctx),
                 void *ctx)
{
        uint64_t *entries = phys(root), step = 1ull << (12 + 9 * (level - 1));

        for (unsigned i = 0; i < 512; i++) {
                uint64_t e = entries[i], at = va + i * step;

                if (level == 4 && i >= 256)
                        at |= 0xffff000000000000ull;
                if (!t->format->present(e))
                        continue;
                if (level == 1 || is_large(t, e, level))
                        visit(t, at, e, step / PAGE_SIZE, ctx);
                else
                        table_visit(t, e & ENTRY_HPA, level - 1, at, visit, ctx);
        }
}

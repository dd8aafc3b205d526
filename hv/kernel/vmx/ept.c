/* SPDX-License-Identifier: MIT
 *
 * EPT entries. Intel SDM volume 3, 29.3.2. The memory type is stated here, since MTRRs do not rule guest
 * accesses; the ring space's own PAT bits can only make it less cacheable.
 */
#include "vmx.h"

enum {
        EPT_R = 1 << 0,
        EPT_W = 1 << 1,
        EPT_X = 1 << 2,
        EPT_TYPE = 7 << 3,
        EPT_UC = 0 << 3,
        EPT_WB = 6 << 3,
};

static uint64_t ept_leaf(uint64_t hpa, unsigned perm)
{
        uint64_t entry = (hpa & ENTRY_HPA) | EPT_R;

        entry |= perm & PERM_W ? EPT_W : 0;
        entry |= perm & PERM_X ? EPT_X : 0;
        return entry | (perm & (PERM_UC | PERM_WC) ? EPT_UC : EPT_WB);
}

static uint64_t ept_table(uint64_t hpa)
{
        return (hpa & ENTRY_HPA) | EPT_R | EPT_W | EPT_X;
}

static bool ept_present(uint64_t entry)
{
        return (entry & (EPT_R | EPT_W | EPT_X)) != 0;
}

static unsigned ept_perm(uint64_t entry)
{
        unsigned perm = 0;

        perm |= entry & EPT_R ? PERM_R : 0;
        perm |= entry & EPT_W ? PERM_W : 0;
        perm |= entry & EPT_X ? PERM_X : 0;
        return perm | ((entry & EPT_TYPE) == EPT_UC ? PERM_UC : 0);
}

const struct table_format format_ept = {
    .name = "EPT",
    .leaf = ept_leaf,
    .table = ept_table,
    .present = ept_present,
    .perm = ept_perm,
};

/* SPDX-License-Identifier: MIT
 *
 * Nested page table entries: the format of long mode, but every nested access counts as a user one (APM 2,
 * 15.25.5), so U is always set. Accessed and dirty are set at once: the walker need not write.
 */
#include "svm.h"

enum {
        NPT_P = 1 << 0,
        NPT_W = 1 << 1,
        NPT_U = 1 << 2,
        NPT_PWT = 1 << 3,
        NPT_PCD = 1 << 4, /* with PWT: UC by the host's PAT */
        NPT_A = 1 << 5,
        NPT_D = 1 << 6,
};
#define NPT_NX (1ull << 63)

static uint64_t npt_leaf(uint64_t hpa, unsigned perm)
{
        uint64_t entry = (hpa & ENTRY_HPA) | NPT_P | NPT_U | NPT_A | NPT_D;

        if (perm & PERM_W)
                entry |= NPT_W;
        if (!(perm & PERM_X))
                entry |= NPT_NX;
        if (perm & (PERM_UC | PERM_WC))
                entry |= NPT_PCD | NPT_PWT;
        return entry;
}

static uint64_t npt_table(uint64_t hpa)
{
        return (hpa & ENTRY_HPA) | NPT_P | NPT_W | NPT_U | NPT_A;
}

static bool npt_present(uint64_t entry)
{
        return (entry & NPT_P) != 0;
}

static unsigned npt_perm(uint64_t entry)
{
        unsigned perm = PERM_R;

        if (entry & NPT_W)
                perm |= PERM_W;
        if (!(entry & NPT_NX))
                perm |= PERM_X;
        if (entry & NPT_PCD)
                perm |= PERM_UC;
        return perm;
}

const struct table_format format_npt = {
    .name = "NPT",
    .leaf = npt_leaf,
    .table = npt_table,
    .present = npt_present,
    .perm = npt_perm,
};

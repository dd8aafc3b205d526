/* SPDX-License-Identifier: MIT
 * Ring spaces: the tables of one vCPU, and its fence (slot 1): guard, guard state, info page, and what nic/
 * maps into the window. */
#include "frame.h"
#include "guard.h"
#include "guest.h"
#include "smp.h"
#include "vm.h"

enum { XSAVE_MXCSR = 24, MXCSR_RESET = 0x1f80 };

uint64_t guard_hpa;

static int64_t new_table_frame(struct guest *g)
{
        int64_t hpa = frame_alloc(FRAME_TABLE, g->id);
        int error;

        if (hpa < 0)
                return hpa;
        error = table_map(&g->nested, (uint64_t)hpa, (uint64_t)hpa, PERM_RW);
        return error < 0 ? error : hpa;
}

int space_new_table(struct guest *g, struct table *t)
{
        int64_t hpa = new_table_frame(g);

        if (hpa < 0)
                return (int)hpa;
        *t = (struct table){
            .format = &format_host, .root = (uint64_t)hpa, .top = 3, .owner = g->id, .nested = &g->nested};
        return 0;
}

void space_unmap_fence(struct vcpu *v, uint64_t va)
{
        uint64_t hpa;
        unsigned perm;

        if (v->guest == NULL)
                table_unmap(&host_table, va);
        if (v->guest == NULL || !table_query(&v->slot1, va, &hpa, &perm))
                return;
        table_unmap(&v->slot1, va);
        table_unmap(&v->guest->nested, hpa);
}

/* Without keys nothing in the window is writable by the guest and the doorbell is not mapped at all.
 * Root, as the owner of a queue, reads its rings and writes its staging, and never sees a doorbell. */
int space_map_fence(struct vcpu *v, uint64_t va, uint64_t hpa, unsigned perm)
{
        uint64_t old = hpa;
        unsigned old_perm;
        const struct frame *replaced;
        int error;

        if (v->guest == NULL && (perm & PERM_UC) != 0)
                return 0;
        if (v->guest == NULL)
                return table_map(&host_table, va, hpa, PERM_U | ((perm & PERM_U) != 0 ? PERM_R : PERM_RW));
        if (!cpu_has_keys && (perm & PERM_U) != 0) {
                if ((perm & PERM_UC) != 0)
                        return 0;
                perm = PERM_R | PERM_U;
        }
        (void)table_query(&v->slot1, va, &old, &old_perm);
        error = table_map(&v->guest->nested, hpa, hpa, perm & (PERM_RW | PERM_X | PERM_UC));
        if (error == 0)
                error = table_map(&v->slot1, va, hpa, perm);
        /* A straight swap: a guest that reads here meanwhile sees the old page or the new one. Only then does
         * what was here leave the nested table, unless all guests share it. */
        replaced = frame_of(old);
        if (error == 0 && old != hpa && replaced != NULL && replaced->owner == v->guest->id)
                table_unmap(&v->guest->nested, old);
        return error;
}

static int map_fence_pages(struct vcpu *v)
{
        int64_t state = frame_alloc(FRAME_STATE, v->guest->id), info = frame_alloc(FRAME_INFO, v->guest->id);
        int error;

        if (state < 0 || info < 0)
                return -RF_ENOMEM;
        v->state = phys((uint64_t)state);
        v->info_hpa = (uint64_t)info;
        error = space_map_fence(v, RF_STATE_VA, (uint64_t)state, PERM_RW | PERM_U | PERM_KEY(RF_KEY_WINDOW));
        if (error == 0)
                error = space_map_fence(v, RF_INFO_VA, v->info_hpa, PERM_R);
        if (error == 0)
                error = space_map_fence(v, RF_GUARD_VA, guard_hpa, PERM_RX);
        if (error == 0)
                error =
                    table_map(&host_table, RF_ROOT_INFO + v->id * PAGE_SIZE, v->info_hpa, PERM_RW | PERM_U);
        return error;
}

static int new_fpu(struct vcpu *v)
{
        int64_t hpa = frame_alloc(FRAME_KERNEL, v->guest->id);

        if (hpa < 0)
                return (int)hpa;
        v->fpu = phys((uint64_t)hpa);
        *(uint32_t *)((char *)v->fpu + XSAVE_MXCSR) = MXCSR_RESET;
        return 0;
}

/* The PML4, with the guest's slot 0 and a slot 1 of its own, and everything the back end enters it with. */
int space_build(struct vcpu *v)
{
        struct guest *g = v->guest;
        int64_t pml4 = new_table_frame(g);
        uint64_t *entries;
        int error;

        error = pml4 < 0 ? (int)pml4 : space_new_table(g, &v->slot1);
        if (error < 0)
                return error;
        v->pml4 = (uint64_t)pml4;
        entries = phys(v->pml4);
        entries[0] = format_host.table(g->slot0.root);
        entries[1] = format_host.table(v->slot1.root);
        error = map_fence_pages(v);
        if (error == 0)
                error = new_fpu(v);
        return error < 0 ? error : vm->vcpu_init(v);
}

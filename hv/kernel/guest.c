/* SPDX-License-Identifier: MIT
 * Guests: creation, memory, death. A guest's frames are mapped at one guest address, in its nested table (GPA
 * = HPA), and, pools excepted, in root's window of that guest. */
#include "guest.h"

#include "frame.h"
#include "guard.h"
#include "nic.h"
#include "sched.h"
#include "smp.h"
#include "vm.h"
#include "x86.h"

static struct guest guests[RF_MAX_GUESTS];
static struct vcpu vcpus[RF_MAX_VCPUS];
uint64_t guard_hpa;

enum { XSAVE_MXCSR = 24, MXCSR_RESET = 0x1f80, PAUSE_EVERY = 512 };

struct guest *guest_get(uint64_t id)
{
        return id < RF_MAX_GUESTS && guests[id].used ? &guests[id] : NULL;
}

struct vcpu *vcpu_get(uint64_t id)
{
        return id < RF_MAX_VCPUS && vcpus[id].guest != NULL ? &vcpus[id] : NULL;
}

void guest_flush(struct guest *g)
{
        g->epoch++;
        smp_interrupt_outside(g);
}

/* ---- ring spaces ------------------------------------------------------------------------ */

static int64_t new_table_frame(struct guest *g)
{
        int64_t hpa = frame_alloc(FRAME_TABLE, g->id);
        int error;

        if (hpa < 0)
                return hpa;
        error = table_map(&g->nested, (uint64_t)hpa, (uint64_t)hpa, PERM_RW);
        return error < 0 ? error : hpa;
}

static int new_table(struct guest *g, struct table *t)
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

        if (!table_query(&v->slot1, va, &hpa, &perm))
                return;
        table_unmap(&v->slot1, va);
        table_unmap(&v->guest->nested, hpa);
}

/* Without keys nothing in the window is writable by the guest and the doorbell is not mapped at all. */
int space_map_fence(struct vcpu *v, uint64_t va, uint64_t hpa, unsigned perm)
{
        uint64_t old = hpa;
        unsigned old_perm;
        const struct frame *replaced;
        int error;

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

static int vcpu_new(struct guest *g, uint32_t index)
{
        struct vcpu *v = NULL;
        int64_t pml4;
        uint64_t *entries;
        int error;

        for (uint32_t id = 0; id < RF_MAX_VCPUS && v == NULL; id++)
                if (vcpus[id].guest == NULL)
                        v = &vcpus[id];
        if (v == NULL)
                return -RF_ENOMEM;
        *v = (struct vcpu){
            .guest = g, .id = (uint32_t)(v - vcpus), .index = index, .last_cpu = -1, .pkru = RF_PKRU_CLOSED};
        g->vcpu[index] = v;
        v->report = root_report(v->id);
        *v->report = (struct rf_vcpu_report){.state = RF_VCPU_NEW, .guest = (uint32_t)g->id, .index = index};
        pml4 = new_table_frame(g);
        error = pml4 < 0 ? (int)pml4 : new_table(g, &v->slot1);
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

static int guest_build(struct guest *g, uint64_t nvcpus)
{
        int64_t nested = frame_alloc(FRAME_TABLE, g->id);
        int error;

        if (nested < 0)
                return (int)nested;
        g->nested = (struct table){.format = vm->nested, .root = (uint64_t)nested, .top = 4, .owner = g->id};
        error = new_table(g, &g->slot0);
        for (uint32_t i = 0; i < nvcpus && error == 0; i++)
                error = vcpu_new(g, i);
        return error;
}

int64_t guest_new(uint64_t quota, uint64_t nvcpus)
{
        struct guest *g = NULL;
        int error;

        for (int id = 0; id < RF_MAX_GUESTS && g == NULL; id++)
                if (!guests[id].used)
                        g = &guests[id];
        if (g == NULL)
                return -RF_ENOMEM;
        if (nvcpus == 0 || nvcpus > RF_GUEST_VCPUS || quota > 1ull << 32)
                return -RF_EINVAL;
        *g = (struct guest){
            .id = (int)(g - guests), .used = true, .quota = quota, .epoch = 1, .nvcpus = (uint32_t)nvcpus};
        g->console = root_console((uint32_t)g->id);
        error = guest_build(g, nvcpus);
        if (error == 0)
                return g->id;
        g->dead = true;
        guest_release(g);
        return error;
}

/* ---- memory ----------------------------------------------------------------------------- */

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

/* ---- life and death --------------------------------------------------------------------- */

void vcpu_make_ready(struct vcpu *v)
{
        v->report->state = RF_VCPU_READY;
        sched_add(v);
}

void vcpu_wake(struct vcpu *v, uint64_t result)
{
        if (v->report->state != RF_VCPU_WAITING)
                return;
        if (v->wait_slot != UINT32_MAX)
                nic_wait_disarm(v, v->wait_slot);
        v->gpr[RAX] = result;
        vcpu_make_ready(v);
}

static void export_registers(struct vcpu *v)
{
        for (unsigned i = 0; i < 16; i++)
                v->report->gpr[i] = v->gpr[i];
        v->report->rip = v->rip;
        v->report->rflags = v->rflags;
}

void vcpu_request(struct vcpu *v, enum rf_request request)
{
        export_registers(v);
        v->report->request = request;
        v->report->state = RF_VCPU_REQUEST;
        root_notify(v);
}

static void stop_vcpu(struct vcpu *v)
{
        uint32_t state = v->report->state;

        if (state == RF_VCPU_RUNNING) {
                v->stop = true; /* becomes STOPPED when its CPU has let go of it */
                return;
        }
        if (state == RF_VCPU_WAITING && v->wait_slot != UINT32_MAX)
                nic_wait_disarm(v, v->wait_slot);
        sched_remove(v);
        if (state != RF_VCPU_DEAD)
                v->report->state = RF_VCPU_STOPPED;
}

int64_t guest_stop(struct guest *g, enum rf_death death)
{
        for (uint32_t i = 0; i < g->nvcpus; i++)
                if (g->vcpu[i] != NULL && g->vcpu[i]->report->state != RF_VCPU_DEAD) {
                        if (!g->dead)
                                g->vcpu[i]->report->death = death;
                        stop_vcpu(g->vcpu[i]);
                }
        g->dead = true;
        guest_flush(g); /* makes running vCPUs come out */
        return 0;
}

void guest_kill(struct vcpu *v, enum rf_death death)
{
        if (v->guest->dead)
                return;
        export_registers(v);
        v->report->state = RF_VCPU_DEAD;
        v->report->death = death;
        v->report->request = death == RF_DEATH_NONE ? RF_REQ_EXITED : RF_REQ_DEAD;
        guest_stop(v->guest, RF_DEATH_NONE);
        root_notify(v);
}

static void unmap_from_root(struct guest *g)
{
        uint64_t *pml4 = phys(host_table.root);

        pml4[RF_ROOT_GUEST(g->id) >> 39] = 0;
        for (uint32_t i = 0; i < g->nvcpus; i++)
                if (g->vcpu[i] != NULL)
                        table_unmap(&host_table, RF_ROOT_INFO + g->vcpu[i]->id * PAGE_SIZE);
        host_flush();
}

/* -EBUSY while a CPU still holds one of its vCPUs: root asks again. */
int64_t guest_release(struct guest *g)
{
        if (!g->dead)
                return -RF_EBUSY;
        for (uint32_t i = 0; i < g->nvcpus; i++)
                if (g->vcpu[i] != NULL && g->vcpu[i]->report->state == RF_VCPU_RUNNING)
                        return -RF_EBUSY;
        nic_revoke_guest(g);
        unmap_from_root(g);
        for (uint32_t i = 0; i < g->nvcpus; i++) {
                struct vcpu *v = g->vcpu[i];

                if (v == NULL)
                        continue;
                if (v->hw != NULL)
                        vm->vcpu_free(v);
                root_forget(v);
                v->report->state = RF_VCPU_NONE;
                v->guest = NULL;
        }
        frame_free_owner(g->id);
        g->used = false;
        return 0;
}

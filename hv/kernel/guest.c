/* SPDX-License-Identifier: MIT
 * Guests and vCPUs: creation, requests to root, death. */
#include "guest.h"

#include "frame.h"
#include "nic.h"
#include "sched.h"
#include "smp.h"
#include "vm.h"

static struct guest guests[RF_MAX_GUESTS];
static struct vcpu vcpus[RF_MAX_VCPUS];

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

static int vcpu_new(struct guest *g, uint32_t index)
{
        struct vcpu *v = NULL;

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
        return space_build(v);
}

static int guest_build(struct guest *g, uint64_t nvcpus)
{
        int64_t nested = frame_alloc(FRAME_TABLE, g->id);
        int error;

        if (nested < 0)
                return (int)nested;
        g->nested = (struct table){.format = vm->nested, .root = (uint64_t)nested, .top = 4, .owner = g->id};
        error = space_new_table(g, &g->slot0);
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

/* ---- life and death --------------------------------------------------------------------- */

void vcpu_make_ready(struct vcpu *v)
{
        v->report->state = RF_VCPU_READY;
        sched_add(v);
}

void vcpu_wake(struct vcpu *v, uint64_t result)
{
        if (v == &root_vcpu)
                switch_ring();
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

/* SPDX-License-Identifier: MIT
 *
 * A fake kernel and a fake NIC around hv/kernel/nic/queue.c and soft.c, for nic_queue.c and nic_soft.c: what
 * they ask of frames, tables and vCPUs is recorded or answered here.
 */
#ifndef NIC_BED_H
#define NIC_BED_H

#include "cpu.h"
#include "frame.h"
#include "guard/guard_state.h"
#include "smp.h"
#include "nic.h"
#include "rf/e1000_ctl.h"
#include "rf/e1000_regs.h"
#include "rf/igb_ctl.h"
#include "rf/igb_desc.h"
#include "rf/igb_regs.h"
#include "sched.h"

enum {
        LOOSE = 64,
        FRAMES = LOOSE + RF_ROOT_POOL_PAGES,
        POOL_FIRST = 8,
        POOL_PAGES = 4,
        MAPPINGS = 32,
        HOST_MAPPINGS = 300,
        GUEST = 3
};

/* phys() adds PHYSMAP_BASE: with this base of "physical" memory it ends up in our array. */
static uint8_t memory[FRAMES][PAGE_SIZE] __attribute__((aligned(4096)));
static uint64_t hpa_of(uint64_t i)
{
        return (uint64_t)(uintptr_t)memory - PHYSMAP_BASE + i * PAGE_SIZE;
}

struct nic nics[NIC_MAX];
struct vcpu root_vcpu;
struct root root;
struct table host_table;
uint32_t active_controls;
uint64_t tsc_hz = 1000000000;
struct cpu cpus[RF_BOOT_MAX_CPUS];
static struct frame frames[FRAMES];
static struct guest guest;
static struct vcpu vcpus[2];
static struct rf_vcpu_report reports[2];
static struct guard_state states[2];
static struct {
        uint64_t va, hpa;
        unsigned perm;
} fence[MAPPINGS], host[HOST_MAPPINGS];
static uint32_t bar[IGB_BAR_BYTES / 4];
static char order[1024];
static int allocations_left, stuck_polls, woken, maps_left, rung;
static uint64_t contiguous; /* what the next such allocation gets, 0: nothing */
static struct rf_vcpu_report root_report_page;
static struct guard_state root_state;
static bool window_open;
static uint64_t pool_swap; /* 1: neighbouring pages of the pool change places */

static void note(const char *what)
{
        strncat(order, what, sizeof order - strlen(order) - 2);
        strcat(order, " ");
}

/* ---- the kernel ------------------------------------------------------------------------------ */

struct frame *frame_of(uint64_t hpa)
{
        uint64_t i = (hpa - hpa_of(0)) / PAGE_SIZE;

        return hpa >= hpa_of(0) && i < FRAMES ? &frames[i] : NULL;
}

int64_t frame_alloc(enum frame_kind kind, int owner)
{
        if (allocations_left-- <= 0)
                return -RF_ENOMEM;
        for (int i = 16; i < LOOSE; i++)
                if (frames[i].kind == FRAME_FREE) {
                        frames[i] = (struct frame){.kind = (uint8_t)kind, .owner = (int16_t)owner};
                        memset(memory[i], 0, PAGE_SIZE);
                        return (int64_t)hpa_of((uint64_t)i);
                }
        return -RF_ENOMEM;
}

void frame_free(uint64_t hpa)
{
        struct frame *f = frame_of(hpa);

        assert_non_null(f);
        assert_int_equal(f->pins, 0);
        assert_int_not_equal(f->kind, FRAME_FREE);
        for (int i = 0; i < MAPPINGS; i++)
                assert_true(fence[i].va == 0 || fence[i].hpa != hpa); /* nobody sees it any more */
        for (int i = 0; i < HOST_MAPPINGS; i++)
                assert_true(host[i].va == 0 || host[i].hpa != hpa); /* nor does root */
        f->kind = FRAME_FREE;
        note("free");
}

static int find_host(uint64_t va)
{
        for (int i = 0; i < HOST_MAPPINGS; i++)
                if (host[i].va == va)
                        return i;
        return -1;
}

int table_map(struct table *t, uint64_t va, uint64_t hpa, unsigned perm)
{
        int i = find_host(va) >= 0 ? find_host(va) : find_host(0);

        if (maps_left-- <= 0)
                return -RF_ENOMEM;
        host[i].va = va;
        host[i].hpa = hpa;
        host[i].perm = perm;
        return 0;
}

void table_unmap(struct table *t, uint64_t va)
{
        if (find_host(va) >= 0)
                host[find_host(va)].va = 0;
}

void host_flush(void)
{
        note("host-flush");
}

int64_t frame_alloc_contiguous(enum frame_kind kind, int owner, uint64_t pages)
{
        return contiguous == 0 ? -RF_ENOMEM : (int64_t)contiguous;
}

bool root_ring(void)
{
        rung++;
        return false;
}

static int find(uint64_t va)
{
        for (int i = 0; i < MAPPINGS; i++)
                if (fence[i].va == va)
                        return i;
        return -1;
}

int space_map_fence(struct vcpu *v, uint64_t va, uint64_t hpa, unsigned perm)
{
        uint64_t key = va | (v->guest == NULL); /* root's and the guest's lie at the same addresses */
        int i = find(key) >= 0 ? find(key) : find(0);

        if (maps_left-- <= 0)
                return -RF_ENOMEM;
        fence[i].va = key;
        fence[i].hpa = hpa;
        fence[i].perm = perm;
        if (frame_of(hpa) != NULL && frame_of(hpa)->owner == OWNER_KERNEL)
                note("zero");
        return 0;
}

void space_unmap_fence(struct vcpu *v, uint64_t va)
{
        int i = find(va | (v->guest == NULL));

        if (i >= 0)
                fence[i].va = 0;
        if (i >= 0 && va >= RF_DOORBELL_VA && va < RF_DOORBELL_VA + 0x10000)
                note("bell");
}

/* slot 0: the guest's memory, pool at RF_POOL_VA; slot 1: the fence */
bool table_query(const struct table *t, uint64_t va, uint64_t *hpa, unsigned *perm)
{
        uint64_t page = (va - RF_POOL_VA) / PAGE_SIZE;
        int i = find(va | (t == &host_table));

        *perm = PERM_RW;
        if (t == &guest.slot0) {
                if (va < RF_POOL_VA || page >= POOL_PAGES + 2)
                        return false;
                *hpa = hpa_of(POOL_FIRST + (page ^ pool_swap));
                return true;
        }
        if (i >= 0)
                *hpa = fence[i].hpa;
        return i >= 0;
}

void guest_flush(struct guest *g)
{
        assert_int_equal(states[0].ring[0].mode, GR_MODE_REVOKED);
        assert_int_equal(states[0].ring[1].mode, GR_MODE_REVOKED);
        note("flush");
}

void vcpu_wake(struct vcpu *v, uint64_t result)
{
        woken++;
}

bool vcpu_window_open(const struct vcpu *v)
{
        return window_open;
}

void klog(const char *format, ...)
{
        note("log");
}

struct nic_queue *nic_queue_at(uint64_t id, uint64_t queue)
{
        if (id == RF_NIC_OF_SOFT)
                return soft_queue_at(queue);
        return id == 0 && queue < NIC_QUEUES ? &nics[0].queue[queue] : NULL;
}

static void irq_open(struct nic_queue *q)
{
        note("open");
}

static void irq_close(struct nic_queue *q)
{
        note("close");
}

static void irq_arm(struct nic_queue *q, uint32_t apic_id)
{
}

static void irq_mask(struct nic_queue *q)
{
}

static const struct nic_ops ops = {
    .model = &nic_82576,
    .queue_setup = igb_queue_setup,
    .queue_enable = igb_queue_enable,
    .queue_disable = igb_queue_disable,
    .irq_open = irq_open,
    .irq_close = irq_close,
    .irq_arm = irq_arm,
    .irq_mask = irq_mask,
};

static const struct nic_ops e1000 __attribute__((unused)) = {
    .model = &nic_82540em,
    .queue_setup = e1000_queue_setup,
    .queue_enable = e1000_queue_enable,
    .queue_disable = e1000_queue_disable,
    .irq_open = irq_open,
    .irq_close = irq_close,
    .irq_arm = irq_arm,
    .irq_mask = irq_mask,
};

/* ---- the NIC --------------------------------------------------------------------------------- */

static uint32_t nic_in(void *ctx, uint32_t off)
{
        return bar[off / 4];
}

static int nic_out(void *ctx, uint32_t off, uint32_t val)
{
        bool control = off >= 0xc000 && off % 0x40 == 0x28;

        if (control && stuck_polls)
                val |= IGB_XDCTL_ENABLE;
        if (control && (bar[off / 4] & IGB_XDCTL_ENABLE) && !(val & IGB_XDCTL_ENABLE))
                note(off >= 0xe000 ? "tx-off" : "rx-off");
        if (nics[0].model == &nic_82540em && off == E1000_CTRL && (val & E1000_CTRL_RST)) {
                note("reset");
                val = stuck_polls ? val : val & ~(uint32_t)E1000_CTRL_RST;
        }
        if (nics[0].model == &nic_82540em && (off == E1000_RCTL || off == E1000_TCTL) &&
            (bar[off / 4] & 2) > (val & 2))
                note(off == E1000_TCTL ? "tx-off" : "rx-off");
        bar[off / 4] = val;
        return 0;
}

static void nic_delay(void *ctx, unsigned us)
{
}

static int fresh(void **state)
{
        memset(fence, 0, sizeof fence);
        memset(host, 0, sizeof host);
        memset(bar, 0, sizeof bar);
        memset(states, 0, sizeof states);
        memset(reports, 0, sizeof reports);
        order[0] = 0;
        allocations_left = maps_left = 1000;
        stuck_polls = woken = rung = 0;
        contiguous = 0;
        window_open = false;
        pool_swap = 0;
        guest = (struct guest){.id = GUEST, .used = true, .nvcpus = 2};
        for (int i = 0; i < 2; i++) {
                vcpus[i] = (struct vcpu){.guest = &guest, .report = &reports[i], .state = &states[i]};
                guest.vcpu[i] = &vcpus[i];
        }
        for (int i = 0; i < FRAMES; i++)
                if (frames[i].owner != OWNER_KERNEL) /* the zero page is made once */
                        frames[i] = (struct frame){.kind = FRAME_FREE};
        for (uint64_t i = 0; i < POOL_PAGES; i++) {
                frames[POOL_FIRST + i] = (struct frame){.kind = FRAME_POOL, .owner = GUEST};
                frames[POOL_FIRST + i].va = RF_POOL_VA + i * PAGE_SIZE;
        }
        for (uint64_t i = 0; i < RF_SOFT_QUEUES; i++)
                *soft_queue_at(i) = (struct nic_queue){0};
        root_state = (struct guard_state){0};
        root_vcpu = (struct vcpu){.report = &root_report_page, .state = &root_state};
        nics[0] =
            (struct nic){.model = &nic_82576, .ops = &ops, .ready = true, .bar = bar, .bar_hpa = 0xfe000000};
        nics[0].io = (struct nic_io){NULL, nic_in, nic_out, nic_delay, NULL};
        for (uint32_t i = 0; i < NIC_QUEUES; i++)
                nics[0].queue[i] = (struct nic_queue){.nic = &nics[0], .index = i};
        return 0;
}

static inline int fresh_e1000(void **state)
{
        fresh(state);
        nics[0].model = &nic_82540em;
        nics[0].ops = &e1000;
        return 0;
}

#endif

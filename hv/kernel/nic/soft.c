/* SPDX-License-Identifier: MIT
 *
 * Soft queues: queue pairs with root in the place of the NIC (rf/root.h). Assigning, enabling, revoking and
 * waiting are those of every queue (queue.c, wait.c); here is what a NIC of registers would do otherwise,
 * what root has of such a queue, and how root sleeps.
 */
#include "frame.h"
#include "guard/desc.h"
#include "nic.h"
#include "paging.h"
#include "sched.h"
#include "smp.h"

_Static_assert(offsetof(struct rf_soft_state, waiting) == offsetof(struct guard_state, waiting), "rf/root.h");
_Static_assert(offsetof(struct rf_soft_state, ring[1].clean) == offsetof(struct guard_state, ring[1].clean),
               "rf/root.h");
_Static_assert(sizeof(struct rf_soft_state) == sizeof(struct guard_state), "rf/root.h");

static const struct nic_model model = {
    .queues = RF_SOFT_QUEUES,
    .form = igb_form,
};

static int setup(const struct nic_io *io, unsigned queue, uint64_t rx_bus, uint64_t tx_bus)
{
        return 0;
}

/* Its device is root, and root is not running: there is nothing to wait for. */
static int on_or_off(const struct nic_io *io, unsigned queue)
{
        return 0;
}

/* Root writes DD and then looks at `waiting`; here it is set and then DD is looked at (wait.c). */
static void irq_arm(struct nic_queue *q, uint32_t apic_id)
{
        __atomic_store_n(&q->vcpu->state->waiting, 1, __ATOMIC_SEQ_CST);
}

static void irq_off(struct nic_queue *q)
{
        q->vcpu->state->waiting = 0;
}

static const struct nic_ops ops = {
    .model = &model,
    .queue_setup = setup,
    .queue_enable = on_or_off,
    .queue_disable = on_or_off,
    .irq_open = irq_off,
    .irq_close = irq_off,
    .irq_arm = irq_arm,
    .irq_mask = irq_off,
};

static struct nic soft_nic = {.model = &model, .ops = &ops, .ready = true};
static struct nic_queue queues[RF_SOFT_QUEUES];

struct nic_queue *soft_queue_at(uint64_t queue)
{
        if (queue >= RF_SOFT_QUEUES)
                return NULL;
        queues[queue].nic = &soft_nic;
        queues[queue].index = (uint32_t)queue;
        return &queues[queue];
}

bool queue_is_soft(const struct nic_queue *q)
{
        return q->nic == &soft_nic;
}

/* ---- in root's address space ------------------------------------------------------------------ */

static uint64_t root_va(const struct nic_queue *q, uint64_t page)
{
        return RF_ROOT_SOFT + q->index * RF_ROOT_SOFT_STEP + page * PAGE_SIZE;
}

static uint64_t pool_va(const struct nic_queue *q)
{
        return RF_ROOT_GUEST(q->vcpu->guest->id) + frame_of(q->pool)->va;
}

int soft_map(const struct nic_queue *q)
{
        struct table guests_share = host_table;
        int error;

        if (!queue_is_soft(q))
                return 0;
        guests_share.owner =
            q->vcpu->guest->id; /* it pays for the tables of its window, and they go with it */
        error = table_map(&host_table, root_va(q, RF_SOFT_RX), q->ring[0], PERM_RW | PERM_U)
                    ?: table_map(&host_table, root_va(q, RF_SOFT_TX), q->ring[1], PERM_RW | PERM_U)
                    ?: table_map(&host_table, root_va(q, RF_SOFT_STATE), phys_of(q->vcpu->state),
                                 PERM_R | PERM_U);
        for (uint64_t i = 0; i < q->pool_pages && error == 0; i++)
                error = table_map(&guests_share, pool_va(q) + i * PAGE_SIZE, q->pool + i * PAGE_SIZE,
                                  PERM_RW | PERM_U);
        return error;
}

/* Gone from every CPU on return: only then may the frames go elsewhere. */
void soft_unmap(const struct nic_queue *q)
{
        if (!queue_is_soft(q))
                return;
        for (uint64_t page = RF_SOFT_RX; page <= RF_SOFT_STATE; page++)
                table_unmap(&host_table, root_va(q, page));
        for (uint64_t i = 0; i < q->pool_pages; i++)
                table_unmap(&host_table, pool_va(q) + i * PAGE_SIZE);
        host_flush();
}

/* Made when it is first asked for, and root's for ever. */
int64_t root_pool(uint64_t va, uint64_t pages)
{
        static int64_t hpa;

        if (va != RF_ROOT_POOL || pages != RF_ROOT_POOL_PAGES)
                return -RF_EINVAL;
        if (hpa <= 0)
                hpa = frame_alloc_contiguous(FRAME_POOL, OWNER_ROOT, pages);
        for (uint64_t i = 0; i < pages && hpa > 0; i++)
                if (table_map(&host_table, va + i * PAGE_SIZE, (uint64_t)hpa + i * PAGE_SIZE,
                              PERM_RW | PERM_U))
                        return -RF_ENOMEM;
        return hpa;
}

/* ---- sleep ------------------------------------------------------------------------------------ */

static bool armed;

static struct guard_ring *tx_ring(const struct nic_queue *q)
{
        return &q->vcpu->state->ring[2 * q->slot + 1];
}

/* Only frames to send are news for the switch; it does not wait for buffers. */
static void set_notify(uint32_t notify)
{
        for (unsigned i = 0; i < RF_SOFT_QUEUES; i++)
                if (queues[i].state == QUEUE_ENABLED)
                        tx_ring(&queues[i])->notify = notify;
}

bool soft_notified(const struct vcpu *v)
{
        return v->queue != NULL && queue_is_soft(v->queue) && tx_ring(v->queue)->notify != 0;
}

/* The guard stores `clean`, with a full fence, and then looks at `pending`; here `pending` is stored, and
 * root looks at `clean` after this call: one of the two sees the other. */
int64_t switch_arm(uint64_t next)
{
        const struct nic_queue *own = root_vcpu.queue;
        int woken = own != NULL ? nic_wait_arm(&root_vcpu, own->slot, next) : 0;

        if (woken != 0)
                return woken;
        set_notify(1);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        armed = true;
        root.rung = false;
        return 0;
}

/* Once is enough: until it is armed again nobody exits for it. */
bool switch_ring(void)
{
        if (!armed)
                return false;
        armed = false;
        set_notify(0);
        if (root_vcpu.queue != NULL)
                nic_wait_disarm(&root_vcpu, root_vcpu.queue->slot);
        return root_ring();
}

/* SPDX-License-Identifier: MIT
 * Queue pairs: given to a vCPU, switched on, taken back (P6, P8, P9). */
#include "frame.h"
#include "guard/guard_state.h"
#include "nic.h"
#include "paging.h"
#include "rf/rings.h"
#include "rf_string.h"
#include "ringfence.h"
#include "sched.h"

enum { RX, TX, DIRECTIONS };

_Static_assert(RF_RING_ENTRIES * 16 == PAGE_SIZE, "a ring is a page");
_Static_assert(GUARD_RINGS == DIRECTIONS * RF_MAX_QUEUES, "ring number = 2 * slot + direction");

static uint64_t ring_va(const struct nic_queue *q, uint64_t direction)
{
        return (uint64_t)RF_RING_VA + q->slot * (uint64_t)RF_RING_STEP + direction * RF_RING_TX_OFF;
}

static uint32_t tail_offset(const struct nic_queue *q, unsigned direction)
{
        return q->nic->model->tail[direction] + q->nic->model->queue_step * q->index;
}

static struct guard_ring *guard_ring(const struct nic_queue *q, unsigned direction)
{
        return &q->vcpu->state->ring[DIRECTIONS * q->slot + direction];
}

/* The guard may run meanwhile: what it decides by changes in one store. */
static void set_mode(const struct nic_queue *q, unsigned direction, uint32_t mode)
{
        __atomic_store_n(&guard_ring(q, direction)->mode, mode, __ATOMIC_SEQ_CST);
}

struct nic_queue *nic_queue_of(const struct vcpu *v)
{
        return v->queue;
}

/* ---- assign ------------------------------------------------------------------------------- */

/* The pool's first frame, if the pages at va are frames of a pool of this guest, physically contiguous. */
static int64_t find_pool(const struct guest *g, uint64_t va, uint64_t pages)
{
        uint64_t first = 0, hpa;
        unsigned perm;

        if (g == NULL)
                return root_pool(va, pages);
        if (va % PAGE_SIZE != 0 || va >= RF_GUEST_HI || pages == 0 || pages > (RF_GUEST_HI - va) / PAGE_SIZE)
                return -RF_EINVAL;
        for (uint64_t i = 0; i < pages; i++) {
                const struct frame *f;

                if (!table_query(&g->slot0, va + i * PAGE_SIZE, &hpa, &perm))
                        return -RF_ENOENT;
                first = i == 0 ? hpa : first;
                f = frame_of(hpa);
                if (hpa != first + i * PAGE_SIZE || f == NULL || f->kind != FRAME_POOL || f->owner != g->id)
                        return -RF_EPERM;
        }
        return (int64_t)first;
}

/* What the NIC may read and write for this queue: not freed while pinned. */
static void pin(uint64_t hpa, uint64_t pages, int by)
{
        for (struct frame *f = frame_of(hpa); pages > 0; pages--, f++)
                f->pins = (uint16_t)(f->pins + by);
}

/* A zeroed page of the fence at va. Staging outlives its queue, since a driver that has not noticed a
 * revocation still writes there: the next queue has it again. */
static int fence_page(struct vcpu *v, uint64_t va, enum frame_kind kind, unsigned perm, uint64_t *hpa)
{
        unsigned old;
        int64_t made;

        if (kind == FRAME_STAGING && table_query(v->guest != NULL ? &v->slot1 : &host_table, va, hpa, &old)) {
                memset(phys(*hpa), 0, PAGE_SIZE);
                return 0;
        }
        made = frame_alloc(kind, v->guest != NULL ? v->guest->id : OWNER_ROOT);
        if (made < 0)
                return (int)made;
        *hpa = (uint64_t)made;
        frame_of(*hpa)->va = va;
        pin(*hpa, 1, kind == FRAME_RING);
        return space_map_fence(v, va, *hpa, perm);
}

/* A soft queue's is a word of the guard state: commit stores there, and nobody looks. At the address that the
 * driver is told there is nothing, so a plain driver's store faults and becomes a commit. */
static uint64_t doorbell_va(const struct nic_queue *q, unsigned direction)
{
        if (!queue_is_soft(q))
                return RF_DOORBELL_VA + tail_offset(q, direction);
        return RF_STATE_VA + offsetof(struct guard_state, ring) +
               (DIRECTIONS * q->slot + direction) * sizeof(struct guard_ring) +
               offsetof(struct guard_ring, bell);
}

static int make_ring(struct nic_queue *q, unsigned direction)
{
        unsigned key = control_on(RF_CONTROL_NO_KEYS_WD) ? 0 : RF_KEY_WINDOW;
        uint64_t va = ring_va(q, direction);

        *guard_ring(q, direction) = (struct guard_ring){
            .ring = va,
            .staging = va + RF_STAGING_DELTA,
            .doorbell = doorbell_va(q, direction),
            .bus = queue_is_soft(q) ? 0 : q->pool, /* root finds buffers by their place in the pool */
            .limit = q->pool_pages * PAGE_SIZE - RF_BUFFER_BYTES,
            .mode = GR_MODE_NONE, /* until it is enabled */
            .mask = RF_RING_ENTRIES - 1,
            .form = q->nic->model->form[direction],
        };
        return fence_page(q->vcpu, va, FRAME_RING, PERM_RW | PERM_U | PERM_KEY(key), &q->ring[direction])
                   ?: fence_page(q->vcpu, va + RF_STAGING_DELTA, FRAME_STAGING, PERM_RW,
                                 &q->staging[direction]);
}

/* The page of the NIC that holds its tail, and those of all other queues. */
static uint32_t bell_page(const struct nic_queue *q, unsigned direction)
{
        return tail_offset(q, direction) & ~(uint32_t)(PAGE_SIZE - 1);
}

static int map_doorbell(const struct nic_queue *q, unsigned direction)
{
        uint32_t page = bell_page(q, direction);
        unsigned key = control_on(RF_CONTROL_NO_KEYS_WD) ? 0 : RF_KEY_DOORBELL;

        if (queue_is_soft(q))
                return 0;
        return space_map_fence(q->vcpu, RF_DOORBELL_VA + page, q->nic->bar_hpa + page,
                               PERM_RW | PERM_U | PERM_UC | PERM_KEY(key));
}

static void unmap_doorbell(const struct nic_queue *q)
{
        space_unmap_fence(q->vcpu, RF_DOORBELL_VA + bell_page(q, RX));
        space_unmap_fence(q->vcpu, RF_DOORBELL_VA + bell_page(q, TX));
}

static void forget(struct nic_queue *q, enum queue_state state)
{
        q->vcpu->queue = NULL;
        *q = (struct nic_queue){.nic = q->nic, .index = q->index, .state = state};
}

/* A vCPU that stands in the open guard holds addresses of the queue it had before: with a new window under
 * it, it would finish an old commit there, with another guest's tail by then. */
static int check_vcpu(const struct vcpu *v, uint64_t slot)
{
        if (slot >= RF_MAX_QUEUES)
                return -RF_EINVAL;
        if (nic_queue_of(v) != NULL)
                return -RF_ENOTSUP; /* the doorbell pages come and go with the one queue */
        return v->report->state == RF_VCPU_RUNNING || vcpu_window_open(v) ? -RF_EBUSY : 0;
}

static int build(struct nic_queue *q)
{
        return make_ring(q, RX) ?: make_ring(q, TX) ?: map_doorbell(q, RX) ?: map_doorbell(q, TX) ?: soft_map(q)
                       ?: q->nic->ops->queue_setup(&q->nic->io, q->index, q->ring[RX], q->ring[TX]);
}

int64_t nic_queue_assign(uint64_t id, uint64_t queue, struct vcpu *v, uint64_t slot, uint64_t pool_va,
                         uint64_t pool_pages)
{
        struct nic_queue *q = nic_queue_at(id, queue);
        int64_t pool = find_pool(v->guest, pool_va, pool_pages);
        int error = check_vcpu(v, slot);

        if (q == NULL || !q->nic->ready || q->state != QUEUE_FREE)
                return q == NULL ? -RF_ENOENT : -RF_EBUSY;
        if (error || pool < 0)
                return error ?: pool;
        if (v->guest == NULL && queue_is_soft(q))
                return -RF_EINVAL; /* root would be its own NIC */
        q->vcpu = v;
        v->queue = q;
        q->slot = (uint32_t)slot;
        q->pool = (uint64_t)pool;
        q->pool_pages = pool_pages;
        pin(q->pool, pool_pages, 1);
        error = build(q);
        if (error) {
                queue_revoke(q);
                return error;
        }
        q->state = QUEUE_ASSIGNED;
        return 0;
}

int64_t nic_queue_enable(uint64_t id, uint64_t queue)
{
        struct nic_queue *q = nic_queue_at(id, queue);
        int error;

        if (q == NULL || !q->nic->ready || q->state != QUEUE_ASSIGNED)
                return q == NULL ? -RF_ENOENT : -RF_EBUSY;
        error = q->nic->ops->queue_enable(&q->nic->io, q->index);
        if (error)
                return error;
        q->nic->ops->irq_open(q);
        q->state = QUEUE_ENABLED;
        set_mode(q, RX, GR_MODE_ON);
        set_mode(q, TX, GR_MODE_ON);
        return 0;
}

/* ---- revoke ------------------------------------------------------------------------------- */

/* What a vCPU sees where a ring was: an empty one. */
static int map_zero(struct vcpu *v, uint64_t va)
{
        static int64_t hpa;

        if (hpa <= 0)
                hpa = frame_alloc(FRAME_RING, OWNER_KERNEL);
        return hpa < 0 ? (int)hpa
                       : space_map_fence(v, va, (uint64_t)hpa, PERM_R | PERM_U | PERM_KEY(RF_KEY_WINDOW));
}

/* From the guest's side: state first, so that a guard that starts now refuses; then the pages, so that one
 * that has already read the state faults and is led out (exit.c). After guest_flush() no CPU can move a tail.
 */
static void close_window(const struct nic_queue *q)
{
        if (control_on(RF_CONTROL_NO_REVOKE))
                return;
        set_mode(q, RX, GR_MODE_REVOKED);
        set_mode(q, TX, GR_MODE_REVOKED);
        for (unsigned d = 0; d < DIRECTIONS; d++) {
                if (map_zero(q->vcpu, ring_va(q, d)) != 0)
                        space_unmap_fence(q->vcpu, ring_va(q, d));
        }
        unmap_doorbell(q);
        if (q->vcpu->guest != NULL)
                guest_flush(q->vcpu->guest);
        else
                host_flush();
}

/* From the NIC's side. What it may still write to stays pinned: nobody gets those frames again (P9). */
static int close_queue(struct nic_queue *q)
{
        int error = q->nic->ops->queue_disable(&q->nic->io, q->index);

        q->nic->ops->irq_close(q);
        if (error) {
                klog("nic %04x: queue %u did not drain: its frames stay in quarantine", (unsigned)q->nic->bdf,
                     q->index);
                forget(q, QUEUE_QUARANTINED);
                return error;
        }
        soft_unmap(q);
        pin(q->pool, q->pool_pages, -1);
        for (unsigned d = 0; d < DIRECTIONS && q->ring[d] != 0; d++) {
                pin(q->ring[d], 1, -1);
                frame_free(q->ring[d]);
        }
        forget(q, QUEUE_FREE);
        return 0;
}

int queue_revoke(struct nic_queue *q)
{
        struct vcpu *v = q->vcpu;

        if (v == NULL)
                return -RF_ENOENT;
        close_window(q);
        vcpu_wake(v, 2); /* if it waits, it waits for nothing now */
        return close_queue(q);
}

int64_t nic_queue_revoke(uint64_t id, uint64_t queue)
{
        struct nic_queue *q = nic_queue_at(id, queue);

        return q == NULL ? -RF_ENOENT : queue_revoke(q);
}

void nic_revoke_guest(struct guest *g)
{
        for (uint32_t i = 0; i < g->nvcpus; i++) {
                struct nic_queue *q = g->vcpu[i] != NULL ? nic_queue_of(g->vcpu[i]) : NULL;

                if (q != NULL)
                        queue_revoke(q);
        }
}

/* ---- looking at one ------------------------------------------------------------------------ */

bool nic_ring_view(const struct vcpu *v, uint32_t ring_number, struct nic_ring *view)
{
        const struct nic_queue *q = nic_queue_of(v);
        unsigned direction = ring_number % DIRECTIONS;

        if (q == NULL || q->state != QUEUE_ENABLED || q->slot != ring_number / DIRECTIONS)
                return false;
        view->ring = phys(q->ring[direction]);
        view->staging = phys(q->staging[direction]);
        view->tail =
            queue_is_soft(q) ? &guard_ring(q, direction)->bell : &q->nic->bar[tail_offset(q, direction) / 4];
        return true;
}

int64_t nic_link_up(const struct vcpu *v, uint64_t slot)
{
        const struct nic_queue *q = nic_queue_of(v);

        if (q == NULL || q->slot != slot || queue_is_soft(q))
                return -RF_ENOENT;
        return (q->nic->bar[q->nic->model->status / 4] & q->nic->model->link_up) != 0;
}

int64_t nic_queue_get(uint64_t id, uint64_t queue, uint64_t field)
{
        static const struct guard_ring none; /* nobody's queue: all 0 */
        const struct nic_queue *q = nic_queue_at(id, queue);
        const struct guard_ring *rx = q == NULL || q->vcpu == NULL ? &none : guard_ring(q, RX);
        const struct guard_ring *tx = q == NULL || q->vcpu == NULL ? &none : guard_ring(q, TX);
        const uint64_t rejected = (uint64_t)rx->rejected + tx->rejected;
        /* in the order of enum rf_queue_field */
        const uint64_t values[] = {rx->clean, rx->reaped, tx->clean, tx->reaped,
                                   rejected,  rx->ring,   tx->ring};

        _Static_assert(RF_QUEUE_REJECTED == 4 && RF_QUEUE_RING_TX == 6, "values[]");
        if (q == NULL)
                return -RF_ENOENT;
        return field < ARRAY_LENGTH(values) ? (int64_t)values[field] : -RF_EINVAL;
}

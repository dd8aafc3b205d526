/* SPDX-License-Identifier: MIT
 * Ring driver: opening a queue slot, buffers, waiting, statistics. Both forms. */
#include "net.h"

#include "rf_string.h"

enum { STARVED_NS = 1000000 };

struct rf_net *net_opened[RF_SDK_VCPUS][RF_MAX_QUEUES];

static int check_queue(const struct rf_queue *q)
{
        if (q->model != RF_NIC_82576 && q->model != RF_NIC_82540EM)
                return -RF_ENOTSUP;
        if (q->entries < 8 || q->entries > RF_RING_ENTRIES || (q->entries & (q->entries - 1)) != 0)
                return -RF_EINVAL;
        if (q->buffer_bytes != RF_NET_BUFFER || q->pool_bytes < 16 * RF_NET_BUFFER)
                return -RF_EINVAL;
        return 0;
}

static void set_ring(struct ring *r, const struct rf_queue *q, const struct nic_form *form, uint32_t number,
                     bool tx)
{
        r->desc = (void *)(uintptr_t)(tx ? q->ring_tx : q->ring_rx);
        r->staging = (void *)(uintptr_t)(tx ? q->staging_tx : q->staging_rx);
        r->doorbell = (void *)(uintptr_t)(tx ? q->doorbell_tx : q->doorbell_rx);
        r->number = number;
        r->dd = tx ? form->tx_dd : form->rx_dd;
        r->entries = q->entries;
}

/* Half of the pool at most waits on the receive ring: the rest is for sending and for the program. */
static void set_targets(struct rf_net *n)
{
        n->rx_target = n->rx.entries - 1;
        if (n->rx_target > n->nbuffers / 2)
                n->rx_target = n->nbuffers / 2;
        n->rx_batch = n->rx_target / 4 < RX_REFILL_BATCH ? n->rx_target / 4 : RX_REFILL_BATCH;
}

static int set_buffers(struct rf_net *n, const struct rf_queue *q)
{
        uint64_t count = q->pool_bytes / RF_NET_BUFFER;

        n->nbuffers = count < RF_NET_MAX_BUFFERS ? (uint32_t)count : RF_NET_MAX_BUFFERS;
        n->free = rf_alloc(n->nbuffers * sizeof(*n->free), sizeof(*n->free));
        n->program = rf_alloc(n->nbuffers, 1);
        if (n->free == NULL || n->program == NULL)
                return -RF_ENOMEM;
        for (uint32_t i = n->nbuffers; i > 0; i--)
                net_push_free(n, i - 1);
        n->pool = (void *)(uintptr_t)q->pool;
        n->pool_bus = q->pool_bus;
        return 0;
}

static int set_up(struct rf_net *n, uint32_t slot, const struct rf_queue *q)
{
        n->slot = slot;
        n->form = *nic_form_of((enum rf_nic_model)q->model);
        memcpy(n->mac, q->mac, sizeof(n->mac));
        set_ring(&n->rx, q, &n->form, 2 * slot, false);
        set_ring(&n->tx, q, &n->form, 2 * slot + 1, true);
        if (set_buffers(n, q) != 0)
                return -RF_ENOMEM;
        set_targets(n);
        net_refill_rx(n);
        return rf_net_error(n);
}

int rf_net_open(struct rf_net **net, uint32_t slot)
{
        const struct rf_info *info = rf_self();
        struct rf_net **known, *n;
        int error;

        if (slot >= info->nqueues || slot >= RF_MAX_QUEUES || info->vcpu >= RF_SDK_VCPUS)
                return -RF_ENOENT;
        known = &net_opened[info->vcpu][slot];
        if (*known != NULL)
                return -RF_EBUSY;
        error = check_queue(&info->queue[slot]);
        if (error != 0)
                return error;
        n = rf_alloc(sizeof(*n), 64);
        if (n == NULL)
                return -RF_ENOMEM;
        *known = *net = n;
        return set_up(n, slot, &info->queue[slot]);
}

int rf_net_alloc(struct rf_net *n, struct rf_frame *frame)
{
        if (n->nfree == 0)
                net_reap_tx(n);
        if (n->nfree == 0)
                return -RF_ENOMEM;
        *frame = net_give(n, n->free[--n->nfree], 0);
        return 0;
}

void rf_net_free(struct rf_net *n, const struct rf_frame *frame)
{
        if (net_take(n, frame))
                net_push_free(n, frame->buffer);
}

/* With nothing handed over the next slot shows an old frame, which must not end a wait, and no frame can
 * come. Only a finished transmission helps, and that wakes nobody: look again soon. */
static int64_t starved(uint64_t deadline_ns)
{
        uint64_t soon = rf_now_ns() + STARVED_NS;

        if (soon >= deadline_ns)
                return rf_wait(UINT32_MAX, 0, deadline_ns);
        rf_sleep_until(soon);
        return 2;
}

int64_t rf_net_wait(struct rf_net *n, uint64_t deadline_ns)
{
        net_reap_tx(n);
        net_refill_rx(n);
        if (rf_net_error(n) != 0)
                return rf_net_error(n);
        if (ring_done(&n->rx))
                return 1;
        n->stats.waits++;
        if (n->rx.cleaned == n->rx.handed)
                return starved(deadline_ns);
        return rf_wait(n->slot, ring_slot(&n->rx, n->rx.cleaned), deadline_ns);
}

int rf_net_error(const struct rf_net *n)
{
        return n->rx.error != 0 ? n->rx.error : n->tx.error;
}

const uint8_t *rf_net_mac(const struct rf_net *n)
{
        return n->mac;
}

const struct rf_net_stats *rf_net_stats(struct rf_net *n)
{
        n->stats.commits = n->rx.commits + n->tx.commits;
        n->stats.stalls = n->rx.stalls + n->tx.stalls;
        return &n->stats;
}

const char *rf_net_form(void)
{
        return ring_form;
}

/* SPDX-License-Identifier: MIT
 *
 * micro: what the single steps of a ring driver cost, on the transmit ring of queue slot 0: a commit, a plain
 * store to the ring, a plain store to the doorbell, a hypercall, a wait whose deadline has passed. Frames go
 * to a MAC address of nobody. No driver: the steps stand here by themselves, each store at one place.
 * Takes no arguments; ends by itself.
 */
#include "bench.h"
#include "rf/igb_desc.h"
#include "rf_string.h"

enum { ROUNDS = 24, TX_RING = 1, FRAME_BYTES = 60, ENTRIES = RF_RING_ENTRIES };

static const unsigned bursts[] = {1, 8, RF_COMMIT_MAX};
static const uint64_t hi =
    IGB_TX_FIXED | IGB_TX_RS | FRAME_BYTES | (uint64_t)FRAME_BYTES << IGB_TX_PAYLEN_SHIFT;

static const struct rf_queue *q;
static uint32_t tail; /* ring index */
static struct sample sample;

/* One site a store, so that its first execution is the only one that faults. Returns its ticks. */
static __attribute__((noinline)) uint64_t store_ring(volatile uint64_t *p, uint64_t value)
{
        uint64_t start = rf_rdtsc();

        *p = value;
        return rf_rdtsc() - start;
}

static __attribute__((noinline)) uint64_t store_doorbell(volatile uint32_t *p, uint32_t value)
{
        uint64_t start = rf_rdtsc();

        *p = value;
        return rf_rdtsc() - start;
}

static void make_frame(void)
{
        uint8_t *frame = (uint8_t *)(uintptr_t)q->pool;

        memset(frame, 0, FRAME_BYTES);
        frame[0] = 2; /* a locally administered address */
        memcpy(frame + 6, q->mac, 6);
        frame[12] = 0x88;
        frame[13] = 0xb6; /* IEEE 802: local experiments */
}

static volatile uint64_t *slot(uint64_t ring, uint32_t index)
{
        return (volatile uint64_t *)(uintptr_t)ring + 2 * (index % ENTRIES);
}

/* The NIC has taken every slot: what was measured is not mixed with waiting for it. */
static void settle(void)
{
        const volatile uint64_t *last = slot(q->ring_tx, tail + ENTRIES - 1);

        while ((last[1] >> 32 & IGB_TX_DD) == 0)
                rf_relax();
}

static uint64_t commit_ticks(unsigned n)
{
        uint64_t start, result;

        for (unsigned i = 0; i < n; i++) {
                volatile uint64_t *d = slot(q->staging_tx, tail + i);

                d[0] = q->pool_bus;
                d[1] = hi;
        }
        tail = (tail + n) % ENTRIES;
        start = rf_rdtsc();
        result = rf_commit(TX_RING, tail);
        start = rf_rdtsc() - start;
        if (result == tail)
                return start;
        rf_printf("micro: FAILED: commit of %u slots gave %lx\n", n, result);
        rf_exit(1);
}

static uint64_t plain_ticks(unsigned n, struct sample *stores)
{
        uint64_t ticks;

        for (unsigned i = 0; i < n; i++) {
                volatile uint64_t *d = slot(q->ring_tx, tail + i);

                sample_add(stores, store_ring(d, q->pool_bus));
                sample_add(stores, store_ring(d + 1, hi));
        }
        tail = (tail + n) % ENTRIES;
        ticks = store_doorbell((volatile uint32_t *)(uintptr_t)q->doorbell_tx, tail);
        settle();
        return ticks;
}

static void commits(unsigned n)
{
        sample.n = 0;
        for (unsigned i = 0; i < ROUNDS; i++) {
                sample_add(&sample, commit_ticks(n));
                settle();
        }
        sample_print(&sample, "commit", n);
}

static void doorbells(unsigned n)
{
        static struct sample stores;

        sample.n = stores.n = 0;
        for (unsigned i = 0; i < ROUNDS; i++)
                sample_add(&sample, plain_ticks(n, &stores));
        sample_print(&stores, "store", n);
        sample_print(&sample, "doorbell", n);
}

static void first_doorbell(void)
{
        static struct sample stores;

        sample.n = stores.n = 0;
        sample_add(&sample, plain_ticks(1, &stores));
        stores.n = 1; /* the first store faulted, the second ran at the same place */
        sample_print(&stores, "first-store", 1);
        sample_print(&sample, "first-doorbell", 1);
}

static void calls(const char *name, uint64_t number)
{
        sample.n = 0;
        for (unsigned i = 0; i < ROUNDS; i++) {
                uint64_t start = rf_rdtsc();

                rf_hypercall(number, UINT32_MAX, 0, 0, 0, 0, 0);
                sample_add(&sample, rf_rdtsc() - start);
        }
        sample_print(&sample, name, 1);
}

int rf_main(const struct rf_info *info, int argc, char **argv)
{
        if (info->nqueues == 0)
                return 1;
        q = &info->queue[0];
        sample_start();
        make_frame();
        /* Steady state: every slot was used before, so that each call takes back as many as it gives. */
        for (unsigned i = 0; q->staging_tx != 0 && i < ENTRIES / RF_COMMIT_MAX; i++) {
                commit_ticks(RF_COMMIT_MAX);
                settle();
        }
        for (unsigned i = 0; q->staging_tx != 0 && i < 3; i++)
                commits(bursts[i]);
        first_doorbell();
        for (unsigned i = 0; i < 3; i++)
                doorbells(bursts[i]);
        calls("version", RF_HC_VERSION);
        calls("wait", RF_HC_WAIT);
        rf_printf("bench: end\n");
        return 0;
}

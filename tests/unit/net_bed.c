/* SPDX-License-Identifier: MIT
 * The bed's NIC, guard and SDK: see net_bed.h. */
#include "net_bed.h"

#include "../../guestdrv/ring/net.h"

#include <unistd.h>

enum { HANG_SECONDS = 60 };

struct bed *bed;
uint32_t bed_model = RF_NIC_82576;

static uint32_t slot_of(uint32_t index)
{
        return index % RF_RING_ENTRIES;
}

uint32_t bed_owned(const struct bed_ring *r)
{
        return r->tail - r->head;
}

/* ---- making ------------------------------------------------------------------------------------------- */

static void describe(struct rf_queue *q, uint32_t buffers)
{
        *q = (struct rf_queue){
            .model = bed_model,
            .entries = RF_RING_ENTRIES,
            .mac = {0x52, 0x54, 0, 0x77, 1, 1},
            .mtu = 1500,
            .buffer_bytes = RF_BUFFER_BYTES,
            .ring_rx = (uintptr_t)bed->rx.desc,
            .ring_tx = (uintptr_t)bed->tx.desc,
            .staging_rx = (uintptr_t)bed->rx.staging,
            .staging_tx = (uintptr_t)bed->tx.staging,
            .doorbell_rx = (uintptr_t)&bed->rx.doorbell,
            .doorbell_tx = (uintptr_t)&bed->tx.doorbell,
            .pool = (uintptr_t)bed->pool,
            .pool_bytes = (uint64_t)buffers * RF_NET_BUFFER,
            .pool_bus = BED_BUS,
        };
}

void bed_make(uint32_t buffers)
{
        alarm(HANG_SECONDS); /* a driver that never ends is as wrong as one that answers wrongly */
        bed = calloc(1, sizeof(*bed));
        assert_non_null(bed);
        bed->pool = aligned_alloc(4096, (size_t)buffers * RF_NET_BUFFER);
        assert_non_null(bed->pool);
        memset(bed->rx.desc, 0xff, sizeof(bed->rx.desc));
        memset(bed->tx.desc, 0xff, sizeof(bed->tx.desc));
        memset(net_opened, 0, sizeof(net_opened));
        bed->info.nqueues = 1;
        describe(&bed->info.queue[0], buffers);
}

void bed_free(void)
{
        for (unsigned i = 0; i < bed->nheap; i++)
                free(bed->heap[i]);
        free(bed->pool);
        free(bed);
        bed = NULL;
}

/* ---- the rules ---------------------------------------------------------------------------------------- */

static uint32_t buffer_of(uint64_t lo)
{
        uint64_t offset = lo - BED_BUS;

        assert_true(offset <= bed->info.queue[0].pool_bytes - RF_BUFFER_BYTES);
        assert_int_equal(offset % RF_NET_BUFFER, 0);
        return (uint32_t)(offset / RF_NET_BUFFER);
}

static bool legacy(void)
{
        return bed->info.queue[0].model == RF_NIC_82540EM;
}

static void check_desc(bool tx, const struct rf_desc *d)
{
        uint64_t length = d->hi & 0xffff;

        assert_false(bed->nic_has[buffer_of(d->lo)]);
        if (!tx) {
                assert_int_equal(d->hi, 0);
                return;
        }
        assert_in_range(length, 17, 1514);
        if (legacy())
                assert_int_equal(d->hi & ~0xffffull, 0x0b000000); /* EOP, IFCS, RS */
        else
                assert_int_equal(d->hi & ~0xffffull, length << 46 | 0x2b300000);
}

/* One slot becomes the NIC's. */
static void hand_over(struct bed_ring *r, bool tx)
{
        uint32_t s = slot_of(r->tail);

        assert_true(bed_owned(r) < RF_RING_ENTRIES - 1);
        check_desc(tx, &r->desc[s]);
        bed->nic_has[buffer_of(r->desc[s].lo)] = true;
        r->seen[s] = r->desc[s];
        r->tail++;
}

static void check_owned(const struct bed_ring *r)
{
        for (uint32_t i = r->head; i != r->tail; i++)
                assert_memory_equal(&r->desc[slot_of(i)], &r->seen[slot_of(i)], sizeof(struct rf_desc));
}

/* ---- the NIC ------------------------------------------------------------------------------------------- */

static void look(struct bed_ring *r, bool tx)
{
        check_owned(r);
        if (strcmp(rf_net_form(), "plain") != 0)
                return;
        assert_true(r->doorbell < RF_RING_ENTRIES);
        while (slot_of(r->tail) != r->doorbell)
                hand_over(r, tx);
}

void bed_nic_look(void)
{
        look(&bed->rx, false);
        look(&bed->tx, true);
}

/* Takes the oldest slot back from the NIC; the caller writes it back. */
static struct rf_desc *take(struct bed_ring *r)
{
        struct rf_desc *d = &r->desc[slot_of(r->head++)];

        bed->nic_has[buffer_of(d->lo)] = false;
        return d;
}

/* The legacy form keeps the address; its checksum and special fields are full of bits from the wire. */
static uint64_t written_back(uint32_t length, uint32_t status)
{
        uint64_t eop = status & BED_EOP ? E1000_RX_EOP : 0, bad = status & BED_BAD ? E1000_RX_BAD : 0;
        uint64_t other = status & ~(BED_EOP | BED_BAD) ? 0x60fc00000000 : 0; /* TCPE, IPE; VP, IXSM, ... */

        if (!legacy())
                return (uint64_t)0xbeef << 48 | (uint64_t)length << 32 | status | IGB_RX_DD;
        return (uint64_t)0xbeef << 48 | other | bad | eop | 1ull << 32 | 0xbeef0000 | length;
}

bool bed_nic_receive_raw(const void *data, uint32_t copied, uint32_t length, uint32_t status)
{
        struct rf_desc *d;

        bed_nic_look();
        if (bed_owned(&bed->rx) == 0)
                return false;
        d = take(&bed->rx);
        memcpy(bed->pool + (d->lo - BED_BUS), data, copied);
        d->lo = 0xa5a5a5a5a5a5a5a5ull; /* bits from the wire where the address was */
        d->hi = written_back(length, status);
        return true;
}

bool bed_nic_receive(const void *data, uint32_t length)
{
        return bed_nic_receive_raw(data, length, length, BED_EOP);
}

unsigned bed_nic_send(unsigned max)
{
        unsigned n = 0;

        bed_nic_look();
        for (; n < max && bed_owned(&bed->tx) > 0; n++) {
                struct bed_frame *f = &bed->sent[bed->nsent++ % BED_KEEP];
                struct rf_desc *d = take(&bed->tx);

                f->length = (uint32_t)(d->hi & 0xffff);
                memcpy(f->data, bed->pool + (d->lo - BED_BUS), f->length);
                *d = (struct rf_desc){0xc3c3c3c3c3c3c3c3ull, 0xffffffff00000000};
        }
        return n;
}

const struct bed_frame *bed_last_sent(void)
{
        assert_true(bed->nsent > 0);
        return &bed->sent[(bed->nsent - 1) % BED_KEEP];
}

/* ---- the guard (P6): reaps at most 64, hands over at most 32 ---------------------------------------------
 */

static void guard_reap(struct bed_ring *r)
{
        for (unsigned i = 0; i < RF_REAP_MAX && r->reaped != r->head; i++)
                r->reaped++;
}

static uint32_t guard_commit(struct bed_ring *r, bool tx, uint32_t tail)
{
        guard_reap(r);
        for (unsigned i = 0; slot_of(r->clean) != tail; i++) {
                if (i == RF_COMMIT_MAX)
                        return RF_COMMIT_LIMIT;
                if (r->clean - r->reaped >= RF_RING_ENTRIES - 1)
                        return RF_COMMIT_FULL;
                r->desc[slot_of(r->clean)] = r->staging[slot_of(r->clean)];
                hand_over(r, tx);
                r->clean++;
        }
        return RF_COMMIT_OK;
}

uint64_t rf_commit(uint32_t ring, uint32_t tail)
{
        struct bed_ring *r = ring == 1 ? &bed->tx : &bed->rx;
        uint32_t reason;

        assert_true(ring < 2 && tail < RF_RING_ENTRIES);
        check_owned(r);
        bed->commits++;
        if (bed->refuse_count > 0) {
                bed->refuse_count--;
                reason = bed->refuse;
        } else {
                reason = guard_commit(r, ring == 1, tail);
        }
        return (uint64_t)reason << 32 | slot_of(r->clean);
}

/* ---- the SDK ---------------------------------------------------------------------------------------------
 */

const struct rf_info *rf_self(void)
{
        return &bed->info;
}

void *rf_alloc(size_t bytes, size_t align)
{
        void *p = aligned_alloc(align < 16 ? 16 : align, (bytes + 63) & ~(size_t)63);

        assert_true(p != NULL && bed->nheap < BED_HEAP);
        bed->heap[bed->nheap++] = p;
        return memset(p, 0, bytes);
}

uint64_t rf_now_ns(void)
{
        return bed->now_ns += 100; /* no two looks at the clock are at the same time */
}

int64_t rf_wait(uint32_t queue, uint32_t next, uint64_t deadline_ns)
{
        bed->waits++;
        bed_nic_look();
        if (queue != UINT32_MAX) {
                assert_int_equal(queue, 0);
                assert_int_equal(next, slot_of(bed->rx.head));
                assert_true(bed_owned(&bed->rx) > 0);
        }
        if (bed->on_wait != NULL)
                return bed->on_wait(queue, next, deadline_ns);
        assert_true(deadline_ns != RF_FOREVER);
        bed->now_ns = deadline_ns;
        return 0;
}

void rf_sleep_until(uint64_t deadline_ns)
{
        rf_wait(UINT32_MAX, 0, deadline_ns);
}

void rf_printf(const char *format, ...)
{
        size_t left = sizeof(bed->console) - bed->console_used;
        va_list args;

        va_start(args, format);
        bed->console_used += (size_t)vsnprintf(bed->console + bed->console_used, left, format, args);
        va_end(args);
        assert_true(bed->console_used < sizeof(bed->console));
}

/* SPDX-License-Identifier: MIT
 * The switch: see switch.h. */
#include "switch.h"

#include "port.h"
#include "rf/layout.h"
#include "rf/rings.h"
#include "rf_string.h"
#include "sys.h"
#include "wire.h"

enum {
        BATCH = 32, /* deliveries of one guest's frames in a round: a broadcast costs as many as it makes */
        WIRE_BATCH = 64, /* frames from the wire in a round */
        LINGER_US = 50,  /* how long it looks on after the last frame, unless somebody wants its CPU: about a
                            wake-up's cost */
        BLOCKED_US = 1000, /* how long it sleeps when the wire takes no more: that has no interrupt */
        MAC_BYTES = 6,
        GROUP = 1 /* of the first byte: broadcast or multicast */
};

struct station {
        bool on;
        uint64_t mac; /* as address_at() reads it */
        unsigned queue;
        struct port port;
        uint64_t dropped[SWITCH_DROPS];
};

static struct {
        struct station station[RF_MAX_GUESTS];
        unsigned nstations; /* on */
        unsigned first;     /* served first in the next round */
        uint64_t strays, reflected;
        bool used;
        uint64_t last_work; /* TSC */
        uint64_t ticks;
} sw;

/* ---- where a frame goes ---------------------------------------------------------------------- */

static uint64_t address_at(const uint8_t *bytes)
{
        uint64_t address = 0;

        __builtin_memcpy(&address, bytes, MAC_BYTES);
        return address;
}

static uint64_t to_of(const struct frame *f)
{
        return address_at(f->head);
}

static uint64_t from_of(const struct frame *f)
{
        return address_at(f->head + MAC_BYTES);
}

static bool to_all(const struct frame *f)
{
        return (f->head[0] & GROUP) != 0;
}

static struct station *station_of(uint64_t mac)
{
        for (unsigned i = 0; i < RF_MAX_GUESTS; i++)
                if (sw.station[i].mac == mac && sw.station[i].on)
                        return &sw.station[i];
        return NULL;
}

/* To every guest but its sender (NULL: the wire): how many tries that took. */
static unsigned flood(const struct frame *f, const struct station *from)
{
        unsigned n = 0;

        for (unsigned i = 0; i < RF_MAX_GUESTS; i++)
                if (sw.station[i].on && &sw.station[i] != from) {
                        port_deliver(&sw.station[i].port, f, from == NULL);
                        n++;
                }
        return n;
}

/* ---- from the wire --------------------------------------------------------------------------- */

static bool from_wire(void)
{
        struct frame f;
        unsigned n = 0;

        for (; n < WIRE_BATCH && wire_next(&f); n++) {
                struct station *to = to_all(&f) ? NULL : station_of(to_of(&f));

                if (station_of(from_of(&f)) != NULL) /* our own: an 82576 turns broadcasts round */
                        sw.reflected++;
                else if (to != NULL)
                        port_deliver(&to->port, &f, true);
                else if (to_all(&f))
                        n += flood(&f, NULL);
                else
                        sw.strays++;
                wire_received();
        }
        return n > 0;
}

/* ---- from a guest ---------------------------------------------------------------------------- */

static bool forged(const struct station *s, const struct frame *f)
{
        return from_of(f) != s->mac && (HOST->controls & RF_CONTROL_NO_SPOOF_CHECK) == 0;
}

/* How many deliveries it took; 0: it needs the wire, which has no room, and stays where it is. */
static unsigned forward(struct station *from, const struct frame *f)
{
        struct station *to = to_all(f) ? NULL : station_of(to_of(f));
        unsigned n = 1;

        if (forged(from, f) || to == from) {
                from->dropped[to == from ? SWITCH_STRAY : SWITCH_SPOOFED]++;
                return n;
        }
        if (to == NULL && wire_on() && !wire_has_room())
                return 0;
        if (to != NULL)
                port_deliver(&to->port, f, false);
        else if (wire_on())
                wire_send(f);
        if (to_all(f))
                n += flood(f, from);
        from->port.count.tx_frames++;
        from->port.count.tx_bytes += (f->length < FRAME_MIN ? FRAME_MIN : f->length) + FRAME_CRC;
        return n;
}

static bool from_station(struct station *s)
{
        enum port_next next = PORT_EMPTY;
        unsigned budget = BATCH, done = 1;
        bool moved = false;
        struct frame f;

        while (budget > 0 && (next = port_next(&s->port, &f)) != PORT_EMPTY) {
                done = next == PORT_FRAME ? forward(s, &f) : 1;
                if (done == 0)
                        return moved;
                s->dropped[SWITCH_BAD] += next == PORT_BAD;
                port_sent(&s->port);
                moved = true;
                budget -= done < budget ? done : budget;
        }
        return moved;
}

/* ---- rounds ---------------------------------------------------------------------------------- */

/* Whoever waits for what was just written back. */
static void wake(void)
{
        __atomic_thread_fence(__ATOMIC_SEQ_CST); /* DD before the look at `waiting` */
        for (unsigned i = 0; i < RF_MAX_GUESTS; i++)
                if (sw.station[i].on && port_wants_wake(&sw.station[i].port))
                        rf_sys(RF_SYS_SOFT_WAKE, sw.station[i].queue, 0, 0, 0, 0, 0);
}

static bool run_round(void)
{
        bool moved = from_wire();

        for (unsigned i = 0; i < RF_MAX_GUESTS; i++) {
                struct station *s = &sw.station[(sw.first + i) % RF_MAX_GUESTS];

                moved |= s->on && from_station(s);
        }
        sw.first = (sw.first + 1) % RF_MAX_GUESTS;
        wire_flush();
        if (moved)
                wake();
        return moved;
}

static bool blocked(void)
{
        struct frame f;

        for (unsigned i = 0; i < RF_MAX_GUESTS; i++)
                if (sw.station[i].on && port_next(&sw.station[i].port, &f) != PORT_EMPTY)
                        return true;
        return false;
}

uint64_t switch_run(uint64_t next)
{
        uint64_t us = HOST->tsc_hz / 1000000, now;

        if (sw.nstations == 0)
                return next;
        now = tsc_now();
        if (run_round()) {
                sw.last_work = tsc_now();
                sw.ticks += sw.last_work - now;
                return 0;
        }
        if (now - sw.last_work < LINGER_US * us && HOST->ready == 0)
                return 0;
        /* what is handed over after the last look ends the wait: armed first, then looked at again */
        if (rf_sys(RF_SYS_SWITCH_ARM, wire_awaited(), 0, 0, 0, 0, 0) != 0)
                return 0;
        if ((HOST->controls & RF_CONTROL_NO_WAIT_CHECK) == 0 && run_round())
                return 0;
        if (blocked() && now + BLOCKED_US * us < next)
                return now + BLOCKED_US * us;
        return next;
}

/* ---- guests come and go ---------------------------------------------------------------------- */

/* What came while nobody was here. */
static void forget_wire(void)
{
        struct frame f;

        for (unsigned i = 0; i < RF_RING_ENTRIES && wire_next(&f); i++)
                wire_received();
        wire_flush();
}

static void *in_root(unsigned queue, unsigned page)
{
        return (void *)(uintptr_t)(RF_ROOT_SOFT + queue * RF_ROOT_SOFT_STEP + page * RF_PAGE_SIZE);
}

int switch_attach(const struct guest *g)
{
        struct station *s = &sw.station[g->queue];
        int64_t error = sys_queue_assign(RF_NIC_OF_SOFT, (unsigned)g->queue, g->vcpu[0], 0, RF_POOL_VA,
                                         g->layout.pool_pages);

        if (error != 0)
                return (int)error;
        *s = (struct station){.on = true, .queue = (unsigned)g->queue, .mac = address_at(g->config->mac)};
        s->port = (struct port){
            .rx = in_root(s->queue, RF_SOFT_RX),
            .tx = in_root(s->queue, RF_SOFT_TX),
            .state = in_root(s->queue, RF_SOFT_STATE),
            .pool = guest_pointer(g, RF_POOL_VA),
            .limit = g->layout.pool_pages * RF_PAGE_SIZE - RF_BUFFER_BYTES,
        };
        if (sw.nstations++ == 0)
                forget_wire();
        sw.used = true;
        return (int)sys_queue_enable(RF_NIC_OF_SOFT, s->queue);
}

void switch_detach(const struct guest *g)
{
        struct station *s = &sw.station[g->queue];

        if (!s->on)
                return;
        s->on = false; /* no look at its rings from here on */
        sw.nstations--;
        sys_queue_revoke(RF_NIC_OF_SOFT, s->queue);
}

struct nic_counters switch_counters(const struct guest *g)
{
        return sw.station[g->queue].port.count;
}

uint64_t switch_dropped(const struct guest *g, enum switch_drop why)
{
        return sw.station[g->queue].dropped[why];
}

bool switch_used(void)
{
        return sw.used;
}

uint64_t switch_strays(void)
{
        return sw.strays;
}

uint64_t switch_reflected(void)
{
        return sw.reflected;
}

uint64_t switch_ticks(void)
{
        return sw.ticks;
}

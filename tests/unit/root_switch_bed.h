/* SPDX-License-Identifier: MIT
 *
 * A ring 0, guests and a NIC around the switch of hv/root, for root_switch_test.c alone: rings and pools lie
 * where root has them, with nothing around them, so that a step outside ends the test.
 */
#ifndef ROOT_SWITCH_BED_H
#define ROOT_SWITCH_BED_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../../hv/root/switch.h"
#include "../../hv/root/sys.h"
#include "../../hv/root/wire.h"
#include "rf/e1000_desc.h"
#include "rf/igb_desc.h"

enum { GUESTS = 4, POOL = 0x80000, MASK = 255, SLOTS = 255, BATCH = 32 };
enum { RX_RING, TX_RING };

static struct guest g[GUESTS];
static struct config_guest configs[GUESTS];
static struct { /* the fake ring 0 */
        int arms, wakes[GUESTS], fail_at, calls;
        int64_t arm_result;
        void (*on_arm)(void);
        uint32_t wire_clean[2];
        bool wire_stuck; /* takes no more */
} k;

static void *at(uint64_t va)
{
        return (void *)(uintptr_t)va;
}

static void pages(uint64_t va, uint64_t bytes)
{
        void *p = mmap(at(va), bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

        assert_ptr_equal(p, at(va));
}

static struct port_desc *ring(unsigned guest, unsigned which)
{
        return at(RF_ROOT_SOFT + guest * RF_ROOT_SOFT_STEP + which * RF_PAGE_SIZE);
}

static struct rf_soft_state *state_of(unsigned guest)
{
        return at(RF_ROOT_SOFT + guest * RF_ROOT_SOFT_STEP + RF_SOFT_STATE * RF_PAGE_SIZE);
}

static uint8_t *pool(unsigned guest)
{
        return at(RF_ROOT_GUEST(g[guest].id) + RF_POOL_VA);
}

static struct port_desc *wire_ring(unsigned which)
{
        return at((uint64_t)RF_RING_VA + which * RF_RING_TX_OFF);
}

/* ---- ring 0 ---------------------------------------------------------------------------------- */

int64_t rf_sys(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
        uint32_t *clean = &k.wire_clean[b % 2];

        if (++k.calls == k.fail_at)
                return -RF_ENOMEM;
        switch (number) {
        case RF_SYS_SWITCH_ARM:
                k.arms++;
                if (k.on_arm != NULL)
                        k.on_arm();
                return k.arm_result;
        case RF_SYS_SOFT_WAKE:
                k.wakes[a]++;
                return 0;
        case RF_SYS_COMMIT:
                assert_int_equal(a, RF_VCPU_ROOT);
                for (int n = 0; (*clean & MASK) != c && n < 32 && !(k.wire_stuck && b == TX_RING);
                     n++, ++*clean)
                        wire_ring((unsigned)b)[*clean & MASK] = ((struct port_desc *)at(
                            (uint64_t)RF_STAGING_VA + b * RF_RING_TX_OFF))[*clean & MASK];
                return *clean & MASK;
        default:
                return 0;
        }
}

static int fresh(void **unused)
{
        struct rf_host *host = at(RF_ROOT_HOST);

        memset(&k, 0, sizeof(k));
        pages(RF_ROOT_HOST, 4096);
        *host = (struct rf_host){.tsc_hz = 1000000000};
        pages(RF_ROOT_POOL, RF_ROOT_POOL_PAGES * RF_PAGE_SIZE);
        for (unsigned r = 0; r < 2; r++) {
                pages((uint64_t)RF_RING_VA + r * RF_RING_TX_OFF, RF_PAGE_SIZE);
                pages((uint64_t)RF_STAGING_VA + r * RF_RING_TX_OFF, RF_PAGE_SIZE);
        }
        for (unsigned i = 0; i < GUESTS; i++) {
                pages(RF_ROOT_SOFT + i * RF_ROOT_SOFT_STEP, 3 * RF_PAGE_SIZE);
                configs[i] = (struct config_guest){.mac = {2, 0, 0, 0, 0, (uint8_t)(i + 1)}};
                g[i] = (struct guest){.config = &configs[i], .id = (int)i, .queue = (int)i, .soft = true};
                g[i].layout.pool_pages = POOL / RF_PAGE_SIZE;
                pages(RF_ROOT_GUEST(i) + RF_POOL_VA, POOL);
        }
        assert_int_equal(wire_start(0, 7, RF_NIC_82576), 0);
        for (unsigned i = 0; i < 3; i++) /* the fourth comes when a test wants it */
                assert_int_equal(switch_attach(&g[i]), 0);
        return 0;
}

static int over(void **unused)
{
        for (unsigned i = 0; i < GUESTS; i++)
                switch_detach(&g[i]);
        return 0;
}

/* ---- guests and NIC -------------------------------------------------------------------------- */

static void give_buffers(unsigned guest, unsigned count)
{
        uint32_t *clean = &state_of(guest)->ring[RX_RING].clean;

        for (unsigned i = 0; i < count; i++, ++*clean)
                ring(guest, RF_SOFT_RX)[*clean & MASK] = (struct port_desc){(*clean & 63) * 2048, 0};
}

static void hand_over(unsigned guest, uint64_t address, uint64_t length)
{
        uint32_t *clean = &state_of(guest)->ring[TX_RING].clean;
        uint64_t hi = IGB_TX_FIXED | IGB_TX_RS | length | length << IGB_TX_PAYLEN_SHIFT;

        ring(guest, RF_SOFT_TX)[*clean & MASK] = (struct port_desc){address, hi};
        ++*clean;
}

static void make_frame(uint8_t *to, unsigned to_station, unsigned from_station, unsigned length)
{
        const uint8_t all[6] = {255, 255, 255, 255, 255, 255}, base[6] = {2};

        for (unsigned i = 0; i < length; i++)
                to[i] = (uint8_t)(i * 7 + length);
        memcpy(to, to_station == 255 ? all : base, 6);
        memcpy(to + 6, base, 6);
        to[5] = (uint8_t)to_station;
        to[11] = (uint8_t)from_station;
}

static void send(unsigned guest, unsigned to_station, unsigned from_station, unsigned length)
{
        uint64_t slot = state_of(guest)->ring[TX_RING].clean & 63, address = POOL / 2 + slot * 2048;

        make_frame(pool(guest) + address, to_station, from_station, length);
        hand_over(guest, address, length);
}

static void receive_from_wire(uint32_t slot, unsigned to_station, unsigned length)
{
        make_frame(at(RF_ROOT_POOL + slot % 256 * 2048), to_station, 99, length);
        wire_ring(RX_RING)[slot & MASK].hi = 3 | (uint64_t)length << 32;
}

static bool tx_done(unsigned guest, uint32_t slot)
{
        return ring(guest, RF_SOFT_TX)[slot & MASK].hi >> 32 & 1;
}

/* The length of what stands written back in that slot, 0: nothing. */
static unsigned got(unsigned guest, uint32_t slot)
{
        uint64_t hi = ring(guest, RF_SOFT_RX)[slot & MASK].hi;

        return (hi & 3) == 3 ? (unsigned)(hi >> 32) : 0;
}

static void expect(unsigned guest, uint32_t slot, unsigned to_station, unsigned from_station, unsigned length)
{
        uint8_t wanted[2048] = {0};
        unsigned shown = length < 60 ? 60 : length;

        make_frame(wanted, to_station, from_station, length);
        assert_int_equal(got(guest, slot), shown);
        assert_memory_equal(pool(guest) + (slot & 63) * 2048, wanted, shown);
}

static void run(void)
{
        for (int i = 0; i < 20; i++)
                (void)switch_run(UINT64_MAX);
}

static uint32_t sent_on_wire(void)
{
        return k.wire_clean[TX_RING];
}

#endif

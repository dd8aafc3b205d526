/* SPDX-License-Identifier: MIT
 * Random windows and descriptors for the tests of the guard; near the edges more often than not. */
#include "guard_bed.h"

#include <string.h>

#include "rf/igb_desc.h"

static uint64_t seed = 0x9e3779b97f4a7c15;

uint64_t bed_rand(void) /* xorshift64* */
{
        seed ^= seed >> 12;
        seed ^= seed << 25;
        seed ^= seed >> 27;
        return seed * 0x2545f4914f6cdd1d;
}

bool bed_chance(unsigned percent)
{
        return bed_below(100) < percent;
}

struct igb_desc bed_valid(uint32_t mode, uint64_t limit)
{
        struct igb_desc d = {.lo = bed_chance(20) ? limit : bed_below(limit + 1)};
        uint64_t length = IGB_TX_LEN_MIN + bed_below(IGB_TX_LEN_MAX - IGB_TX_LEN_MIN + 1);

        if (bed_chance(20))
                length = bed_chance(50) ? IGB_TX_LEN_MIN : IGB_TX_LEN_MAX;
        if (mode == GR_MODE_TX)
                d.hi =
                    IGB_TX_FIXED | length | length << IGB_TX_PAYLEN_SHIFT | (bed_chance(50) ? IGB_TX_RS : 0);
        return d;
}

static struct igb_desc spoiled(uint32_t mode, uint64_t limit)
{
        struct igb_desc d = bed_valid(mode, limit);

        switch (bed_below(7)) {
        case 0:
                d.lo = limit + 1 + bed_below(3);
                break;
        case 1:
                d.lo ^= 1ull << bed_below(64);
                break;
        case 2:
                d.lo = bed_rand();
                break;
        case 3:
                d.hi = bed_rand();
                break;
        case 4: { /* a length outside, both fields alike */
                uint64_t length =
                    bed_chance(50) ? bed_below(IGB_TX_LEN_MIN + 1) : IGB_TX_LEN_MAX + bed_below(3);

                d.hi = (d.hi & IGB_TX_FIXED_MASK) | length | length << IGB_TX_PAYLEN_SHIFT;
                break;
        }
        case 5:
                d = bed_valid(mode == GR_MODE_TX ? GR_MODE_RX : GR_MODE_TX, limit);
                break;
        default:
                d.hi ^= 1ull << bed_below(64);
        }
        return d;
}

static void random_ring(unsigned n)
{
        static const uint32_t modes[] = {GR_MODE_NONE, GR_MODE_REVOKED, 4, 0xffffffff};
        struct guard_ring *r = &window->state.ring[bed_ring[n]];
        unsigned dd = bed_chance(30) ? 100 : (unsigned)bed_below(101), bad = bed_chance(50) ? 0 : 4;
        uint32_t mode = bed_ring[n] & 1 ? GR_MODE_TX : GR_MODE_RX;

        r->ring = RF_RING_VA + bed_ring[n] * (uint64_t)RF_RING_TX_OFF;
        r->staging = r->ring + RF_STAGING_DELTA;
        r->doorbell = RF_DOORBELL_VA + (uint64_t)(mode == GR_MODE_TX ? IGB_TDT0 : IGB_RDT0) +
                      (uint64_t)IGB_QUEUE_STEP * bed_below(8);
        r->bus = bed_below(1 << 20) * 4096;
        r->limit = bed_chance(10) ? 0 : bed_below(1 << 20) * 4096 + 2048;
        r->mode = bed_chance(94) ? mode : modes[bed_below(4)];
        r->mask = bed_chance(40) ? 255 : (uint32_t)((1u << bed_below(9)) - 1);
        r->clean = bed_chance(30) ? (uint32_t)(bed_below(600) - 300) : (uint32_t)bed_rand();
        r->reaped = r->clean - (uint32_t)(bed_chance(20) ? r->mask : bed_below(r->mask + 1));
        for (unsigned i = 0; i < BED_ENTRIES; i++) {
                struct igb_desc *d = &window->ring[n][i];

                *d = (struct igb_desc){bed_rand(), bed_rand() & ~(1ull | 1ull << 32)};
                if (bed_chance(dd))
                        d->hi |= mode == GR_MODE_TX ? 1ull << 32 : 1;
                else if (bed_chance(50)) /* the other direction's DD means nothing here */
                        d->hi |= mode == GR_MODE_TX ? 1 : 1ull << 32;
                staging[n][i] = bed_chance(bad) ? spoiled(mode, r->limit) : bed_valid(mode, r->limit);
        }
}

void bed_random(void)
{
        memset(window->state_page, 0, sizeof(window->state_page));
        window->state.pending = bed_chance(20) ? (uint32_t)bed_rand() : 0;
        memset(window->bell, 0xee, sizeof(window->bell)); /* no tail: a store shows */
        for (unsigned n = 0; n < BED_RINGS; n++)
                random_ring(n);
}

void bed_plain(unsigned n, uint32_t mode, uint32_t mask)
{
        struct guard_ring *r = &window->state.ring[bed_ring[n]];
        uint64_t va = RF_RING_VA + bed_ring[n] * (uint64_t)RF_RING_TX_OFF;

        memset(window, 0, sizeof(*window));
        memset(window->bell, 0xee, sizeof(window->bell));
        *r = (struct guard_ring){
            .ring = va,
            .staging = va + RF_STAGING_DELTA,
            .doorbell = RF_DOORBELL_VA + (mode == GR_MODE_TX ? IGB_TDT0 : IGB_RDT0),
            .bus = 0x123450000,
            .limit = 0x10000 - RF_BUFFER_BYTES,
            .mode = mode,
            .mask = mask,
        };
        for (unsigned i = 0; i < BED_ENTRIES; i++)
                staging[n][i] = bed_valid(mode, r->limit);
}

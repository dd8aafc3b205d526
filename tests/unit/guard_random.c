/* SPDX-License-Identifier: MIT
 * Random windows and descriptors for the tests of the guard; near the edges more often than not. */
#include "guard_bed.h"

#include <string.h>

#include "rf/e1000_desc.h"
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

static uint64_t transmit(const struct guard_form *form, uint64_t length)
{
        if (form == &e1000_form[1])
                return E1000_TX_FIXED | length | (bed_chance(50) ? E1000_TX_RS : 0);
        return IGB_TX_FIXED | length | length << IGB_TX_PAYLEN_SHIFT | (bed_chance(50) ? IGB_TX_RS : 0);
}

static bool is_tx(const struct guard_form *form)
{
        return form == &igb_form[1] || form == &e1000_form[1];
}

struct desc bed_valid(const struct guard_form *form, uint64_t limit)
{
        struct desc d = {.lo = bed_chance(20) ? limit : bed_below(limit + 1)};
        uint64_t length = IGB_TX_LEN_MIN + bed_below(IGB_TX_LEN_MAX - IGB_TX_LEN_MIN + 1);

        if (bed_chance(20))
                length = bed_chance(50) ? IGB_TX_LEN_MIN : IGB_TX_LEN_MAX;
        if (is_tx(form))
                d.hi = transmit(form, length);
        return d;
}

static const struct guard_form *any_form(void)
{
        const struct guard_form *forms[] = {&igb_form[0], &igb_form[1], &e1000_form[0], &e1000_form[1]};

        return forms[bed_below(4)];
}

struct desc bed_spoiled(const struct guard_form *form, uint64_t limit)
{
        struct desc d = bed_valid(form, limit);

        switch (bed_below(8)) {
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
        case 4: /* a length outside, in both fields */
                d.hi = transmit(form, bed_chance(50) ? bed_below(IGB_TX_LEN_MIN + 1)
                                                     : IGB_TX_LEN_MAX + bed_below(3));
                break;
        case 5: /* the fields differ by what a product's upper bits hide */
                d.hi ^= (bed_below(7) + 1) << (46 + bed_below(16));
                break;
        case 6:
                d = bed_valid(any_form(), limit);
                break;
        default:
                d.hi ^= 1ull << bed_below(64);
        }
        return d;
}

static void random_slot(unsigned n, unsigned i, unsigned dd)
{
        struct guard_ring *r = &window->state.ring[bed_ring[n]];
        struct desc *d = &window->ring[n][i];

        *d = (struct desc){bed_rand(), bed_rand()};
        for (unsigned byte = 8; byte < 16; byte += 4) /* the other place of DD means nothing here */
                if (byte == r->form.dd ? !bed_chance(dd) : bed_chance(50))
                        ((uint8_t *)d)[byte] &= 0xfe;
                else
                        ((uint8_t *)d)[byte] |= 1;
}

static void random_ring(unsigned n)
{
        static const uint32_t modes[] = {GR_MODE_NONE, GR_MODE_REVOKED, 4, 0xffffffff};
        struct guard_ring *r = &window->state.ring[bed_ring[n]];
        unsigned dd = bed_chance(30) ? 100 : (unsigned)bed_below(101), bad = bed_chance(50) ? 0 : 4;
        bool tx = bed_ring[n] & 1;
        const struct guard_form *form = bed_chance(50) ? &igb_form[tx] : &e1000_form[tx];

        r->ring = RF_RING_VA + bed_ring[n] * (uint64_t)RF_RING_TX_OFF;
        r->staging = r->ring + RF_STAGING_DELTA;
        r->doorbell =
            RF_DOORBELL_VA + (uint64_t)(tx ? IGB_TDT0 : IGB_RDT0) + (uint64_t)IGB_QUEUE_STEP * bed_below(8);
        r->bus = bed_below(1 << 20) * 4096;
        r->limit = bed_chance(10) ? 0 : bed_below(1 << 20) * 4096 + 2048;
        r->mode = bed_chance(94) ? GR_MODE_ON : modes[bed_below(4)];
        r->mask = bed_chance(40) ? 255 : (uint32_t)((1u << bed_below(9)) - 1);
        r->clean = bed_chance(30) ? (uint32_t)(bed_below(600) - 300) : (uint32_t)bed_rand();
        r->reaped = r->clean - (uint32_t)(bed_chance(20) ? r->mask : bed_below(r->mask + 1));
        r->form = *form;
        r->notify = bed_chance(10) ? (uint32_t)bed_rand() : 0;
        for (unsigned i = 0; i < BED_ENTRIES; i++) {
                random_slot(n, i, dd);
                staging[n][i] = bed_chance(bad) ? bed_spoiled(form, r->limit) : bed_valid(form, r->limit);
        }
}

bool bed_yields(uint32_t ring)
{
        const struct guard_ring *r = &window->state.ring[ring % GUARD_RINGS];

        return window->state.pending != 0 || (ring < GUARD_RINGS && r->mode == GR_MODE_ON && r->notify != 0);
}

void bed_random(void)
{
        memset(window->state_page, 0, sizeof(window->state_page));
        window->state.pending = bed_chance(20) ? (uint32_t)bed_rand() : 0;
        memset(window->bell, 0xee, sizeof(window->bell)); /* no tail: a store shows */
        for (unsigned n = 0; n < BED_RINGS; n++)
                random_ring(n);
}

void bed_plain(unsigned n, const struct guard_form *forms, uint32_t mask)
{
        struct guard_ring *r = &window->state.ring[bed_ring[n]];
        uint64_t va = RF_RING_VA + bed_ring[n] * (uint64_t)RF_RING_TX_OFF;
        bool tx = bed_ring[n] & 1;

        memset(window, 0, sizeof(*window));
        memset(window->bell, 0xee, sizeof(window->bell));
        *r = (struct guard_ring){
            .ring = va,
            .staging = va + RF_STAGING_DELTA,
            .doorbell = RF_DOORBELL_VA + (tx ? IGB_TDT0 : IGB_RDT0),
            .bus = 0x123450000,
            .limit = 0x10000 - RF_BUFFER_BYTES,
            .mode = GR_MODE_ON,
            .mask = mask,
            .form = forms[tx],
        };
        for (unsigned i = 0; i < BED_ENTRIES; i++)
                staging[n][i] = bed_valid(&forms[tx], r->limit);
}

void bed_done(unsigned n, unsigned slot)
{
        ((uint8_t *)&window->ring[n][slot])[window->state.ring[bed_ring[n]].form.dd] |= 1;
}

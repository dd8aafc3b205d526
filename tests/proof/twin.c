/* SPDX-License-Identifier: MIT
 *
 * The C twin (hand_over.c: the hypercall, and root's own queue) against the guard's bytes, by exhaustion. The
 * guard is proved, the twin is not; where both give the same result, index, slots and doorbell, so much is
 * the twin. Everything that decides is tried: each small ring whole, then each distance of a ring of 256. The
 * bytes run natively with their two WRPKRUs blanked out; the window is open all the time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "guard_bed.h"
#include "rf/igb_desc.h"
#include "rf/rings.h"

enum { RX = 0, TX = 1, SMALL = 4, CLASSES = 4, SMALL_CLASSES = CLASSES * CLASSES * CLASSES * CLASSES };

static uint64_t (*const commit)(uint64_t ring,
                                uint64_t tail) = (uint64_t(*)(uint64_t, uint64_t))(RF_GUARD_VA +
                                                                                   RF_GUARD_COMMIT);
static struct guard_ring model;
static struct desc model_ring[BED_ENTRIES];
static unsigned long cases;

/* One case is in place: both go, both must agree. */
static void both(unsigned n, uint32_t entries, uint32_t tail)
{
        struct guard_ring *r = &window->state.ring[bed_ring[n]];
        uint32_t *bell = (uint32_t *)r->doorbell, nothing = 0xeeeeeeee;
        uint64_t expect, result;
        bool moved;

        model = *r;
        memcpy(model_ring, window->ring[n], entries * sizeof(struct desc));
        *bell = nothing;
        expect = guard_hand_over(&model, model_ring, staging[n], tail, &moved);
        result = commit(bed_ring[n], tail);
        if (result != expect || memcmp(&model, r, sizeof(model)) != 0 ||
            memcmp(model_ring, window->ring[n], entries * sizeof(struct desc)) != 0 ||
            *bell != (moved ? (uint32_t)expect : nothing))
                fail_msg("clean %u reaped %u tail %u mode %u: guard %#lx, twin %#lx", model.clean,
                         model.reaped, tail, model.mode, result, expect);
        cases++;
}

static struct desc of_class(const struct guard_form *form, unsigned class)
{
        bool tx = form->length_min != 0;
        struct desc d = {.hi = tx ? form->fixed + form->factor * (class == 3 ? 16 : 60) : 0};

        if (class == 1)
                d.lo = 0x10000;
        if (class == 2)
                d.hi ^= 1ull << 40;
        return d;
}

static void place(unsigned n, unsigned classes, unsigned dd, const struct guard_form *form)
{
        for (unsigned k = 0; k < SMALL; k++, classes /= CLASSES) {
                uint8_t *byte = (uint8_t *)&window->ring[n][k] + form->dd;

                staging[n][k] = of_class(form, classes % CLASSES);
                window->ring[n][k] = (struct desc){0x6666666666666666, 0x6666666666666666};
                *byte = (uint8_t)((*byte & 0xfe) | (dd >> k & 1));
        }
}

/* Four slots: every mode, every pair of indices about the ends of 32 bits, every tail, every DD, every
 * descriptor. */
static void small_rings(void **forms)
{
        static const uint32_t starts[] = {0, 1, 3, 0x7fffffff, 0xfffffffc, 0xfffffffe, 0xffffffff};
        const struct guard_form *form = *forms;

        for (unsigned n = RX; n <= TX; n++)
                for (unsigned i = 0; i < 4 * 7 * SMALL * (SMALL + 1); i++) {
                        uint32_t mode = i % 4, reaped = starts[i / 4 % 7], used = i / 28 % SMALL,
                                 tail = i / 112;

                        bed_plain(n, form, SMALL - 1);
                        for (unsigned c = 0; c < SMALL_CLASSES * 16; c++) {
                                struct guard_ring *r = &window->state.ring[bed_ring[n]];

                                r->mode = mode;
                                r->reaped = reaped;
                                r->clean = reaped + used;
                                place(n, c / 16, c % 16, &form[n]);
                                both(n, SMALL, tail);
                        }
                }
}

/* 256 slots: every distance between the indices, every distance to the tail; written back and refused at the
 * edges. */
static void full_rings(void **forms)
{
        static const unsigned written[] = {0, 1, 31, 32, 33, 63, 64, 65, 255},
                              refused[] = {0, 1, 30, 31, 32, 999};
        const struct guard_form *form = (const struct guard_form *)*forms + TX;
        unsigned round = 0;

        bed_plain(TX, *forms, 255);
        for (unsigned used = 0; used < 256; used++)
                for (unsigned want = 0; want < 256; want++)
                        for (unsigned w = 0; w < 9; w++, round++) {
                                struct guard_ring *r = &window->state.ring[bed_ring[TX]];
                                uint32_t bad;

                                r->reaped = 0xffffff80 + round % 256;
                                r->clean = r->reaped + used;
                                bad = r->clean + refused[round % 6];
                                for (unsigned k = 0; k < 256; k++)
                                        ((uint8_t *)&window->ring[TX][(r->reaped + k) & 255])[form->dd] =
                                            k < written[w];
                                staging[TX][bad & 255].lo = refused[round % 6] < 999 ? 0x10000 : 0;
                                both(TX, 256, (r->clean + want) & 255);
                                staging[TX][bad & 255].lo = 0;
                        }
}

static int setup(void **unused)
{
        static const uint8_t nothing[3] = {0x0f, 0x1f, 0x00}; /* NOP */

        bed_init();
        for (unsigned i = 0; i + sizeof(nothing) <= 4096; i++)
                if (bed_is_wrpkru(bed_page() + i))
                        memcpy(bed_page() + i, nothing, sizeof(nothing));
        bed_reload();
        bed_protect(RF_PKRU_OPEN);
        return 0;
}

static int teardown(void **unused)
{
        print_message("%lu cases\n", cases);
        return cases > 4000000 ? 0 : -1;
}

#define ON(f, model, forms)                                                                                  \
        {                                                                                                    \
#f " (" model ")", f, NULL, NULL, (void *)(uintptr_t)(forms)                                 \
        }

int main(void)
{
        const struct CMUnitTest tests[] = {
            ON(small_rings, "82576", igb_form),
            ON(small_rings, "82540EM", e1000_form),
            ON(full_rings, "82576", igb_form),
            ON(full_rings, "82540EM", e1000_form),
        };

        return cmocka_run_group_tests_name("guard and twin", tests, setup, teardown);
}

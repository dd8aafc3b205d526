/* SPDX-License-Identifier: MIT
 * Frames: who owns them, what a guest may have, what comes back and what never does. The very frame.c of ring
 * 0. */
#include "kernel_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uint64_t must(int64_t hpa)
{
        assert_true(hpa > 0);
        return (uint64_t)hpa;
}

static void test_never_handed_out(void **state)
{
        uint64_t count = 0;
        int64_t hpa;

        while ((hpa = frame_alloc(FRAME_KERNEL, OWNER_KERNEL)) > 0) {
                uint64_t page = (uint64_t)hpa / PAGE_SIZE;

                assert_true(page >= 256); /* the first MiB is firmware's */
                assert_false(page >= BED_LOADER_PAGE && page < BED_LOADER_PAGE + BED_LOADER_PAGES);
                assert_false(page >= BED_HOLE_PAGE && page < BED_HOLE_PAGE + BED_HOLE_PAGES);
                count++;
        }
        assert_int_equal(hpa, -RF_ENOMEM);
        assert_true(count > 3700);
        assert_int_equal(frame_free_count(), 0);
}

static void test_frame_of(void **state)
{
        assert_null(frame_of((uint64_t)BED_HOLE_PAGE * PAGE_SIZE));
        assert_null(frame_of((uint64_t)BED_RAM_PAGES * PAGE_SIZE));
        assert_null(frame_of(UINT64_MAX));
        assert_null(frame_of(0));
        assert_int_equal(frame_of((uint64_t)BED_LOADER_PAGE * PAGE_SIZE)->kind, FRAME_KERNEL);
}

static void test_low_and_zeroed(void **state)
{
        uint64_t first = must(frame_alloc(FRAME_DATA, 0)), second = must(frame_alloc(FRAME_DATA, 0));
        static const uint8_t zero[PAGE_SIZE];

        assert_true(first < second);
        assert_memory_equal(phys(first), zero, PAGE_SIZE);
        memset(phys(first), 0xa5, PAGE_SIZE); /* a guest's secret */
        frame_free(first);
        assert_int_equal(must(frame_alloc(FRAME_DATA, 1)), first);
        assert_memory_equal(phys(first), zero, PAGE_SIZE);
}

static void test_owner_and_quota(void **state)
{
        uint64_t before = frame_free_count(), hpa = 0;

        for (int i = 0; i < 100; i++)
                hpa = must(frame_alloc(FRAME_DATA, 0));
        assert_int_equal(frame_of(hpa)->owner, 0);
        assert_int_equal(frame_alloc(FRAME_DATA, 0), -RF_ENOMEM);
        assert_int_equal(frame_alloc_contiguous(FRAME_POOL, 0, 1), -RF_ENOMEM);
        assert_int_equal(frame_free_count(), before - 100); /* a refusal costs nothing */
        must(frame_alloc(FRAME_DATA, 1));                   /* the other guest is not touched by it */
        frame_free(hpa);
        assert_int_equal(bed_guests[0].charged, 99);
        must(frame_alloc(FRAME_TABLE, 0));
}

static void test_contiguous(void **state)
{
        uint64_t hole = must(frame_alloc(FRAME_KERNEL, OWNER_KERNEL)), pool;

        bed_guests[0].quota = 4000;
        pool = must(frame_alloc_contiguous(FRAME_POOL, 0, 512));
        assert_true(pool > hole);
        for (uint64_t i = 0; i < 512; i++) {
                const struct frame *f = frame_of(pool + i * PAGE_SIZE);

                assert_int_equal(f->kind, FRAME_POOL);
                assert_int_equal(f->owner, 0);
        }
        assert_int_equal(frame_alloc_contiguous(FRAME_POOL, 0, 3200), -RF_ENOMEM); /* more than any run */
        assert_int_equal(frame_alloc_contiguous(FRAME_POOL, 0, 0), -RF_ENOMEM);
        assert_int_equal(bed_guests[0].charged, 512);
}

static void test_free_owner(void **state)
{
        uint64_t before = frame_free_count(), others = must(frame_alloc(FRAME_DATA, 1));

        for (int i = 0; i < 20; i++)
                must(frame_alloc(i % 2 ? FRAME_DATA : FRAME_TABLE, 0));
        frame_free_owner(0);
        assert_int_equal(bed_guests[0].charged, 0);
        assert_int_equal(bed_guests[0].frames, 0);
        assert_int_equal(frame_free_count(), before - 1);
        assert_int_equal(frame_of(others)->owner, 1);
}

/* A frame that a device may still write is nobody's again. */
static void test_quarantine(void **state)
{
        uint64_t pinned = must(frame_alloc(FRAME_POOL, 0));
        int64_t hpa;

        frame_of(pinned)->pins = 1;
        frame_free_owner(0);
        assert_int_equal(bed_guests[0].charged, 0);
        assert_int_equal(frame_of(pinned)->kind, FRAME_QUARANTINE);
        while ((hpa = frame_alloc(FRAME_KERNEL, OWNER_KERNEL)) > 0)
                assert_int_not_equal(hpa, pinned);
}

/* Code comes back writable for ring 0 before it is anything else. */
static void test_executable_comes_back(void **state)
{
        uint64_t code = must(frame_alloc(FRAME_CODE, 0));

        frame_of(code)->executable = 1;
        frame_free(code);
        assert_int_equal(bed_made_writable, 1);
        assert_int_equal(frame_of(code)->executable, 0);
        assert_int_equal(frame_of(code)->kind, FRAME_FREE);
}

/* Random allocation and release against a plain account of who owns what. */
static void test_random(void **state)
{
        static int owner_of[BED_RAM_PAGES];
        uint64_t held[2] = {0, 0}, before = frame_free_count();

        memset(owner_of, -1, sizeof(owner_of));
        srand(20261120);
        for (int round = 0; round < 20000; round++) {
                int g = rand() % 2;
                unsigned page = (unsigned)rand() % BED_RAM_PAGES;
                int64_t hpa;

                if (owner_of[page] >= 0) {
                        held[owner_of[page]]--;
                        owner_of[page] = -1;
                        frame_free((uint64_t)page * PAGE_SIZE);
                        continue;
                }
                hpa = frame_alloc(FRAME_DATA, g);
                assert_int_equal(hpa < 0, held[g] == 100);
                if (hpa < 0)
                        continue;
                assert_int_equal(owner_of[(uint64_t)hpa / PAGE_SIZE], -1);
                owner_of[(uint64_t)hpa / PAGE_SIZE] = g;
                held[g]++;
        }
        assert_int_equal(bed_guests[0].charged, held[0]);
        assert_int_equal(frame_free_count(), before - held[0] - held[1]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)
        const struct CMUnitTest tests[] = {
            TEST(test_never_handed_out), TEST(test_frame_of),
            TEST(test_low_and_zeroed),   TEST(test_owner_and_quota),
            TEST(test_contiguous),       TEST(test_free_owner),
            TEST(test_quarantine),       TEST(test_executable_comes_back),
            TEST(test_random),
        };

        return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}

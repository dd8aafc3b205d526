/* SPDX-License-Identifier: MIT
 * The parts of hv/root that are pure: where a guest's memory goes, room for trampolines, CPUID. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../hv/root/cpuid.h"
#include "../../hv/root/layout.h"
#include "dbos_trampoline.h"
#include "rf/layout.h"

/* ---- layout ------------------------------------------------------------------------------------ */

static struct elf_image image_of(uint64_t code_va, uint64_t code_bytes)
{
        return (struct elf_image){
            .entry = code_va,
            .nsegments = 2,
            .segment = {{code_va, code_bytes, 0, 0, RF_SEG_R | RF_SEG_X},
                        {RF_IMAGE_BASE + 0x40000000, 0x2345, 0, 0, RF_SEG_R | RF_SEG_W}},
            .nsymbols = 700,
        };
}

static uint64_t mapped_pages(const struct layout *l)
{
        uint64_t sum = 0;

        for (unsigned i = 0; i < l->n; i++)
                sum += l->range[i].pages;
        return sum;
}

/* Whatever is asked for: ranges are apart, and leave ring 0 room for tables within the quota. */
static void test_layout(void **state)
{
        struct elf_image image = image_of(RF_IMAGE_BASE, 0x5001);
        struct layout l;
        char why[128];

        for (uint32_t vcpus = 1; vcpus <= RF_GUEST_VCPUS; vcpus++)
                for (uint64_t mib = 8; mib <= 4096; mib *= 2) {
                        assert_int_equal(layout_make(&l, &image, mib << 20, vcpus, true, why, sizeof(why)),
                                         0);
                        assert_in_range(mapped_pages(&l), 512 + 16, (mib << 8) - (mib << 8) / 64);
                        for (unsigned i = 0; i < l.n; i++)
                                for (unsigned k = 0; k < i; k++)
                                        assert_true(l.range[i].va >= layout_end(&l.range[k]) ||
                                                    l.range[k].va >= layout_end(&l.range[i]));
                }
        assert_int_equal(layout_find(&l, RF_IMAGE_BASE + 0x5fff)->kind, RF_MAP_CODE);
        assert_null(layout_find(&l, RF_IMAGE_BASE + 0x6000));
        assert_int_equal(layout_find(&l, RF_POOL_VA)->kind, RF_MAP_POOL);
        assert_int_equal(layout_find(&l, LAYOUT_WORK_VA)->kind, RF_MAP_RODATA);
        assert_true(l.work_pages * RF_PAGE_SIZE >= 0x5001 + 701 * 8);
}

static void refused(struct elf_image image, uint64_t memory, const char *reason)
{
        struct layout l;
        char why[128] = "";

        assert_true(layout_make(&l, &image, memory, 1, true, why, sizeof(why)) < 0);
        if (strstr(why, reason) == NULL)
                fail_msg("said \"%s\", expected \"%s\"", why, reason);
}

static void test_layout_refusals(void **state)
{
        refused(image_of(RF_IMAGE_BASE, 0x1000000), 8 << 20, "too small for this image; expected at least");
        refused(image_of(RF_IMAGE_BASE, RF_GUEST_HI - RF_IMAGE_BASE), 8 << 20, "lies where heap");
        refused(image_of(RF_HEAP_VA - 0x1000, 0x1001), 8 << 20, "lies where heap");
        refused(image_of(RF_POOL_VA + 3ull * RF_POOL_STEP, 1), 8 << 20, "lies where heap");
        refused(image_of(LAYOUT_WORK_VA, 1), 8 << 20, "lies where heap");
        refused(image_of(RF_IMAGE_BASE, 0x1000), 1ull << 39, "at most 32G");
}

/* ---- trampolines --------------------------------------------------------------------------------- */

static struct {
        uint64_t from, to; /* what the guest has mapped itself */
        struct trampolines t;
        unsigned maps, fail_maps;
} world;

static uint64_t mapped_until(void *ctx, uint64_t page)
{
        if (page >= world.from && page < world.to)
                return world.to;
        return trampoline_owns(&world.t, page) ? page + RF_PAGE_SIZE : 0;
}

static int map(void *ctx, uint64_t page)
{
        assert_int_equal(page % RF_PAGE_SIZE, 0);
        assert_int_equal(mapped_until(NULL, page), 0);
        world.maps++;
        return world.fail_maps > 0 ? -1 : 0;
}

static uint64_t reserve(uint64_t lo, uint64_t hi, size_t n)
{
        const struct trampoline_map m = {NULL, mapped_until, map};
        uint64_t at = trampoline_reserve(&world.t, &m, lo, hi, n);

        if (at != 0) {
                assert_in_range(at, lo, hi);
                for (uint64_t i = 0; i < n; i++)
                        assert_true(trampoline_owns(&world.t, (at + i) & ~(RF_PAGE_SIZE - 1)));
        }
        return at;
}

static int new_world(void **state)
{
        memset(&world, 0, sizeof(world));
        world.from = RF_IMAGE_BASE;
        world.to = RF_IMAGE_BASE + 0x10000;
        world.t.near = world.to;
        return 0;
}

static void test_trampolines_near(void **state)
{
        uint64_t a = reserve(RF_IMAGE_BASE - 0x70000000, RF_IMAGE_BASE + 0x70000000, 40);
        uint64_t b = reserve(RF_IMAGE_BASE - 0x70000000, RF_IMAGE_BASE + 0x70000000, 40);

        assert_int_equal(a, world.to);
        assert_int_equal(b, a + 40);
        assert_int_equal(world.maps, 1);
        /* below the image when nothing above is allowed */
        assert_in_range(reserve(RF_IMAGE_BASE - 0x3000, RF_IMAGE_BASE + 0x100, 40), RF_IMAGE_BASE - 0x3000,
                        RF_IMAGE_BASE - 40);
        /* not inside the guest's own memory */
        assert_int_equal(reserve(RF_IMAGE_BASE, RF_IMAGE_BASE + 0x8000, 40), 0);
}

static void test_trampolines_narrow(void **state)
{
        uint64_t lo = RF_IMAGE_BASE + 0x12345600, got = 0;

        for (unsigned i = 0; i < 6; i++)
                got += reserve(lo, lo + 0xff, 50) != 0;
        assert_int_equal(got, 6); /* 0, 50, .. 250 */
        assert_int_equal(reserve(lo, lo + 0xff, 50), 0);
        assert_int_equal(world.maps, 1);
        assert_int_equal(reserve(lo + 0x2000, lo + 0x2000, 33), lo + 0x2000); /* one address only */
        assert_int_equal(reserve(lo + 0x2000, lo + 0x2000, 1), 0);
        assert_int_equal(reserve(lo + 0x2020, lo + 0x2020, 1), 0);
        assert_int_equal(reserve(lo + 0x2021, lo + 0x2021, 1), lo + 0x2021);
}

static void test_trampolines_across_pages(void **state)
{
        uint64_t edge = RF_IMAGE_BASE + 0x20001000;

        assert_int_equal(reserve(edge - 10, edge - 10, 20), edge - 10);
        assert_int_equal(world.maps, 2);
        assert_int_equal(reserve(edge + 9, edge + 9, 1), 0);
        assert_int_equal(reserve(edge + 10, edge + 10, 1), edge + 10);
        assert_int_equal(reserve(world.from - 10, world.from - 10, 20), 0); /* would run into the image */
}

static void test_trampolines_limits(void **state)
{
        assert_int_equal(reserve(0, RF_GUEST_LO - 1, 16), 0);
        assert_int_equal(reserve(RF_GUEST_HI, ~0ull, 16), 0);
        assert_int_equal(reserve(RF_GUEST_HI - 8, RF_GUEST_HI + 8, 16), 0);
        assert_int_equal(reserve(0xfffff000, 0xffffffff, 16), 0); /* the last page below 4 GiB */
        assert_int_equal(reserve(0, ~0ull, 0), 0);
        assert_int_equal(reserve(0, ~0ull, 4097), 0);
        assert_int_equal(reserve(RF_IMAGE_BASE + 5, RF_IMAGE_BASE, 16), 0);
        world.fail_maps = 1;
        assert_int_equal(reserve(RF_IMAGE_BASE, RF_IMAGE_BASE + 0x100000, 16), 0);
        assert_int_equal(world.t.n, 0);
        world.fail_maps = 0;
        for (unsigned i = 0; i < TRAMPOLINE_PAGES; i++)
                assert_true(reserve(RF_IMAGE_BASE + 0x100000 * (i + 1ull),
                                    RF_IMAGE_BASE + 0x100000 * (i + 1ull), 8) != 0);
        assert_int_equal(reserve(RF_IMAGE_BASE + 0x8000000, RF_IMAGE_BASE + 0x8000000, 8), 0); /* quota */
        assert_true(reserve(RF_IMAGE_BASE, RF_IMAGE_BASE + 0x8000000, 8) !=
                    0); /* but what there is, is used */
}

/* The same byte is never handed out twice. */
static void test_trampolines_random(void **state)
{
        static uint8_t taken[1 << 20];
        uint64_t base = RF_IMAGE_BASE + 0x1000000;
        unsigned got = 0;

        srand(1);
        for (unsigned i = 0; i < 5000; i++) {
                uint64_t lo = base + (unsigned)rand() % (sizeof(taken) - 8192), hi = lo;
                size_t n = 1 + (size_t)rand() % 100;

                hi += (unsigned)rand() % 3 == 0   ? 0
                      : (unsigned)rand() % 3 == 1 ? 0xff
                                                  : (unsigned)rand() % 4000;
                uint64_t at = reserve(lo, hi, n);

                for (uint64_t k = 0; at != 0 && k < n; k++)
                        assert_int_equal(taken[at - base + k]++, 0);
                got += at != 0;
        }
        assert_in_range(got, 1000, 5000);
}

/* ---- CPUID --------------------------------------------------------------------------------------- */

static const struct cpuid_regs all = {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff};

/* What no ring guest may see, on a CPU that has everything. */
static void test_cpuid_masks(void **state)
{
        struct cpuid_regs one = cpuid_filter(1, 0, all, 5), seven = cpuid_filter(7, 0, all, 0);
        struct cpuid_regs e1 = cpuid_filter(0x80000001, 0, all, 0);
        static const unsigned forbidden[] = {3,  5,  6,
                                             17, 21, 24}; /* MONITOR VMX SMX PCID x2APIC TSC-deadline */

        for (unsigned i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
                assert_int_equal(one.ecx >> forbidden[i] & 1, 0);
        assert_int_equal(one.ecx >> 31, 1); /* hypervisor */
        assert_int_equal(one.ebx >> 24, 5);
        assert_int_equal(one.edx & (1u << 5 | 1u << 9 | 1u << 11), 0);    /* MSR APIC SEP */
        assert_int_equal(seven.ecx & (1u << 3 | 1u << 4), 0);             /* PKU OSPKE */
        assert_int_equal(seven.ebx & (1u << 4 | 1u << 11 | 1u << 16), 0); /* HLE RTM AVX512F */
        assert_int_equal(e1.ecx & (1u << 2), 0);                          /* SVM */
        assert_int_equal(e1.edx & (1u << 27), 0);                         /* RDTSCP */
        assert_int_equal(cpuid_filter(0xd, 0, all, 0).eax, 7);            /* XCR0 */
        assert_int_equal(cpuid_filter(0xd, 1, all, 0).eax & 8, 0);        /* XSAVES */
}

static void test_cpuid_leaves(void **state)
{
        static const uint32_t hidden[] = {
            2,    3,    4,          5,          6,          9,          0xa,        0xb,        0xe,
            0x14, 0x1f, 0x40000001, 0x4fffffff, 0x80000009, 0x8000000a, 0x8000001f, 0xc0000000, 0xffffffff};
        struct cpuid_regs r = cpuid_filter(0x40000000, 0, (struct cpuid_regs){0}, 0);

        assert_int_equal(r.eax, 0x40000000);
        assert_memory_equal(&r.ebx, "RINGFENCE\0\0\0", 12);
        assert_int_equal(cpuid_filter(0, 0, all, 0).eax, 0xd);
        assert_int_equal(cpuid_filter(0, 0, (struct cpuid_regs){7, 0, 0, 0}, 0).eax, 7);
        assert_int_equal(cpuid_filter(0x80000000, 0, all, 0).eax, 0x80000008);
        for (unsigned i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
                r = cpuid_filter(hidden[i], 0, all, 0);
                assert_int_equal(r.eax | r.ebx | r.ecx | r.edx, 0);
        }
        r = cpuid_filter(7, 1, all, 0);
        assert_int_equal(r.eax | r.ebx | r.ecx | r.edx, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_layout),
            cmocka_unit_test(test_layout_refusals),
            cmocka_unit_test_setup(test_trampolines_near, new_world),
            cmocka_unit_test_setup(test_trampolines_narrow, new_world),
            cmocka_unit_test_setup(test_trampolines_across_pages, new_world),
            cmocka_unit_test_setup(test_trampolines_limits, new_world),
            cmocka_unit_test_setup(test_trampolines_random, new_world),
            cmocka_unit_test(test_cpuid_masks),
            cmocka_unit_test(test_cpuid_leaves),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

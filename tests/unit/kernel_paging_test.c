/* SPDX-License-Identifier: MIT
 * The table walker and the long-mode format: what is mapped is what was asked for, nothing else. */
#include "kernel_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static struct table new_table(int top, int owner, struct table *nested)
{
        int64_t root = frame_alloc(FRAME_TABLE, owner);

        assert_true(root > 0);
        return (struct table){
            .format = &format_host, .root = (uint64_t)root, .top = top, .owner = owner, .nested = nested};
}

/* Bits of AMD64 APM volume 2, 5.4: P 0, W 1, U 2, PWT 3, PCD 4, A 5, D 6, key 62:59, NX 63. */
static void test_format(void **state)
{
        const struct table_format *f = &format_host;

        assert_int_equal(f->leaf(0x1000, PERM_R), 0x8000000000001021);
        assert_int_equal(f->leaf(0x1000, PERM_RW), 0x8000000000001063);
        assert_int_equal(f->leaf(0x1000, PERM_RX), 0x1021);
        assert_int_equal(f->leaf(0x1000, PERM_RW | PERM_U | PERM_KEY(2) | PERM_UC), 0x900000000000107f);
        assert_int_equal(f->perm(f->leaf(0, PERM_RW | PERM_U | PERM_KEY(1))), PERM_RW | PERM_U | PERM_KEY(1));
        assert_int_equal(f->perm(f->leaf(0, PERM_RX | PERM_WC)), PERM_RX | PERM_WC);
        assert_false(f->present(0));
}

static void test_map_query_unmap(void **state)
{
        static const uint64_t va[] = {0,           0x7fffffffffff000,  0x400000000,
                                      0x400001000, 0xffffffff80000000, RF_GUARD_VA};
        struct table t = new_table(4, OWNER_KERNEL, NULL);
        uint64_t hpa;
        unsigned perm;

        for (unsigned i = 0; i < ARRAY_LENGTH(va); i++) {
                assert_false(table_query(&t, va[i], &hpa, &perm));
                assert_int_equal(table_map(&t, va[i], (i + 1) * PAGE_SIZE, i % 2 ? PERM_RX : PERM_RW), 0);
        }
        for (unsigned i = 0; i < ARRAY_LENGTH(va); i++) {
                assert_true(table_query(&t, va[i], &hpa, &perm));
                assert_int_equal(hpa, (i + 1) * PAGE_SIZE);
                assert_int_equal(perm, i % 2 ? PERM_RX : PERM_RW);
        }
        assert_false(table_query(&t, 0x400002000, &hpa, &perm));
        table_unmap(&t, 0x400001000);
        assert_false(table_query(&t, 0x400001000, &hpa, &perm));
        assert_true(table_query(&t, 0x400000000, &hpa, &perm));
        table_unmap(&t, 0x123456789000); /* where there is no table either */
}

static void count_leaf(const struct table *t, uint64_t va, uint64_t entry, uint64_t pages, void *ctx)
{
        *(uint64_t *)ctx += pages;
}

static void test_split(void **state)
{
        struct table t = new_table(4, OWNER_KERNEL, NULL);
        uint64_t hpa, pages = 0;
        unsigned perm;

        assert_int_equal(table_map_large(&t, 0x40000000, 0x200000, PERM_RW), 0);
        table_visit(&t, t.root, 4, 0, count_leaf, &pages);
        assert_int_equal(pages, 512);
        assert_int_equal(table_map(&t, 0x40005000, 0x205000, PERM_R), 0);
        for (uint64_t i = 0; i < 512; i++) {
                assert_true(table_query(&t, 0x40000000 + i * PAGE_SIZE, &hpa, &perm));
                assert_int_equal(hpa, 0x200000 + i * PAGE_SIZE);
                assert_int_equal(perm, i == 5 ? PERM_R : PERM_RW);
        }
        pages = 0;
        table_visit(&t, t.root, 4, 0, count_leaf, &pages);
        assert_int_equal(pages, 512);
}

/* Tables are paid by the owner, and each is reachable by the walker through the nested table. */
static void test_tables_are_charged_and_nested(void **state)
{
        struct table nested = new_table(4, 0, NULL), space = new_table(3, 0, &nested);
        uint64_t before = bed_guests[0].charged, hpa;
        unsigned perm;
        uint64_t *pdpt = phys(space.root), *pd;

        assert_int_equal(table_map(&space, RF_IMAGE_BASE, 0x3000, PERM_RW), 0);
        assert_true(bed_guests[0].charged >= before + 2);
        pd = phys(pdpt[RF_IMAGE_BASE >> 30] & ENTRY_HPA);
        assert_true(table_query(&nested, phys_of(pd), &hpa, &perm));
        assert_int_equal(hpa, phys_of(pd));
        assert_int_equal(perm, PERM_RW);
        assert_false(table_query(&nested, 0x3000, &hpa, &perm)); /* leaves are the caller's */
}

static void test_out_of_memory(void **state)
{
        struct table t = new_table(4, 0, NULL);
        uint64_t hpa;
        unsigned perm;

        bed_guests[0].quota = bed_guests[0].charged + 2; /* three tables are needed */
        assert_int_equal(table_map(&t, RF_IMAGE_BASE, 0x3000, PERM_RW), -RF_ENOMEM);
        assert_false(table_query(&t, RF_IMAGE_BASE, &hpa, &perm));
        bed_guests[0].quota += 1;
        assert_int_equal(table_map(&t, RF_IMAGE_BASE, 0x3000, PERM_RW), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)
        const struct CMUnitTest tests[] = {
            TEST(test_format),        TEST(test_map_query_unmap),
            TEST(test_split),         TEST(test_tables_are_charged_and_nested),
            TEST(test_out_of_memory),
        };

        return cmocka_run_group_tests_name("paging", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 * What ring 0 believes of a PCI base address register. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "pci.h"

static const struct rf_boot_mem map[] = {
    {0x0, 0xa0, RF_MEM_FREE, 0},
    {0x100000, 0x7ff00, RF_MEM_FREE, 0},       /* to 2 GiB */
    {0xb0000000, 0x10000, RF_MEM_RESERVED, 0}, /* to 0xc0000000 */
    {0xfec00000, 1, RF_MEM_MMIO, 0},
    {0x100000000, 0x80000, RF_MEM_LOADER, 0}, /* 4 to 6 GiB */
};
enum { ENTRIES = sizeof map / sizeof map[0] };

static void decodes_32_and_64_bits(void **state)
{
        struct pci_bar bar;

        assert_int_equal(pci_bar_decode(0xfe000000, 0x12345678, 0xfffe0000, 0, &bar), 0);
        assert_true(bar.base == 0xfe000000 && bar.bytes == 0x20000);
        assert_int_equal(pci_bar_decode(0xc000000c, 0x8, 0xffff800c, 0xffffffff, &bar), 0);
        assert_true(bar.base == 0x8c0000000 && bar.bytes == 0x8000);
        assert_int_equal(pci_bar_decode(0x00000004, 0x80, 0x00000004, 0xffffffff, &bar), 0); /* 4 GiB large */
        assert_true(bar.base == 0x8000000000 && bar.bytes == 0x100000000);
}

static void refuses_what_is_no_placed_memory(void **state)
{
        struct pci_bar bar;

        assert_int_equal(pci_bar_decode(0xc001, 0, 0xffffffe1, 0, &bar), -RF_EINVAL);     /* I/O */
        assert_int_equal(pci_bar_decode(0xfe000002, 0, 0xfffe0002, 0, &bar), -RF_EINVAL); /* below 1 MiB */
        assert_int_equal(pci_bar_decode(0, 0, 0xfffe0000, 0, &bar), -RF_EINVAL);          /* not placed */
        assert_int_equal(pci_bar_decode(0xfe000000, 0, 0, 0, &bar), -RF_EINVAL);          /* absent */
        assert_int_equal(pci_bar_decode(0xfe010000, 0, 0xfffe0000, 0, &bar), -RF_EINVAL); /* misaligned */
        assert_int_equal(pci_bar_decode(0xfe000000, 0, 0xfdfe0000, 0, &bar),
                         -RF_EINVAL); /* holes in the mask */
        assert_int_equal(pci_bar_decode(0x00000004, 0, 0xfffe0004, 0xffffffff, &bar), -RF_EINVAL);
}

static int check(uint64_t base, uint64_t bytes, uint64_t need)
{
        struct pci_bar bar = {base, bytes};

        return pci_bar_check(&bar, need, map, ENTRIES);
}

static void accepts_device_space(void **state)
{
        assert_int_equal(check(0xfe000000, 0x20000, 0x20000), 0);
        assert_int_equal(check(0x80000000, 0x20000, 0x20000), 0);  /* right behind RAM */
        assert_int_equal(check(0xaffe0000, 0x20000, 0x20000), 0);  /* right before a hole of firmware's */
        assert_int_equal(check(0xfec00000, 0x1000, 0x1000), 0);    /* typed as a device */
        assert_int_equal(check(0x180000000, 0x20000, 0x20000), 0); /* above the last entry */
        assert_int_equal(check(0xfffffffe0000, 0x20000, 0x20000), 0);
}

static void refuses_memory(void **state)
{
        assert_int_equal(check(0x40000000, 0x20000, 0x20000), -RF_EINVAL); /* inside RAM */
        assert_int_equal(check(0x7ffff000, 0x2000, 0x2000), -RF_EINVAL);   /* its last page */
        assert_int_equal(check(0xfffff000, 0x2000, 0x2000), -RF_EINVAL);   /* runs into RAM */
        assert_int_equal(check(0xc0000000 - 0x1000, 0x20000, 0x20000), -RF_EINVAL);
        assert_int_equal(check(0xa0000000, 0x40000000, 0x20000), -RF_EINVAL); /* swallows an entry */
        assert_int_equal(check(0x17ffff000, 0x1000, 0x1000), -RF_EINVAL);     /* loader's last page */
}

static void refuses_nonsense(void **state)
{
        assert_int_equal(check(0xfe000000, 0x10000, 0x20000), -RF_EINVAL);         /* too small */
        assert_int_equal(check(0xfe000800, 0x20000, 0x20000), -RF_EINVAL);         /* inside a page */
        assert_int_equal(check(0xfffffffffffe0000, 0x20000, 0x20000), -RF_EINVAL); /* wraps to 0 */
        assert_int_equal(check(0xffffffffffff0000, 0x20000, 0x20000), -RF_EINVAL); /* wraps past it */
        assert_int_equal(check(0x10000000000000, 0x20000, 0x20000), -RF_EINVAL);   /* beyond 52 bits */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(decodes_32_and_64_bits), cmocka_unit_test(refuses_what_is_no_placed_memory),
            cmocka_unit_test(accepts_device_space),   cmocka_unit_test(refuses_memory),
            cmocka_unit_test(refuses_nonsense),
        };

        return cmocka_run_group_tests_name("pci base addresses", tests, NULL, NULL);
}

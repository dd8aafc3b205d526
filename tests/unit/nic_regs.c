/* SPDX-License-Identifier: MIT
 *
 * The 82576's register table, offset by offset. What may be written and read is listed here a second time, by
 * number, so that a slip of the table or of a name shows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "regs.h"

enum { BAR = 0x20000, QUEUES = 16 };
#define ALL 0xffffffffu

struct range {
        uint32_t first, step, count;
};

static const struct range writable[] = {
    {0x0000, 4, 1}, {0x0020, 4, 1},   {0x0100, 4, 1},   {0x0400, 4, 1},     {0x0c8c, 4, 2},
    {0x3500, 4, 1}, {0x5200, 4, 128}, {0x5400, 4, 32},  {0x54e0, 4, 16},    {0x5818, 4, 2},
    {0x5ad0, 4, 8}, {0x5af0, 4, 1},   {0xa000, 4, 128}, {0xc00c, 0x40, 16},
};

/* besides the writable ones; of those, the hash tables MTA and UTA are write-only */
static const struct range readable[] = {
    {0x0008, 4, 1},     {0x1524, 4, 1},      {0x3554, 4, 1},      {0x4000, 4, 0x4b},   {0xc010, 0x40, 16},
    {0xc018, 0x40, 16}, {0xc028, 0x40, 16},  {0xc030, 0x40, 16},  {0xe010, 0x40, 16},  {0xe018, 0x40, 16},
    {0xe028, 0x40, 16}, {0x10010, 0x100, 8}, {0x10014, 0x100, 8}, {0x10018, 0x100, 8}, {0x10034, 0x100, 8},
};

static bool listed(const struct range *r, size_t n, uint32_t off)
{
        for (size_t i = 0; i < n; i++)
                for (uint32_t k = 0; k < r[i].count; k++)
                        if (off == r[i].first + k * r[i].step)
                                return true;
        return false;
}

static int store(uint32_t off, uint32_t value, uint32_t *out)
{
        int verdict = nic_reg_write(&nic_82576, true, off, &value);

        if (out != NULL)
                *out = value;
        return verdict;
}

static void every_offset_is_classified(void **state)
{
        unsigned writes = 0;

        for (uint32_t off = 0; off < BAR; off++) {
                bool expected = listed(writable, sizeof writable / sizeof writable[0], off);
                int verdict = store(off, 0, NULL);

                if ((verdict == NIC_STORE) != expected || (!expected && verdict != -RF_EREFUSED))
                        fail_msg("write of offset %#x: %d", off, verdict);
                writes += expected;
        }
        assert_int_equal(writes, 1 + 1 + 1 + 1 + 2 + 1 + 128 + 32 + 16 + 2 + 8 + 1 + 128 + 16);
}

static void reads_are_an_allow_list(void **state)
{
        for (uint32_t off = 0; off < BAR; off++) {
                bool hash = (off >= 0x5200 && off < 0x5400) || (off >= 0xa000 && off < 0xa200);
                bool expected = listed(readable, sizeof readable / sizeof readable[0], off) ||
                                (listed(writable, sizeof writable / sizeof writable[0], off) && !hash);

                if ((nic_reg_read(&nic_82576, off) == 0) != expected)
                        fail_msg("read of offset %#x", off);
        }
}

static void offsets_past_the_bar_are_refused(void **state)
{
        const uint32_t offs[] = {BAR, BAR + 0x18, 0x7fffffff, 0x80000000, 0xfffffffc, ALL};

        for (size_t i = 0; i < sizeof offs / sizeof offs[0]; i++) {
                assert_int_equal(store(offs[i], 0, NULL), -RF_EREFUSED);
                assert_int_equal(nic_reg_read(&nic_82576, offs[i]), -RF_EREFUSED);
        }
}

static void refuse(uint32_t off)
{
        const uint32_t values[] = {0, 1, 0x02000000, 0x1000, ALL};

        for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
                if (store(off, values[i], NULL) != -RF_EREFUSED)
                        fail_msg("%#x accepts %#x", off, values[i]);
}

/* P2: base, length, head, tail, control, DCA, head write-back; at the real addresses and at the aliases */
static void what_moves_dma_is_refused(void **state)
{
        const uint32_t rx[] = {0x00, 0x04, 0x08, 0x10, 0x14, 0x18, 0x28, 0x30};
        const uint32_t tx[] = {0x00, 0x04, 0x08, 0x10, 0x14, 0x18, 0x28, 0x38, 0x3c};

        for (uint32_t q = 0; q < QUEUES; q++) {
                for (size_t i = 0; i < sizeof rx / sizeof rx[0]; i++)
                        refuse(0xc000 + q * 0x40 + rx[i]);
                for (size_t i = 0; i < sizeof tx / sizeof tx[0]; i++)
                        refuse(0xe000 + q * 0x40 + tx[i]);
        }
        for (uint32_t off = 0x2800; off < 0x2c00; off++)
                refuse(off);
        for (uint32_t off = 0x3800; off < 0x3c00; off++)
                refuse(off);
}

static void what_else_P2_names_is_refused(void **state)
{
        const uint32_t offs[] = {
            0x0004,                                                              /* CTRL alias */
            0x0040,  0x0044,  0x0600,                                            /* RA and VFTA aliases */
            0x0010,  0x0014,  0x001c,  0x103c,  0x12010,                         /* EEPROM, flash */
            0x0018,                                                              /* CTRL_EXT: EEPROM reset */
            0x0028,  0x002c,  0x0030,  0x0168,  0x0170,  0x2160, 0x2168, 0x2460, /* pause frames */
            0x00c0,  0x00c8,  0x00d0,  0x00d8,  0x00e0,                          /* interrupt causes */
            0x1514,  0x1520,  0x1524,  0x1528,  0x152c,  0x1530, 0x1580, 0x1680,
            0x1700,  0x1704,  0x1740,  0x5b68,          /* MSI-X pending bits */
            0x2408,  0x5004,                            /* drop enable, longest frame */
            0x5b00,  0x5b88,  0x5b8c,  0x5bbc,          /* PCIe control, config window, IOV */
            0x5480,  0x5c00,  0x5c80,  0x5cb0,  0x59e0, /* header split, RSS, filters */
            0x0800,  0x0c00,  0x0c40,  0x0c80,          /* mailboxes */
            0x10000, 0x10020, 0x10024, 0x10080,         /* mirrors of virtual functions */
            0x8800,  0x9000,  0xb000,  0xb430,  0xb600, /* manageability, MACsec, IPsec, 1588 */
        };

        for (size_t i = 0; i < sizeof offs / sizeof offs[0]; i++)
                refuse(offs[i]);
}

static void forced(uint32_t off, uint32_t set, uint32_t clear)
{
        for (unsigned i = 0; i < 1000; i++) {
                uint32_t value = i == 0 ? 0 : i == 1 ? ALL : (uint32_t)mrand48(), out = 0;
                int verdict = store(off, value, &out);

                if (verdict == NIC_RESET)
                        continue; /* CTRL.RST was in it: nothing is stored */
                assert_int_equal(verdict, NIC_STORE);
                if ((out & set) != set || (out & clear) != 0)
                        fail_msg("%#x: %#x becomes %#x", off, value, out);
                if ((out & ~(set | clear)) != (value & ~(set | clear)))
                        fail_msg("%#x: %#x loses free bits: %#x", off, value, out);
        }
}

static void forced_bits_are_merged(void **state)
{
        forced(0x0000, 0, 1u << 27 | 1u << 28 | 1u << 29 | 1u << 30 | 0xcc0000); /* CTRL: no pause frames */
        forced(0x0020, 0, 1u << 29);                                             /* MDIC: no interrupt */
        forced(0x0100, 1u << 26, ~(1u << 1 | 1u << 3 | 1u << 4 | 3u << 12 | 1u << 15 | 1u << 26)); /* RCTL */
        forced(0x0400, 1u << 3, 1u << 22); /* TCTL: padding, no software XOFF */
        forced(0x5818, 0, ~3u);            /* MRQC: none or VMDq, no RSS */
        forced(0x5af0, 1u << 31, 0);       /* RPLOLR */
        for (uint32_t pool = 0; pool < 8; pool++)
                forced(0x5ad0 + 4 * pool, 1u << 31, 0x33fff); /* VMOLR: no long frames, no RSS */
        for (uint32_t q = 0; q < QUEUES; q++)
                forced(0xc00c + 0x40 * q, 0x82000002, ~0x82000002u); /* SRRCTL: drop, one buffer, 2 KiB */
}

static void gates(void **state)
{
        uint32_t value = 1u << 26 | 1u << 6;

        assert_int_equal(nic_reg_write(&nic_82576, true, 0x0000, &value), NIC_RESET);
        assert_int_equal(nic_reg_write(&nic_82576, false, 0x0000, &value), NIC_RESET);
        value = 1u << 1;
        assert_int_equal(nic_reg_write(&nic_82576, false, 0x0100, &value), -RF_EBUSY);
        assert_int_equal(nic_reg_write(&nic_82576, false, 0x0400, &value), -RF_EBUSY);
        assert_int_equal(nic_reg_write(&nic_82576, true, 0x0100, &value), NIC_STORE);
        value = 0;
        assert_int_equal(nic_reg_write(&nic_82576, false, 0x0400, &value), NIC_STORE);
}

static void no_offset_has_two_entries(void **state)
{
        static uint8_t seen[BAR];

        for (uint32_t i = 0; i < nic_82576.nregs; i++)
                for (uint32_t n = 0; n < nic_82576.regs[i].count; n++) {
                        uint32_t off = nic_82576.regs[i].first + n * nic_82576.regs[i].step;

                        assert_true(off < nic_82576.bar_bytes && off % 4 == 0);
                        if (seen[off]++)
                                fail_msg("%#x is listed twice", off);
                }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_offset_is_classified),
            cmocka_unit_test(reads_are_an_allow_list),
            cmocka_unit_test(offsets_past_the_bar_are_refused),
            cmocka_unit_test(what_moves_dma_is_refused),
            cmocka_unit_test(what_else_P2_names_is_refused),
            cmocka_unit_test(forced_bits_are_merged),
            cmocka_unit_test(gates),
            cmocka_unit_test(no_offset_has_two_entries),
        };

        return cmocka_run_group_tests_name("nic register table", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * The 82540EM: its register table, offset by offset and listed a second time by number, and its two libraries
 * against a NIC of memory, through the table as root has it and without it as ring 0 has it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "regs.h"
#include "rf/e1000_ctl.h"
#include "rf/e1000_desc.h"
#include "rf/e1000_regs.h"

enum { BAR = 0x20000 };
#define ALL 0xffffffffu

/* ---- the table -------------------------------------------------------------------------------- */

static bool writable(uint32_t off)
{
        return off % 4 == 0 && (off == 0 || off == 0x14 || off == 0x20 || off == 0x100 || off == 0x400 ||
                                off == 0x410 || (off >= 0x5200 && off < 0x5480));
}

static bool readable(uint32_t off)
{
        if (off % 4 != 0 || off == 0x410 || (off >= 0x5200 && off < 0x5400))
                return false;
        return writable(off) || off == 8 || off == 0x2810 || off == 0x2818 || off == 0x3810 ||
               off == 0x3818 || (off >= 0x4000 && off < 0x4100);
}

static void every_offset_is_classified(void **state)
{
        for (uint32_t off = 0; off < BAR + 0x1000; off++) {
                uint32_t value = 0;
                int verdict = nic_reg_write(&nic_82540em, true, off, &value);

                if (verdict != (writable(off) ? NIC_STORE : -RF_EREFUSED))
                        fail_msg("write of offset %#x: %d", off, verdict);
                if ((nic_reg_read(&nic_82540em, off) == 0) != readable(off))
                        fail_msg("read of offset %#x", off);
        }
}

static void what_moves_dma_is_refused(void **state)
{
        static const uint32_t offs[] = {
            0x2800, 0x2804, 0x2808, 0x2810, 0x2818,  0x2820,  0x2828, 0x282c, /* RDBAL to RADV */
            0x3800, 0x3804, 0x3808, 0x3810, 0x3818,  0x3820,  0x3828, 0x382c, /* TDBAL to TADV */
            0x0108, 0x0110, 0x0114, 0x0118, 0x0120,  0x0128,  0x0160, 0x0168, /* the 82542's places */
            0x0420, 0x0424, 0x0428, 0x0430, 0x0438,  0x0440,  0x0040, 0x0200, 0x0600, 0x0004, /* CTRL again */
            0x00c0, 0x00c4, 0x00c8, 0x00d0, 0x00d8, /* ICR, ITR, ICS, IMS, IMC */
            0x0010, 0x0018, 0x001c, 0x0028, 0x0030,  0x0038,  0x0170, 0x1000, 0x2160, 0x2168,
            0x5000, 0x5600, 0x5800, 0x5820, 0x10000, 0x1fffc,
        };

        for (size_t i = 0; i < sizeof offs / sizeof offs[0]; i++)
                for (unsigned k = 0; k < 3; k++) {
                        uint32_t value = k == 0 ? 0 : k == 1 ? 0x1000 : ALL;

                        if (nic_reg_write(&nic_82540em, true, offs[i], &value) != -RF_EREFUSED)
                                fail_msg("%#x accepts %#x", offs[i], value);
                }
        assert_int_equal(nic_reg_read(&nic_82540em, 0xc0), -RF_EREFUSED); /* reading ICR clears it */
}

static void forced(uint32_t off, uint32_t set, uint32_t clear, uint32_t gate)
{
        for (unsigned i = 0; i < 1000; i++) {
                uint32_t in = (i == 0 ? 0 : i == 1 ? ALL : (uint32_t)mrand48()) & ~gate, out = in;

                assert_int_equal(nic_reg_write(&nic_82540em, true, off, &out), NIC_STORE);
                if (out != ((in & ~clear) | set))
                        fail_msg("%#x: %#x becomes %#x", off, in, out);
        }
}

static void forced_bits_are_merged(void **state)
{
        forced(0x0000, 0, ~(1u | 1u << 5 | 1u << 6 | 3u << 8 | 1u << 11 | 1u << 12 | 1u << 26), 1u << 26);
        forced(0x0014, 0, ~0xff01u, 0); /* EERD: start and address */
        forced(0x0020, 0, 1u << 29, 0); /* MDIC: no interrupt */
        forced(0x0100, 1u << 26, ~(1u << 1 | 3u << 3 | 3u << 12 | 1u << 15 | 1u << 26), 0); /* RCTL */
        forced(0x0400, 1u << 3, 1u << 22, 0); /* TCTL: padding, no software XOFF */
}

static void gates(void **state)
{
        uint32_t value = 1u << 26;

        assert_int_equal(nic_reg_write(&nic_82540em, false, 0x0000, &value), NIC_RESET);
        for (uint32_t off = 0x100; off <= 0x400; off += 0x300) {
                value = 2;
                assert_int_equal(nic_reg_write(&nic_82540em, false, off, &value), -RF_EBUSY);
                assert_int_equal(nic_reg_write(&nic_82540em, true, off, &value), NIC_STORE);
                value = 0;
                assert_int_equal(nic_reg_write(&nic_82540em, false, off, &value), NIC_STORE);
        }
        assert_true(nic_82540em.one_switch); /* so ring 0 is not `ready` before the queue is enabled */
}

/* ---- the libraries ---------------------------------------------------------------------------- */

static struct fake {
        uint32_t reg[BAR / 4];
        uint16_t eeprom[64];
        bool table, stuck, eeprom_dead, phy_dead;
        bool sending; /* TDH follows TDT at each look */
        unsigned refused, slept, resets, reset_while_on;
} nic;

static uint32_t fake_read(void *ctx, uint32_t off)
{
        uint32_t value = nic.reg[off / 4];

        if (nic.table && nic_reg_read(&nic_82540em, off) != 0)
                nic.refused++;
        if (off == 0x3810 && nic.sending)
                nic.reg[off / 4] = nic.reg[0x3818 / 4];
        if (off >= 0x4000 && off < 0x4100)
                nic.reg[off / 4] = 0; /* of pairs only the upper half does that; nobody looks */
        return value;
}

static int fake_write(void *ctx, uint32_t off, uint32_t val)
{
        int verdict = nic.table ? nic_reg_write(&nic_82540em, true, off, &val) : 0;

        if (verdict < 0) {
                nic.refused++;
                return verdict;
        }
        if (off == 0 && (val & E1000_CTRL_RST || verdict == NIC_RESET)) {
                nic.resets++;
                nic.reset_while_on += ((nic.reg[0x100 / 4] | nic.reg[0x400 / 4]) & 2) != 0;
                val = nic.stuck ? val | E1000_CTRL_RST : val & ~(uint32_t)E1000_CTRL_RST;
        }
        if (off == 0x14 && !nic.eeprom_dead)
                val = (uint32_t)nic.eeprom[val >> 8 & 63] << 16 | E1000_EERD_DONE;
        if (off == 0x20 && !nic.phy_dead)
                val |= E1000_MDIC_READY;
        nic.reg[off / 4] = val;
        return 0;
}

static void fake_delay(void *ctx, unsigned us)
{
        nic.slept += us;
}

static const struct nic_io io = {NULL, fake_read, fake_write, fake_delay, NULL};

static uint32_t reg(uint32_t off)
{
        return nic.reg[off / 4];
}

static int fresh(void **state)
{
        memset(&nic, 0, sizeof nic);
        nic.eeprom[0] = 0x5452;
        nic.eeprom[1] = 0x1200;
        nic.eeprom[2] = 0x5634;
        nic.reg[0] = 0x18000040; /* pause frames as firmware had it */
        memset(&nic.reg[0x5200 / 4], 0xff, 0x280);
        return 0;
}

static void the_station_address(void **state)
{
        uint8_t mac[6];

        nic.table = true;
        nic.reg[0x5400 / 4] = 0x03020100;
        nic.reg[0x5404 / 4] = 0x80000504;
        assert_int_equal(e1000_ctl_permanent_mac(&io, mac), 0);
        assert_memory_equal(mac, "\x00\x01\x02\x03\x04\x05", 6);
        nic.reg[0x5400 / 4] = nic.reg[0x5404 / 4] = 0; /* as in Bochs */
        assert_int_equal(e1000_ctl_permanent_mac(&io, mac), 0);
        assert_memory_equal(mac, "\x52\x54\x00\x12\x34\x56", 6);
        nic.eeprom_dead = true;
        nic.reg[0x14 / 4] = 0;
        assert_int_equal(e1000_ctl_permanent_mac(&io, mac), -RF_ETIMEDOUT);
        assert_int_equal(nic.refused, 0);
}

static void init_leaves_it_off(void **state)
{
        nic.table = true;
        assert_int_equal(e1000_ctl_init(&io), 0);
        assert_int_equal((reg(0x100) | reg(0x400)) & 2, 0);
        assert_int_equal(nic.resets, 1);
        assert_int_equal(reg(0) & (1u << 6 | 3u << 27), 1u << 6);
        assert_int_equal(reg(0x20) & 0x07ffffff, 0x04200000 | 0x1340);
        for (uint32_t off = 0x5200; off < 0x5480; off += 4)
                assert_int_equal(reg(off), 0);
        nic.phy_dead = true;
        assert_int_equal(e1000_ctl_init(&io), -RF_ETIMEDOUT);
        assert_int_equal(nic.refused, 0);
}

static void addresses(void **state)
{
        const uint8_t mac[6] = {0x52, 0x54, 0x00, 0xab, 0xcd, 0xef}, group[6] = {1}, none[6] = {0};

        nic.table = true;
        assert_int_equal(e1000_ctl_mac(&io, 3, mac), 0);
        assert_true(reg(0x5418) == 0xab005452 && reg(0x541c) == 0x8000efcd);
        assert_int_equal(e1000_ctl_mac(&io, 3, NULL), 0);
        assert_int_equal(reg(0x5418) | reg(0x541c), 0);
        assert_int_equal(e1000_ctl_mac(&io, 16, mac), -RF_EINVAL);
        assert_int_equal(e1000_ctl_mac(&io, 0, group), -RF_EINVAL);
        assert_int_equal(e1000_ctl_mac(&io, 0, none), -RF_EINVAL);
        assert_int_equal(nic.refused, 0);
}

static void opened_and_closed(void **state)
{
        nic.table = true;
        assert_int_equal(e1000_ctl_open(&io), 0);
        assert_int_equal(reg(0x100), 0x04008002);
        assert_int_equal(reg(0x400), 0x000400fa);
        assert_int_equal(reg(0x410), 0x00602008);
        assert_int_equal(e1000_ctl_close(&io), 0);
        assert_int_equal(reg(0x100), 0x04000000);
        assert_int_equal(nic.refused, 0);
}

static void counters_add_up(void **state)
{
        struct nic_counters s = {0};

        nic.table = true;
        for (unsigned i = 0; i < 2; i++) {
                nic.reg[0x4074 / 4] = 5;
                nic.reg[0x4080 / 4] = 7;
                nic.reg[0x4088 / 4] = 320;
                nic.reg[0x4094 / 4] = 1;     /* GOTCH */
                nic.reg[0x40c0 / 4] = 10000; /* what others got, too */
                nic.reg[0x4010 / 4] = 3;
                assert_int_equal(e1000_ctl_stats(&io, &s), 0);
        }
        assert_true(s.rx_frames == 10 && s.tx_frames == 14 && s.rx_bytes == 640 && s.rx_drops == 6);
        assert_true(s.tx_bytes == 2ull << 32);
        nic.reg[0x4074 / 4] = 1;
        nic.reg[0x40c0 / 4] = 64; /* Bochs has no other counter */
        assert_int_equal(e1000_ctl_stats(&io, &s), 0);
        assert_int_equal(s.rx_bytes, 704);
        assert_int_equal(nic.refused, 0);
}

static void set_up(void)
{
        assert_int_equal(e1000_reset(&io), 0);
        assert_int_equal(e1000_queue_setup(&io, 0, 0x123456000, 0xfedcba000), 0);
        assert_int_equal(e1000_queue_enable(&io, 0), 0);
}

static void a_queue_is_set_up(void **state)
{
        memset(&nic.reg[0x2800 / 4], 0x55, 0x40);
        memset(&nic.reg[0x3800 / 4], 0x55, 0x40);
        set_up();
        assert_true(reg(0x2800) == 0x23456000 && reg(0x2804) == 1 && reg(0x2808) == 4096);
        assert_true(reg(0x3800) == 0xedcba000 && reg(0x3804) == 0xf && reg(0x3808) == 4096);
        assert_int_equal(reg(0x2810) | reg(0x2818) | reg(0x3810) | reg(0x3818), 0);
        assert_int_equal(reg(0xd8), ALL); /* no interrupt */
        assert_int_equal((reg(0x100) | reg(0x400)) & 2, 0);
        assert_int_equal(reg(0) >> 27 & 3, 0); /* no pause frames */
        nic.reg[0x2810 / 4] = 9;
        assert_int_equal(e1000_queue_enable(&io, 0), -RF_EBUSY);
        assert_int_equal(e1000_queue_setup(&io, 1, 0x1000, 0x2000), -RF_EINVAL);
}

/* Off first, then reset; and nothing of the rings is left that an enable could use. */
static void disabled(void **state)
{
        set_up();
        assert_int_equal(e1000_ctl_open(&io), 0);
        nic.reg[0x3818 / 4] = nic.reg[0x2818 / 4] = 5;
        nic.sending = true;
        nic.resets = nic.slept = 0;
        assert_int_equal(e1000_queue_disable(&io, 0), 0);
        assert_true(nic.resets == 1 && nic.reset_while_on == 0);
        for (uint32_t off = 0x2800; off <= 0x2818; off += 4)
                assert_int_equal(reg(off) | reg(off + 0x1000), 0);
        assert_true(nic.slept < 25000);
}

static void frames_that_cannot_leave_end_in_the_reset(void **state)
{
        set_up();
        nic.reg[0x3818 / 4] = 5; /* link down: TDH never follows */
        nic.slept = 0;
        assert_int_equal(e1000_queue_disable(&io, 0), 0);
        assert_true(nic.slept >= 10000 && nic.slept < 100000);
}

static void a_reset_that_does_not_end_is_a_timeout(void **state)
{
        set_up();
        nic.stuck = true;
        assert_int_equal(e1000_queue_disable(&io, 0), -RF_ETIMEDOUT);
        assert_int_equal(e1000_reset(&io), -RF_ETIMEDOUT);
}

static void root_could_not_have_done_it(void **state)
{
        nic.table = true;
        assert_int_equal(e1000_queue_setup(&io, 0, 0x1000, 0x2000), -RF_EREFUSED);
        assert_int_equal(e1000_reset(&io), -RF_EREFUSED);
        assert_int_equal(reg(0x2800) | reg(0x3800), 0);
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
        const struct CMUnitTest tests[] = {
            TEST(every_offset_is_classified),
            TEST(what_moves_dma_is_refused),
            TEST(forced_bits_are_merged),
            TEST(gates),
            TEST(the_station_address),
            TEST(init_leaves_it_off),
            TEST(addresses),
            TEST(opened_and_closed),
            TEST(counters_add_up),
            TEST(a_queue_is_set_up),
            TEST(disabled),
            TEST(frames_that_cannot_leave_end_in_the_reset),
            TEST(a_reset_that_does_not_end_is_a_timeout),
            TEST(root_could_not_have_done_it),
        };

        return cmocka_run_group_tests_name("82540EM", tests, NULL, NULL);
}

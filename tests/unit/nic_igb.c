/* SPDX-License-Identifier: MIT
 *
 * The 82576 library against a NIC of memory, through the register table as root has it and without it as a
 * bare machine has it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "regs.h"
#include "rf/igb_ctl.h"
#include "rf/igb_desc.h"
#include "rf/igb_regs.h"

enum { LOG_SIZE = 2048 };

static struct fake {
        uint32_t reg[IGB_BAR_BYTES / 4];
        bool table;           /* root: ring 0's table decides */
        bool phy_dead, stuck; /* stuck: ENABLE of a queue never clears */
        int fail_at, refused; /* fail_at: the n-th write fails (counted down), 0 = none */
        unsigned slept, said;
        uint32_t order[LOG_SIZE]; /* offsets written */
        unsigned writes;
} nic;

static uint32_t fake_read(void *ctx, uint32_t off)
{
        struct fake *f = ctx;
        uint32_t value = f->reg[off / 4];

        if (f->table && nic_reg_read(&nic_82576, off) != 0)
                f->refused++;
        if (off >= IGB_RQDPC0 && off < 0xc400 && off % 0x40 == 0x30)
                f->reg[off / 4] = 0; /* clears on read */
        return value;
}

static void reset(struct fake *f)
{
        memset(f->reg, 0, sizeof f->reg);
        f->reg[IGB_RXDCTL0 / 4] = f->reg[IGB_TXDCTL0 / 4] = IGB_XDCTL_ENABLE; /* as silicon does */
        f->reg[IGB_TCTL / 4] = 0x0103f0f0 & ~(uint32_t)IGB_TCTL_EN;
        f->reg[IGB_RAL0 / 4] = 0x12005452;
        f->reg[IGB_RAH0 / 4] = IGB_RAH_AV | 0x5634;
}

static int fake_write(void *ctx, uint32_t off, uint32_t val)
{
        struct fake *f = ctx;
        int verdict = f->table ? nic_reg_write(&nic_82576, true, off, &val) : 0;

        if (f->fail_at != 0 && --f->fail_at == 0)
                return -RF_EPERM;
        if (verdict < 0) {
                f->refused++;
                return verdict;
        }
        f->order[f->writes++ % LOG_SIZE] = off;
        if (verdict == NIC_RESET || (off == IGB_CTRL && (val & IGB_CTRL_RST))) {
                reset(f);
                return 0;
        }
        if (off == IGB_MDIC && !f->phy_dead)
                val |= IGB_MDIC_READY;
        if (f->stuck && (off % 0x40 == 0x28) && off >= 0xc000)
                val |= IGB_XDCTL_ENABLE;
        f->reg[off / 4] = val;
        return 0;
}

static void fake_delay(void *ctx, unsigned us)
{
        ((struct fake *)ctx)->slept += us;
}

static void fake_log(void *ctx, const char *msg)
{
        ((struct fake *)ctx)->said++;
}

static const struct nic_io io = {&nic, fake_read, fake_write, fake_delay, fake_log};

static uint32_t reg(uint32_t off)
{
        return nic.reg[off / 4];
}

static int fresh(void **state)
{
        memset(&nic, 0, sizeof nic);
        reset(&nic);
        memset(&nic.reg[IGB_MTA0 / 4], 0xff, 512); /* what firmware may have left */
        return 0;
}

/* ---- control -------------------------------------------------------------------------------- */

static void check_initialized(void)
{
        assert_int_equal(reg(IGB_MRQC), 3);
        assert_int_equal(reg(IGB_VT_CTL), 0x60000000);
        assert_int_equal(reg(IGB_DTXSWC), 0x8000ffff);
        assert_int_equal(reg(IGB_VFRE) | reg(IGB_VFTE), 0);
        assert_int_equal(reg(IGB_RCTL), 0x04008002);
        assert_int_equal(reg(IGB_TCTL) & 0xa, 0xa);
        assert_int_equal(reg(IGB_TCTL) & 0x003ffff0, 0x0003f0f0); /* collision fields kept */
        assert_int_equal(reg(IGB_CTRL) & (IGB_CTRL_SLU | IGB_CTRL_RFCE | IGB_CTRL_TFCE), IGB_CTRL_SLU);
        assert_int_equal(reg(IGB_MDIC) & 0x07ffffff, 0x04200000 | 0x1340);
        for (unsigned pool = 0; pool < 8; pool++)
                assert_int_equal(reg(IGB_VMOLR0 + 4 * pool), 0x89000000);
        for (uint32_t off = 0x5400; off < 0x5520; off += 4)
                assert_int_equal(off >= 0x5480 && off < 0x54e0 ? 0 : reg(off), 0);
        for (unsigned i = 0; i < 128; i++)
                assert_int_equal(reg(IGB_MTA0 + 4 * i) | reg(IGB_UTA0 + 4 * i), 0);
        assert_true(nic.slept >= 10000);
}

static void init_on_a_bare_machine(void **state)
{
        assert_int_equal(igb_ctl_init(&io), 0);
        check_initialized();
}

static void init_through_the_table_meets_no_refusal(void **state)
{
        nic.table = true;
        assert_int_equal(igb_ctl_init(&io), 0);
        assert_int_equal(nic.refused, 0);
        check_initialized();
}

static void the_receiver_starts_last(void **state)
{
        assert_int_equal(igb_ctl_init(&io), 0);
        assert_int_equal(nic.order[0], IGB_CTRL);
        assert_int_equal(nic.order[nic.writes - 2], IGB_RCTL);
        assert_int_equal(nic.order[nic.writes - 1], IGB_TCTL);
}

static void every_failed_write_is_reported(void **state)
{
        unsigned writes;

        assert_int_equal(igb_ctl_init(&io), 0);
        writes = nic.writes;
        for (unsigned n = 1; n <= writes; n++) {
                fresh(state);
                nic.fail_at = (int)n;
                assert_int_equal(igb_ctl_init(&io), -RF_EPERM);
        }
}

static void a_dead_phy_is_a_timeout(void **state)
{
        nic.phy_dead = true;
        assert_int_equal(igb_ctl_init(&io), -RF_ETIMEDOUT);
        assert_int_equal(nic.said, 1);
}

static void addresses(void **state)
{
        const uint8_t mac[6] = {0x52, 0x54, 0x00, 0xab, 0xcd, 0xef}, group[6] = {1}, none[6] = {0};
        uint8_t own[6];

        nic.table = true;
        igb_ctl_permanent_mac(&io, own);
        assert_memory_equal(own, "\x52\x54\x00\x12\x34\x56", 6);
        assert_int_equal(igb_ctl_set_mac(&io, 5, mac), 0);
        assert_int_equal(reg(0x5428), 0xab005452);
        assert_int_equal(reg(0x542c), 0x80000000 | 1u << 23 | 0xefcd);
        assert_int_equal(nic.order[nic.writes - 1], 0x542c); /* valid last */
        assert_int_equal(igb_ctl_clear_mac(&io, 5), 0);
        assert_int_equal(reg(0x5428) | reg(0x542c), 0);
        assert_int_equal(igb_ctl_set_mac(&io, 8, mac), -RF_EINVAL);
        assert_int_equal(igb_ctl_set_mac(&io, 0, group), -RF_EINVAL);
        assert_int_equal(igb_ctl_set_mac(&io, 0, none), -RF_EINVAL);
        assert_int_equal(igb_ctl_clear_mac(&io, 8), -RF_EINVAL);
        assert_int_equal(nic.refused, 0);
}

static void pools_open_and_close_alone(void **state)
{
        nic.table = true;
        assert_int_equal(igb_ctl_pool_enable(&io, 2, true), 0);
        assert_int_equal(igb_ctl_pool_enable(&io, 7, true), 0);
        assert_true(reg(IGB_VFRE) == 0x84 && reg(IGB_VFTE) == 0x84);
        assert_int_equal(igb_ctl_pool_enable(&io, 2, false), 0);
        assert_true(reg(IGB_VFRE) == 0x80 && reg(IGB_VFTE) == 0x80);
        assert_int_equal(igb_ctl_pool_enable(&io, 8, true), -RF_EINVAL);
}

static void link(void **state)
{
        nic.table = true;
        assert_false(igb_ctl_link_up(&io));
        nic.reg[IGB_STATUS / 4] = 0x80080783;
        assert_true(igb_ctl_link_up(&io));
}

static void counters_survive_a_wrap(void **state)
{
        struct nic_counters stats = {0};

        nic.table = true;
        nic.reg[0x10310 / 4] = 0xfffffff0; /* pool 3 */
        nic.reg[0x10318 / 4] = 1000;
        nic.reg[0x10314 / 4] = 7;
        nic.reg[0x10334 / 4] = 448;
        nic.reg[0xc0f0 / 4] = 3;
        assert_int_equal(igb_ctl_stats(&io, 3, &stats), 0);
        nic.reg[0x10310 / 4] = 0x10;
        nic.reg[0xc0f0 / 4] = 2;
        assert_int_equal(igb_ctl_stats(&io, 3, &stats), 0);
        assert_true(stats.rx_frames == 0x100000010 && stats.rx_bytes == 1000 && stats.tx_frames == 7);
        assert_true(stats.tx_bytes == 448 && stats.rx_drops == 5);
        assert_int_equal(igb_ctl_stats(&io, 8, &stats), -RF_EINVAL);
        assert_int_equal(nic.refused, 0);
}

/* ---- queues --------------------------------------------------------------------------------- */

static void a_queue_is_set_up_before_it_is_enabled(void **state)
{
        const uint64_t rx = 0x123456000, tx = 0xfedcba000;
        uint32_t base = 6 * 0x40;

        memset(&nic.reg[0xc180 / 4], 0x55, 0x40); /* leftovers; DD and enable bits among them */
        memset(&nic.reg[0xe180 / 4], 0x55, 0x40);
        assert_int_equal(igb_queue_setup(&io, 6, rx, tx), 0);
        assert_true(reg(0xc000 + base) == 0x23456000 && reg(0xc004 + base) == 1 &&
                    reg(0xc008 + base) == 4096);
        assert_true(reg(0xe000 + base) == 0xedcba000 && reg(0xe004 + base) == 0xf &&
                    reg(0xe008 + base) == 4096);
        assert_int_equal(reg(0xc00c + base), 0x82000002);
        assert_int_equal(reg(0xc010 + base) | reg(0xc014 + base) | reg(0xc018 + base), 0);
        assert_int_equal(reg(0xe010 + base) | reg(0xe014 + base) | reg(0xe018 + base), 0);
        assert_int_equal(reg(0xe038 + base) | reg(0xe03c + base), 0);
        assert_int_equal((reg(0xc028 + base) | reg(0xe028 + base)) & IGB_XDCTL_ENABLE, 0);
        assert_int_equal(igb_queue_enable(&io, 6), 0);
        assert_int_equal(reg(0xc028 + base) & reg(0xe028 + base) & IGB_XDCTL_ENABLE, IGB_XDCTL_ENABLE);
}

static void a_queue_is_disabled_first(void **state)
{
        assert_int_equal(igb_queue_setup(&io, 0, 0x1000, 0x2000), 0);
        assert_true(nic.order[0] == IGB_TXDCTL0 && nic.order[1] == IGB_RXDCTL0);
}

static void heads_and_tails_must_be_zero(void **state)
{
        const uint32_t offs[] = {IGB_RDH0, IGB_RDT0, IGB_TDH0, IGB_TDT0};

        for (unsigned i = 0; i < 4; i++) {
                fresh(state);
                assert_int_equal(igb_queue_setup(&io, 1, 0x1000, 0x2000), 0);
                nic.reg[(offs[i] + 0x40) / 4] = 9;
                assert_int_equal(igb_queue_enable(&io, 1), -RF_EBUSY);
                assert_int_equal((reg(0xc068) | reg(0xe068)) & IGB_XDCTL_ENABLE, 0);
        }
}

static void a_queue_that_does_not_stop_is_a_timeout(void **state)
{
        nic.stuck = true;
        assert_int_equal(igb_queue_disable(&io, 3), -RF_ETIMEDOUT);
        assert_true(nic.slept >= 10000 && nic.slept < 100000);
        assert_int_equal(igb_queue_setup(&io, 3, 0x1000, 0x2000), -RF_ETIMEDOUT);
        assert_int_equal(reg(0xc0c0), 0); /* no base was programmed */
}

static void frames_under_way_get_time_to_leave(void **state)
{
        assert_int_equal(igb_queue_setup(&io, 3, 0x1000, 0x2000), 0);
        assert_int_equal(nic.slept, 0);
        nic.reg[(IGB_TDT0 + 0xc0) / 4] = 5; /* link down: TDH never follows */
        assert_int_equal(igb_queue_disable(&io, 3), 0);
        assert_true(nic.slept >= 10000);
}

static void root_could_not_have_done_it(void **state)
{
        nic.table = true;
        assert_int_equal(igb_queue_setup(&io, 2, 0x1000, 0x2000), -RF_EREFUSED);
        assert_int_equal(igb_queue_enable(&io, 2), -RF_EREFUSED);
        for (uint32_t off = 0xc000; off < 0xf000; off += 4)
                assert_true(reg(off) == 0 || off == IGB_RXDCTL0 || off == IGB_TXDCTL0);
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
        const struct CMUnitTest tests[] = {
            TEST(init_on_a_bare_machine),
            TEST(init_through_the_table_meets_no_refusal),
            TEST(the_receiver_starts_last),
            TEST(every_failed_write_is_reported),
            TEST(a_dead_phy_is_a_timeout),
            TEST(addresses),
            TEST(pools_open_and_close_alone),
            TEST(link),
            TEST(counters_survive_a_wrap),
            TEST(a_queue_is_set_up_before_it_is_enabled),
            TEST(a_queue_is_disabled_first),
            TEST(heads_and_tails_must_be_zero),
            TEST(a_queue_that_does_not_stop_is_a_timeout),
            TEST(frames_under_way_get_time_to_leave),
            TEST(root_could_not_have_done_it),
        };

        return cmocka_run_group_tests_name("82576 library", tests, NULL, NULL);
}

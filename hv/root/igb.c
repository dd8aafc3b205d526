/* SPDX-License-Identifier: MIT
 *
 * Control of an 82576 through struct nic_io: reset, link, filters, pools, counters. Nothing here can
 * make the NIC touch memory. The same code runs in hv/root and on a bare machine.
 */
#include "rf/igb_ctl.h"

#include <stddef.h>

#include "rf/error.h"
#include "rf/igb_desc.h"
#include "rf/igb_regs.h"

enum {
        RESET_US = 10000, /* the EEPROM is read again after a reset; 1 ms is the datasheet's minimum */
        MDIC_POLLS = 64,
        MDIC_POLL_US = 50, /* one management frame takes 64 us */
        PHY_ADDRESS = 1,
        PHY_BMCR = 0,
        PHY_AUTONEG = 0x1340, /* IEEE 802.3 22.2.4.1: autonegotiate, restart it, full duplex, 1000 Mb/s */
};

/* A run of writes that stops at the first one that fails. */
static void put(const struct nic_io *io, int *error, uint32_t off, uint32_t val)
{
        if (*error == 0)
                *error = io->write(io->ctx, off, val);
}

static void put_array(const struct nic_io *io, int *error, uint32_t off, unsigned count, uint32_t val)
{
        for (unsigned i = 0; i < count; i++)
                put(io, error, off + 4 * i, val);
}

static uint32_t get(const struct nic_io *io, uint32_t off)
{
        return io->read(io->ctx, off);
}

static int phy_write(const struct nic_io *io, uint32_t reg, uint32_t val)
{
        int error = io->write(io->ctx, IGB_MDIC,
                              val | reg << IGB_MDIC_REG_SHIFT | PHY_ADDRESS << IGB_MDIC_PHY_SHIFT |
                                  IGB_MDIC_OP_WRITE);

        if (error)
                return error;
        for (unsigned i = 0; i < MDIC_POLLS; i++) {
                uint32_t mdic = get(io, IGB_MDIC);

                if (mdic & IGB_MDIC_READY)
                        return mdic & IGB_MDIC_ERROR ? -RF_ENOTSUP : 0;
                io->delay_us(io->ctx, MDIC_POLL_US);
        }
        if (io->log)
                io->log(io->ctx, "igb: the PHY does not answer");
        return -RF_ETIMEDOUT;
}

/* A reset of the MAC leaves the link down until autonegotiation has run again. */
static int start_link(const struct nic_io *io)
{
        uint32_t ctrl = get(io, IGB_CTRL) & ~(uint32_t)(IGB_CTRL_FRCSPD | IGB_CTRL_FRCDPLX);
        int error = io->write(io->ctx, IGB_CTRL, ctrl | IGB_CTRL_SLU);

        return error ? error : phy_write(io, PHY_BMCR, PHY_AUTONEG);
}

/* Receive address n: RAL at the result, RAH 4 above. */
static uint32_t receive_address(unsigned n)
{
        return n < IGB_RA_LOW ? IGB_RAL0 + 8 * n : IGB_RAL16 + 8 * (n - IGB_RA_LOW);
}

static void clear_filters(const struct nic_io *io, int *error)
{
        for (unsigned i = 0; i < IGB_RA_LOW + IGB_RA_HIGH; i++) {
                put(io, error, receive_address(i) + 4, 0); /* address valid first */
                put(io, error, receive_address(i), 0);
        }
        put_array(io, error, IGB_MTA0, IGB_TABLE_WORDS, 0);
        put_array(io, error, IGB_UTA0, IGB_TABLE_WORDS, 0);
}

/* Eight pools by destination address, broadcast to each that is open, frames between pools turned round
 * in the NIC, forged source addresses and VLAN tags stopped. What matches no pool is dropped. */
static void set_up_pools(const struct nic_io *io, int *error)
{
        put(io, error, IGB_VFRE, 0);
        put(io, error, IGB_VFTE, 0);
        put(io, error, IGB_MRQC, IGB_MRQC_VMDQ);
        put(io, error, IGB_VT_CTL, IGB_VT_CTL_DIS_DEF | IGB_VT_CTL_REPL_EN);
        put_array(io, error, IGB_VMOLR0, IGB_POOLS, IGB_VMOLR_STRCRC | IGB_VMOLR_AUPE | IGB_VMOLR_BAM);
        put(io, error, IGB_RPLOLR, IGB_RPLOLR_STRCRC);
        put(io, error, IGB_DTXSWC, IGB_DTXSWC_LOOP | IGB_DTXSWC_SPOOF);
}

void igb_ctl_permanent_mac(const struct nic_io *io, uint8_t mac[6])
{
        uint32_t low = get(io, IGB_RAL0), high = get(io, IGB_RAH0);

        for (unsigned i = 0; i < 4; i++)
                mac[i] = (uint8_t)(low >> 8 * i);
        mac[4] = (uint8_t)high;
        mac[5] = (uint8_t)(high >> 8);
}

int igb_ctl_init(const struct nic_io *io)
{
        int error = io->write(io->ctx, IGB_CTRL, get(io, IGB_CTRL) | IGB_CTRL_RST);

        if (error)
                return error;
        io->delay_us(io->ctx, RESET_US);
        error = start_link(io);
        clear_filters(io, &error);
        set_up_pools(io, &error);
        put(io, &error, IGB_RCTL, IGB_RCTL_RXEN | IGB_RCTL_BAM | IGB_RCTL_SECRC);
        put(io, &error, IGB_TCTL, get(io, IGB_TCTL) | IGB_TCTL_EN | IGB_TCTL_PSP);
        return error;
}

/* Receive address `entry`: frames to it go to `pool`. mac NULL: nobody's. */
static int set_address(const struct nic_io *io, unsigned entry, unsigned pool, const uint8_t mac[6])
{
        uint32_t low = 0, high = 0;
        int error = 0;

        for (unsigned i = 0; mac != NULL && i < 4; i++)
                low |= (uint32_t)mac[i] << 8 * i;
        if (mac != NULL)
                high = (uint32_t)(mac[4] | mac[5] << 8);
        if (pool >= IGB_POOLS || entry >= IGB_RA_LOW + IGB_RA_HIGH ||
            (mac != NULL && ((mac[0] & 1) || (low | high) == 0)))
                return -RF_EINVAL;
        put(io, &error, receive_address(entry) + 4, 0); /* no frame may meet half an address */
        put(io, &error, receive_address(entry), low);
        if (mac != NULL)
                put(io, &error, receive_address(entry) + 4,
                    high | (uint32_t)IGB_RAH_POOL0 << pool | IGB_RAH_AV);
        return error;
}

int igb_ctl_set_mac(const struct nic_io *io, unsigned pool, const uint8_t mac[6])
{
        return set_address(io, pool, pool, mac);
}

int igb_ctl_clear_mac(const struct nic_io *io, unsigned pool)
{
        return set_address(io, pool, pool, NULL);
}

int igb_ctl_soft_mac(const struct nic_io *io, unsigned n, unsigned pool, const uint8_t mac[6])
{
        return set_address(io, IGB_POOLS + n, pool, mac);
}

int igb_ctl_pool_enable(const struct nic_io *io, unsigned pool, bool on)
{
        uint32_t bit = 1u << (pool % IGB_POOLS);
        int error = 0;

        if (pool >= IGB_POOLS)
                return -RF_EINVAL;
        put(io, &error, IGB_VFTE, on ? get(io, IGB_VFTE) | bit : get(io, IGB_VFTE) & ~bit);
        put(io, &error, IGB_VFRE, on ? get(io, IGB_VFRE) | bit : get(io, IGB_VFRE) & ~bit);
        return error;
}

bool igb_ctl_link_up(const struct nic_io *io)
{
        return get(io, IGB_STATUS) & IGB_STATUS_LU;
}

int igb_ctl_stats(const struct nic_io *io, unsigned pool, struct nic_counters *stats)
{
        static const uint32_t counters[4] = {IGB_PVFGPRC0, IGB_PVFGORC0, IGB_PVFGPTC0, IGB_PVFGOTC0};
        uint64_t *totals[4] = {&stats->rx_frames, &stats->rx_bytes, &stats->tx_frames, &stats->tx_bytes};

        if (pool >= IGB_POOLS)
                return -RF_EINVAL;
        for (unsigned i = 0; i < 4; i++) {
                uint32_t now = get(io, counters[i] + IGB_PVF_STEP * pool);

                *totals[i] += now - stats->seen[i]; /* modulo 2^32: right across a wrap */
                stats->seen[i] = now;
        }
        stats->rx_drops += get(io, IGB_RQDPC0 + IGB_QUEUE_STEP * pool); /* clears on read */
        return 0;
}

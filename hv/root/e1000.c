/* SPDX-License-Identifier: MIT
 *
 * Control of an 82540EM through struct nic_io: reset, link, filters, counters. Nothing here can make the NIC
 * touch memory. The same code runs in hv/root and on a bare machine.
 */
#include "rf/e1000_ctl.h"

#include <stddef.h>

#include "rf/e1000_regs.h"
#include "rf/error.h"

enum {
        RESET_US = 10000,
        POLLS = 64,
        POLL_US = 50, /* one management frame takes 64 us */
        MDIC_REG_SHIFT = 16,
        MDIC_PHY_SHIFT = 21,
        PHY_ADDRESS = 1,
        PHY_BMCR = 0,
        PHY_AUTONEG = 0x1340, /* IEEE 802.3 22.2.4.1: autonegotiate, restart it, full duplex, 1000 Mb/s */
        EERD_ADDR_SHIFT = 8,
        EERD_DATA_SHIFT = 16,
};

/* A run of writes that stops at the first one that fails. */
static void put(const struct nic_io *io, int *error, uint32_t off, uint32_t val)
{
        if (*error == 0)
                *error = io->write(io->ctx, off, val);
}

static uint32_t get(const struct nic_io *io, uint32_t off)
{
        return io->read(io->ctx, off);
}

/* Waits for one of these bits, and returns the register; 0: in vain. */
static uint32_t await(const struct nic_io *io, uint32_t off, uint32_t bits)
{
        for (unsigned i = 0; i < POLLS; i++) {
                uint32_t value = get(io, off);

                if (value & bits)
                        return value;
                io->delay_us(io->ctx, POLL_US);
        }
        return 0;
}

static int phy_write(const struct nic_io *io, uint32_t reg, uint32_t val)
{
        uint32_t command = val | reg << MDIC_REG_SHIFT | PHY_ADDRESS << MDIC_PHY_SHIFT | E1000_MDIC_WRITE;
        int error = io->write(io->ctx, E1000_MDIC, command);
        uint32_t mdic = error ? 0 : await(io, E1000_MDIC, E1000_MDIC_READY);

        if (error)
                return error;
        if (mdic == 0 && io->log)
                io->log(io->ctx, "e1000: the PHY does not answer");
        return mdic == 0 ? -RF_ETIMEDOUT : mdic & E1000_MDIC_ERROR ? -RF_ENOTSUP : 0;
}

/* A reset of the MAC forgets it; the PHY keeps the link. */
static void link_on(const struct nic_io *io, int *error)
{
        uint32_t ctrl = get(io, E1000_CTRL) & ~(uint32_t)(E1000_CTRL_FRCSPD | E1000_CTRL_FRCDPLX);

        put(io, error, E1000_CTRL, ctrl | E1000_CTRL_SLU | E1000_CTRL_ASDE);
}

static int eeprom_word(const struct nic_io *io, uint32_t n, uint32_t *word)
{
        int error = io->write(io->ctx, E1000_EERD, n << EERD_ADDR_SHIFT | E1000_EERD_START);
        uint32_t eerd = error ? 0 : await(io, E1000_EERD, E1000_EERD_DONE);

        *word = eerd >> EERD_DATA_SHIFT;
        return error ? error : eerd == 0 ? -RF_ETIMEDOUT : 0;
}

int e1000_ctl_permanent_mac(const struct nic_io *io, uint8_t mac[6])
{
        uint32_t low = get(io, E1000_RAL0), high = get(io, E1000_RAH0) & 0xffff;
        uint32_t words[3] = {low & 0xffff, low >> 16, high};
        int error = 0;

        for (uint32_t i = 0; i < 3 && (low | high) == 0 && error == 0; i++)
                error = eeprom_word(io, i, &words[i]);
        for (unsigned i = 0; i < 6; i++)
                mac[i] = (uint8_t)(words[i / 2] >> 8 * (i % 2));
        return error;
}

int e1000_ctl_init(const struct nic_io *io)
{
        int error = io->write(io->ctx, E1000_CTRL, get(io, E1000_CTRL) | E1000_CTRL_RST);

        if (error)
                return error;
        io->delay_us(io->ctx, RESET_US);
        link_on(io, &error);
        if (error == 0)
                error = phy_write(io, PHY_BMCR, PHY_AUTONEG);
        for (unsigned n = 0; n < E1000_RA; n++)
                if (error == 0)
                        error = e1000_ctl_mac(io, n, NULL);
        for (uint32_t i = 0; i < E1000_MTA_WORDS; i++)
                put(io, &error, E1000_MTA0 + 4 * i, 0);
        return error;
}

int e1000_ctl_mac(const struct nic_io *io, unsigned n, const uint8_t *mac)
{
        uint32_t low = 0, high = 0, at = E1000_RAL0 + 8 * n;
        int error = 0;

        for (unsigned i = 0; i < 6 && mac != NULL; i++)
                *(i < 4 ? &low : &high) |= (uint32_t)mac[i] << 8 * (i % 4);
        if (n >= E1000_RA || (mac != NULL && ((mac[0] & 1) || (low | high) == 0)))
                return -RF_EINVAL;
        put(io, &error, at + 4, 0); /* no frame may meet half an address */
        put(io, &error, at, low);
        if (mac != NULL)
                put(io, &error, at + 4, high | E1000_RAH_AV);
        return error;
}

static bool listens(const struct nic_io *io, unsigned n)
{
        return n < E1000_RA && (get(io, E1000_RAL0 + 8 * n + 4) & E1000_RAH_AV) != 0;
}

int e1000_ctl_switch_mac(const struct nic_io *io, unsigned n, const uint8_t *mac)
{
        int error = n < E1000_RA ? e1000_ctl_mac(io, n, mac) : 0;

        if (mac != NULL && !listens(io, n))
                put(io, &error, E1000_RCTL, get(io, E1000_RCTL) | E1000_RCTL_UPE);
        return error;
}

int e1000_ctl_open(const struct nic_io *io)
{
        int error = 0;

        link_on(io, &error);
        put(io, &error, E1000_TIPG, E1000_TIPG_COPPER);
        put(io, &error, E1000_TCTL, E1000_TCTL_EN | E1000_TCTL_PSP | E1000_TCTL_CT | E1000_TCTL_COLD);
        put(io, &error, E1000_RCTL, E1000_RCTL_EN | E1000_RCTL_BAM | E1000_RCTL_SECRC);
        return error;
}

int e1000_ctl_close(const struct nic_io *io)
{
        return io->write(io->ctx, E1000_RCTL, E1000_RCTL_SECRC);
}

bool e1000_ctl_link_up(const struct nic_io *io)
{
        return get(io, E1000_STATUS) & E1000_STATUS_LU;
}

static uint64_t octets(const struct nic_io *io, uint32_t off)
{
        uint64_t low = get(io, off);

        return low | (uint64_t)get(io, off + 4) << 32; /* the upper half clears both */
}

/* Bytes are those of good frames; Bochs counts only those of all frames. */
static uint64_t bytes(const struct nic_io *io, uint32_t good, uint32_t all, uint32_t frames)
{
        uint64_t of_good = octets(io, good), of_all = octets(io, all);

        return of_good != 0 || frames == 0 ? of_good : of_all;
}

int e1000_ctl_stats(const struct nic_io *io, struct nic_counters *stats)
{
        uint32_t received = get(io, E1000_GPRC), sent = get(io, E1000_GPTC);

        stats->rx_frames += received;
        stats->tx_frames += sent;
        stats->rx_bytes += bytes(io, E1000_GORCL, E1000_TORL, received);
        stats->tx_bytes += bytes(io, E1000_GOTCL, E1000_TOTL, sent);
        stats->rx_drops += get(io, E1000_MPC);
        return 0;
}

/* SPDX-License-Identifier: MIT
 * The Intel 82576 under attack: registers by the names of its datasheet, chapter 8. */
#include "card.h"
#include "rf/igb_ctl.h"
#include "rf/igb_regs.h"

enum { BSIZEPACKET = 0x7f, TWO_KIB = 2, QUEUE_ENABLE = 1 << 25, USED_QUEUES = 8 };

static const struct named_register forbidden[] = {
    {"RDBAL", 0xc000},
    {"RDBAH", 0xc004},
    {"RDLEN", 0xc008},
    {"RDH", 0xc010},
    {"RDT", 0xc018},
    {"RXDCTL", 0xc028},
    {"TDBAL", 0xe000},
    {"TDBAH", 0xe004},
    {"TDLEN", 0xe008},
    {"TDH", 0xe010},
    {"TDT", 0xe018},
    {"TXDCTL", 0xe028},
    {"TDWBAL", 0xe038},
    {"TDWBAH", 0xe03c},
    {"RXCTL (DCA)", 0xc014},
    {"TXCTL (DCA)", 0xe014},
    {"alias of RDBAL", 0x2800},
    {"alias of RDT", 0x2818},
    {"alias of TDBAL", 0x3800},
    {"alias of TDT", 0x3818},
    {"old RDBAL", 0x110},
    {"old TDBAL", 0x420},
    {"PSRCTL", 0x2170},
    {"RLPML", 0x5004},
    {"EEC", 0x10},
    {"EERD", 0x14},
    {"CTRL_EXT", 0x18},
    {"FLA", 0x1c},
    {"GPIE", 0x1514},
    {"EICS", 0x1520},
    {"EIMS", 0x1524},
    {"EIAC", 0x152c},
    {"IVAR", 0x1700},
    {"IVAR_MISC", 0x1740},
    {"PBACL", 0x5b68},
    {"GCR", 0x5b00},
    {"SWSM", 0x5b50},
    {"FACTPS", 0x5b30},
    {"DCA_CTRL", 0x5b74},
    {"CIAA", 0x5b88},
    {"MANC", 0x5820},
    {"FCTTV", 0x170},
    {"FCRTH", 0x2168},
    {"mailbox", 0x800},
};

static int open(const struct nic_io *io, unsigned queue, const uint8_t *mac)
{
        int error = igb_ctl_set_mac(io, queue, mac);

        return error ? error : igb_ctl_pool_enable(io, queue, true);
}

static void close(const struct nic_io *io, unsigned queue)
{
        igb_ctl_pool_enable(io, queue, false);
        igb_ctl_clear_mac(io, queue);
}

static bool forced(const struct nic_io *io)
{
        for (uint32_t q = 0; q < IGB_QUEUES; q++)
                if ((io->read(io->ctx, IGB_SRRCTL0 + q * IGB_QUEUE_STEP) & BSIZEPACKET) != TWO_KIB ||
                    io->read(io->ctx, IGB_RDT0 + q * IGB_QUEUE_STEP) != 0)
                        return false;
        return (io->read(io->ctx, IGB_RCTL) & (IGB_RCTL_LPE | IGB_RCTL_SBP | IGB_RCTL_LBM)) == 0;
}

static bool queue_off(const struct nic_io *io, unsigned queue)
{
        uint32_t rx = io->read(io->ctx, IGB_RXDCTL0 + queue * IGB_QUEUE_STEP),
                 tx = io->read(io->ctx, IGB_TXDCTL0 + queue * IGB_QUEUE_STEP);

        return ((rx | tx) & QUEUE_ENABLE) == 0;
}

const struct card card_82576 = {
    .device = 0x10c9,
    .queues = USED_QUEUES,
    .step = IGB_QUEUE_STEP,
    .bar_bytes = IGB_BAR_BYTES,
    .ctrl = IGB_CTRL,
    .reset = IGB_CTRL_RST,
    .rdt = IGB_RDT0,
    .tdt = IGB_TDT0,
    .tdbal = 0xe000,
    .beside = IGB_RDT0 + IGB_QUEUE_STEP,
    .base = IGB_RDT0 & ~0xfffu,
    .tx_rs = IGB_TX_RS,
    .form = &nic_form_82576,
    .wire_bits = true,
    .forbidden = forbidden,
    .nforbidden = sizeof(forbidden) / sizeof(forbidden[0]),
    .init = igb_ctl_init,
    .link_up = igb_ctl_link_up,
    .open = open,
    .close = close,
    .forced = forced,
    .queue_off = queue_off,
};

/* SPDX-License-Identifier: MIT
 * The Intel 82540EM under attack: registers by the names of the 8254x Software Developer's Manual, chapter
 * 13; those of the 82542 at their old places. */
#include "card.h"
#include "rf/e1000_ctl.h"
#include "rf/e1000_regs.h"

/* RCTL, 13.4.22: SBP, LPE, LBM, BSIZE (00b: 2048 bytes), BSEX */
enum { RCTL_UNSAFE = 0x04 | 0x20 | 0xc0 | 0x30000 | 0x02000000 };

static const struct named_register forbidden[] = {
    {"RDBAL", E1000_RDBAL},
    {"RDBAH", E1000_RDBAH},
    {"RDLEN", E1000_RDLEN},
    {"RDH", E1000_RDH},
    {"RDT", E1000_RDT},
    {"RDTR", E1000_RDTR},
    {"RXDCTL", E1000_RXDCTL},
    {"RADV", E1000_RADV},
    {"TDBAL", E1000_TDBAL},
    {"TDBAH", E1000_TDBAH},
    {"TDLEN", E1000_TDLEN},
    {"TDH", E1000_TDH},
    {"TDT", E1000_TDT},
    {"TIDV", E1000_TIDV},
    {"TXDCTL", E1000_TXDCTL},
    {"TADV", E1000_TADV},
    {"82542's RDTR", 0x108},
    {"82542's RDBAL", 0x110},
    {"82542's RDBAH", 0x114},
    {"82542's RDLEN", 0x118},
    {"82542's RDH", 0x120},
    {"82542's RDT", 0x128},
    {"82542's FCRTL", 0x168},
    {"82542's TDBAL", 0x420},
    {"82542's TDBAH", 0x424},
    {"82542's TDLEN", 0x428},
    {"82542's TDH", 0x430},
    {"82542's TDT", 0x438},
    {"82542's RAL", 0x40},
    {"82542's MTA", 0x200},
    {"82542's VFTA", 0x600},
    {"alias of CTRL", 0x04},
    {"EECD", 0x10},
    {"CTRL_EXT", 0x18},
    {"FLA", 0x1c},
    {"ICR", E1000_ICR},
    {"ITR", E1000_ITR},
    {"ICS", 0xc8},
    {"IMS", E1000_IMS},
    {"IMC", E1000_IMC},
    {"FCTTV", 0x170},
    {"FCRTH", 0x2168},
    {"PBA", 0x1000},
    {"RXCSUM", E1000_RXCSUM},
    {"MANC", E1000_MANC},
    {"WUC", 0x5800},
    {"packet buffer", 0x10000},
};

static int open(const struct nic_io *io, unsigned queue, const uint8_t *mac)
{
        int error = e1000_ctl_mac(io, queue, mac);

        return error ? error : e1000_ctl_open(io);
}

static void close(const struct nic_io *io, unsigned queue)
{
        e1000_ctl_mac(io, queue, NULL);
}

static bool forced(const struct nic_io *io)
{
        return (io->read(io->ctx, E1000_RCTL) & RCTL_UNSAFE) == 0 && io->read(io->ctx, E1000_RDT) == 0 &&
               io->read(io->ctx, E1000_TDT) == 0;
}

static bool queue_off(const struct nic_io *io, unsigned queue)
{
        return (io->read(io->ctx, E1000_RCTL) & E1000_RCTL_EN) == 0 &&
               (io->read(io->ctx, E1000_TCTL) & E1000_TCTL_EN) == 0;
}

const struct card card_82540em = {
    .device = 0x100e,
    .queues = 1,
    .bar_bytes = E1000_BAR_BYTES,
    .ctrl = E1000_CTRL,
    .reset = E1000_CTRL_RST,
    .rdt = E1000_RDT,
    .tdt = E1000_TDT,
    .tdbal = E1000_TDBAL,
    .beside = E1000_RDH,
    .base = E1000_RDBAL,
    .tx_rs = E1000_TX_RS,
    .form = &nic_form_82540em,
    .forbidden = forbidden,
    .nforbidden = sizeof(forbidden) / sizeof(forbidden[0]),
    .init = e1000_ctl_init,
    .link_up = e1000_ctl_link_up,
    .open = open,
    .close = close,
    .forced = forced,
    .queue_off = queue_off,
};

/* SPDX-License-Identifier: MIT
 *
 * The register table of the Intel 82540EM: all that root may touch.
 * Left out on purpose, hence refused: ring bases, lengths and thresholds, interrupts (reading ICR clears it),
 * the 82542's places of ring, filter and flow control registers that this NIC still answers at (0x108 to
 * 0x178, 0x40 to 0xbf, 0x200 to 0x3ff, 0x420 to 0x448, 0x600 to 0x7ff), the alias of CTRL at 4, EECD and
 * flash, packet buffer memory (0x10000), manageability, wake-up, diagnostics.
 */
#include "regs.h"

#include "rf/e1000_desc.h"
#include "rf/e1000_regs.h"

#define ONE        .step = 4, .count = 1
#define ARRAY(n)   .step = 4, .count = (n)
#define ONLY(bits) ((uint32_t) ~(bits))

static const struct nic_reg regs[] = {
    /* general: no pause frames, no VLAN tags */
    {E1000_CTRL, ONE, .cls = NIC_GATED_RESET, .gate = E1000_CTRL_RST, .readable = true,
     .clear = ONLY(E1000_CTRL_FD | E1000_CTRL_ASDE | E1000_CTRL_SLU | E1000_CTRL_SPEED | E1000_CTRL_FRCSPD |
                   E1000_CTRL_FRCDPLX | E1000_CTRL_RST)},
    {E1000_STATUS, ONE, .cls = NIC_RING0, .readable = true},
    {E1000_EERD, ONE, .cls = NIC_FORCED, .clear = ONLY(E1000_EERD_START | E1000_EERD_ADDR), .readable = true},
    {E1000_MDIC, ONE, .cls = NIC_FORCED, .clear = E1000_MDIC_INT_EN, .readable = true},

    /* receive: no long or bad packets, no loopback, 2 KiB buffers, CRC stripped */
    {E1000_RCTL, ONE, .cls = NIC_GATED_ENABLE, .gate = E1000_RCTL_EN, .readable = true,
     .set = E1000_RCTL_SECRC,
     .clear = ONLY(E1000_RCTL_EN | E1000_RCTL_UPE | E1000_RCTL_MPE | E1000_RCTL_MO | E1000_RCTL_BAM)},
    {E1000_RDH, ONE, .cls = NIC_RING0, .readable = true},
    {E1000_RDT, ONE, .cls = NIC_RING0, .readable = true},

    /* transmit: short frames padded, no pause frame by software */
    {E1000_TCTL, ONE, .cls = NIC_GATED_ENABLE, .gate = E1000_TCTL_EN, .readable = true, .set = E1000_TCTL_PSP,
     .clear = E1000_TCTL_SWXOFF},
    {E1000_TIPG, ONE, .cls = NIC_FREE},
    {E1000_TDH, ONE, .cls = NIC_RING0, .readable = true},
    {E1000_TDT, ONE, .cls = NIC_RING0, .readable = true},

    /* steering: root's policy */
    {E1000_MTA0, ARRAY(E1000_MTA_WORDS), .cls = NIC_FREE},
    {E1000_RAL0, ARRAY(2 * E1000_RA), .cls = NIC_FREE, .readable = true},

    {E1000_STATS_FIRST, ARRAY(E1000_STATS_WORDS), .cls = NIC_RING0, .readable = true},
};

const struct nic_model nic_82540em = {
    .vendor = 0x8086,
    .devices = {0x100e},
    .bar_bytes = E1000_BAR_BYTES,
    .queues = 1,
    .one_switch = true,
    .tail = {E1000_RDT, E1000_TDT},
    .form = e1000_form,
    .status = E1000_STATUS,
    .link_up = E1000_STATUS_LU,
    .regs = regs,
    .nregs = sizeof regs / sizeof regs[0],
};

/* SPDX-License-Identifier: MIT
 *
 * The register table of the Intel 82576: all that root may touch.
 * Left out on purpose, hence refused: ring bases and lengths, interrupts, the aliases of queue registers at
 * 0x2800 and 0x3800 and of CTRL, RA and VFTA (0x4, 0x40, 0x600), EEPROM and flash, the window into PCI config
 * space, the mirrors of virtual functions but their counters, mailboxes, IPsec, MACsec, manageability, IEEE
 * 1588, DCA.
 */
#include "regs.h"

#include "rf/igb_desc.h"
#include "rf/igb_regs.h"

#define ONE        .step = 4, .count = 1
#define ARRAY(n)   .step = 4, .count = (n)
#define PER_QUEUE  .step = IGB_QUEUE_STEP, .count = IGB_QUEUES
#define PER_POOL   .step = IGB_PVF_STEP, .count = IGB_POOLS
#define ONLY(bits) ((uint32_t) ~(bits))

static const struct nic_reg regs[] = {
    /* general */
    {IGB_CTRL, ONE, .cls = NIC_GATED_RESET, .gate = IGB_CTRL_RST, .readable = true,
     .clear = IGB_CTRL_RFCE | IGB_CTRL_TFCE | IGB_CTRL_RESERVED29 | IGB_CTRL_VME | IGB_CTRL_SDP},
    {IGB_STATUS, ONE, .cls = NIC_RING0, .readable = true},
    {IGB_MDIC, ONE, .cls = NIC_FORCED, .clear = IGB_MDIC_INT_EN, .readable = true},

    {IGB_EIMS, ONE, .cls = NIC_RING0, .readable = true},

    /* receive: no long or bad packets, no loopback, 2 KiB buffers, CRC stripped */
    {IGB_RCTL, ONE, .cls = NIC_GATED_ENABLE, .gate = IGB_RCTL_RXEN, .readable = true, .set = IGB_RCTL_SECRC,
     .clear = ONLY(IGB_RCTL_RXEN | IGB_RCTL_UPE | IGB_RCTL_MPE | IGB_RCTL_MO | IGB_RCTL_BAM)},
    {IGB_SRRCTL0, PER_QUEUE, .cls = NIC_FORCED, .set = IGB_SRRCTL_VALUE, .clear = ~0u, .readable = true},
    {IGB_RDH0, PER_QUEUE, .cls = NIC_RING0, .readable = true},
    {IGB_RDT0, PER_QUEUE, .cls = NIC_RING0, .readable = true},
    {IGB_RXDCTL0, PER_QUEUE, .cls = NIC_RING0, .readable = true}, /* gated: RF_SYS_QUEUE_ENABLE */
    {IGB_RQDPC0, PER_QUEUE, .cls = NIC_RING0, .readable = true},

    /* transmit: short frames padded, no pause frame by software */
    {IGB_TCTL, ONE, .cls = NIC_GATED_ENABLE, .gate = IGB_TCTL_EN, .readable = true, .set = IGB_TCTL_PSP,
     .clear = IGB_TCTL_SWXOFF},
    {IGB_DTXSWC, ONE, .cls = NIC_FREE, .readable = true},
    {IGB_WVBR, ONE, .cls = NIC_RING0, .readable = true},
    {IGB_TDH0, PER_QUEUE, .cls = NIC_RING0, .readable = true},
    {IGB_TDT0, PER_QUEUE, .cls = NIC_RING0, .readable = true},
    {IGB_TXDCTL0, PER_QUEUE, .cls = NIC_RING0, .readable = true}, /* gated: RF_SYS_QUEUE_ENABLE */

    /* steering: root's policy */
    {IGB_VFRE, ONE, .cls = NIC_FREE, .readable = true},
    {IGB_VFTE, ONE, .cls = NIC_FREE, .readable = true},
    {IGB_MTA0, ARRAY(IGB_TABLE_WORDS), .cls = NIC_FREE},
    {IGB_RAL0, ARRAY(2 * IGB_RA_LOW), .cls = NIC_FREE, .readable = true},
    {IGB_RAL16, ARRAY(2 * IGB_RA_HIGH), .cls = NIC_FREE, .readable = true},
    {IGB_MRQC, ONE, .cls = NIC_FORCED, .clear = ONLY(IGB_MRQC_VMDQ), .readable = true},
    {IGB_VT_CTL, ONE, .cls = NIC_FREE, .readable = true},
    {IGB_VMOLR0, ARRAY(IGB_POOLS), .cls = NIC_FORCED, .set = IGB_VMOLR_STRCRC,
     .clear = IGB_VMOLR_RSSE | IGB_VMOLR_LPE | IGB_VMOLR_RLPML, .readable = true},
    {IGB_RPLOLR, ONE, .cls = NIC_FORCED, .set = IGB_RPLOLR_STRCRC, .readable = true},
    {IGB_UTA0, ARRAY(IGB_TABLE_WORDS), .cls = NIC_FREE},

    /* counters */
    {IGB_STATS_FIRST, ARRAY(IGB_STATS_WORDS), .cls = NIC_RING0, .readable = true},
    {IGB_PVFGPRC0, PER_POOL, .cls = NIC_RING0, .readable = true},
    {IGB_PVFGPTC0, PER_POOL, .cls = NIC_RING0, .readable = true},
    {IGB_PVFGORC0, PER_POOL, .cls = NIC_RING0, .readable = true},
    {IGB_PVFGOTC0, PER_POOL, .cls = NIC_RING0, .readable = true},
};

const struct nic_model nic_82576 = {
    .vendor = 0x8086,
    .devices = {0x10c9, 0x10e8, 0x1526, 0x150a}, /* the copper ones */
    .bar_bytes = IGB_BAR_BYTES,
    .queues = IGB_POOLS,
    .tail = {IGB_RDT0, IGB_TDT0},
    .queue_step = IGB_QUEUE_STEP,
    .form = igb_form,
    .status = IGB_STATUS,
    .link_up = IGB_STATUS_LU,
    .regs = regs,
    .nregs = sizeof regs / sizeof regs[0],
};

_Static_assert(IGB_RDT0 + IGB_QUEUES * IGB_QUEUE_STEP <= 0xd000, "one page holds every RDT");
_Static_assert(IGB_TDT0 + IGB_QUEUES * IGB_QUEUE_STEP <= 0xf000, "one page holds every TDT");

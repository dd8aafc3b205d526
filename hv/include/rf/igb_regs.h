/* SPDX-License-Identifier: MIT
 *
 * Registers of the Intel 82576 that Ringfence uses: offsets into BAR 0 and bits. Names are those of
 * the 82576EB datasheet, chapter 8.
 * Shared by ring 0 (hv/kernel/nic), the control library (hv/root/igb.c) and their tests.
 */
#ifndef RF_IGB_REGS_H
#define RF_IGB_REGS_H

#define IGB_BAR_BYTES 0x20000 /* BAR 0 */
#define IGB_POOLS     8       /* VMDq pools; queue pair q < 8 is pool q's first */
#define IGB_QUEUES    16
#define IGB_RA_LOW    16 /* receive addresses at IGB_RAL0 ... */
#define IGB_RA_HIGH   8  /* ... and the rest at IGB_RAL16 */

/* ---- general --------------------------------------------------------------------------- */
#define IGB_CTRL                0x00000
#define IGB_CTRL_GIO_MASTER_DIS 0x00000004
#define IGB_CTRL_SLU            0x00000040 /* set link up */
#define IGB_CTRL_FRCSPD         0x00000800
#define IGB_CTRL_FRCDPLX        0x00001000
#define IGB_CTRL_SDP            0x00cc0000 /* software-defined pins: data 19:18, direction 23:22 */
#define IGB_CTRL_RST            0x04000000
#define IGB_CTRL_RFCE           0x08000000 /* obey pause frames */
#define IGB_CTRL_TFCE           0x10000000 /* send pause frames */
#define IGB_CTRL_RESERVED29     0x20000000 /* the whole-device reset of later parts */
#define IGB_CTRL_VME            0x40000000
#define IGB_STATUS              0x00008
#define IGB_STATUS_LU           0x00000002
#define IGB_STATUS_VFE          0x00040000 /* SR-IOV is switched on */
#define IGB_STATUS_GIO_MASTER   0x00080000 /* DMA may be outstanding */
#define IGB_CTRL_EXT            0x00018
#define IGB_MDIC                0x00020
#define IGB_MDIC_REG_SHIFT      16
#define IGB_MDIC_PHY_SHIFT      21
#define IGB_MDIC_OP_WRITE       0x04000000
#define IGB_MDIC_OP_READ        0x08000000
#define IGB_MDIC_READY          0x10000000
#define IGB_MDIC_INT_EN         0x20000000
#define IGB_MDIC_ERROR          0x40000000

/* ---- interrupts (8.8) -------------------------------------------------------------------- */
#define IGB_GPIE          0x01514
#define IGB_GPIE_MULTIPLE 0x00000010 /* one MSI-X vector per cause, through IVAR */
#define IGB_EIMS          0x01524
#define IGB_EIMC          0x01528
#define IGB_EIAC          0x0152c
#define IGB_EICR          0x01580
#define IGB_EITR0         0x01680 /* + 4 * vector, 25 of them */
#define IGB_VECTORS       25
#define IGB_IVAR0         0x01700 /* + 4 * n: bytes RX n, TX n, RX n+8, TX n+8 */
#define IGB_IVAR_VALID    0x80
#define IGB_IVAR_MISC     0x01740

/* ---- receive (8.10) ---------------------------------------------------------------------- */
#define IGB_RCTL       0x00100
#define IGB_RCTL_RXEN  0x00000002
#define IGB_RCTL_SBP   0x00000004 /* store bad packets */
#define IGB_RCTL_LPE   0x00000020 /* long packets */
#define IGB_RCTL_LBM   0x000000c0 /* loopback mode */
#define IGB_RCTL_UPE   0x00000008
#define IGB_RCTL_MPE   0x00000010
#define IGB_RCTL_MO    0x00003000
#define IGB_RCTL_BAM   0x00008000
#define IGB_RCTL_BSIZE 0x00030000 /* 00b: 2048 bytes */
#define IGB_RCTL_SECRC 0x04000000

/* per queue, + IGB_QUEUE_STEP * queue (igb_desc.h) */
#define IGB_RDBAL0         0x0c000
#define IGB_RDBAH0         0x0c004
#define IGB_RDLEN0         0x0c008
#define IGB_SRRCTL0        0x0c00c
#define IGB_SRRCTL_2K      0x00000002 /* BSIZEPACKET in KiB */
#define IGB_SRRCTL_ONEBUF  0x02000000 /* DESCTYPE 001b: advanced, one buffer */
#define IGB_SRRCTL_DROP_EN 0x80000000
/* the only value in use (P2) */
#define IGB_SRRCTL_VALUE (IGB_SRRCTL_2K | IGB_SRRCTL_ONEBUF | IGB_SRRCTL_DROP_EN)
#define IGB_RDH0         0x0c010
#define IGB_RXCTL0       0x0c014 /* DCA */
#define IGB_RXDCTL0      0x0c028
#define IGB_RQDPC0       0x0c030 /* dropped, no descriptor; clears on read */
#define IGB_XDCTL_ENABLE 0x02000000
/* PTHRESH 8, HTHRESH 8, WTHRESH 1: each frame is written back at once */
#define IGB_RXDCTL_THRESH 0x00010808

/* ---- transmit (8.12) --------------------------------------------------------------------- */
#define IGB_TCTL         0x00400
#define IGB_TCTL_EN      0x00000002
#define IGB_TCTL_PSP     0x00000008 /* pad short packets */
#define IGB_TCTL_SWXOFF  0x00400000 /* send a pause frame */
#define IGB_DTXSWC       0x03500
#define IGB_DTXSWC_SPOOF 0x0000ffff /* MAC 7:0 and VLAN 15:8 anti-spoofing, bit per pool */
#define IGB_DTXSWC_LOOP  0x80000000 /* pool-to-pool switching */
#define IGB_WVBR         0x03554    /* pools caught spoofing; clears on read */
#define IGB_TDBAL0       0x0e000
#define IGB_TDBAH0       0x0e004
#define IGB_TDLEN0       0x0e008
#define IGB_TDH0         0x0e010
#define IGB_TXCTL0       0x0e014 /* DCA */
#define IGB_TXDCTL0      0x0e028
#define IGB_TDWBAL0      0x0e038 /* head write-back: an address the NIC writes to */
#define IGB_TDWBAH0      0x0e03c
/* PTHRESH 8, HTHRESH 1, WTHRESH 0: RS is honoured at once */
#define IGB_TXDCTL_THRESH 0x00000108

/* ---- filters and virtualization ------------------------------------------------------------ */
#define IGB_VFRE           0x00c8c /* receive enable, bit per pool */
#define IGB_VFTE           0x00c90 /* transmit enable, bit per pool */
#define IGB_MTA0           0x05200 /* multicast table, 128 words */
#define IGB_RAL0           0x05400 /* + 8 * n, n < 16 */
#define IGB_RAH0           0x05404
#define IGB_RAL16          0x054e0 /* + 8 * (n - 16) */
#define IGB_RAH_AV         0x80000000
#define IGB_RAH_POOL0      0x00040000 /* POOLSEL 25:18, bit per pool */
#define IGB_MRQC           0x05818
#define IGB_MRQC_VMDQ      0x00000003
#define IGB_VT_CTL         0x0581c
#define IGB_VT_CTL_DIS_DEF 0x20000000 /* no default pool: what nobody asked for is dropped */
#define IGB_VT_CTL_REPL_EN 0x40000000
#define IGB_VMOLR0         0x05ad0 /* + 4 * pool */
#define IGB_VMOLR_RLPML    0x00003fff
#define IGB_VMOLR_LPE      0x00010000
#define IGB_VMOLR_RSSE     0x00020000
#define IGB_VMOLR_AUPE     0x01000000 /* accept untagged */
#define IGB_VMOLR_BAM      0x08000000 /* accept broadcast */
#define IGB_VMOLR_STRCRC   0x80000000
#define IGB_RPLOLR         0x05af0
#define IGB_RPLOLR_STRCRC  0x80000000
#define IGB_UTA0           0x0a000 /* unicast table, 128 words */
#define IGB_TABLE_WORDS    128

/* ---- statistics ------------------------------------------------------------------------- */
#define IGB_STATS_FIRST 0x04000 /* 8.19: clear on read */
#define IGB_STATS_WORDS 0x4b
/* Counters of pool n: + IGB_PVF_STEP * n. They wrap and are not cleared by reading. */
#define IGB_PVF_STEP 0x100
#define IGB_PVFGPRC0 0x10010 /* frames received */
#define IGB_PVFGPTC0 0x10014 /* frames sent */
#define IGB_PVFGORC0 0x10018 /* bytes received, CRC included */
#define IGB_PVFGOTC0 0x10034 /* bytes sent, CRC included */

#endif

/* SPDX-License-Identifier: MIT
 *
 * Registers of the Intel 82540EM that Ringfence uses: offsets into BAR 0 and bits. Names are those of the
 * 8254x Software Developer's Manual, chapter 13. Tail registers: e1000_desc.h.
 */
#ifndef RF_E1000_REGS_H
#define RF_E1000_REGS_H

#define E1000_BAR_BYTES 0x20000 /* BAR 0 */

/* ---- general --------------------------------------------------------------------------- */
#define E1000_CTRL         0x00000
#define E1000_CTRL_FD      0x00000001
#define E1000_CTRL_ASDE    0x00000020 /* speed from the PHY */
#define E1000_CTRL_SLU     0x00000040 /* set link up */
#define E1000_CTRL_SPEED   0x00000300
#define E1000_CTRL_FRCSPD  0x00000800
#define E1000_CTRL_FRCDPLX 0x00001000
#define E1000_CTRL_RST     0x04000000
#define E1000_CTRL_RFCE    0x08000000 /* obey pause frames */
#define E1000_CTRL_TFCE    0x10000000 /* send pause frames */
#define E1000_CTRL_VME     0x40000000
#define E1000_STATUS       0x00008
#define E1000_STATUS_LU    0x00000002
#define E1000_EERD         0x00014 /* reads EEPROM words, and nothing else */
#define E1000_EERD_START   0x00000001
#define E1000_EERD_DONE    0x00000010
#define E1000_EERD_ADDR    0x0000ff00
#define E1000_MDIC         0x00020
#define E1000_MDIC_WRITE   0x04000000
#define E1000_MDIC_READY   0x10000000
#define E1000_MDIC_INT_EN  0x20000000
#define E1000_MDIC_ERROR   0x40000000
#define E1000_MANC         0x05820
#define E1000_MANC_ARP_EN  0x00002000 /* answers ARP in the place of the host */

/* ---- interrupts: reading ICR clears it ------------------------------------------------- */
#define E1000_ICR      0x000c0
#define E1000_ITR      0x000c4
#define E1000_IMS      0x000d0
#define E1000_IMC      0x000d8
#define E1000_INT_RXT0 0x00000080 /* a frame is in memory (RDTR = 0) */

/* ---- receive --------------------------------------------------------------------------- */
#define E1000_RCTL       0x00100
#define E1000_RCTL_EN    0x00000002
#define E1000_RCTL_UPE   0x00000008
#define E1000_RCTL_MPE   0x00000010
#define E1000_RCTL_MO    0x00003000
#define E1000_RCTL_BAM   0x00008000
#define E1000_RCTL_SECRC 0x04000000
#define E1000_RDBAL      0x02800
#define E1000_RDBAH      0x02804
#define E1000_RDLEN      0x02808
#define E1000_RDH        0x02810
#define E1000_RDTR       0x02820 /* delays of interrupts */
#define E1000_RXDCTL     0x02828
#define E1000_RADV       0x0282c
#define E1000_RXCSUM     0x05000
/* GRAN: descriptors; WTHRESH 1: each is written back at once. Both directions */
#define E1000_XDCTL_VALUE 0x01010000

/* ---- transmit -------------------------------------------------------------------------- */
#define E1000_TCTL        0x00400
#define E1000_TCTL_EN     0x00000002
#define E1000_TCTL_PSP    0x00000008 /* pad short packets */
#define E1000_TCTL_CT     0x000000f0 /* 15 retries */
#define E1000_TCTL_COLD   0x00040000 /* 64 bytes, full duplex */
#define E1000_TCTL_SWXOFF 0x00400000 /* send a pause frame */
#define E1000_TIPG        0x00410
#define E1000_TIPG_COPPER 0x00602008 /* 13.4.34: IEEE 802.3 gaps */
#define E1000_TDBAL       0x03800
#define E1000_TDBAH       0x03804
#define E1000_TDLEN       0x03808
#define E1000_TDH         0x03810
#define E1000_TIDV        0x03820
#define E1000_TXDCTL      0x03828
#define E1000_TADV        0x0382c

/* ---- filters --------------------------------------------------------------------------- */
#define E1000_MTA0      0x05200 /* multicast table, 128 words */
#define E1000_MTA_WORDS 128
#define E1000_RAL0      0x05400 /* + 8 * n, n < 16 */
#define E1000_RAH0      0x05404
#define E1000_RA        16
#define E1000_RAH_AV    0x80000000

/* ---- statistics: clear on read ------------------------------------------------------------ */
#define E1000_STATS_FIRST 0x04000
#define E1000_STATS_WORDS 0x40
#define E1000_MPC         0x04010 /* no descriptor, or no room in the NIC */
#define E1000_GPRC        0x04074
#define E1000_GPTC        0x04080
#define E1000_GORCL       0x04088 /* octets with CRC; the upper half, 4 above, clears both */
#define E1000_GOTCL       0x04090
#define E1000_TORL        0x040c0
#define E1000_TOTL        0x040c8

#endif

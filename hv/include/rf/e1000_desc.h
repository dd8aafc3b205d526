/* SPDX-License-Identifier: MIT
 *
 * Which 82540EM descriptors a guest may hand over: THE table (P7) of legacy descriptors, as igb_desc.h is
 * that of the 82576. Plain numbers: C and assembly both include this.
 * Source: Intel PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual (8254x), 3.2.3
 * (receive) and 3.3.3 (legacy transmit).
 *
 * A descriptor is two little-endian 64-bit words, lo at offset 0 and hi at offset 8.
 * In staging, lo is pool-relative; the guard adds the pool's bus address.
 */
#ifndef RF_E1000_DESC_H
#define RF_E1000_DESC_H

#include "rf/rings.h"

/* Both directions: bit 0 of the byte at 12 (status, STA) is DD after write-back. */
#define E1000_DD_OFF 12

/* ---- receive: lo = buffer, hi == 0. Written back: length 15:0, checksum 31:16, status 39:32, errors 47:40
 */
#define E1000_RX_EOP 0x0000000200000000
/* CE, SE, SEQ, CXE, RXE: the MAC saw a bad frame. TCPE and IPE (46:45) are offloads' verdicts */
#define E1000_RX_BAD 0x0000970000000000

/* ---- transmit: length 15:0, CSO 23:16, CMD 31:24, STA 35:32, CSS 47:40, special 63:48 ----------------- */
#define E1000_TX_LEN_MIN 17 /* as for the 82576: TCTL.PSP pads what is longer than 16 */
#define E1000_TX_LEN_MAX 1514
#define E1000_TX_EOP     0x0000000001000000
#define E1000_TX_IFCS    0x0000000002000000
#define E1000_TX_RS      0x0000000008000000
/* (hi & ~(0xffff | RS)) == FIXED; the guard sets RS itself. DEXT is 0: legacy. No IC, RPS, VLE, IDE. */
#define E1000_TX_FIXED (E1000_TX_EOP | E1000_TX_IFCS)

/* ---- tail registers: BAR offset --------------------------------------------------------------------------
 */
#define E1000_RDT 0x2818
#define E1000_TDT 0x3818

#endif

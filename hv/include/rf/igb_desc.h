/* SPDX-License-Identifier: MIT
 *
 * Which 82576 descriptors a guest may hand over: THE table (P7). The guard (assembly), the
 * commit hypercall (C), the tests and the guest drivers all take their numbers from here.
 * Plain numbers: C and assembly both include this.
 * Source: Intel 82576 datasheet, 7.1.5 (advanced receive) and 7.2.2.3 (advanced transmit data).
 *
 * A descriptor is two little-endian 64-bit words, lo at offset 0 and hi at offset 8.
 * In staging, lo is pool-relative; the guard adds the pool's bus address.
 */
#ifndef RF_IGB_DESC_H
#define RF_IGB_DESC_H

#include "rf/rings.h"

/* ---- receive, read format: lo = packet buffer, hi = header buffer ---------------------- */
/* hi == 0 */
#define IGB_RX_DD_OFF 8 /* byte offset of the dword that holds DD after write-back */
#define IGB_RX_DD     1
/* Written back: status and error 31:0, length 47:32, VLAN tag 63:48. IPE and L4E (30, 29) are offloads' */
#define IGB_RX_EOP 0x00000002
#define IGB_RX_RXE 0x80000000

/* ---- transmit, advanced data: hi = cmd_type_len | olinfo_status << 32 ------------------- */
#define IGB_TX_LEN_MASK     0x000000000000ffff /* DTALEN */
#define IGB_TX_LEN_MIN      17                 /* with TCTL.PSP; 8.12.1 */
#define IGB_TX_LEN_MAX      1514
#define IGB_TX_DTYP_DATA    0x0000000000300000 /* DTYP 23:20 = 0011b */
#define IGB_TX_EOP          0x0000000001000000
#define IGB_TX_IFCS         0x0000000002000000
#define IGB_TX_RS           0x0000000008000000
#define IGB_TX_DEXT         0x0000000020000000
#define IGB_TX_PAYLEN_SHIFT 46
/* (hi & IGB_TX_FIXED_MASK) == IGB_TX_FIXED: everything but DTALEN, RS and PAYLEN */
#define IGB_TX_FIXED_MASK 0x00003ffff7ff0000
#define IGB_TX_FIXED      0x0000000023300000
/* LEN_MIN <= DTALEN <= LEN_MAX and hi >> PAYLEN_SHIFT == DTALEN; the guard sets RS itself */
#define IGB_TX_DD_OFF 12
#define IGB_TX_DD     1

/* ---- tail registers (8.10.6, 8.12.11): BAR offset of queue 0, step a queue --------------- */
#define IGB_RDT0       0xc018
#define IGB_TDT0       0xe018
#define IGB_QUEUE_STEP 0x40

#endif

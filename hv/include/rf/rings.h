/* SPDX-License-Identifier: MIT
 *
 * What is alike in the descriptor rings of every NIC model. The descriptors themselves: igb_desc.h.
 * Plain numbers: C and assembly both include this.
 */
#ifndef RF_RINGS_H
#define RF_RINGS_H

#define RF_RING_ENTRIES 256  /* one page of 16-byte descriptors */
#define RF_COMMIT_MAX   32   /* slots one commit may advance */
#define RF_REAP_MAX     64   /* written-back slots one commit may take back */
#define RF_BUFFER_BYTES 2048 /* what a NIC may write at a receive address; ring 0 forces its size */

/* Both directions: address <= pool_bytes - RF_BUFFER_BYTES */

#endif

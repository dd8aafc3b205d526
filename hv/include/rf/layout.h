/* SPDX-License-Identifier: MIT
 *
 * Virtual addresses of a ring space. Plain numbers: C and assembly both include this.
 * PML4 slot 0 is shared by a guest's vCPUs; slot 1 is each vCPU's own.
 */
#ifndef RF_LAYOUT_H
#define RF_LAYOUT_H

/* ---- PML4 slot 0: the guest's memory ------------------------------------------------- */
#define RF_GUEST_LO    0x0000000000010000 /* nothing of a guest lies below */
#define RF_IMAGE_BASE  0x0000000400000000 /* where the SDK links images (16 GiB) */
#define RF_HEAP_VA     0x0000001000000000
#define RF_STACK_VA    0x0000001800000000 /* vCPU n: stack ends at RF_STACK_VA + (n+1) * RF_STACK_STEP */
#define RF_STACK_STEP  0x0000000000100000
#define RF_STACK_BYTES 0x0000000000010000
#define RF_POOL_VA     0x0000002000000000 /* DMA pool of queue pair k of the guest: + k * RF_POOL_STEP */
#define RF_POOL_STEP   0x0000000040000000
#define RF_GUEST_HI    0x0000007fc0000000 /* nothing of a guest lies at or above */

/* ---- PML4 slot 1: the fence, one copy a vCPU ------------------------------------------ */
#define RF_GUARD_VA 0x0000008000010000 /* one page, execute; neighbours unmapped */
#define RF_STATE_VA 0x0000008000020000 /* one page, guard state, key 1 */
#define RF_INFO_VA  0x0000008000030000 /* one page, read-only */
/* The NIC's BAR, its first 64 KiB at their own offsets; only pages with tail registers are mapped, key 2. */
#define RF_DOORBELL_VA   0x0000008000040000
#define RF_RING_VA       0x0000008040000000 /* window rings, key 1, read-only for the guest */
#define RF_STAGING_VA    0x0000008080000000 /* staging rings: same layout as RF_RING_VA */
#define RF_RING_STEP     0x0000000000020000 /* queue slot k: RX at k*STEP, TX at k*STEP + TX_OFF */
#define RF_RING_TX_OFF   0x0000000000010000
#define RF_STAGING_DELTA 0x0000000040000000 /* staging address = ring address + this */

/* Entry points in the guard page (offsets). The rest of the page is not contract. */
#define RF_GUARD_HYPERCALL 0x00
#define RF_GUARD_COMMIT    0x10

/* Protection keys and the two values PKRU takes in a ring space (AD bit 2k, WD bit 2k+1). */
#define RF_KEY_WINDOW   1
#define RF_KEY_DOORBELL 2
#define RF_PKRU_CLOSED  0xfffffff8 /* key 0 free, key 1 WD, every other key AD+WD */
#define RF_PKRU_OPEN    0xffffffc0 /* keys 0, 1, 2 free */

#endif

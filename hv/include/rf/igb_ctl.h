/* SPDX-License-Identifier: MIT
 *
 * Control of an 82576 that has no say about memory: link, filters, pools, counters.
 *
 * hv/root/igb.c implements the first part. It runs in hv/root, where `write` is RF_SYS_NIC_WRITE
 * and ring 0's register table decides, and on a bare machine, where `write` is a plain store.
 * hv/kernel/nic/igb_queue.c implements the second part: what tells the NIC addresses. Ring 0 and the
 * bare build link it; hv/root does not (ring 0 would refuse every write of it).
 *
 * Queue pair q (0..7) is the only one used of pool q. Order on a bare machine:
 *   igb_ctl_init; igb_queue_setup(q); igb_queue_enable(q); igb_ctl_set_mac(q);
 *   igb_ctl_pool_enable(q, true); wait for igb_ctl_link_up.
 * PCI is the caller's: memory decoding and bus mastering MUST be on before igb_queue_enable.
 */
#ifndef RF_IGB_CTL_H
#define RF_IGB_CTL_H

#include "rf/nic_io.h"

/* ---- control: hv/root/igb.c -------------------------------------------------------------- */

/* The station address the NIC loaded from its EEPROM. Call it before igb_ctl_init. */
void igb_ctl_permanent_mac(const struct nic_io *io, uint8_t mac[6]);

/* Reset, restart autonegotiation, VMDq with 8 pools, all of them closed, no address accepted;
 * receiver and transmitter on. -RF_ETIMEDOUT: the PHY did not answer; or the error of a write. */
int igb_ctl_init(const struct nic_io *io);

/* Frames to `mac` (unicast) go to `pool`, and, where the NIC can, only frames from it leave. */
int igb_ctl_set_mac(const struct nic_io *io, unsigned pool, const uint8_t mac[6]);
int igb_ctl_clear_mac(const struct nic_io *io, unsigned pool);

/* One more address, number n (0 to 15), that goes to `pool`; mac NULL: none any more. */
int igb_ctl_soft_mac(const struct nic_io *io, unsigned n, unsigned pool, const uint8_t mac[6]);

/* Let the pool receive and send at all. Steer first: clear_mac, pool_enable(false), then revoke. */
int igb_ctl_pool_enable(const struct nic_io *io, unsigned pool, bool on);

bool igb_ctl_link_up(const struct nic_io *io); /* about 500 ms after init in QEMU, 2 s on copper */

int igb_ctl_stats(const struct nic_io *io, unsigned pool, struct nic_counters *stats);

/* ---- queues: hv/kernel/nic/igb_queue.c (ring 0 and bare build) ------------------------------------ */

/* Program both rings of a disabled queue: RF_RING_ENTRIES each, one zeroed page each, head =
 * tail = 0, 2 KiB buffers, drop when empty, no head write-back. */
int igb_queue_setup(const struct nic_io *io, unsigned queue, uint64_t rx_ring_bus, uint64_t tx_ring_bus);

/* Switch both directions on. -RF_ETIMEDOUT: the NIC did not confirm. Tails only move after this. */
int igb_queue_enable(const struct nic_io *io, unsigned queue);

/* Switch both directions off and wait, bounded, until the NIC says that all activity has ceased.
 * -RF_ETIMEDOUT: it did not; the NIC may still use rings and buffers. */
int igb_queue_disable(const struct nic_io *io, unsigned queue);

#endif

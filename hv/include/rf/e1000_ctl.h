/* SPDX-License-Identifier: MIT
 *
 * Control of an 82540EM, as igb_ctl.h is that of the 82576: in two parts.
 *
 * hv/root/e1000.c: what has no say about memory. hv/kernel/nic/e1000_queue.c: what tells the NIC addresses;
 * ring 0 links it, hv/root does not.
 *
 * There is one queue pair and no switch for it: RCTL.EN and TCTL.EN are that switch. Order:
 *   e1000_ctl_init; e1000_queue_setup; e1000_queue_enable; e1000_ctl_mac; e1000_ctl_open.
 */
#ifndef RF_E1000_CTL_H
#define RF_E1000_CTL_H

#include "rf/nic_io.h"

/* ---- control: hv/root/e1000.c -------------------------------------------------------------------- */

/* The station address: of the first receive address if something has put it there, else of the EEPROM. Before
 * e1000_ctl_init. -RF_ETIMEDOUT: the EEPROM does not answer. */
int e1000_ctl_permanent_mac(const struct nic_io *io, uint8_t mac[6]);

/* Reset, restart autonegotiation, no address accepted, receiver and transmitter off. -RF_ETIMEDOUT: the PHY
 * did not answer; or the error of a write. */
int e1000_ctl_init(const struct nic_io *io);

/* Frames to `mac` (unicast) are received; NULL: no longer. n < E1000_RA. */
int e1000_ctl_mac(const struct nic_io *io, unsigned n, const uint8_t *mac);

/* The same, for a queue of the switch, which looks at addresses itself: any n. Where the NIC has no place for
 * the address (this one has E1000_RA, Bochs's keeps 4), it receives the frames of all stations from then on.
 * Once the NIC is open. */
int e1000_ctl_switch_mac(const struct nic_io *io, unsigned n, const uint8_t *mac);

/* Receiver and transmitter on, broadcasts accepted: once ring 0 has enabled the queue. Also after a
 * revocation, which leaves the MAC reset. */
int e1000_ctl_open(const struct nic_io *io);
int e1000_ctl_close(
    const struct nic_io *io); /* the receiver off: what is handed over for sending may leave */

bool e1000_ctl_link_up(const struct nic_io *io);
int e1000_ctl_stats(const struct nic_io *io, struct nic_counters *stats);

/* ---- queues: hv/kernel/nic/e1000_queue.c ---------------------------------------------------------- */

/* Interrupts masked, DMA ended, the MAC reset; everything off, rings forgotten. -RF_ETIMEDOUT. */
int e1000_reset(const struct nic_io *io);

/* As igb_queue_*; the queue number is 0. Disable ends in a reset: nothing else makes the NIC forget
 * descriptors that it has fetched. */
int e1000_queue_setup(const struct nic_io *io, unsigned queue, uint64_t rx_ring_bus, uint64_t tx_ring_bus);
int e1000_queue_enable(const struct nic_io *io, unsigned queue);
int e1000_queue_disable(const struct nic_io *io, unsigned queue);

#endif

/* SPDX-License-Identifier: MIT
 * The NIC as guests see it: one queue pair each, of the NIC itself, steered by MAC (driver.c: the devices),
 * or a soft one behind the switch (switch.c). */
#ifndef NIC_H
#define NIC_H

#include "guest.h"
#include "rf/nic_io.h"

void nic_start(const struct config_host *config); /* finds, binds and initializes it; logs what it found */
/* Decides who gets which kind of queue, and starts the switch if it takes one. */
void nic_share(struct config *config, config_report report);
int nic_reserve(struct guest *g); /* before anything is built: 0, or -RF_EBUSY and g->why */
int nic_attach(struct guest *g);  /* assigns the reserved queue, steers, enables; 0 or -RF_E... and g->why */
void nic_detach(struct guest *g); /* steers away, closes, revokes */
void nic_describe(const struct guest *g, struct rf_queue *out);
/* Ring number of slot 0 (0 receive, 1 transmit) whose tail register is at va in g's space, or -1. */
int nic_doorbell_ring(const struct guest *g, uint64_t va);
void nic_tick(void); /* once a second: link changes, counters before they wrap */
struct nic_counters nic_stats(const struct guest *g); /* since its last nic_reserve */

#endif

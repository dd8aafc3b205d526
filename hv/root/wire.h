/* SPDX-License-Identifier: MIT
 *
 * The switch's own hardware queue pair: RF_VCPU_ROOT has it, RF_ROOT_POOL is its pool, buffer n of a ring
 * belongs to its slot n. What goes out is staged and handed over by RF_SYS_COMMIT, as by any guest.
 */
#ifndef WIRE_H
#define WIRE_H

#include "port.h"
#include "ringfence.h"

int wire_start(int nic, unsigned queue,
               enum rf_nic_model model); /* assigned, enabled, all its receive buffers given; -RF_E... */
bool wire_on(void);
bool wire_next(struct frame *f); /* received, to be given back by wire_received() */
void wire_received(void);
bool wire_has_room(void);
void wire_send(const struct frame *f); /* there is room */
void wire_flush(void);                 /* hands over what was sent, and buffers given back */
uint64_t wire_awaited(void);           /* the slot of the next frame to come, for RF_SYS_SWITCH_ARM */

#endif

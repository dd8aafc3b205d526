/* SPDX-License-Identifier: MIT
 *
 * The NIC register table (P2): what root may do with each register of a model. An allow-list: what no entry
 * covers is refused, reading and writing. Data and checker are pure: the unit tests compile the same files.
 */
#ifndef NIC_REGS_H
#define NIC_REGS_H

#include "guard/desc.h"
#include "kernel.h"

enum nic_class {
        NIC_RING0 = 0,    /* root may at most read it */
        NIC_FREE,         /* as root wants; it can neither move memory nor block a queue */
        NIC_FORCED,       /* root's value with `clear` taken out, then `set` put in */
        NIC_GATED_RESET,  /* as FORCED; but to set `gate` makes ring 0 revoke all queues and reset the NIC */
        NIC_GATED_ENABLE, /* as FORCED; but to set `gate` needs a NIC that ring 0 has reset, and see
                             one_switch */
};

struct nic_reg { /* `count` registers of 32 bits at first, first + step, ... */
        uint32_t first, step, count;
        uint32_t set, clear, gate;
        uint8_t cls; /* enum nic_class */
        bool readable;
};

/* What is data in the differences between models; what is code: struct nic_ops. [2]: receive, transmit. */
struct nic_model {
        uint16_t vendor, devices[4];
        uint32_t bar_bytes;
        uint32_t queues;              /* pairs that ring 0 hands out, at most NIC_QUEUES */
        bool one_switch;              /* RCTL.EN and TCTL.EN are the only queue's: not before it is enabled */
        uint32_t tail[2], queue_step; /* tail registers of queue 0, and how far on those of the next are */
        uint32_t status, link_up;     /* register, bit */
        const struct guard_form *form;
        const struct nic_reg *regs;
        uint32_t nregs;
};

extern const struct nic_model nic_82576, nic_82540em;

enum nic_verdict { NIC_STORE = 0, NIC_RESET = 1 };

/* May root store *value at off? NIC_STORE: *value, as changed, is to be stored; NIC_RESET: ring 0 is to reset
 * the NIC instead; -RF_EREFUSED; -RF_EBUSY: an enable, and the NIC is not `ready`. */
int nic_reg_write(const struct nic_model *model, bool ready, uint32_t off, uint32_t *value);
int nic_reg_read(const struct nic_model *model, uint32_t off); /* 0 or -RF_EREFUSED */

#endif

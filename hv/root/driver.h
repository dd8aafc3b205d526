/* SPDX-License-Identifier: MIT
 * What root must know of a NIC model. Every function returns 0 or -RF_E... */
#ifndef DRIVER_H
#define DRIVER_H

#include "rf/nic_io.h"
#include "ringfence.h"

struct nic_driver {
        uint16_t vendor, device;
        const char *name;
        enum rf_nic_model model;
        unsigned queues; /* at most NIC_QUEUES */
        uint32_t tail_rx, tail_tx,
            queue_step; /* tail registers of queue 0, and how far on the next queue's are */
        int (*init)(const struct nic_io *io);
        /* An enabled queue receives and sends: frames to mac, and broadcasts; mac NULL: broadcasts only. */
        int (*open)(const struct nic_io *io, unsigned queue, const uint8_t mac[6]);
        int (*close)(const struct nic_io *io, unsigned queue);
        /* One more address, number n (0 to 15), that goes to `queue`, which was opened without one; NULL:
         * none. */
        int (*soft_mac)(const struct nic_io *io, unsigned n, unsigned queue, const uint8_t mac[6]);
        bool (*link_up)(const struct nic_io *io);
        int (*stats)(const struct nic_io *io, unsigned queue, struct nic_counters *stats);
};

enum { NIC_QUEUES = 8 };

const struct nic_driver *nic_driver_of(uint16_t vendor, uint16_t device); /* NULL: none */

#endif

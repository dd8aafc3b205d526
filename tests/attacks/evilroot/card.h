/* SPDX-License-Identifier: MIT
 * What the attacks must know of each NIC model: the 82576 with eight queue pairs, the 82540EM with one. */
#ifndef CARD_H
#define CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rf/nic_form.h"
#include "rf/nic_io.h"

struct named_register {
        const char *name;
        uint32_t off;
};

struct card {
        uint16_t device;
        unsigned queues;                 /* that attacks use */
        uint32_t step;                   /* from one queue's registers to the next one's */
        uint32_t bar_bytes, ctrl, reset; /* CTRL, and its bit that resets the NIC */
        uint32_t rdt, tdt, tdbal;        /* of queue 0 */
        uint32_t beside, base; /* in the pages of the doorbells: another's tail or head, a ring base */
        uint64_t tx_rs;        /* in a transmit descriptor: free, the guard sets it */
        const struct nic_form *form;
        bool wire_bits; /* writing back puts bits of a frame where its address stood */
        const struct named_register *forbidden; /* root may write none of them */
        size_t nforbidden;
        int (*init)(const struct nic_io *io);
        bool (*link_up)(const struct nic_io *io);
        int (*open)(const struct nic_io *io, unsigned queue, const uint8_t *mac); /* frames to mac go there */
        void (*close)(const struct nic_io *io, unsigned queue);
        bool (*forced)(const struct nic_io *io); /* is what ring 0 forces in place, and no tail moved? */
        bool (*queue_off)(const struct nic_io *io, unsigned queue);
};

extern const struct card card_82576, card_82540em;

#endif

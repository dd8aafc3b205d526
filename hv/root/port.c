/* SPDX-License-Identifier: MIT
 * A soft queue from the device's side: see port.h. Rings are those of an 82576: igb_desc.h. */
#include "port.h"

#include "rf/igb_desc.h"
#include "rf_string.h"

enum { RX, TX, MASK = RF_RING_ENTRIES - 1 };

/* Receive write-back, 82576 datasheet 7.1.5.2: status and error, then the length at bit 32. */
enum { STATUS_DD = 1, STATUS_EOP = 2 };
#define STATUS_ERROR 0x80000000u /* RXE */

void frame_snapshot(struct frame *f, const uint8_t *data, uint32_t length)
{
        f->length = length;
        f->data = data;
        memcpy(f->head, data, length < FRAME_HEAD ? length : FRAME_HEAD);
}

uint32_t frame_copy(uint8_t *to, const struct frame *f)
{
        uint32_t head = f->length < FRAME_HEAD ? f->length : FRAME_HEAD;

        memcpy(to, f->head, head);
        memcpy(to + head, f->data + head, f->length - head);
        if (f->length >= FRAME_MIN)
                return f->length;
        memset(to + f->length, 0, FRAME_MIN - f->length);
        return FRAME_MIN;
}

/* Slots handed over that the device is not done with. More than a ring holds: nothing is believed. */
static uint32_t waiting(const struct port *p, unsigned direction, uint32_t head)
{
        uint32_t n = __atomic_load_n(&p->state->ring[direction].clean, __ATOMIC_ACQUIRE) - head;

        return n <= MASK ? n : 0;
}

enum port_next port_next(struct port *p, struct frame *f)
{
        const volatile struct port_desc *d = &p->tx[p->tx_head & MASK];
        uint64_t address, length;

        if (waiting(p, TX, p->tx_head) == 0)
                return PORT_EMPTY;
        address = d->lo;
        length = d->hi & IGB_TX_LEN_MASK;
        if (address > p->limit || length < IGB_TX_LEN_MIN || length > IGB_TX_LEN_MAX) {
                p->bad++;
                return PORT_BAD;
        }
        frame_snapshot(f, p->pool + address, (uint32_t)length);
        return PORT_FRAME;
}

void port_sent(struct port *p)
{
        volatile struct port_desc *d = &p->tx[p->tx_head & MASK];

        __atomic_store_n(&d->hi, d->hi | (uint64_t)IGB_TX_DD << 8 * (IGB_TX_DD_OFF - 8), __ATOMIC_RELEASE);
        p->tx_head++;
}

static void write_back(struct port *p, uint32_t status, uint32_t length)
{
        volatile struct port_desc *d = &p->rx[p->rx_head & MASK];

        d->lo = 0;
        __atomic_store_n(&d->hi, STATUS_DD | STATUS_EOP | status | (uint64_t)length << 32, __ATOMIC_RELEASE);
        p->rx_head++;
        p->delivered = true;
}

bool port_deliver(struct port *p, const struct frame *f, bool from_wire)
{
        uint32_t buffers = waiting(p, RX, p->rx_head), length;
        uint64_t address;

        p->most = buffers > p->most ? buffers : p->most;
        if (buffers <= (from_wire ? 0 : p->most / PORT_SPARE)) {
                p->count.rx_drops++;
                return false;
        }
        address = p->rx[p->rx_head & MASK].lo;
        if (address > p->limit) {
                p->bad++;
                write_back(p, STATUS_ERROR, 0);
                return false;
        }
        length = frame_copy(p->pool + address, f);
        write_back(p, 0, length);
        p->count.rx_frames++;
        p->count.rx_bytes += length + FRAME_CRC;
        return true;
}

bool port_wants_wake(struct port *p)
{
        bool wake = p->delivered && p->state->waiting != 0;

        p->delivered = false;
        return wake;
}

/* SPDX-License-Identifier: MIT
 *
 * The registers of an 82576 queue pair that hold addresses, and its switches. Ring 0 and bare images link
 * this; hv/root does not. The order of steps is that of the 82576 datasheet, chapter 4.5 (initialization).
 */
#include "rf/error.h"
#include "rf/igb_ctl.h"
#include "rf/igb_desc.h"
#include "rf/igb_regs.h"

enum { POLLS = 100, POLL_US = 100 /* 10 ms in all: 256 full frames leave in 3.2 ms at 1 Gb/s */ };
enum { RING_BYTES = RF_RING_ENTRIES * 16 };

static uint32_t get(const struct nic_io *io, uint32_t off, unsigned queue)
{
        return io->read(io->ctx, off + IGB_QUEUE_STEP * queue);
}

/* Writes RXDCTL or TXDCTL and waits until ENABLE reads as it was written. When it reads 0, the NIC has ended
 * all activity of the queue; the read has also pushed the NIC's last writes to memory before it. */
static int switch_queue(const struct nic_io *io, unsigned queue, uint32_t off, uint32_t val)
{
        int error = io->write(io->ctx, off + IGB_QUEUE_STEP * queue, val);

        for (unsigned i = 0; i < POLLS && error == 0; i++) {
                if (((get(io, off, queue) ^ val) & IGB_XDCTL_ENABLE) == 0)
                        return 0;
                io->delay_us(io->ctx, POLL_US);
        }
        return error ? error : -RF_ETIMEDOUT;
}

int igb_queue_setup(const struct nic_io *io, unsigned queue, uint64_t rx_ring_bus, uint64_t tx_ring_bus)
{
        const uint32_t settings[][2] = {
            {IGB_RDBAL0, (uint32_t)rx_ring_bus},
            {IGB_RDBAH0, (uint32_t)(rx_ring_bus >> 32)},
            {IGB_RDLEN0, RING_BYTES},
            {IGB_SRRCTL0, IGB_SRRCTL_VALUE},
            {IGB_RXCTL0, 0}, /* no cache hints, strict ordering: data lands before DD */
            {IGB_RDH0, 0},
            {IGB_RDT0, 0},
            {IGB_TDBAL0, (uint32_t)tx_ring_bus},
            {IGB_TDBAH0, (uint32_t)(tx_ring_bus >> 32)},
            {IGB_TDLEN0, RING_BYTES},
            {IGB_TXCTL0, 0},
            {IGB_TDWBAL0, 0}, /* completions go to the descriptors, to no other address */
            {IGB_TDWBAH0, 0},
            {IGB_TDH0, 0},
            {IGB_TDT0, 0},
        };
        int error = igb_queue_disable(io, queue); /* a reset leaves queue 0 enabled */

        for (unsigned i = 0; i < sizeof settings / sizeof settings[0] && error == 0; i++)
                error = io->write(io->ctx, settings[i][0] + IGB_QUEUE_STEP * queue, settings[i][1]);
        return error;
}

int igb_queue_enable(const struct nic_io *io, unsigned queue)
{
        int error = switch_queue(io, queue, IGB_RXDCTL0, IGB_RXDCTL_THRESH | IGB_XDCTL_ENABLE)
                        ?: switch_queue(io, queue, IGB_TXDCTL0, IGB_TXDCTL_THRESH | IGB_XDCTL_ENABLE);

        if (error == 0 && (get(io, IGB_RDH0, queue) | get(io, IGB_RDT0, queue) | get(io, IGB_TDH0, queue) |
                           get(io, IGB_TDT0, queue)))
                error = -RF_EBUSY; /* the owner's indices would not be the NIC's */
        if (error)
                igb_queue_disable(io, queue);
        return error;
}

int igb_queue_disable(const struct nic_io *io, unsigned queue)
{
        int tx;

        /* What was handed over may still leave; with the link down it never will. */
        for (unsigned i = 0; i < POLLS && get(io, IGB_TDH0, queue) != get(io, IGB_TDT0, queue); i++)
                io->delay_us(io->ctx, POLL_US);
        tx = switch_queue(io, queue, IGB_TXDCTL0, IGB_TXDCTL_THRESH);
        return switch_queue(io, queue, IGB_RXDCTL0, IGB_RXDCTL_THRESH) ?: tx;
}

/* SPDX-License-Identifier: MIT
 *
 * The registers of the 82540EM that hold addresses, and its reset. Ring 0 and bare images link this; hv/root
 * does not. Source: 8254x Software Developer's Manual, 14.3 to 14.5 (initialization).
 */
#include "rf/e1000_ctl.h"
#include "rf/e1000_desc.h"
#include "rf/e1000_regs.h"
#include "rf/error.h"

enum { POLLS = 100, POLL_US = 100 /* 10 ms in all: 256 full frames leave in 3.2 ms at 1 Gb/s */ };
enum { SETTLE_US = 10000 /* what is under way on the bus */, RESET_US = 10000 /* EEPROM load included */ };
enum { RING_BYTES = RF_RING_ENTRIES * 16 };

static uint32_t get(const struct nic_io *io, uint32_t off)
{
        return io->read(io->ctx, off);
}

static int put_all(const struct nic_io *io, const uint32_t settings[][2], unsigned n)
{
        int error = 0;

        for (unsigned i = 0; i < n && error == 0; i++)
                error = io->write(io->ctx, settings[i][0], settings[i][1]);
        return error;
}

#define PUT_ALL(io, settings) put_all(io, settings, sizeof(settings) / sizeof((settings)[0]))

/* Not left to the reset, which in QEMU and Bochs changes no register. */
static int preset(const struct nic_io *io)
{
        const uint32_t settings[][2] = {
            {E1000_IMC, ~0u},
            {E1000_RCTL, 0},
            {E1000_TCTL, E1000_TCTL_PSP},
            {E1000_RDLEN, 0},
            {E1000_RDBAL, 0},
            {E1000_RDBAH, 0},
            {E1000_RDH, 0},
            {E1000_RDT, 0},
            {E1000_TDLEN, 0},
            {E1000_TDBAL, 0},
            {E1000_TDBAH, 0},
            {E1000_TDH, 0},
            {E1000_TDT, 0},
            {E1000_ITR, 0}, /* interrupts at once */
            {E1000_RDTR, 0},
            {E1000_RADV, 0},
            {E1000_TIDV, 0},
            {E1000_TADV, 0},
            {E1000_RXDCTL, E1000_XDCTL_VALUE},
            {E1000_TXDCTL, E1000_XDCTL_VALUE},
            {E1000_RXCSUM, 0},
            {E1000_MANC, get(io, E1000_MANC) & ~(uint32_t)E1000_MANC_ARP_EN},
            /* no guest pauses the wire, nor the wire a guest */
            {E1000_CTRL,
             get(io, E1000_CTRL) & ~(uint32_t)(E1000_CTRL_RFCE | E1000_CTRL_TFCE | E1000_CTRL_VME)},
        };

        return PUT_ALL(io, settings);
}

static uint32_t heads_and_tails(const struct nic_io *io)
{
        return get(io, E1000_RDH) | get(io, E1000_RDT) | get(io, E1000_TDH) | get(io, E1000_TDT);
}

/* A reset in the middle of a transaction may hang the bus: DMA is ended first. */
int e1000_reset(const struct nic_io *io)
{
        const uint32_t off[][2] = {{E1000_IMC, ~0u}, {E1000_RCTL, 0}, {E1000_TCTL, E1000_TCTL_PSP}};
        int error = PUT_ALL(io, off);

        (void)get(io, E1000_STATUS); /* the writes have arrived */
        io->delay_us(io->ctx, SETTLE_US);
        if (error == 0)
                error = io->write(io->ctx, E1000_CTRL, get(io, E1000_CTRL) | E1000_CTRL_RST);
        io->delay_us(io->ctx, RESET_US);
        if (error == 0 && (get(io, E1000_CTRL) & E1000_CTRL_RST))
                error = -RF_ETIMEDOUT;
        if (error == 0)
                error = preset(io);
        (void)get(io, E1000_ICR);
        return error == 0 && heads_and_tails(io) != 0 ? -RF_ETIMEDOUT : error;
}

/* Receiver and transmitter are off (e1000_reset). */
int e1000_queue_setup(const struct nic_io *io, unsigned queue, uint64_t rx_ring_bus, uint64_t tx_ring_bus)
{
        const uint32_t settings[][2] = {
            {E1000_RDBAL, (uint32_t)rx_ring_bus},
            {E1000_RDBAH, (uint32_t)(rx_ring_bus >> 32)},
            {E1000_RDLEN, RING_BYTES},
            {E1000_RDH, 0},
            {E1000_RDT, 0},
            {E1000_TDBAL, (uint32_t)tx_ring_bus},
            {E1000_TDBAH, (uint32_t)(tx_ring_bus >> 32)},
            {E1000_TDLEN, RING_BYTES},
            {E1000_TDH, 0},
            {E1000_TDT, 0},
        };

        return queue != 0 ? -RF_EINVAL : PUT_ALL(io, settings);
}

int e1000_queue_enable(const struct nic_io *io, unsigned queue)
{
        if (queue != 0)
                return -RF_EINVAL;
        return heads_and_tails(io) != 0 ? -RF_EBUSY : 0; /* the owner's indices would not be the NIC's */
}

int e1000_queue_disable(const struct nic_io *io, unsigned queue)
{
        int error = io->write(io->ctx, E1000_RCTL, get(io, E1000_RCTL) & ~(uint32_t)E1000_RCTL_EN);

        /* What was handed over may still leave; with the link down it never will. */
        for (unsigned i = 0; i < POLLS && get(io, E1000_TDH) != get(io, E1000_TDT); i++)
                io->delay_us(io->ctx, POLL_US);
        return error ? error : e1000_reset(io);
}

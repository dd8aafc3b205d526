/* SPDX-License-Identifier: MIT
 * The NIC models that root can drive. */
#include "driver.h"

#include <stddef.h>

#include "rf/e1000_ctl.h"
#include "rf/e1000_desc.h"
#include "rf/igb_ctl.h"
#include "rf/igb_desc.h"

/* ---- 82576: a pool of the NIC's own switch for each queue ------------------------------------- */

static int igb_open(const struct nic_io *io, unsigned queue, const uint8_t mac[6])
{
        int error = mac != NULL ? igb_ctl_set_mac(io, queue, mac) : 0;

        return error != 0 ? error : igb_ctl_pool_enable(io, queue, true);
}

static int igb_close(const struct nic_io *io, unsigned queue)
{
        int error = igb_ctl_clear_mac(io, queue);

        return error != 0 ? error : igb_ctl_pool_enable(io, queue, false);
}

/* ---- 82540EM: one queue ------------------------------------------------------------------------ */

static int e1000_open(const struct nic_io *io, unsigned queue, const uint8_t mac[6])
{
        int error = mac != NULL ? e1000_ctl_mac(io, 0, mac) : 0;

        return error != 0 ? error : e1000_ctl_open(io);
}

static int e1000_close(const struct nic_io *io, unsigned queue)
{
        int error = e1000_ctl_mac(io, 0, NULL);

        return error != 0 ? error : e1000_ctl_close(io);
}

static int e1000_soft_mac(const struct nic_io *io, unsigned n, unsigned queue, const uint8_t mac[6])
{
        return e1000_ctl_switch_mac(io, n, mac);
}

static int e1000_stats(const struct nic_io *io, unsigned queue, struct nic_counters *stats)
{
        return e1000_ctl_stats(io, stats);
}

/* ---- all --------------------------------------------------------------------------------------- */

static const struct nic_driver drivers[] = {
    {
        .vendor = 0x8086,
        .device = 0x10c9,
        .name = "82576",
        .model = RF_NIC_82576,
        .queues = NIC_QUEUES,
        .tail_rx = IGB_RDT0,
        .tail_tx = IGB_TDT0,
        .queue_step = IGB_QUEUE_STEP,
        .init = igb_ctl_init,
        .open = igb_open,
        .close = igb_close,
        .soft_mac = igb_ctl_soft_mac,
        .link_up = igb_ctl_link_up,
        .stats = igb_ctl_stats,
    },
    {
        .vendor = 0x8086,
        .device = 0x100e,
        .name = "82540EM",
        .model = RF_NIC_82540EM,
        .queues = 1,
        .tail_rx = E1000_RDT,
        .tail_tx = E1000_TDT,
        .init = e1000_ctl_init,
        .open = e1000_open,
        .close = e1000_close,
        .soft_mac = e1000_soft_mac,
        .link_up = e1000_ctl_link_up,
        .stats = e1000_stats,
    },
};

const struct nic_driver *nic_driver_of(uint16_t vendor, uint16_t device)
{
        for (unsigned i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
                if (drivers[i].vendor == vendor && drivers[i].device == device)
                        return &drivers[i];
        return NULL;
}

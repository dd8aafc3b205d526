/* SPDX-License-Identifier: MIT
 * The NIC: finding and binding it, and one queue pair a guest. Every register access is a system call that
 * ring 0's table judges; rings, bases and tails are ring 0's alone. */
#include "nic.h"

#include "driver.h"
#include "log.h"
#include "rf/igb_desc.h"
#include "rf/layout.h"
#include "rf_string.h"
#include "switch.h"
#include "sys.h"
#include "wire.h"

enum { CLASS_ETHERNET = 0x0200 };

enum pool_state { POOL_FREE, POOL_USED, POOL_LOST /* did not drain: the NIC may still use its buffers */ };

static struct {
        int id; /* ring 0's, -1: none */
        bool link;
        const struct nic_driver *driver;
        enum pool_state pool[NIC_QUEUES];
        struct nic_counters total[NIC_QUEUES], base[NIC_QUEUES];
} nic = {.id = -1};

/* ---- struct nic_io --------------------------------------------------------------------------- */

static uint32_t io_read(void *ctx, uint32_t offset)
{
        int64_t value = sys_nic_read(nic.id, offset);

        return value < 0 ? 0xffffffff : (uint32_t)value; /* as a read of a device that is gone */
}

static int io_write(void *ctx, uint32_t offset, uint32_t value)
{
        int64_t error = sys_nic_write(nic.id, offset, value);

        if (error == -RF_EREFUSED)
                log_line("error: nic: ring 0 refuses a write of register 0x%x", offset);
        return (int)error;
}

static void io_delay(void *ctx, unsigned us)
{
        uint64_t end = tsc_now() + HOST->tsc_hz / 1000000 * us;

        while (tsc_now() < end)
                __asm__ volatile("pause");
}

static void io_log(void *ctx, const char *message)
{
        log_line("nic: %s", message);
}

static const struct nic_io io = {NULL, io_read, io_write, io_delay, io_log};

/* ---- finding it ------------------------------------------------------------------------------ */

static bool try_function(const volatile struct rf_pci_fn *f)
{
        const struct nic_driver *driver = nic_driver_of(f->vendor, f->device);
        unsigned bus = f->bdf >> 8, device = f->bdf >> 3 & 31, function = f->bdf & 7;
        int64_t id;
        int error;

        if (driver == NULL) {
                log_line(
                    "nic %02x:%02x.%x [%04x:%04x] is not supported; supported: 8086:10c9 (Intel 82576), 8086:100e "
                    "(Intel 82540EM)",
                    bus, device, function, f->vendor, f->device);
                return false;
        }
        id = sys_nic_bind(f->bdf);
        nic.id = id < 0 ? -1 : (int)id;
        nic.driver = driver;
        error = id < 0 ? (int)id : driver->init(&io);
        if (error != 0) {
                log_line("error: nic %02x:%02x.%x %s does not start: %s", bus, device, function, driver->name,
                         error_name(error));
                nic.id = -1;
                return false;
        }
        log_line("nic %02x:%02x.%x [%04x:%04x] %s, %u queue pair%s", bus, device, function, f->vendor,
                 f->device, driver->name, driver->queues, driver->queues == 1 ? "" : "s");
        return true;
}

void nic_start(const struct config_host *config)
{
        bool wanted = false;

        if (config->nic == NIC_NONE)
                return;
        for (uint32_t i = 0; i < HOST->npci && nic.id < 0; i++) {
                const volatile struct rf_pci_fn *f = &HOST->pci[i];

                if (config->nic == NIC_ADDRESS ? f->bdf != config->nic_bdf : f->class_sub != CLASS_ETHERNET)
                        continue;
                wanted = true;
                try_function(f);
        }
        if (!wanted && config->nic == NIC_ADDRESS)
                log_line(
                    "error: ringfence.conf:%u: no device at this address; expected nic = auto, or one of lspci",
                    config->key_line[HOST_NIC]);
        if (nic.id < 0)
                log_line("no usable nic: guests start without a queue");
}

/* ---- one queue pair a guest ------------------------------------------------------------------ */

static void read_stats(int queue)
{
        nic.driver->stats(&io, (unsigned)queue, &nic.total[queue]);
}

/* The last pool is the switch's. It hears broadcasts at once, and each guest's address when that guest
 * starts. */
void nic_share(struct config *config, config_report report)
{
        const unsigned pairs = nic.id < 0 ? 0 : nic.driver->queues, pool = pairs - 1;
        int error;

        if (!config_share_queues(config, pairs, report, NULL))
                return;
        nic.pool[pool] = POOL_USED;
        error = wire_start(nic.id, pool, nic.driver->model);
        if (error == 0)
                error = nic.driver->open(&io, pool, NULL);
        if (error != 0)
                log_line("error: nic: the switch has no queue: %s", error_name(error));
        else
                log_line("nic: queue %u is the switch's, for guests with soft queues", pool);
}

static int free_pool(void)
{
        for (unsigned i = 0; nic.id >= 0 && i < nic.driver->queues; i++)
                if (nic.pool[i] == POOL_FREE)
                        return (int)i;
        return -1;
}

static int soft_mac(unsigned n, const uint8_t *mac)
{
        return nic.driver->soft_mac(&io, n, nic.driver->queues - 1, mac);
}

/* The queue runs before the pool opens, so that the first frame finds it ready to drop or to receive. */
static int64_t enable(const struct guest *g, unsigned queue)
{
        int64_t error;

        if (g->soft) {
                error = switch_attach(g);
                return error != 0 || !wire_on() ? error : soft_mac(queue, g->config->mac);
        }
        error = sys_queue_assign(nic.id, queue, g->vcpu[0], 0, RF_POOL_VA, g->layout.pool_pages);

        if (error == 0)
                error = sys_queue_enable(nic.id, queue);
        if (error == 0)
                error = nic.driver->open(&io, queue, g->config->mac);
        return error;
}

int nic_reserve(struct guest *g)
{
        int queue = free_pool();

        g->soft = g->config->queue == QUEUE_SOFT;
        if (g->soft)
                g->queue = (int)g->number - 1;
        if (g->soft || nic.id < 0)
                return 0;
        if (queue < 0) {
                guest_why(g, "no hardware queue is left; expected at most %u guests on this nic",
                          nic.driver->queues);
                return -RF_EBUSY;
        }
        nic.pool[queue] = POOL_USED;
        g->queue = queue;
        read_stats(queue);
        nic.base[queue] = nic.total[queue];
        return 0;
}

int nic_attach(struct guest *g)
{
        int64_t error;

        if (g->queue < 0)
                return 0;
        error = enable(g, (unsigned)g->queue);
        if (error != 0)
                guest_why(g, "%squeue %d does not start: %s", g->soft ? "soft " : "", g->queue,
                          error_name(error));
        return (int)error;
}

void nic_detach(struct guest *g)
{
        unsigned queue = (unsigned)g->queue;
        int64_t error;

        if (g->queue < 0)
                return;
        if (g->soft) {
                if (wire_on())
                        soft_mac(queue, NULL);
                switch_detach(g);
                return;
        }
        nic.driver->close(&io, queue);
        error = sys_queue_revoke(nic.id, queue);
        read_stats(g->queue);
        nic.pool[queue] = error == -RF_ETIMEDOUT ? POOL_LOST : POOL_FREE;
        if (error == -RF_ETIMEDOUT)
                log_line("error: %s: queue %u does not drain; it and its memory are lost until reboot",
                         g->config->name, queue);
}

void nic_describe(const struct guest *g, struct rf_queue *out)
{
        static const struct nic_driver soft = {
            .model = RF_NIC_82576, .tail_rx = IGB_RDT0, .tail_tx = IGB_TDT0};
        const struct nic_driver *d = g->soft ? &soft : nic.driver;
        unsigned queue = (unsigned)g->queue;
        int id = g->soft ? RF_NIC_OF_SOFT : nic.id;

        memset(out, 0, sizeof(*out));
        out->model = d->model;
        out->entries = RF_RING_ENTRIES;
        memcpy(out->mac, g->config->mac, sizeof(out->mac));
        out->mtu = 1500;
        out->buffer_bytes = RF_BUFFER_BYTES;
        out->ring_rx = (uint64_t)sys_queue_get(id, queue, RF_QUEUE_RING_RX);
        out->ring_tx = (uint64_t)sys_queue_get(id, queue, RF_QUEUE_RING_TX);
        out->staging_rx = out->ring_rx + RF_STAGING_DELTA;
        out->staging_tx = out->ring_tx + RF_STAGING_DELTA;
        out->doorbell_rx = (uint64_t)RF_DOORBELL_VA + d->tail_rx + queue * d->queue_step;
        out->doorbell_tx = (uint64_t)RF_DOORBELL_VA + d->tail_tx + queue * d->queue_step;
        out->pool = RF_POOL_VA;
        out->pool_bytes = g->layout.pool_pages * RF_PAGE_SIZE;
}

int nic_doorbell_ring(const struct guest *g, uint64_t va)
{
        struct rf_queue q;

        if (g->queue < 0)
                return -1;
        nic_describe(g, &q);
        if (va != q.doorbell_rx && va != q.doorbell_tx)
                return -1;
        return va == q.doorbell_tx;
}

struct nic_counters nic_stats(const struct guest *g)
{
        int queue = g->queue;
        struct nic_counters s;
        const struct nic_counters *base = &nic.base[queue % NIC_QUEUES];

        if (g->soft)
                return switch_counters(g);
        s = nic.total[queue];
        if (nic.pool[queue] == POOL_USED) {
                read_stats(queue);
                s = nic.total[queue];
        }
        s.rx_frames -= base->rx_frames;
        s.tx_frames -= base->tx_frames;
        s.rx_bytes -= base->rx_bytes;
        s.tx_bytes -= base->tx_bytes;
        s.rx_drops -= base->rx_drops;
        return s;
}

void nic_tick(void)
{
        bool link;

        if (nic.id < 0)
                return;
        for (int i = 0; i < NIC_QUEUES; i++)
                if (nic.pool[i] == POOL_USED)
                        read_stats(i);
        link = nic.driver->link_up(&io);
        if (link != nic.link)
                log_line("nic: link %s", link ? "up" : "down");
        nic.link = link;
}

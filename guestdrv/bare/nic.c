/* SPDX-License-Identifier: MIT
 * The 82576 on the bare machine: the same control and queue code as under the hypervisor, with plain stores.
 */
#include "bare.h"
#include "rf/igb_ctl.h"
#include "rf/igb_desc.h"
#include "rf/igb_regs.h"
#include "rf_string.h"
#include "ringfence_sdk.h"

enum {
        VENDOR_INTEL = 0x8086,
        DEVICE_82576 = 0x10c9,
        QUEUE = 0,
        POOL_PAGES = 1024, /* 4 MiB */
        LINK_SECONDS = 10,
};

static volatile uint8_t *bar;
static uint64_t ticks_per_us;

static uint32_t read(void *ctx, uint32_t off)
{
        return *(volatile uint32_t *)(bar + off);
}

static int write(void *ctx, uint32_t off, uint32_t val)
{
        *(volatile uint32_t *)(bar + off) = val;
        return 0;
}

static void delay_us(void *ctx, unsigned us)
{
        uint64_t start = rf_rdtsc();

        while (rf_rdtsc() - start < us * ticks_per_us)
                rf_relax();
}

static void print_log(void *ctx, const char *msg)
{
        bare_printf("bare: %s\n", msg);
}

static const struct nic_io io = {.read = read, .write = write, .delay_us = delay_us, .log = print_log};

static void need(int error, const char *what)
{
        if (error != 0)
                bare_panic("NIC: %s failed, error %d", what, -error);
}

static void wait_link(void)
{
        for (unsigned ms = 0; ms < LINK_SECONDS * 1000; ms++) {
                if (igb_ctl_link_up(&io))
                        return;
                delay_us(NULL, 1000);
        }
        bare_printf("bare: NIC: no link after %u s\n", LINK_SECONDS);
}

static void describe(const struct rf_boot_info *boot, const uint8_t mac[6], const uint8_t *rings,
                     struct rf_queue *q)
{
        uint8_t *pool = bare_pages(boot, POOL_PAGES);

        *q = (struct rf_queue){
            .model = RF_NIC_82576,
            .entries = RF_RING_ENTRIES,
            .mtu = 1500,
            .buffer_bytes = RF_BUFFER_BYTES,
            .ring_rx = (uint64_t)(uintptr_t)rings,
            .ring_tx = (uint64_t)(uintptr_t)(rings + RF_PAGE_SIZE),
            .doorbell_rx = (uint64_t)(uintptr_t)(bar + IGB_RDT0 + QUEUE * IGB_QUEUE_STEP),
            .doorbell_tx = (uint64_t)(uintptr_t)(bar + IGB_TDT0 + QUEUE * IGB_QUEUE_STEP),
            .pool = (uint64_t)(uintptr_t)pool,
            .pool_bytes = POOL_PAGES * RF_PAGE_SIZE,
            .pool_bus = (uint64_t)(uintptr_t)pool,
        };
        memcpy(q->mac, mac, sizeof(q->mac));
}

void bare_nic_start(const struct rf_boot_info *boot, const struct bare_conf *c, struct rf_info *info)
{
        uint64_t hpa = bare_pci_find(VENDOR_INTEL, DEVICE_82576);
        uint8_t mac[6], *rings = bare_pages(boot, 2);
        uint64_t rings_bus = (uint64_t)(uintptr_t)rings;

        if (hpa == 0)
                bare_panic("no NIC %04x:%04x, or the firmware gave it no address", VENDOR_INTEL,
                           DEVICE_82576);
        ticks_per_us = info->tsc_hz / 1000000 + 1;
        bar = bare_map_device(boot, hpa, IGB_BAR_BYTES);
        igb_ctl_permanent_mac(&io, mac);
        if (c->has_mac)
                memcpy(mac, c->mac, sizeof(mac));
        need(igb_ctl_init(&io), "reset");
        need(igb_queue_setup(&io, QUEUE, rings_bus, rings_bus + RF_PAGE_SIZE), "queue set-up");
        need(igb_queue_enable(&io, QUEUE), "queue enable");
        need(igb_ctl_set_mac(&io, QUEUE, mac), "address filter");
        need(igb_ctl_pool_enable(&io, QUEUE, true), "pool enable");
        wait_link();
        describe(boot, mac, rings, &info->queue[0]);
        info->nqueues = 1;
}

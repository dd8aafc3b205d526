/* SPDX-License-Identifier: MIT
 * A bare image's start: what the hypervisor would have prepared, then the SDK. */
#include "../sdk/sdk.h"
#include "bare.h"
#include "rf_string.h"

enum { HEAP_PAGES = 2048 };

static struct rf_info info;

static void read_conf(const struct rf_boot_info *boot, struct bare_conf *c)
{
        const struct rf_boot_file *f = &boot->file[0];
        int error;

        if (boot->nfiles == 0 || f->status != RF_FILE_LOADED)
                bare_panic("ringfence.conf was not loaded");
        error = bare_conf_read((const char *)(uintptr_t)f->hpa, f->bytes, c);
        if (error == -RF_ENOENT)
                bare_panic("ringfence.conf: no bare = NAME in [host]");
        if (error != 0)
                bare_panic("ringfence.conf: [guest %s]: arguments too long, or mac not xx:xx:xx:xx:xx:xx",
                           c->name);
}

static void fill_info(const struct rf_boot_info *boot, const struct bare_conf *c)
{
        info.magic = RF_ABI_MAGIC;
        info.version = RF_ABI_VERSION;
        info.bytes = sizeof(info);
        info.vcpus = 1;
        info.tsc_hz = bare_tsc_hz();
        if (info.tsc_hz == 0)
                bare_panic("the PIT does not count: TSC frequency unknown");
        info.boot_tsc = rf_rdtsc();
        info.hypercall = (uint64_t)(uintptr_t)bare_hypercall_entry;
        info.commit = (uint64_t)(uintptr_t)bare_commit;
        info.heap = (uint64_t)(uintptr_t)bare_pages(boot, HEAP_PAGES);
        info.heap_bytes = HEAP_PAGES * RF_PAGE_SIZE;
        rf_strlcpy(info.name, c->name, sizeof(info.name));
        rf_strlcpy(info.arguments, c->arguments, sizeof(info.arguments));
}

void bare_main(const struct rf_boot_info *boot)
{
        static struct bare_conf conf;

        bare_serial_start(boot->magic == RF_BOOT_MAGIC && boot->serial != 0);
        bare_trap_start();
        if (boot->magic != RF_BOOT_MAGIC || boot->version != RF_BOOT_VERSION)
                bare_panic("this image is for loader ABI %u, the loader has %u", RF_BOOT_VERSION,
                           boot->version);
        read_conf(boot, &conf);
        fill_info(boot, &conf);
        bare_nic_start(boot, &conf, &info);
        bare_calls_start(&info);
        bare_printf("bare: %s ready, TSC %lu kHz\n", info.name, info.tsc_hz / 1000);
        rf_start(&info);
}

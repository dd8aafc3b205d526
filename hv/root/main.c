/* SPDX-License-Identifier: MIT
 * hv/root: the ring-3 part of the host. One thread, one loop: move the frames of soft queues, wait for a
 * request of a vCPU or a deadline, answer, look after consoles, restarts and the table. */
#include "config.h"
#include "console.h"
#include "guest.h"
#include "keys.h"
#include "log.h"
#include "nic.h"
#include "switch.h"
#include "sys.h"
#include "table.h"

enum { POLL_MS = 20, SLOW_POLL_MS = 3000, SECOND_MS = 1000 }; /* keys and guest consoles have no interrupt */

static struct config config;

void root_main(void);

static void report_config(void *ctx, unsigned line, const char *text)
{
        log_line("error: ringfence.conf:%u: %s", line, text);
}

static void read_config(void)
{
        const struct rf_boot_file *f = &BOOT->file[0];

        if (BOOT->nfiles == 0 || f->status != RF_FILE_LOADED)
                log_line("error: ringfence.conf is missing or cannot be read: no guests");
        config_parse(&config, (const char *)(uintptr_t)RF_ROOT_FILE,
                     BOOT->nfiles != 0 && f->status == RF_FILE_LOADED ? f->bytes : 0, report_config, NULL);
        config_check_memory(&config, HOST->free_pages, report_config, NULL);
        console_configure(&config.host);
}

static void set_controls(uint32_t some)
{
        uint32_t controls = config.host.controls & some;

        if (controls != 0 && sys_control(controls) != 0)
                log_line("error: ringfence.conf:%u: this build has no test controls",
                         config.host.key_line[HOST_CONTROL]);
}

static void log_host(void)
{
        char name[sizeof(HOST->cpu_name)];
        unsigned n = 0;

        for (; n + 1 < sizeof(name) && HOST->cpu_name[n] != '\0'; n++)
                name[n] = HOST->cpu_name[n];
        name[n] = '\0';
        log_line("host %s: %u CPUs (%s), %lu MiB, %lu MiB free", config.host.name, HOST->ncpus, name,
                 HOST->ram_pages / 256, HOST->free_pages / 256);
}

static void look_around(uint64_t now)
{
        static uint64_t next_second;

        keys_poll();
        console_drain();
        guests_tick(now);
        table_tick(now);
        if (now >= next_second) {
                nic_tick();
                next_second = now + tsc_of_ms(SECOND_MS);
        }
        console_refresh();
}

static void run(void)
{
        uint64_t next = 0;

        for (;;) {
                int64_t vcpu = sys_wait(switch_run(next));
                uint64_t now = tsc_now();

                if (vcpu >= 0)
                        service((uint32_t)vcpu);
                if (now < next)
                        continue;
                look_around(now);
                next = now + tsc_of_ms((HOST->controls & RF_CONTROL_SLOW_TICK) != 0 ? SLOW_POLL_MS : POLL_MS);
        }
}

void root_main(void)
{
        console_start();
        if (HOST->version != RF_ROOT_VERSION) {
                log_line("error: ring 0 speaks version %u, root %u: use files of one image", HOST->version,
                         RF_ROOT_VERSION);
                sys_halt(1);
        }
        read_config();
        log_host();
        set_controls(~(uint32_t)RF_CONTROL_ROOT_DIES);
        nic_start(&config.host);
        nic_share(&config, report_config);
        guests_start_all(&config);
        set_controls(RF_CONTROL_ROOT_DIES);
        table_configure(&config.host);
        run();
}

/* SPDX-License-Identifier: MIT
 * One guest above the fake ring 0: see root_bed.h. */
#include "root_bed.h"

#include <stdio.h>

#include "../../hv/root/nic.h"

struct config config;

static void ignore(void *ctx, unsigned line, const char *text)
{
        fail_msg("line %u: %s", line, text);
}

void boot(const char *extra, const void *code, size_t bytes)
{
        char text[256];

        fake_reset();
        fake_image(code, bytes);
        snprintf(text, sizeof(text), "[guest a]\nimage = a.elf\nmemory = 4M\nmac = 02:00:00:00:00:01\n%s",
                 extra);
        config_parse(&config, text, strlen(text), ignore, NULL);
        console_start();
        console_configure(&config.host);
        nic_start(&config.host);
}

void start(const char *extra, const void *code, size_t bytes)
{
        boot(extra, code, bytes);
        guests_start_all(&config);
        assert_int_equal(guests[0].state, GUEST_RUNNING);
}

int stop(void **state)
{
        guest_tear_down(&guests[0]);
        return fake.guest || fake.queue;
}

void printed(const char *text)
{
        if (strstr(fake.log, text) == NULL)
                fail_msg("no \"%s\" in:\n%s", text, fake.log);
}

struct rf_vcpu_report *request(enum rf_request what, uint64_t rip, uint64_t fault_va)
{
        struct rf_vcpu_report *r = fake_report();

        r->guest = (uint32_t)guests[0].id;
        r->request = what;
        r->rip = rip;
        r->fault_va = fault_va;
        return r;
}

void serve(void)
{
        service((uint32_t)(fake_report() - (struct rf_vcpu_report *)(uintptr_t)RF_ROOT_REPORT));
}

const uint8_t *code_of(uint64_t va)
{
        return guest_pointer(&guests[0], va);
}

/* SPDX-License-Identifier: MIT
 * SDK start-up: from the entry point to rf_main, and out again. */
#include "sdk.h"

#include "rf_string.h"

uint64_t rf_hypercall_entry, rf_commit_entry;
static const struct rf_info *self;

const struct rf_info *rf_self(void)
{
        return self;
}

_Noreturn void rf_exit(int code)
{
        rf_flush();
        for (;;)
                rf_hypercall(RF_HC_EXIT, (uint64_t)code, 0, 0, 0, 0, 0);
}

__attribute__((weak)) void rf_secondary(const struct rf_info *info)
{
        for (;;)
                rf_sleep_until(RF_FOREVER);
}

static int run_main(const struct rf_info *info)
{
        static char name[sizeof(info->name) + 1], text[RF_ARGUMENTS + 1];
        static char *argv[RF_MAX_ARGS + 1];
        int n;

        memcpy(name, info->name, sizeof(info->name));
        memcpy(text, info->arguments, RF_ARGUMENTS);
        argv[0] = name;
        n = rf_split(text, argv + 1, RF_MAX_ARGS - 1);
        if (n == -RF_EINVAL)
                rf_printf("arguments: a quote \" is not closed\n");
        else if (n < 0)
                rf_printf("arguments: more than %d words\n", RF_MAX_ARGS - 1);
        if (n < 0)
                return RF_EXIT_USAGE;
        return rf_main(info, n + 1, argv);
}

/* Every vCPU comes here. They all store the same values: each has its own info page, at one address. */
_Noreturn void rf_start(const struct rf_info *info)
{
        if (info->magic != RF_ABI_MAGIC)
                __builtin_trap(); /* nobody to tell: without the page there is no hypercall */
        self = info;
        rf_hypercall_entry = info->hypercall;
        rf_commit_entry = info->commit;
        if (info->version != RF_ABI_VERSION) {
                rf_printf("this image is for guest ABI %u, the hypervisor has %u\n", RF_ABI_VERSION,
                          info->version);
                rf_exit(RF_EXIT_ABI);
        }
        rf_time_start(info);
        if (info->vcpu == 0)
                rf_exit(run_main(info));
        rf_secondary(info);
        for (;;)
                rf_sleep_until(RF_FOREVER);
}

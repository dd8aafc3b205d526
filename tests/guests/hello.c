/* SPDX-License-Identifier: MIT
 * hello: says what it was started with, and ends well. */
#include "ringfence_sdk.h"

int rf_main(const struct rf_info *info, int argc, char **argv)
{
        rf_printf("hello from %s: vcpus %u, queues %u, restarts %u, heap %lu KiB\n", argv[0], info->vcpus,
                  info->nqueues, info->restarts, info->heap_bytes / 1024);
        for (int i = 1; i < argc; i++)
                rf_printf("argument %d: %s\n", i, argv[i]);
        return 0;
}

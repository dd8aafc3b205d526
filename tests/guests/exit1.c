/* SPDX-License-Identifier: MIT
 * exit1: ends at once, with failure: what restart policies are tested with. */
#include "ringfence_sdk.h"

int rf_main(const struct rf_info *info, int argc, char **argv)
{
        rf_printf("exit1: start %u\n", info->restarts + 1);
        return 1;
}

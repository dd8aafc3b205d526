/* SPDX-License-Identifier: MIT
 * exit0: ends at once, with success. */
#include "ringfence_sdk.h"

int rf_main(const struct rf_info *info, int argc, char **argv)
{
        return 0;
}

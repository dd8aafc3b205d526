/* SPDX-License-Identifier: MIT
 * badentry [control]: asks a test build of ring 0 to spoil its next VM entry, by a bad register or a bad
 * control. In a release build it just lives on. */
#include "rf/root.h"
#include "ringfence_sdk.h"

int rf_main(const struct rf_info *info, int argc, char **argv)
{
        rf_printf("badentry: now\n");
        rf_flush();
        rf_hypercall(RF_HC_YIELD, argc > 1 ? RF_BAD_CONTROL : RF_BAD_ENTRY, 0, 0, 0, 0, 0);
        rf_printf("badentry: SURVIVED\n");
        return 1;
}

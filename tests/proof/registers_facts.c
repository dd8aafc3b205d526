/* SPDX-License-Identifier: MIT
 * Prints the register tables (P2) as JSON, row by row, for registers.py. */
#include <stdio.h>

#include "regs.h"

static void table(const char *name, const struct nic_model *model, const char *end)
{
        static const char *const classes[] = {
            [NIC_RING0] = "ring0",       [NIC_FREE] = "free",           [NIC_FORCED] = "forced",
            [NIC_GATED_RESET] = "reset", [NIC_GATED_ENABLE] = "enable",
        };

        printf("  \"%s\": [\n", name);
        for (const struct nic_reg *r = model->regs; r < model->regs + model->nregs; r++)
                printf(
                    "    {\"first\": %u, \"step\": %u, \"count\": %u, \"set\": %u, \"clear\": %u, \"gate\": %u, "
                    "\"class\": \"%s\", \"readable\": %s}%s\n",
                    r->first, r->step, r->count, r->set, r->clear, r->gate, classes[r->cls],
                    r->readable ? "true" : "false", r + 1 < model->regs + model->nregs ? "," : "");
        printf("  ]%s\n", end);
}

int main(void)
{
        printf("{\n");
        table("82576", &nic_82576, ",");
        table("82540EM", &nic_82540em, "");
        printf("}\n");
        return 0;
}

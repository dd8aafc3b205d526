/* SPDX-License-Identifier: MIT
 * The checker of the NIC register table. See regs.h. */
#include "regs.h"

static const struct nic_reg *find(const struct nic_model *model, uint32_t off)
{
        for (const struct nic_reg *r = model->regs; r < model->regs + model->nregs; r++)
                if (off >= r->first && (off - r->first) % r->step == 0 &&
                    (off - r->first) / r->step < r->count)
                        return r;
        return NULL;
}

int nic_reg_read(const struct nic_model *model, uint32_t off)
{
        const struct nic_reg *r = find(model, off);

        return r != NULL && r->readable ? 0 : -RF_EREFUSED;
}

int nic_reg_write(const struct nic_model *model, bool ready, uint32_t off, uint32_t *value)
{
        const struct nic_reg *r = find(model, off);

        if (r == NULL || r->cls == NIC_RING0)
                return -RF_EREFUSED;
        if (r->cls == NIC_GATED_RESET && (*value & r->gate))
                return NIC_RESET;
        if (r->cls == NIC_GATED_ENABLE && (*value & r->gate) && !ready)
                return -RF_EBUSY;
        *value = (*value & ~r->clear) | r->set;
        return NIC_STORE;
}

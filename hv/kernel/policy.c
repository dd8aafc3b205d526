/* SPDX-License-Identifier: MIT
 *
 * The policy of policy.h. The fence rests on these values: CR0.WP, CR4.PKE and no exception delivered keep
 * the window shut (P8).
 */
#include "policy.h"
#include "smp.h"
#include "x86.h"

static uint32_t when(uint32_t control, uint32_t acts)
{
        return control_on(control) ? acts : 0;
}

uint32_t policy_native(void)
{
        return ACT_RDTSC | ACT_FLAGS | ACT_IRET | ACT_INTN | ACT_PAUSE |
               when(RF_CONTROL_NO_CR, ACT_CR_WRITE | ACT_DR_WRITE) | when(RF_CONTROL_LGDT, ACT_TABLES) |
               when(RF_CONTROL_NO_MSR, ACT_MSR) | when(RF_CONTROL_NO_XSETBV, ACT_XSETBV);
}

uint32_t policy_exceptions(void)
{
        return control_on(RF_CONTROL_NO_EXCEPTIONS) ? 1u << VECTOR_PF : UINT32_MAX;
}

void policy_registers(struct ring_registers *r)
{
        *r = (struct ring_registers){
            .cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG,
            .cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE,
            .efer = EFER_LME | EFER_LMA | EFER_NXE,
            .pat = 0x0007040600070406, /* reset value: APM 2, 7.8.2; SDM 3, 12.12.4 */
            .dr7 = 0x400,              /* the one bit that is always 1 */
        };
        r->cr4 |= (cpu_has_smep ? CR4_SMEP : 0u) | (cpu_has_keys ? CR4_PKE : 0u);
        /* without WP a supervisor write ignores both R/W and the key's WD bit (APM 2, 5.6.7) */
        if (control_on(RF_CONTROL_NO_KEYS_WD))
                r->cr0 &= ~(uint64_t)CR0_WP;
}

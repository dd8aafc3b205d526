/* SPDX-License-Identifier: MIT
 *
 * What a ring vCPU is born as, and which of its acts exit. The fence rests on these values: CR0.WP, CR4.PKE
 * and no exception delivered keep the window shut (P8), and nothing below lets the guest change them.
 */
#include "svm.h"
#include "../smp.h"
#include "../x86.h"

/* Everything exits but: VINTR (none is ever queued), selective CR0 writes (all do), RDTSC (native by
 * contract), PUSHF, POPF, IRET (an empty GDT stops far transfers), PAUSE, RDTSCP. What must exit and is
 * easily forgotten: VMLOAD and VMSAVE take host-physical addresses past the NPT; an SMI must not show SMM
 * code a guest's state. */
#define NOT_INTERCEPTED1 (I1_VINTR | I1_CR0_SELECTIVE | I1_RDTSC | I1_PUSHF | I1_POPF | I1_IRET | I1_PAUSE)

static uint32_t unless(uint32_t control, uint32_t bits)
{
        return control_on(control) ? 0 : bits;
}

void svm_set_intercepts(struct vmcb *c)
{
        c->cr_reads = 0xffff; /* CR3 would tell where the tables lie */
        c->cr_writes = (uint16_t)unless(RF_CONTROL_NO_CR, 0xffff);
        c->dr_reads = 0xffff; /* DR0-3 are the host's: not in the VMCB */
        c->dr_writes = c->cr_writes;
        c->exceptions = 1u << VECTOR_PF | unless(RF_CONTROL_NO_EXCEPTIONS, 0xffffffff);
        c->intercept1 = (I1_ALL & ~(uint32_t)(NOT_INTERCEPTED1 | I1_TABLE_WRITES | I1_MSR)) |
                        unless(RF_CONTROL_LGDT, I1_TABLE_WRITES) | unless(RF_CONTROL_NO_MSR, I1_MSR);
        c->intercept2 = (I2_ALL & ~(I2_RDTSCP | I2_XSETBV)) | unless(RF_CONTROL_NO_XSETBV, I2_XSETBV);
        c->intercept3 = I3_ALL;
        /* without WP a supervisor write ignores both R/W and the key's WD bit (APM 2, 5.6.7) */
        if (control_on(RF_CONTROL_NO_KEYS_WD))
                c->cr0 &= ~(uint64_t)CR0_WP;
}

/* Flat 64-bit segments live in the caches only: the GDT they would come from is empty. */
static void set_segments(struct vmcb *c)
{
        static const struct vmcb_segment code = {.attrib = 0xa9b, .limit = 0xffffffff}; /* G L P S, code RA */
        static const struct vmcb_segment data = {.attrib = 0xc93, .limit = 0xffffffff}; /* G D P S, data WA */
        static const struct vmcb_segment task = {.attrib = 0x08b}; /* P, busy TSS of 1 byte */

        c->cs = code;
        c->ss = c->ds = c->es = c->fs = c->gs = data;
        c->tr = task;
}

void svm_init_vmcb(struct vmcb *c, const struct vcpu *v, uint64_t deny_map)
{
        set_segments(c);
        c->cpl = 0;
        c->cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
        c->cr3 = v->pml4;
        c->cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE;
        c->cr4 |= (cpu_has_smep ? CR4_SMEP : 0u) | (cpu_has_keys ? CR4_PKE : 0u);
        c->efer = EFER_LME | EFER_LMA | EFER_NXE | EFER_SVME; /* SVME: VMRUN demands it, 15.5.1 */
        c->g_pat = 0x0007040600070406;                        /* reset value, 7.8.2 */
        c->dr6 = 0xffff0ff0;
        c->dr7 = 0x400;
        c->np_enable = NP_ENABLE;
        c->n_cr3 = v->guest->nested.root;
        c->iopm = deny_map;
        c->msrpm = deny_map;
        c->vintr = V_INTR_MASKING; /* the host's IF rules physical interrupts, 15.21.1 */
        svm_set_intercepts(c);
}

/* SPDX-License-Identifier: MIT
 *
 * policy.h in the fields of a VMCB.
 */
#include "../policy.h"
#include "../x86.h"
#include "svm.h"

/* Which intercept bits an act has. What must exit and is easily forgotten has none, hence always exits:
 * VMLOAD and VMSAVE take host-physical addresses past the NPT; an SMI must not show SMM code a guest's state.
 */
static const struct {
        uint32_t act, intercept1, intercept2;
} acts[] = {
    {ACT_TABLES, I1_TABLES, 0},
    {ACT_MSR, I1_MSR, 0},
    {ACT_XSETBV, 0, I2_XSETBV},
    {ACT_RDTSC, I1_RDTSC, I2_RDTSCP},
    {ACT_FLAGS, I1_PUSHF | I1_POPF, 0},
    {ACT_IRET, I1_IRET, 0},
    {ACT_INTN, I1_INTN, 0},
    {ACT_PAUSE, I1_PAUSE, 0},
};

static uint16_t unless(uint32_t native)
{
        return native ? 0 : 0xffff;
}

void svm_set_intercepts(struct vmcb *c)
{
        uint32_t native = policy_native();

        c->cr_reads = unless(native & ACT_CR_READ);
        c->cr_writes = unless(native & ACT_CR_WRITE);
        c->dr_reads = unless(native & ACT_DR_READ);
        c->dr_writes = unless(native & ACT_DR_WRITE);
        c->exceptions = policy_exceptions();
        c->intercept1 =
            I1_ALL & ~(uint32_t)(I1_VINTR | I1_CR0_SELECTIVE); /* none is queued; all CR0 writes exit */
        c->intercept2 = I2_ALL;
        c->intercept3 = I3_ALL;
        for (unsigned i = 0; i < ARRAY_LENGTH(acts); i++) {
                if ((native & acts[i].act) == 0)
                        continue;
                c->intercept1 &= ~acts[i].intercept1;
                c->intercept2 &= ~acts[i].intercept2;
        }
}

static struct vmcb_segment segment(uint32_t access, uint32_t limit)
{
        return (struct vmcb_segment){.attrib = (uint16_t)((access & 0xff) | (access >> 4 & 0xf00)),
                                     .limit = limit};
}

static void set_registers(struct vmcb *c)
{
        struct ring_registers r;

        policy_registers(&r);
        c->cr0 = r.cr0;
        c->cr4 = r.cr4;
        c->efer = r.efer | EFER_SVME; /* VMRUN demands it, 15.5.1 */
        c->g_pat = r.pat;
        c->dr7 = r.dr7;
        c->dr6 = 0xffff0ff0;
        c->cpl = 0;
        c->cs = segment(RING_CODE_ACCESS, RING_SEGMENT_LIMIT);
        c->ss = c->ds = c->es = c->fs = c->gs = segment(RING_DATA_ACCESS, RING_SEGMENT_LIMIT);
        c->tr = segment(RING_TASK_ACCESS, 0);
}

void svm_init_vmcb(struct vmcb *c, const struct vcpu *v, uint64_t deny_map)
{
        set_registers(c);
        c->cr3 = v->pml4;
        c->np_enable = NP_ENABLE;
        c->n_cr3 = v->guest->nested.root;
        c->iopm = deny_map;
        c->msrpm = deny_map;
        c->vintr = V_INTR_MASKING; /* the host's IF rules physical interrupts, 15.21.1 */
        svm_set_intercepts(c);
}

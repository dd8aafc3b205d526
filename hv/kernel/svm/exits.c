/* SPDX-License-Identifier: MIT
 *
 * EXITCODE to struct vm_exit. What the table does not name is VM_EXIT_UNKNOWN and costs one guest its life.
 */
#include "svm.h"

struct exit_range {
        uint16_t first, last;
        uint16_t kind; /* enum vm_exit_kind */
};

/* AMD64 APM volume 2, appendix C */
enum { EXIT_EXCEPTION = 0x040 }; /* + vector */
static const struct exit_range ranges[] = {
    {0x000, 0x03f, VM_EXIT_PRIVILEGED}, /* CRn and DRn, read and write */
    {EXIT_EXCEPTION, 0x05f, VM_EXIT_EXCEPTION},
    {0x060, 0x060, VM_EXIT_INTERRUPT}, /* INTR */
    {0x061, 0x061, VM_EXIT_NMI},
    {0x062, 0x063, VM_EXIT_INTERRUPT},  /* SMI, INIT: the host's affair, happen at STGI */
    {0x065, 0x06d, VM_EXIT_PRIVILEGED}, /* CR0 selective; IDTR, GDTR, LDTR, TR */
    {0x06f, 0x06f, VM_EXIT_PRIVILEGED}, /* RDPMC */
    {0x072, 0x072, VM_EXIT_CPUID},
    {0x073, 0x073, VM_EXIT_PRIVILEGED}, /* RSM */
    {0x075, 0x076, VM_EXIT_PRIVILEGED}, /* INTn, INVD */
    {0x078, 0x078, VM_EXIT_HLT},
    {0x079, 0x07a, VM_EXIT_PRIVILEGED}, /* INVLPG, INVLPGA */
    {0x07b, 0x07b, VM_EXIT_IO},
    {0x07c, 0x07e, VM_EXIT_PRIVILEGED}, /* MSR, task switch, FERR_FREEZE */
    {0x07f, 0x07f, VM_EXIT_SHUTDOWN},
    {0x080, 0x080, VM_EXIT_PRIVILEGED}, /* VMRUN */
    {0x081, 0x081, VM_EXIT_HYPERCALL},  /* VMMCALL */
    {0x082, 0x086, VM_EXIT_PRIVILEGED}, /* VMLOAD, VMSAVE, STGI, CLGI, SKINIT */
    {0x088, 0x08e, VM_EXIT_PRIVILEGED}, /* ICEBP, WBINVD, MONITOR, MWAIT (twice), XSETBV, RDPRU */
    {0x0a0, 0x0a4, VM_EXIT_PRIVILEGED}, /* INVLPGB (twice), INVPCID, MCOMMIT, TLBSYNC */
    {0x400, 0x400, VM_EXIT_NESTED},     /* NPF */
};

static enum vm_exit_kind kind_of(uint64_t code)
{
        if ((uint32_t)code == SVM_EXIT_INVALID)
                return VM_EXIT_ENTRY_FAILED;
        for (unsigned i = 0; i < ARRAY_LENGTH(ranges); i++)
                if (code >= ranges[i].first && code <= ranges[i].last)
                        return (enum vm_exit_kind)ranges[i].kind;
        return VM_EXIT_UNKNOWN;
}

void svm_decode_exit(const struct vmcb *c, struct vm_exit *exit)
{
        *exit = (struct vm_exit){
            .kind = kind_of(c->exitcode),
            .code = c->exitcode,
            .info1 = c->exitinfo1,
            .info2 = c->exitinfo2,
        };
        /* #PF: error code and CR2 value, 15.12.15; NPF: error code and GPA, 15.25.6 */
        if (exit->kind == VM_EXIT_EXCEPTION)
                exit->vector = (uint32_t)c->exitcode - EXIT_EXCEPTION;
        if (exit->kind == VM_EXIT_EXCEPTION || exit->kind == VM_EXIT_NESTED) {
                exit->error = (uint32_t)c->exitinfo1;
                exit->address = c->exitinfo2;
        }
}

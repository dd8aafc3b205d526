/* SPDX-License-Identifier: MIT
 *
 * EXITCODE to struct vm_exit. What the table does not name is VM_EXIT_UNKNOWN and costs one guest its life.
 */
#include "svm.h"

struct exit_range {
        uint16_t first, last;
        uint16_t kind; /* enum vm_exit_kind */
};

static const struct exit_range ranges[] = {
    {SVM_EXIT_READ_CR0, SVM_EXIT_WRITE_DR15, VM_EXIT_PRIVILEGED}, /* MOV, LMSW, CLTS on CRn and DRn */
    {SVM_EXIT_EXCEPTION, SVM_EXIT_EXCEPTION_LAST, VM_EXIT_EXCEPTION},
    {SVM_EXIT_INTR, SVM_EXIT_INTR, VM_EXIT_INTERRUPT},
    {SVM_EXIT_NMI, SVM_EXIT_NMI, VM_EXIT_NMI},
    {SVM_EXIT_SMI, SVM_EXIT_INIT, VM_EXIT_INTERRUPT},                /* the host's affair: happens at STGI */
    {SVM_EXIT_CR0_SELECTIVE, SVM_EXIT_TR_WRITE, VM_EXIT_PRIVILEGED}, /* IDTR, GDTR, LDTR, TR */
    {SVM_EXIT_RDPMC, SVM_EXIT_RDPMC, VM_EXIT_PRIVILEGED},
    {SVM_EXIT_CPUID, SVM_EXIT_CPUID, VM_EXIT_CPUID},
    {SVM_EXIT_RSM, SVM_EXIT_RSM, VM_EXIT_PRIVILEGED},
    {SVM_EXIT_SWINT, SVM_EXIT_INVD, VM_EXIT_PRIVILEGED},
    {SVM_EXIT_HLT, SVM_EXIT_HLT, VM_EXIT_HLT},
    {SVM_EXIT_INVLPG, SVM_EXIT_INVLPGA, VM_EXIT_PRIVILEGED},
    {SVM_EXIT_IOIO, SVM_EXIT_IOIO, VM_EXIT_IO},
    {SVM_EXIT_MSR, SVM_EXIT_FERR_FREEZE, VM_EXIT_PRIVILEGED}, /* MSR, task switch */
    {SVM_EXIT_SHUTDOWN, SVM_EXIT_SHUTDOWN, VM_EXIT_SHUTDOWN},
    {SVM_EXIT_VMRUN, SVM_EXIT_VMRUN, VM_EXIT_PRIVILEGED},
    {SVM_EXIT_VMMCALL, SVM_EXIT_VMMCALL, VM_EXIT_HYPERCALL},
    {SVM_EXIT_VMLOAD, SVM_EXIT_SKINIT, VM_EXIT_PRIVILEGED},   /* VMLOAD VMSAVE STGI CLGI SKINIT */
    {SVM_EXIT_ICEBP, SVM_EXIT_RDPRU, VM_EXIT_PRIVILEGED},     /* ICEBP WBINVD MONITOR MWAIT XSETBV RDPRU */
    {SVM_EXIT_INVLPGB, SVM_EXIT_TLBSYNC, VM_EXIT_PRIVILEGED}, /* INVLPGB INVPCID MCOMMIT TLBSYNC */
    {SVM_EXIT_NPF, SVM_EXIT_NPF, VM_EXIT_NESTED},
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
                exit->vector = (uint32_t)c->exitcode - SVM_EXIT_EXCEPTION;
        if (exit->kind == VM_EXIT_EXCEPTION || exit->kind == VM_EXIT_NESTED) {
                exit->error = (uint32_t)c->exitinfo1;
                exit->address = c->exitinfo2;
        }
}

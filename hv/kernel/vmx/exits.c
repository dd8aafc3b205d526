/* SPDX-License-Identifier: MIT
 *
 * Exit reason to struct vm_exit. What the table does not name is VM_EXIT_UNKNOWN and costs one guest its
 * life.
 */
#include "../x86.h"
#include "vmx.h"

/* Intel SDM volume 3, appendix C */
enum {
        REASON_EVENT = 0,
        REASON_EPT = 48,
};
static const uint8_t kinds[] = {
    [REASON_EVENT] = VM_EXIT_EXCEPTION, /* or NMI: the event says */
    [1] = VM_EXIT_INTERRUPT,
    [2] = VM_EXIT_SHUTDOWN,
    [3 ... 6] = VM_EXIT_INTERRUPT, /* INIT, SIPI, SMI: the host's affair */
    [7 ... 8] = VM_EXIT_UNKNOWN,   /* interrupt and NMI windows: never asked for */
    [9] = VM_EXIT_PRIVILEGED,      /* task switch */
    [10] = VM_EXIT_CPUID,
    [11] = VM_EXIT_PRIVILEGED, /* GETSEC */
    [12] = VM_EXIT_HLT,
    [13 ... 15] = VM_EXIT_PRIVILEGED, /* INVD, INVLPG, RDPMC */
    [16] = VM_EXIT_UNKNOWN,           /* RDTSC */
    [17] = VM_EXIT_PRIVILEGED,        /* RSM */
    [18] = VM_EXIT_HYPERCALL,         /* VMCALL */
    [19 ... 29] = VM_EXIT_PRIVILEGED, /* VMX instructions; CRn, DRn */
    [30] = VM_EXIT_IO,
    [31 ... 32] = VM_EXIT_PRIVILEGED, /* RDMSR, WRMSR */
    [33 ... 35] = VM_EXIT_UNKNOWN,    /* with bit 31: failed entries */
    [36] = VM_EXIT_PRIVILEGED,        /* MWAIT */
    [37 ... 38] = VM_EXIT_UNKNOWN,    /* monitor trap flag */
    [39] = VM_EXIT_PRIVILEGED,        /* MONITOR */
    [40 ... 45] = VM_EXIT_UNKNOWN,    /* PAUSE; APIC virtualization */
    [46 ... 47] = VM_EXIT_PRIVILEGED, /* GDTR, IDTR, LDTR, TR */
    [REASON_EPT] = VM_EXIT_NESTED,
    [49] = VM_EXIT_UNKNOWN,           /* EPT misconfiguration: a bug of ours */
    [50] = VM_EXIT_PRIVILEGED,        /* INVEPT */
    [51] = VM_EXIT_UNKNOWN,           /* RDTSCP */
    [52] = VM_EXIT_INTERRUPT,         /* the preemption timer */
    [53 ... 55] = VM_EXIT_PRIVILEGED, /* INVVPID, WBINVD, XSETBV */
    [56 ... 57] = VM_EXIT_UNKNOWN,
    [58 ... 60] = VM_EXIT_PRIVILEGED, /* INVPCID, VMFUNC, ENCLS */
};

enum vm_exit_kind vmx_exit_kind(uint32_t reason, uint32_t event)
{
        if (reason & REASON_ENTRY_FAILED)
                return VM_EXIT_ENTRY_FAILED;
        if (reason >= ARRAY_LENGTH(kinds))
                return VM_EXIT_UNKNOWN;
        if (reason == REASON_EVENT && (event & EVENT_TYPE) == EVENT_NMI)
                return VM_EXIT_NMI;
        if (reason == REASON_EVENT && (event & EVENT_TYPE) == EVENT_INT1)
                return VM_EXIT_PRIVILEGED; /* as SVM's ICEBP */
        return (enum vm_exit_kind)kinds[reason];
}

/* Exit qualification of an EPT violation, table 28-7: what was tried, and whether anything is mapped there.
 */
static uint32_t nested_error(uint64_t qualification)
{
        uint32_t error = PF_U; /* as on SVM, where every nested access counts as a user's */

        error |= qualification >> 1 & 1 ? PF_W : 0u;
        error |= qualification >> 2 & 1 ? PF_I : 0u;
        error |= qualification >> 3 & 7 ? PF_P : 0u;
        return error;
}

void vmx_decode_exit(struct vm_exit *exit, uint32_t reason)
{
        uint32_t event = reason == REASON_EVENT ? (uint32_t)vmread(VMCS_EXIT_EVENT) : 0;

        *exit = (struct vm_exit){
            .kind = vmx_exit_kind(reason, event),
            .code = reason,
            .info1 = vmread(VMCS_QUALIFICATION),
            .info2 = event,
        };
        if (exit->kind == VM_EXIT_EXCEPTION) {
                exit->vector = event & 0xff;
                exit->error = event & EVENT_ERROR ? (uint32_t)vmread(VMCS_EXIT_EVENT_ERROR) : 0;
                exit->address = exit->vector == VECTOR_PF ? exit->info1 : 0;
        } else if (exit->kind == VM_EXIT_NESTED) {
                exit->error = nested_error(exit->info1);
                exit->address = exit->info2 = vmread(VMCS_GUEST_PHYSICAL);
        }
}

/* SPDX-License-Identifier: MIT
 *
 * The virtual machine control block and its numbers. Names and offsets: AMD64 APM volume 2, appendix B (VMCB)
 * and appendix C (exit codes).
 */
#ifndef SVM_VMCB_H
#define SVM_VMCB_H

#include <stdint.h>

enum {
        MSR_VM_CR = 0xc0010114,
        MSR_VM_HSAVE_PA = 0xc0010117,
        VM_CR_SVMDIS = 1u << 4,
};

/* CPUID 8000_0001 ECX, 8000_000A EDX */
enum {
        CPUID_SVM = 1u << 2,
        SVM_NESTED_PAGING = 1u << 0,
        SVM_FLUSH_BY_ASID = 1u << 6,
};

/* Offsets 00Ch, 010h, 014h: all bits that intercept, and those that have a name because some are left out. */
enum {
        I1_VINTR = 1u << 4,
        I1_CR0_SELECTIVE = 1u << 5,
        I1_TABLES = 0xffu << 6, /* IDTR, GDTR, LDTR, TR: read, then write */
        I1_RDTSC = 1u << 14,
        I1_PUSHF = 1u << 16,
        I1_POPF = 1u << 17,
        I1_IRET = 1u << 20,
        I1_INTN = 1u << 21,
        I1_PAUSE = 1u << 23,
        I1_MSR = 1u << 28,
        I2_ALL = 0x7fff, /* VMRUN to RDPRU; above are traps after the fact */
        I2_RDTSCP = 1u << 7,
        I2_XSETBV = 1u << 13,
        I3_ALL = 0x1f, /* INVLPGB, illegal INVLPGB, INVPCID, MCOMMIT, TLBSYNC */
};
#define I1_ALL 0xffffffffu

enum {
        TLB_NONE = 0,
        TLB_FLUSH_ALL = 1,  /* every ASID, the host's too */
        TLB_FLUSH_ASID = 3, /* this guest's; needs SVM_FLUSH_BY_ASID */
        V_INTR_MASKING = 1u << 24,
        NP_ENABLE = 1u << 0,
        SEGMENT_L = 1u << 9, /* of vmcb_segment.attrib: descriptor bits 55:52 and 47:40 */
};

#define SVM_EXIT_INVALID 0xffffffffu /* compare 32 bits: QEMU does not sign-extend it */

struct vmcb_segment {
        uint16_t selector, attrib;
        uint32_t limit;
        uint64_t base;
};

struct vmcb {
        /* control area */
        uint16_t cr_reads, cr_writes; /* 000h: bit n = CRn */
        uint16_t dr_reads, dr_writes;
        uint32_t exceptions; /* bit n = vector n */
        uint32_t intercept1, intercept2, intercept3;
        uint8_t reserved_018[0x03c - 0x018];
        uint16_t pause_threshold, pause_count;
        uint64_t iopm, msrpm;
        uint64_t tsc_offset;
        uint32_t asid;
        uint8_t tlb_control;
        uint8_t reserved_05d[3];
        uint64_t vintr;
        uint64_t interrupt_shadow;
        uint64_t exitcode, exitinfo1, exitinfo2, exitintinfo;
        uint64_t np_enable;
        uint8_t reserved_098[0x0a8 - 0x098];
        uint64_t eventinj;
        uint64_t n_cr3;
        uint64_t lbr_virtualization;
        uint64_t clean;
        uint64_t nrip;
        uint8_t fetched[16];
        uint8_t reserved_0e0[0x400 - 0x0e0];
        /* state save area */
        struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr; /* 400h */
        uint8_t reserved_4a0[0x4cb - 0x4a0];
        uint8_t cpl;
        uint32_t reserved_4cc;
        uint64_t efer;
        uint8_t reserved_4d8[0x548 - 0x4d8];
        uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
        uint8_t reserved_580[0x5d8 - 0x580];
        uint64_t rsp, s_cet, ssp, isst_addr, rax;
        uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
        uint64_t sysenter_cs, sysenter_esp, sysenter_eip, cr2;
        uint8_t reserved_648[0x668 - 0x648];
        uint64_t g_pat, dbgctl, br_from, br_to, last_excp_from, last_excp_to;
        uint8_t reserved_698[0x1000 - 0x698];
};

/* The ends of each run of fields: what lies between cannot move. */
#define VMCB_AT(field, offset)                                                                               \
        _Static_assert(__builtin_offsetof(struct vmcb, field) == (offset), "APM 2, app. B")
VMCB_AT(dr_reads, 0x004);
VMCB_AT(exceptions, 0x008);
VMCB_AT(intercept1, 0x00c);
VMCB_AT(intercept3, 0x014);
VMCB_AT(pause_threshold, 0x03c);
VMCB_AT(iopm, 0x040);
VMCB_AT(asid, 0x058);
VMCB_AT(tlb_control, 0x05c);
VMCB_AT(vintr, 0x060);
VMCB_AT(exitcode, 0x070);
VMCB_AT(np_enable, 0x090);
VMCB_AT(eventinj, 0x0a8);
VMCB_AT(n_cr3, 0x0b0);
VMCB_AT(clean, 0x0c0);
VMCB_AT(nrip, 0x0c8);
VMCB_AT(fetched, 0x0d0);
VMCB_AT(es, 0x400);
VMCB_AT(gdtr, 0x460);
VMCB_AT(tr, 0x490);
VMCB_AT(cpl, 0x4cb);
VMCB_AT(efer, 0x4d0);
VMCB_AT(cr4, 0x548);
VMCB_AT(rflags, 0x570);
VMCB_AT(rip, 0x578);
VMCB_AT(rsp, 0x5d8);
VMCB_AT(rax, 0x5f8);
VMCB_AT(star, 0x600);
VMCB_AT(cr2, 0x640);
VMCB_AT(g_pat, 0x668);
VMCB_AT(last_excp_to, 0x690);
#undef VMCB_AT
_Static_assert(sizeof(struct vmcb_segment) == 16, "APM 2, app. B");
_Static_assert(sizeof(struct vmcb) == 4096, "one page");

#endif

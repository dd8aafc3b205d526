/* SPDX-License-Identifier: MIT
 *
 * What a ring vCPU is born as, and which of its acts leave the guest: stated once, for both vendors. A back
 * end starts from "everything its control fields can stop exits" and takes out what policy_native() names.
 */
#ifndef POLICY_H
#define POLICY_H

#include "kernel.h"

/* Acts that can run without an exit, here or under a positive control. What has no name here always exits, on
 * both vendors: CPUID, HLT, ports, CR8, INVLPG, INVPCID, INVD, WBINVD, MONITOR, MWAIT, RDPMC, task switches
 * and virtualization instructions. */
enum act {
        /* CR3 would tell where the tables lie. VMX cannot stop reads of CR0, CR2 and CR4: the first and the
         * last are constants there, the other the guest's own. */
        ACT_CR_READ = 1u << 0,
        ACT_CR_WRITE = 1u << 1, /* CLTS and LMSW, too; on VMX not CR2 */
        ACT_DR_READ = 1u << 2,  /* DR0-3 are the host's: no vendor swaps them */
        ACT_DR_WRITE = 1u << 3,
        ACT_TABLES = 1u << 5, /* LGDT, LIDT, LLDT, LTR and what stores them */
        ACT_MSR = 1u << 6,
        ACT_XSETBV = 1u << 7,
        ACT_RDTSC = 1u << 8, /* RDTSCP, too */
        ACT_FLAGS = 1u << 9, /* PUSHF, POPF, CLI, STI: IF rules nothing, no event is ever delivered */
        ACT_IRET = 1u << 10, /* an empty GDT stops far transfers */
        ACT_INTN = 1u << 11, /* an empty IDT makes it #GP, which exits */
        ACT_PAUSE = 1u << 12,
};
uint32_t policy_native(void);     /* set of enum act; test builds: may change while a guest lives */
uint32_t policy_exceptions(void); /* bit n: vector n exits */

/* Control registers at birth. Nothing lets the guest change them. */
struct ring_registers {
        uint64_t cr0, cr4, efer, pat, dr7;
};
void policy_registers(struct ring_registers *r);

/* Flat 64-bit segments that live in the caches only: the GDT they would come from is empty. Access rights as
 * in a descriptor: type, S, DPL, P in bits 7:0, AVL, L, D/B, G in bits 15:12. */
enum {
        RING_CODE_ACCESS = 0xa09b, /* G L P S, code RA */
        RING_DATA_ACCESS = 0xc093, /* G D P S, data WA */
        RING_TASK_ACCESS = 0x008b, /* P, busy TSS of 1 byte */
};
#define RING_SEGMENT_LIMIT 0xffffffffu

#endif

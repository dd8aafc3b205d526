/* SPDX-License-Identifier: MIT
 * Ring 3: root runs as if it were called. user_run() enters it and returns when it comes back. */
#ifndef USER_H
#define USER_H

#define SELECTOR_KERNEL_CODE 0x08
#define SELECTOR_KERNEL_DATA 0x10
#define SELECTOR_USER_DATA   0x1b
#define SELECTOR_USER_CODE   0x23
#define SELECTOR_TSS         0x28

#define USER_SYSCALL 256 /* what user_run() returns for SYSCALL; otherwise the vector */
/* struct cpu, for assembly */
#define CPU_KERNEL_RSP 8
#define CPU_SCRATCH    16

#ifndef __ASSEMBLER__
#include "cpu.h"

struct user_regs { /* same order as struct vcpu */
        uint64_t gpr[16], rip, rflags;
        uint64_t error; /* of an exception */
};
_Static_assert(__builtin_offsetof(struct cpu, kernel_rsp) == CPU_KERNEL_RSP, "user.S");
_Static_assert(__builtin_offsetof(struct cpu, scratch) == CPU_SCRATCH, "user.S");

uint64_t user_run(struct user_regs *regs, struct cpu *cpu);
void syscall_entry(void);
#endif

#endif

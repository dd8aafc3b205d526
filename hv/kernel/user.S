/* SPDX-License-Identifier: MIT
 *
 * Into ring 3 and back. user_run() saves ring 0's callee-saved registers on the CPU's stack, remembers RSP, and leaves by
 * IRETQ. SYSCALL, an interrupt or an exception in ring 3 stores root's registers in the struct user_regs whose
 * address lies at that RSP, and returns from user_run(). So ring 0 keeps nothing on a stack for root.
 */
#include "user.h"

#define REG(n) ((n) * 8)
#define RIP    128
#define RFLAGS 136
#define ERROR  144

        .text
        .globl user_run
user_run:                       /* rdi = regs, rsi = cpu; TSS.RSP0 is set by the caller to the same value: */
        push %rbx
        push %rbp
        push %r12
        push %r13
        push %r14
        push %r15
        push %rdi
        mov %rsp, CPU_KERNEL_RSP(%rsi)
        mov %rsi, %rbx
        mov %rdi, %r12
        mov %rsi, %rdi
        mov %rsp, %rsi
        call cpu_set_user_stack
        mov %r12, %rdi
        pushq $SELECTOR_USER_DATA
        pushq REG(4)(%rdi)
        pushq RFLAGS(%rdi)
        pushq $SELECTOR_USER_CODE
        pushq RIP(%rdi)
        mov REG(0)(%rdi), %rax
        mov REG(1)(%rdi), %rcx
        mov REG(2)(%rdi), %rdx
        mov REG(3)(%rdi), %rbx
        mov REG(5)(%rdi), %rbp
        mov REG(6)(%rdi), %rsi
        mov REG(8)(%rdi), %r8
        mov REG(9)(%rdi), %r9
        mov REG(10)(%rdi), %r10
        mov REG(11)(%rdi), %r11
        mov REG(12)(%rdi), %r12
        mov REG(13)(%rdi), %r13
        mov REG(14)(%rdi), %r14
        mov REG(15)(%rdi), %r15
        mov REG(7)(%rdi), %rdi
        swapgs                  /* interrupts are off */
        iretq

        .globl syscall_entry
syscall_entry:                  /* FMASK has cleared IF */
        swapgs
        mov %rsp, %gs:CPU_SCRATCH
        mov %gs:CPU_KERNEL_RSP, %rsp
        push %rdi
        mov 8(%rsp), %rdi       /* regs */
        mov %rcx, RIP(%rdi)
        mov %r11, RFLAGS(%rdi)
        mov %rax, REG(0)(%rdi)
        mov %gs:CPU_SCRATCH, %rax
        mov %rax, REG(4)(%rdi)
        mov $USER_SYSCALL, %eax
        jmp save_rest

        .globl user_trap
user_trap:                      /* from isr.S: swapgs done; stack: rdi, vector, error, rip, cs, rflags, rsp, ss, regs */
        mov 64(%rsp), %rdi
        mov %rax, REG(0)(%rdi)
        mov 16(%rsp), %rax
        mov %rax, ERROR(%rdi)
        mov 24(%rsp), %rax
        mov %rax, RIP(%rdi)
        mov 40(%rsp), %rax
        mov %rax, RFLAGS(%rdi)
        mov 48(%rsp), %rax
        mov %rax, REG(4)(%rdi)
        mov 8(%rsp), %rax       /* vector: the result */
save_rest:                      /* rdi = regs; root's own RDI is at 0(%rsp) */
        mov %rcx, REG(1)(%rdi)
        mov %rdx, REG(2)(%rdi)
        mov %rbx, REG(3)(%rdi)
        mov %rbp, REG(5)(%rdi)
        mov %rsi, REG(6)(%rdi)
        mov (%rsp), %rcx
        mov %rcx, REG(7)(%rdi)
        mov %r8, REG(8)(%rdi)
        mov %r9, REG(9)(%rdi)
        mov %r10, REG(10)(%rdi)
        mov %r11, REG(11)(%rdi)
        mov %r12, REG(12)(%rdi)
        mov %r13, REG(13)(%rdi)
        mov %r14, REG(14)(%rdi)
        mov %r15, REG(15)(%rdi)
        mov %gs:CPU_KERNEL_RSP, %rsp
        pop %rdi
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %rbp
        pop %rbx
        cld
        ret

        .section .note.GNU-stack, "", @progbits

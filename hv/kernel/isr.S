/* SPDX-License-Identifier: MIT
 *
 * 256 entry stubs of 16 bytes. From ring 3 they end in user_trap (user.S); from ring 0 in trap_handle() (trap.c).
 * NMI, double fault and machine check come on stacks of their own (IST) and never look at GS.
 */
        .text
        .balign 16
        .globl isr_stubs
isr_stubs:
        .set vector, 0
        .rept 256
        .balign 16
        /* vectors that push an error code: 8, 10-14, 17, 21, 29, 30 */
        .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
        push $0
        .endif
        pushq $vector
        jmp isr_common
        .set vector, vector + 1
        .endr

isr_common:                     /* vector, error, rip, cs, rflags, rsp, ss */
        testb $3, 24(%rsp)
        jz from_ring0
        cmpq $2, (%rsp)
        je from_ring0
        cmpq $8, (%rsp)
        je from_ring0
        cmpq $18, (%rsp)
        je from_ring0
        swapgs
        push %rdi
        jmp user_trap
from_ring0:
        push %rax
        push %rbx
        push %rcx
        push %rdx
        push %rbp
        push %rsi
        push %rdi
        push %r8
        push %r9
        push %r10
        push %r11
        push %r12
        push %r13
        push %r14
        push %r15
        mov %rsp, %rdi
        cld
        call trap_handle
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %r11
        pop %r10
        pop %r9
        pop %r8
        pop %rdi
        pop %rsi
        pop %rbp
        pop %rdx
        pop %rcx
        pop %rbx
        pop %rax
        add $16, %rsp
        iretq

        .section .note.GNU-stack, "", @progbits

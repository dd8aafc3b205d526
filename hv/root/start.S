/* SPDX-License-Identifier: MIT
 * Where ring 0 enters root, and the one system-call instruction (rf/root.h has the convention). */
        .section .text.start, "ax"
        .globl root_entry
root_entry:
        movq $0x40000000, %rsp  /* RF_ROOT_STACK; 16-byte aligned before the call */
        xorl %ebp, %ebp         /* ends backtraces */
        call root_main
        ud2

        .text
        .globl rf_sys
        .type rf_sys, @function
rf_sys: /* (number, a1..a6): C order -> RAX, RDI RSI RDX R10 R8 R9 */
        movq %rdi, %rax
        movq %rsi, %rdi
        movq %rdx, %rsi
        movq %rcx, %rdx
        movq %r8, %r10
        movq %r9, %r8
        movq 8(%rsp), %r9
        syscall
        ret
        .size rf_sys, . - rf_sys
        .section .note.GNU-stack, "", @progbits

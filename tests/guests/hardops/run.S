/* SPDX-License-Identifier: MIT
 * hardops_enter(entry): all registers from hardops_state, jump to entry; hardops_out: all registers back.
 * RSP is a stack of our own, so that results are the same on every machine. Offsets: struct state. */
        .text
        .globl  hardops_enter
        .type   hardops_enter, @function
hardops_enter:
        pushq   %rbx
        pushq   %rbp
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        movq    %rsp, caller(%rip)
        movq    %rdi, entry(%rip)
        leaq    hardops_stack_top(%rip), %rsp
        movq    $0x1122334455667788, %rax
        movq    %rax, -8(%rsp)
        leaq    hardops_state(%rip), %r15
        pushq   128(%r15)
        popfq
        movups  144(%r15), %xmm0
        movups  160(%r15), %xmm1
        movq    0(%r15), %rax
        movq    8(%r15), %rcx
        movq    16(%r15), %rdx
        movq    24(%r15), %rbx
        movq    40(%r15), %rbp
        movq    48(%r15), %rsi
        movq    56(%r15), %rdi
        movq    64(%r15), %r8
        movq    72(%r15), %r9
        movq    80(%r15), %r10
        movq    88(%r15), %r11
        movq    96(%r15), %r12
        movq    104(%r15), %r13
        movq    112(%r15), %r14
        movq    120(%r15), %r15
        jmp     *entry(%rip)
        .size   hardops_enter, . - hardops_enter

        .globl  hardops_out
        .type   hardops_out, @function
hardops_out:
        movq    %r15, hardops_state+120(%rip)
        leaq    hardops_state(%rip), %r15
        movq    %rax, 0(%r15)
        movq    %rcx, 8(%r15)
        movq    %rdx, 16(%r15)
        movq    %rbx, 24(%r15)
        movq    %rsp, 32(%r15)
        movq    %rbp, 40(%r15)
        movq    %rsi, 48(%r15)
        movq    %rdi, 56(%r15)
        movq    %r8, 64(%r15)
        movq    %r9, 72(%r15)
        movq    %r10, 80(%r15)
        movq    %r11, 88(%r15)
        movq    %r12, 96(%r15)
        movq    %r13, 104(%r15)
        movq    %r14, 112(%r15)
        movq    -8(%rsp), %rax
        movq    %rax, 136(%r15)
        pushfq
        popq    128(%r15)
        movups  %xmm0, 144(%r15)
        movups  %xmm1, 160(%r15)
        movq    caller(%rip), %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbp
        popq    %rbx
        ret
        .size   hardops_out, . - hardops_out

        .bss
        .balign 16
caller: .skip   8
entry:  .skip   8
        .skip   4096
hardops_stack_top:
        .skip   64
        .section .note.GNU-stack, "", @progbits

/* SPDX-License-Identifier: MIT
 * The two calls into the guard page. See ringfence.h, "Calls". */

        .text
/* int64_t rf_hypercall(number, a0..a5): C puts number in RDI and a5 on the stack; the ABI wants the number in
 * RAX, the rest one register further down, and R10 for what C passes in RCX. */
        .globl  rf_hypercall
        .type   rf_hypercall, @function
rf_hypercall:
        movq    %rdi, %rax
        movq    %rsi, %rdi
        movq    %rdx, %rsi
        movq    %rcx, %rdx
        movq    %r8, %r10
        movq    %r9, %r8
        movq    8(%rsp), %r9
        jmp     *rf_hypercall_entry(%rip)
        .size   rf_hypercall, . - rf_hypercall

/* uint64_t rf_commit(ring, tail): the guard keeps the C calling convention. */
        .globl  rf_commit
        .type   rf_commit, @function
rf_commit:
        jmp     *rf_commit_entry(%rip)
        .size   rf_commit, . - rf_commit

        .section .note.GNU-stack, "", @progbits

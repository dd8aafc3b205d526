/* SPDX-License-Identifier: MIT
 *
 * void svm_run(uint64_t *gpr, uint64_t vmcb_hpa, uint64_t host_hpa): into the guest and back.
 *
 * With V_INTR_MASKING the IF that counts for physical interrupts in the guest is the host's, so it is set
 * here, under GIF = 0 where it can let nothing in. #VMEXIT clears GIF; it is set again only when the host's
 * GS, TR and the rest are back, because an NMI may arrive with that very instruction (APM 2, 15.17).
 * A failed VMRUN comes out at the same place and takes the same way home.
 * Nothing here touches PKRU, XCR0 or vector registers: loop.c has set the guest's.
 */
        .text
        .globl svm_run
        .type svm_run, @function
svm_run:
        push %rbp
        mov %rsp, %rbp
        push %rbx
        push %r12
        push %r13
        push %r14
        push %r15
        push %rdx               /* 8(%rsp) below: host VMCB */
        push %rdi               /* (%rsp) below: gpr */

        clgi
        mov %rdx, %rax
        vmsave %rax             /* host FS GS TR LDTR, KernelGSBase, SYSCALL and SYSENTER MSRs */
        sti
        mov %rsi, %rax
        mov 1*8(%rdi), %rcx     /* order of enum in vcpu.h: RAX RCX RDX RBX RSP RBP RSI RDI R8.. */
        mov 2*8(%rdi), %rdx
        mov 3*8(%rdi), %rbx
        mov 5*8(%rdi), %rbp
        mov 6*8(%rdi), %rsi
        mov 8*8(%rdi), %r8
        mov 9*8(%rdi), %r9
        mov 10*8(%rdi), %r10
        mov 11*8(%rdi), %r11
        mov 12*8(%rdi), %r12
        mov 13*8(%rdi), %r13
        mov 14*8(%rdi), %r14
        mov 15*8(%rdi), %r15
        mov 7*8(%rdi), %rdi
        vmload %rax
        vmrun %rax
        vmsave %rax             /* RAX and RSP are the host's again, the others still the guest's */

        push %rdi
        mov 8(%rsp), %rdi       /* gpr */
        mov %rcx, 1*8(%rdi)
        mov %rdx, 2*8(%rdi)
        mov %rbx, 3*8(%rdi)
        mov %rbp, 5*8(%rdi)
        mov %rsi, 6*8(%rdi)
        mov %r8, 8*8(%rdi)
        mov %r9, 9*8(%rdi)
        mov %r10, 10*8(%rdi)
        mov %r11, 11*8(%rdi)
        mov %r12, 12*8(%rdi)
        mov %r13, 13*8(%rdi)
        mov %r14, 14*8(%rdi)
        mov %r15, 15*8(%rdi)
        pop %rcx
        mov %rcx, 7*8(%rdi)

        mov 8(%rsp), %rax
        vmload %rax
        cli
        stgi
        add $16, %rsp
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %rbx
        pop %rbp
        ret
        .size svm_run, . - svm_run
        .section .note.GNU-stack, "", @progbits

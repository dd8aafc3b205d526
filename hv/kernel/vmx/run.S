/* SPDX-License-Identifier: MIT
 *
 * One VMLAUNCH or VMRESUME. Interrupts are off before and after: a VM exit leaves RFLAGS = 2 (SDM 3, 28.5.3).
 * A failed instruction falls through with the guest's registers in place and the host's stack untouched; a failed
 * entry (exit reason bit 31) and every exit arrive at vmx_exit_entry, on the stack as HOST_RSP has it.
 * Nothing here touches PKRU, XCR0 or vector registers: loop.c has set the guest's.
 */
#define HOST_RSP 0x6c14

        .text
        .globl vmx_run
        .type vmx_run, @function
vmx_run:                        /* rdi = gpr, order of the enum in vcpu.h; sil = launched */
        push %rbp
        mov %rsp, %rbp
        push %rbx
        push %r12
        push %r13
        push %r14
        push %r15
        push %rdi
        mov $HOST_RSP, %ecx
        vmwrite %rsp, %rcx
        test %sil, %sil         /* no MOV below changes ZF */
        mov 0*8(%rdi), %rax
        mov 1*8(%rdi), %rcx
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
        jnz 1f
        vmlaunch
        jmp 2f
1:      vmresume
2:      xor %eax, %eax          /* VMfail: the registers are as given */
        jmp 3f

        .globl vmx_exit_entry
vmx_exit_entry:
        push %rdi
        mov 8(%rsp), %rdi       /* gpr */
        mov %rax, 0*8(%rdi)
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
        mov $1, %eax
3:      add $8, %rsp
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %rbx
        pop %rbp
        ret
        .size vmx_run, . - vmx_run
        .section .note.GNU-stack, "", @progbits

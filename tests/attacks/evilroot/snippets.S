/* SPDX-License-Identifier: MIT
 *
 * What evilroot runs inside guests: one blob, so that every snippet reaches `landing`. Registers are set by root
 * before each run (run.c). The payloads at the end hold WRPKRU and are no part of the blob.
 */
#include "rf/layout.h"
#include "macros.S"

        .section .rodata.snippets, "a"
        .balign 64
        .globl snippets
snippets:

/* CPUID exits to root without harm: the one place where a snippet that was not stopped comes out. */
ROUTINE landing
        cpuid
        jmp landing

/* RCX bytes from RSI to RDI: root's way to pools, rings and state pages, which it cannot see itself. */
ROUTINE r_copy
        cld
        rep movsb
        DONE

/* One store of R13 to RBX. */
ROUTINE r_store
        mov %r13, (%rbx)
        DONE

/* R13, R14 to the staging slot at RBX, then commit (R12) with RDI, RSI; the result in RAX becomes R15. */
ROUTINE r_commit
        mov %r13, (%rbx)
        mov %r14, 8(%rbx)
ROUTINE r_call
        call *%r12
        mov %rax, %r15
        DONE

/* Where a jump into the guard returns to: a store that only an open window lets through. Then the window is closed
 * by way of guard_close (R12) so that the next exit does not hide what happened. */
ROUTINE r_probe
        mov %r13, (%rbx)
ROUTINE r_close
        lea landing(%rip), %rax
        push %rax
        xor %ecx, %ecx
        xor %edx, %edx
        mov $RF_PKRU_CLOSED, %eax
        jmp *%r12

/* As r_probe, from a handler for #DB: with TF set it runs after each instruction, the guard's too. RDPKRU tells when.
 * RBX, R13: where and what to store. */
ROUTINE r_handler
        push %rax
        push %rcx
        push %rdx
        xor %ecx, %ecx
        rdpkru
        cmp $RF_PKRU_CLOSED, %eax
        je 1f
        mov %r13, (%rbx)
        andl $~0x100, 40(%rsp)  /* no more steps: the guard closes, returns, lands */
1:      movq $8, 32(%rsp)       /* CS was born without a selector; the GDT has 64-bit code at 8 */
        pop %rdx
        pop %rcx
        pop %rax
        iretq

/* GDT at RSI, IDT at R14; then commit (R12), stepped. */
ROUTINE r_step_handled
        lgdt (%rsi)
        lidt (%r14)
        xor %edi, %edi
        xor %esi, %esi
        lea landing(%rip), %rax
        push %rax
        pushf
        orl $0x100, (%rsp)
        popf
        jmp *%r12

/* TF, then straight to R12 with EAX = open. */
ROUTINE r_step
        mov $RF_PKRU_OPEN, %eax
        xor %ecx, %ecx
        xor %edx, %edx
        pushf
        orl $0x100, (%rsp)
        popf
        jmp *%r12

/* GDT at RSI; far return to the 32-bit code at R12 with selector R13. */
ROUTINE r_far
        lgdt (%rsi)
        push %r13
        push %r12
        lretq

/* For a second vCPU: R13 to RBX for ever. */
ROUTINE r_hammer
        movl %r13d, (%rbx)
        jmp r_hammer

/* A heartbeat on the wire: the frame of the TX descriptor R13, R14 in every slot, again and again; RBX = staging,
 * R12 = commit, R15 = pause. Never lands. */
ROUTINE r_beat
        xor %ebp, %ebp
1:      mov %ebp, %eax
        and $255, %eax
        shl $4, %eax
        mov %r13, (%rbx,%rax)
        mov %r14, 8(%rbx,%rax)
        inc %ebp
        mov $1, %edi
        mov %ebp, %esi
        and $255, %esi
        call *%r12
        mov %r15, %rcx
2:      pause
        dec %rcx
        jnz 2b
        jmp 1b

/* Calls RBX: is there code? */
ROUTINE r_call_page
        call *%rbx
        DONE

/* Hypercalls (R12) for ever, but for EXIT and WAIT. R15: the seed of a xorshift generator. */
ROUTINE r_calls
        mov %r15, %rax
        shl $13, %rax
        xor %rax, %r15
        mov %r15, %rax
        shr $7, %rax
        xor %rax, %r15
        mov %r15, %rax
        shl $17, %rax
        xor %rax, %r15
        mov %r15, %rdi
        and $63, %edi
        mov %r15, %rsi
        shr $9, %rsi
        mov %r15, %rdx
        mov %r15, %rax
        shr $50, %rax
        and $7, %eax
        cmp $4, %eax            /* RF_HC_EXIT */
        je r_calls
        cmp $2, %eax            /* RF_HC_WAIT: not for ever, so that the storm goes on */
        jne 1f
        xor %edx, %edx
1:      bt $62, %r15
        jnc 2f
        and $255, %esi
2:      call *%r12
        jmp r_calls

/* Hypercall RAX (R12) for ever, RDI to R9 as they are. */
ROUTINE r_same_call
        mov %rax, %r13
1:      mov %r13, %rax
        call *%r12
        jmp 1b

ROUTINE r_cli_spin
        cli
1:      jmp 1b

/* A fault that no handler can take. */
ROUTINE r_ud
        ud2
        DONE

ROUTINE r_hlt
        cli
1:      hlt
        jmp 1b

#include "stores.S"
#include "control.S"

        .section .rodata.snippets, "a"
        .globl snippets_end
snippets_end:

/* ---- payloads: placed by hand, judged by acceptance ---------------------------------------------- */

/* Opens, stores R13 to RBX, closes. R12 = landing. */
        .section .rodata.payloads, "a"
        .globl p_open, p_open_end
p_open:
        xor %ecx, %ecx
        xor %edx, %edx
        mov $RF_PKRU_OPEN, %eax
        wrpkru
        mov %r13, (%rbx)
        mov $RF_PKRU_CLOSED, %eax
        wrpkru
        jmp *%r12
p_open_end:

/* Opens and stays open: the next exit shows it. */
        .globl p_stay, p_stay_end
p_stay:
        xor %ecx, %ecx
        xor %edx, %edx
        mov $RF_PKRU_OPEN, %eax
        wrpkru
        jmp *%r12
p_stay_end:

/* 32-bit code: marks the data page at 0x20000000 and exits. */
        .globl p_code32, p_code32_end
        .code32
p_code32:
        dec %eax                /* in 64-bit code these bytes are a REX prefix of the next instruction */
        movl $0x32323232, 0x20000000
        cpuid
        .code64
p_code32_end:
        .section .note.GNU-stack, "", @progbits

/* SPDX-License-Identifier: MIT
 * The probe's first instructions: a stack of its own, and the state at entry kept for the checks. */
        .section .text
        .globl _start
_start:
        lea     probe_stack_top(%rip), %rsp
        pushfq
        pop     %rsi
        xor     %ebp, %ebp
        call    probe_main
1:      hlt
        jmp     1b

        .bss
        .balign 16
        .skip   16384
probe_stack_top:

        .section .note.GNU-stack, "", @progbits

/* SPDX-License-Identifier: MIT
 * Where the loader jumps to (rf/boot.h): a stack, then C. */
        .section .text.entry, "ax"
        .globl kernel_entry
kernel_entry:
        cld
        lea boot_stack_top(%rip), %rsp
        xor %ebp, %ebp
        call kernel_main
1:      hlt
        jmp 1b

        .bss
        .balign 16
        .globl boot_stack
boot_stack:
        .skip 16384
        .globl boot_stack_top
boot_stack_top:

        .section .note.GNU-stack, "", @progbits

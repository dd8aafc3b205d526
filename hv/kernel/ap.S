/* SPDX-License-Identifier: MIT
 *
 * What an AP runs from the page below 1 MiB: real mode to long mode in one step (CR0.PE and PG together, with EFER.LME
 * set), then to ap_main() at the kernel's address. smp.c copies this page and fills ap_params.
 * The page is identity-mapped in the tables whose address is in ap_cr3, read-execute.
 */
        .section .trampoline, "a", @progbits
        .balign 4096
        .globl ap_page, ap_params
ap_page:
        .code16
        cli
        cld
        mov %cs, %ax
        mov %ax, %ds
        mov %cs, %ax
        movzwl %ax, %ebx
        shll $4, %ebx                          /* linear address of this page */
        lgdtl ap_gdtr - ap_page
        movl $0x620, %eax                      /* PAE, OSFXSR, OSXMMEXCPT */
        movl %eax, %cr4
        movl ap_cr3 - ap_page, %eax
        movl %eax, %cr3
        movl $0xc0000080, %ecx
        rdmsr
        orl $0x900, %eax                       /* LME, NXE */
        wrmsr
        movl $0x80010033, %eax                 /* PG, WP, NE, ET, MP, PE */
        movl %eax, %cr0
        ljmpl *ap_jump - ap_page

        .code64
ap_long:
        mov ap_stack - ap_page(%rbx), %rsp
        mov ap_cpu - ap_page(%rbx), %rdi
        xor %ebp, %ebp
        mov ap_main_address - ap_page(%rbx), %rax
        call *%rax
        hlt

        .balign 16
ap_gdt: .quad 0
        .quad 0x00af9b000000ffff
        .quad 0x00cf93000000ffff
        .balign 8
ap_params:                      /* struct ap_params in smp.c */
ap_cr3: .quad 0
ap_stack: .quad 0
ap_cpu: .quad 0
ap_main_address: .quad 0
ap_jump: .long 0
        .word 0x08
        .word 0
ap_gdtr: .word 23
        .long 0
        .word 0
ap_long_offset: .quad ap_long - ap_page
ap_gdt_offset: .quad ap_gdt - ap_page
        .balign 4096

        .section .note.GNU-stack, "", @progbits

/* SPDX-License-Identifier: MIT
 * Entry of a bare image, as rf/boot.h describes it, and the assembly ends of calls and traps. */

        .set    STACK_BYTES, 0x10000

        .section .text.start, "ax"
        .globl  _start
        .type   _start, @function
_start: /* RDI = struct rf_boot_info; no stack */
        cli
        leaq    bare_stack_top(%rip), %rsp
        /* SSE, which the compiler uses: CR0.EM = 0, CR0.MP = 1, CR4.OSFXSR and OSXMMEXCPT = 1 */
        movq    %cr0, %rax
        andq    $~4, %rax
        orq     $2, %rax
        movq    %rax, %cr0
        movq    %cr4, %rax
        orq     $0x600, %rax
        movq    %rax, %cr4
        xorl    %ebp, %ebp
        call    bare_main
        .globl  bare_halt
        .type   bare_halt, @function
bare_halt:
        cli
        hlt
        jmp     bare_halt
        .size   bare_halt, . - bare_halt

        .text
/* From the guest ABI's registers (RAX, RDI RSI RDX R10 R8 R9) to C's. All but RAX, RCX, R11 is kept; bare_hypercall
 * may use vector registers, which the SDK's callers, being C, do not expect to survive. */
        .globl  bare_hypercall_entry
        .type   bare_hypercall_entry, @function
bare_hypercall_entry:
        pushq   %rdi
        pushq   %rsi
        pushq   %rdx
        pushq   %r8
        pushq   %r9
        pushq   %r10
        pushq   %r9                     /* seventh argument; the stack is aligned now */
        movq    %r8, %r9
        movq    %r10, %r8
        movq    %rdx, %rcx
        movq    %rsi, %rdx
        movq    %rdi, %rsi
        movq    %rax, %rdi
        call    bare_hypercall
        addq    $8, %rsp
        popq    %r10
        popq    %r9
        popq    %r8
        popq    %rdx
        popq    %rsi
        popq    %rdi
        ret
        .size   bare_hypercall_entry, . - bare_hypercall_entry

/* One stub a vector: makes the frames alike (0 where the CPU pushes no error code; those that do: 8, 10-14, 17, 21,
 * 29, 30) and goes to bare_trap(frame). */
        .macro  trap_stub vector
trap_\vector:
        .if     !((1 << \vector) & 0x60227d00)
        pushq   $0
        .endif
        pushq   $\vector
        jmp     trap_common
        .endm

        .altmacro
        .macro  trap_stub_of n
        trap_stub \n
        .endm
        .macro  trap_address_of n
        .quad   trap_\n
        .endm

        .set    i, 0
        .rept   32
        trap_stub_of %i
        .set    i, i + 1
        .endr

trap_common:
        movq    %rsp, %rdi
        andq    $-16, %rsp
        call    bare_trap               /* does not return */

        .section .rodata
        .balign 8
        .globl  bare_trap_entries
bare_trap_entries:
        .set    i, 0
        .rept   32
        trap_address_of %i
        .set    i, i + 1
        .endr

        .bss
        .balign 16
        .skip   STACK_BYTES
bare_stack_top:

        .section .note.GNU-stack, "", @progbits

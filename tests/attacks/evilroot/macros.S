/* SPDX-License-Identifier: MIT
 * SNIPPET also makes an entry in the table of its file: { name, code } (snippet.h). ROUTINE is one that C names. */
        .macro SNIPPET name
        .section .rodata.names, "a"
.Lname\@:
        .asciz "\name"
        .section .rodata.snippets, "a"
.Lcode\@:
        .section .rodata.table, "a"
        .quad .Lname\@, .Lcode\@
        .section .rodata.snippets, "a"
        .endm

        .macro DONE
        jmp landing
        .endm

        .macro ROUTINE name
        .section .rodata.snippets, "a"
        .globl \name
\name:
        .endm

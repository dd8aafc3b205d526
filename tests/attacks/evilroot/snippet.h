/* SPDX-License-Identifier: MIT
 * Machine code that evilroot copies into guests: position independent within one blob. A SNIPPET also gets an
 * entry in the table of its file: { name, code }. */
#ifndef SNIPPET_H
#define SNIPPET_H

#ifdef __ASSEMBLER__
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
        /* one that C names */
        .macro ROUTINE name
        .section .rodata.snippets, "a"
        .globl \name
\name:
        .endm
#else
#include <stdint.h>

struct snippet {
        const char *name;
        const uint8_t *code;
};
extern const struct snippet store_table[], store_table_end[];
extern const struct snippet control_table[], control_table_end[];
extern const struct snippet redirect_table[], redirect_table_end[];
extern const uint8_t snippets[], snippets_end[];
#endif

#endif

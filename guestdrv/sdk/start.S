/* SPDX-License-Identifier: MIT
 * Entry of a ring guest. See ringfence.h, "Entry". */

        .section .text.start, "ax"
        .globl  _start
        .type   _start, @function
_start: /* RDI = info page; RSP as at a call */
        xorl    %ebp, %ebp              /* ends the chain of frame pointers */
        jmp     rf_start
        .size   _start, . - _start

        .section .note.GNU-stack, "", @progbits

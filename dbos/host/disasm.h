/* SPDX-License-Identifier: MIT
 * One instruction in words. */
#ifndef DBOS_HOST_DISASM_H
#define DBOS_HOST_DISASM_H

#include "engine.h"

/* "mov qword ptr [rdi+0x8], rax"; "(not an instruction)" if it is none. */
void disassemble(const struct insn *in, char *out, size_t n);

#endif

/* SPDX-License-Identifier: MIT
 * The store forms for badstore. Plain moves come first: the rewriter may send those to staging; of the others
 * it may refuse any, but none may reach the window. In each: RDI is the target, RAX a value that is not zero.
 */
#include "badstore_forms.h"

#include <stdint.h>

#define FORM(name, code)                                                                                     \
        static void name(void *p)                                                                            \
        {                                                                                                    \
                uint64_t value = 0x5a5a5a5a5a5a5a5aull;                                                      \
                                                                                                             \
                __asm__ volatile(code                                                                        \
                                 : "+D"(p), "+a"(value)                                                      \
                                 :                                                                           \
                                 : "rcx", "rdx", "rbx", "rsi", "r8", "xmm0", "xmm1", "st", "memory", "cc");  \
        }

/* plain moves */
FORM(mov8, "movb %%al, (%%rdi)")
FORM(mov8_high, "movb %%ah, (%%rdi)")
FORM(mov16, "movw %%ax, (%%rdi)")
FORM(mov32, "movl %%eax, (%%rdi)")
FORM(mov64, "movq %%rax, (%%rdi)")
FORM(imm8, "movb $0x5a, (%%rdi)")
FORM(imm16, "movw $0x5a5a, (%%rdi)")
FORM(imm32, "movl $0x5a5a5a5a, (%%rdi)")
FORM(imm64, "movq $0x5a5a5a5a, (%%rdi)")
FORM(unaligned64, "movq %%rax, 3(%%rdi)")
FORM(indexed64, "movl $2, %%ecx\n\tmovq %%rax, -16(%%rdi,%%rcx,8)")
FORM(movbe64, "movbe %%rax, (%%rdi)")
FORM(movnti64, "movnti %%rax, (%%rdi)")

/* read, modify, write */
FORM(add64, "addq %%rax, (%%rdi)")
FORM(or32, "orl %%eax, (%%rdi)")
FORM(xor_imm8, "xorb $0x5a, (%%rdi)")
FORM(inc64, "incq (%%rdi)")
FORM(not16, "notw (%%rdi)")
FORM(shift64, "stc\n\trclq $1, (%%rdi)")
FORM(shld64, "shldq $7, %%rax, (%%rdi)")
FORM(bts64, "btsq $5, (%%rdi)")
FORM(btc_far, "movl $9, %%ecx\n\tbtcq %%rcx, (%%rdi)")
FORM(setcc, "cmpb %%al, %%al\n\tsete (%%rdi)")
FORM(xchg64, "xchgq %%rax, (%%rdi)")
FORM(xadd64, "xaddq %%rax, (%%rdi)")
FORM(lock_add64, "lock addq %%rax, (%%rdi)")
FORM(lock_bts32, "lock btsl $5, (%%rdi)")
FORM(lock_xadd32, "lock xaddl %%eax, (%%rdi)")
FORM(cmpxchg64, "movq %%rax, %%rcx\n\tmovq (%%rdi), %%rax\n\tlock cmpxchgq %%rcx, (%%rdi)")
FORM(cmpxchg16b, "movq %%rax, %%rcx\n\tmovq %%rax, %%rbx\n\tmovq (%%rdi), %%rax\n\tmovq 8(%%rdi), %%rdx\n\t"
                 "lock cmpxchg16b (%%rdi)")

/* string */
FORM(stosb, "stosb")
FORM(rep_stosq, "movl $2, %%ecx\n\trep stosq")
FORM(movsq, "pushq %%rax\n\tmovq %%rsp, %%rsi\n\tmovsq\n\tpopq %%rax")
FORM(insb, "movl $0x3fd, %%edx\n\tinsb")

/* stack */
FORM(push64, "movq %%rsp, %%r8\n\tleaq 8(%%rdi), %%rsp\n\tpushq %%rax\n\tmovq %%r8, %%rsp")
FORM(push_imm, "movq %%rsp, %%r8\n\tleaq 8(%%rdi), %%rsp\n\tpushq $0x5a\n\tmovq %%r8, %%rsp")
FORM(pushfq, "movq %%rsp, %%r8\n\tleaq 8(%%rdi), %%rsp\n\tpushfq\n\tmovq %%r8, %%rsp")
FORM(call_near, "movq %%rsp, %%r8\n\tleaq 8(%%rdi), %%rsp\n\tcall 1f\n1:\tmovq %%r8, %%rsp")
FORM(enter, "movq %%rsp, %%r8\n\tmovq %%rbp, %%rdx\n\tleaq 8(%%rdi), %%rsp\n\tenter $0, $0\n\t"
            "movq %%rdx, %%rbp\n\tmovq %%r8, %%rsp")
FORM(pop_mem, "pushq %%rax\n\tpopq (%%rdi)")
FORM(int_frame, "movq %%rsp, %%r8\n\tleaq 40(%%rdi), %%rsp\n\tint3\n\tmovq %%r8, %%rsp")

/* x87, SSE, AVX */
FORM(fstp64, "fld1\n\tfstpl (%%rdi)")
FORM(fstp80, "fld1\n\tfstpt (%%rdi)")
FORM(fistp64, "fld1\n\tfistpll (%%rdi)")
FORM(fnstcw, "fnstcw (%%rdi)")
FORM(fnstsw, "fld1\n\tfnstsw (%%rdi)\n\tfstp %%st(0)")
FORM(fnstenv, "fnstenv (%%rdi)")
FORM(fnsave, "fnsave (%%rdi)")
FORM(fxsave, "fxsave (%%rdi)")
FORM(xsave, "movl $3, %%eax\n\txorl %%edx, %%edx\n\txsave (%%rdi)")
FORM(xsaveopt, "movl $3, %%eax\n\txorl %%edx, %%edx\n\txsaveopt (%%rdi)")
FORM(stmxcsr, "stmxcsr (%%rdi)")
FORM(movd, "movq %%rax, %%xmm0\n\tmovd %%xmm0, (%%rdi)")
FORM(movq_sse, "movq %%rax, %%xmm0\n\tmovq %%xmm0, (%%rdi)")
FORM(movups, "movq %%rax, %%xmm0\n\tmovups %%xmm0, (%%rdi)")
FORM(movaps, "movq %%rax, %%xmm0\n\tmovaps %%xmm0, (%%rdi)")
FORM(movdqu, "movq %%rax, %%xmm0\n\tmovdqu %%xmm0, (%%rdi)")
FORM(movhps, "movq %%rax, %%xmm0\n\tmovlhps %%xmm0, %%xmm0\n\tmovhps %%xmm0, (%%rdi)")
FORM(movntdq, "movq %%rax, %%xmm0\n\tmovntdq %%xmm0, (%%rdi)")
FORM(movntps, "movq %%rax, %%xmm0\n\tmovntps %%xmm0, (%%rdi)")
FORM(maskmovdqu, "movq %%rax, %%xmm0\n\tpcmpeqb %%xmm1, %%xmm1\n\tmaskmovdqu %%xmm1, %%xmm0")
FORM(pextrb, "movq %%rax, %%xmm0\n\tpextrb $0, %%xmm0, (%%rdi)")
FORM(pextrq, "movq %%rax, %%xmm0\n\tpextrq $0, %%xmm0, (%%rdi)")
FORM(vmovups256, "vmovq %%rax, %%xmm0\n\tvmovups %%ymm0, (%%rdi)\n\tvzeroupper")
FORM(vmaskmovps,
     "vpcmpeqd %%xmm1, %%xmm1, %%xmm1\n\tvmovq %%rax, %%xmm0\n\tvmaskmovps %%xmm0, %%xmm1, (%%rdi)")

/* system */
FORM(sgdt, "sgdt (%%rdi)")
FORM(sidt, "sidt (%%rdi)")
FORM(sldt, "sldt (%%rdi)")
FORM(str_tr, "strw (%%rdi)")
FORM(smsw, "smsw (%%rdi)")
FORM(mov_sreg, "movw %%cs, (%%rdi)")

/* cache and hints: no store, and no harm */
FORM(clflush, "clflush (%%rdi)")
FORM(prefetchw, "prefetchw (%%rdi)")

#define ENTRY(f)                                                                                             \
        {                                                                                                    \
#f, f                                                                                        \
        }

const struct badstore_form badstore_forms[] = {
    ENTRY(mov8),       ENTRY(mov8_high),  ENTRY(mov16),       ENTRY(mov32),      ENTRY(mov64),
    ENTRY(imm8),       ENTRY(imm16),      ENTRY(imm32),       ENTRY(imm64),      ENTRY(unaligned64),
    ENTRY(indexed64),  ENTRY(movbe64),    ENTRY(movnti64),    ENTRY(add64),      ENTRY(or32),
    ENTRY(xor_imm8),   ENTRY(inc64),      ENTRY(not16),       ENTRY(shift64),    ENTRY(shld64),
    ENTRY(bts64),      ENTRY(btc_far),    ENTRY(setcc),       ENTRY(xchg64),     ENTRY(xadd64),
    ENTRY(lock_add64), ENTRY(lock_bts32), ENTRY(lock_xadd32), ENTRY(cmpxchg64),  ENTRY(cmpxchg16b),
    ENTRY(stosb),      ENTRY(rep_stosq),  ENTRY(movsq),       ENTRY(insb),       ENTRY(push64),
    ENTRY(push_imm),   ENTRY(pushfq),     ENTRY(call_near),   ENTRY(enter),      ENTRY(pop_mem),
    ENTRY(int_frame),  ENTRY(fstp64),     ENTRY(fstp80),      ENTRY(fistp64),    ENTRY(fnstcw),
    ENTRY(fnstsw),     ENTRY(fnstenv),    ENTRY(fnsave),      ENTRY(fxsave),     ENTRY(xsave),
    ENTRY(xsaveopt),   ENTRY(stmxcsr),    ENTRY(movd),        ENTRY(movq_sse),   ENTRY(movups),
    ENTRY(movaps),     ENTRY(movdqu),     ENTRY(movhps),      ENTRY(movntdq),    ENTRY(movntps),
    ENTRY(maskmovdqu), ENTRY(pextrb),     ENTRY(pextrq),      ENTRY(vmovups256), ENTRY(vmaskmovps),
    ENTRY(sgdt),       ENTRY(sidt),       ENTRY(sldt),        ENTRY(str_tr),     ENTRY(smsw),
    ENTRY(mov_sreg),   ENTRY(clflush),    ENTRY(prefetchw),
};
const unsigned badstore_form_count = sizeof(badstore_forms) / sizeof(badstore_forms[0]);

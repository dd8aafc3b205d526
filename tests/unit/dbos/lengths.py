# SPDX-License-Identifier: MIT
"""Writes assembly whose instruction lengths the assembler tells: struct { bytes, length } in the section `lengths`.
None of it is run."""

ADDRESS = ("(%rax)", "(%rsp)", "(%rbp)", "(%r12)", "(%r13)", "0x11(%rdi)", "-0x80(%r15)", "0x12345678(%rbx)",
           "(%rax,%rcx,4)", "0x44(%r8,%r9,8)", "0x12345678(,%r11,2)", "0x1234(%rip)", "%fs:(%rdi)", "%gs:8(%rsi)",
           "(%eax)", "0x10(%r10d)")
BYTES = ("%al", "%bh", "%r9b", "%sil")
WORDS = ("%ax", "%r9w", "%ecx", "%r10d", "%rdx", "%r15")
WITH_BYTE = "mov xchg add or sbb and cmp test".split()
WITH_WORD = "mov;xchg;adc;xor;sub;test;lock xadd;lock cmpxchg;bts;btr;shld %cl,;shrd $3,".split(";")
WITH_MEMORY = ("movb $0x12,;movw $0x1234,;movl $0x12345678,;movq $-2,;addb $1,;addw $0x1234,;andl $0x1234567,;"
               "subq $0x11,;cmpq $0x12345678,;rolw $3,;shll $7,;sarq $31,;shlb %cl,;btsl $5,;testb $1,;"
               "testw $0x1234,;testl $0x12345,;notb;negw;incl;decq;mull;divq;setz;fstpl;fstpt;fnstcw;fildll;"
               "ldmxcsr;stmxcsr;clflush;prefetcht0;jmp *;call *;push;pop;pushw;xsave;fxrstor64;lgdt;lidt;"
               "invlpg;vmovntdq %ymm2,;movntq %mm1,;movups %xmm1,;movaps %xmm9,;movdqa %xmm1,;movdqu %xmm10,;"
               "movntdq %xmm3,;movd %xmm1,;movq %xmm9,;movss %xmm1,;movsd %xmm8,;movhps %xmm1,;"
               "pextrw $1,%xmm3,;vextracti128 $1,%ymm3,;vmovups %xmm1,;vmovdqa %ymm12,;vmovdqu %xmm5,;"
               "vmovd %xmm2,;vmovq %xmm11,;vmovdqu32 %zmm1,;vmovdqa64 %ymm31,;vmovups %xmm17,;vmovdqu8 %zmm3,;"
               "movbe %r8d,;movbe %cx,;movnti %rax,;movnti %r9d,").split(";")
PLAIN = ("stosb;stosw;stosl;stosq;movsb;movsq;rep stosb;rep movsl;repne scasb;ret;ret $8;leave;int3;hlt;"
         "cpuid;rdtsc;rdtscp;syscall;sysretl;sysretq;iretq;pushfq;popfq;pushfw;cli;sti;wrmsr;rdmsr;"
         "xgetbv;xsetbv;wrpkru;rdpkru;vmmcall;vmcall;clgi;stgi;swapgs;mfence;lfence;sfence;pause;nop;ud2;"
         "endbr64;cwtl;cqto;xlat;push $1;push $0x12345678;push %r12;pop %rbp;pushw $0x1234;"
         "movabs $0x1122334455667788,%r9;movabs %al,0x1122334455667788;movabs %rax,0x1122334455667788;"
         "mov $0x12345678,%eax;mov $0x1234,%r9w;enter $16,$0;in $0x60,%al;in (%dx),%eax;out %al,$0xe9;"
         "out %ax,(%dx);bswap %r11;popcnt %rax,%rcx;lzcnt %ax,%cx;tzcnt %r9d,%eax;crc32b %al,%ecx;"
         "crc32q %rax,%rcx;xbegin 1f;xend;xabort $1;loop 1f;jrcxz 1f;jecxz 1f;jmp 1f;je 1f;jmp elsewhere;"
         "jnz elsewhere;call elsewhere;call *%r9;jmp *%rax;mov %rax,%cr3;mov %cr0,%r8;mov %rax,%dr7;"
         "mov %ds,%ax;mov %ax,%es;lretq;vzeroupper;emms;vaddps {rn-sae},%zmm1,%zmm2,%zmm3;"
         "vaddsd {rz-sae},%xmm1,%xmm2,%xmm3;vgatherdps (%rax,%zmm2,4),%zmm1{%k1};"
         "vscatterdps %zmm1,(%rax,%zmm2,4){%k1};vpbroadcastd %eax,%zmm5;kmovw %k1,%eax;"
         "andn %eax,%ebx,%ecx;bextr %eax,%ebx,%ecx;rorx $3,%rax,%rbx;pdep %rax,%rbx,%rcx;"
         "sha256rnds2 %xmm1,%xmm2;aesenc %xmm3,%xmm4;pclmulqdq $1,%xmm1,%xmm2;"
         "vpdpbusd %zmm1,%zmm2,%zmm3{%k1}{z};pshufb %xmm1,%xmm2;pcmpestri $1,%xmm1,%xmm2;"
         "roundsd $1,%xmm1,%xmm2;fadd %st(3),%st;fchs;fcomip %st(1),%st;data16 rex.W call elsewhere;"
         "imul $0x11,%rax,%rbx;imul $0x1234,%cx,%dx;test $0x1234,%ax;test $1,%al;xchg %rax,%r8;"
         "xchg %ax,%ax;cmpxchg16b (%rdi);lock cmpxchg8b 8(%rsi);maskmovdqu %xmm1,%xmm2").split(";")


def main() -> None:
    lines = [f"{i} {r}, {m}" for i in WITH_BYTE for r in BYTES for m in ADDRESS
             if not (r in ("%bh",) and ("r" in m and any(f"%r{n}" in m for n in range(8, 16))))]
    lines += [f"{i} {r}, {m}" for i in WITH_WORD for r in WORDS for m in ADDRESS]
    lines += [f"{i} {m}".replace("* ", "*") for i in WITH_MEMORY for m in ADDRESS]
    lines += PLAIN
    print("        .text")
    for line in lines:
        print(f"0:      {line}\n1:      .pushsection lengths, \"aw\"; .quad 0b, 1b - 0b; .popsection")
    print("        .skip 256\nelsewhere:\n        .section .note.GNU-stack, \"\", @progbits")


if __name__ == "__main__":
    main()

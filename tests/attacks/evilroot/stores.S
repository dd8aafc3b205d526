/* SPDX-License-Identifier: MIT
 *
 * Every store form of the instruction set that gas knows, one snippet each. RBX = RDI = target (64-byte aligned,
 * unless the target is a tail register), RSI = readable data, RAX RDX = patterns, RCX = 8, RSP = a stack.
 * Each ends at `landing`, which exits to root: who comes there was not stopped. Included by snippets.S.
 */
        .section .rodata.table, "a"
        .globl store_table, store_table_end
store_table:
        .section .rodata.snippets, "a"

/* integer moves */
        SNIPPET mov8
        mov %al, (%rbx)
        DONE
        SNIPPET mov16
        mov %ax, (%rbx)
        DONE
        SNIPPET mov32
        mov %eax, (%rbx)
        DONE
        SNIPPET mov64
        mov %rax, (%rbx)
        DONE
        SNIPPET mov8i
        movb $0x55, (%rbx)
        DONE
        SNIPPET mov16i
        movw $0x5555, (%rbx)
        DONE
        SNIPPET mov32i
        movl $0x55555555, (%rbx)
        DONE
        SNIPPET mov64i
        movq $0x55555555, (%rbx)
        DONE
        SNIPPET mov_fs
        mov %rax, %fs:(%rbx)
        DONE
        SNIPPET mov_gs
        mov %rax, %gs:(%rbx)
        DONE
        SNIPPET mov_sreg
        mov %cs, (%rbx)
        DONE
        SNIPPET movbe
        movbe %rax, (%rbx)
        DONE
        SNIPPET movnti32
        movnti %eax, (%rbx)
        DONE
        SNIPPET movnti64
        movnti %rax, (%rbx)
        DONE
        SNIPPET movdiri
        .byte 0x48, 0x0f, 0x38, 0xf9, 0x03
        DONE
        SNIPPET movdir64b
        .byte 0x66, 0x0f, 0x38, 0xf8, 0x3e /* RDI = target, RSI = source */
        DONE
        SNIPPET wrss
        .byte 0x48, 0x0f, 0x38, 0xf6, 0x03
        DONE
        SNIPPET clzero
        mov %rbx, %rax
        .byte 0x0f, 0x01, 0xfc
        DONE

/* read, modify, write */
        .irp op, add, or, adc, sbb, and, sub, xor
        SNIPPET \op\()8
        \op %al, (%rbx)
        DONE
        SNIPPET \op\()64
        \op %rax, (%rbx)
        DONE
        SNIPPET \op\()32i
        \op\()l $0x11, (%rbx)
        DONE
        SNIPPET lock_\op
        lock \op %rax, (%rbx)
        DONE
        .endr
        .irp op, inc, dec, not, neg
        SNIPPET \op
        \op\()q (%rbx)
        DONE
        SNIPPET lock_\op
        lock \op\()l (%rbx)
        DONE
        .endr
        .irp op, shl, shr, sar, rol, ror, rcl, rcr
        SNIPPET \op
        \op\()l $3, (%rbx)
        DONE
        SNIPPET \op\()_cl
        \op\()q %cl, (%rbx)
        DONE
        .endr
        SNIPPET shld
        shld $4, %rax, (%rbx)
        DONE
        SNIPPET shrd
        shrd $4, %rax, (%rbx)
        DONE
/* bits 2 and 34 of a_stores.c's pattern are clear, 1 and 33 set */
        .macro BIT op, low, high
        SNIPPET \op\()_i
        \op\()l $\low, (%rbx)
        DONE
        SNIPPET \op\()_r
        mov $\high, %eax
        \op %rax, (%rbx)
        DONE
        SNIPPET lock_\op
        lock \op\()q $\low, (%rbx)
        DONE
        .endm
        BIT bts, 2, 34
        BIT btr, 1, 33
        BIT btc, 2, 34
        SNIPPET xchg
        xchg %rax, (%rbx)
        DONE
        SNIPPET xchg8
        xchg %al, (%rbx)
        DONE
        SNIPPET xadd
        xadd %rax, (%rbx)
        DONE
        SNIPPET lock_xadd
        lock xadd %eax, (%rbx)
        DONE
        SNIPPET cmpxchg
        mov (%rbx), %rax
        cmpxchg %rdx, (%rbx)
        DONE
        SNIPPET lock_cmpxchg
        mov (%rbx), %rax
        lock cmpxchg %rdx, (%rbx)
        DONE
        SNIPPET cmpxchg8b
        mov (%rbx), %eax
        mov 4(%rbx), %edx
        cmpxchg8b (%rdi)
        DONE
        SNIPPET cmpxchg16b
        mov (%rbx), %rax
        mov 8(%rbx), %rdx
        lock cmpxchg16b (%rdi)
        DONE
        .irp cc, o, no, b, ae, z, nz, be, a, s, ns, p, np, l, ge, le, g
        SNIPPET set\cc
        set\cc (%rbx)
        DONE
        .endr

/* stack */
        SNIPPET push64
        lea 64(%rbx), %rsp
        push %rax
        DONE
        SNIPPET push_imm
        lea 64(%rbx), %rsp
        push $0x55
        DONE
        SNIPPET push_mem
        lea 64(%rbx), %rsp
        push (%rsi)
        DONE
        SNIPPET push16
        lea 64(%rbx), %rsp
        pushw $0x55
        DONE
        SNIPPET push_fs
        lea 64(%rbx), %rsp
        push %fs
        DONE
        SNIPPET pushf
        lea 64(%rbx), %rsp
        pushf
        DONE
        SNIPPET pop_mem
        lea 8(%rsi), %rsp
        pop (%rbx)
        DONE
        SNIPPET call_near
        lea 64(%rbx), %rsp
        call landing
        DONE
        SNIPPET call_mem
        lea 64(%rbx), %rsp
        lea landing(%rip), %rax
        call *%rax
        DONE
        SNIPPET enter
        lea 64(%rbx), %rsp
        enter $0, $0
        DONE

/* strings */
        .irp s, b, w, l, q
        SNIPPET stos\s
        stos\s
        DONE
        SNIPPET rep_stos\s
        rep stos\s
        DONE
        SNIPPET movs\s
        movs\s
        DONE
        SNIPPET rep_movs\s
        rep movs\s
        DONE
        .endr
        SNIPPET std_stosq
        std
        stosq
        cld
        DONE
        SNIPPET insb
        mov $0xe9, %edx
        insb
        DONE

/* MMX, SSE, AVX */
        SNIPPET mmx_movq
        movq (%rsi), %mm0
        movq %mm0, (%rbx)
        emms
        DONE
        SNIPPET mmx_movd
        movq (%rsi), %mm0
        movd %mm0, (%rbx)
        emms
        DONE
        SNIPPET mmx_movntq
        movq (%rsi), %mm0
        movntq %mm0, (%rbx)
        emms
        DONE
        SNIPPET maskmovq
        pcmpeqb %mm1, %mm1
        movq (%rsi), %mm0
        maskmovq %mm1, %mm0
        emms
        DONE
        SNIPPET maskmovdqu
        pcmpeqb %xmm1, %xmm1
        movups (%rsi), %xmm0
        maskmovdqu %xmm1, %xmm0
        DONE
        .irp op, movaps, movups, movapd, movupd, movdqa, movdqu, movntps, movntpd, movntdq, movss, movsd, movd, \
                movq, movhps, movlps, movhpd, movlpd, movntss, movntsd
        SNIPPET \op
        movups (%rsi), %xmm0
        \op %xmm0, (%rbx)
        DONE
        .endr
        .irp op, pextrb, pextrw, pextrd, pextrq, extractps
        SNIPPET \op
        movups (%rsi), %xmm0
        \op $0, %xmm0, (%rbx)
        DONE
        .endr
        .irp op, vmovaps, vmovups, vmovapd, vmovupd, vmovdqa, vmovdqu, vmovntps, vmovntpd, vmovntdq
        SNIPPET \op
        vmovups (%rsi), %ymm0
        \op %ymm0, (%rbx)
        DONE
        .endr
        .irp op, vextractf128, vextracti128
        SNIPPET \op
        vmovups (%rsi), %ymm0
        \op $1, %ymm0, (%rbx)
        DONE
        .endr
        .irp op, vmaskmovps, vmaskmovpd, vpmaskmovd, vpmaskmovq
        SNIPPET \op
        vmovups (%rsi), %ymm0
        vpcmpeqd %ymm1, %ymm1, %ymm1
        \op %ymm0, %ymm1, (%rbx)
        DONE
        .endr
        SNIPPET vcvtps2ph
        vmovups (%rsi), %ymm0
        vcvtps2ph $0, %ymm0, (%rbx)
        DONE

/* x87 and state images */
        .irp op, fsts, fstl, fstps, fstpl, fstpt, fists, fistl, fistps, fistpl, fistpll, fisttps, fisttpl, fisttpll, fbstp
        SNIPPET \op
        fninit
        fld1
        \op (%rbx)
        DONE
        .endr
        .irp op, fnstcw, fnstsw, fnstenv, fnsave, stmxcsr, fxsave, fxsave64
        SNIPPET \op
        \op (%rbx)
        DONE
        .endr
        .irp op, xsave, xsave64, xsaveopt, xsavec, xsaves
        SNIPPET \op
        mov $7, %eax
        xor %edx, %edx
        \op (%rbx)
        DONE
        .endr

/* what exits, and would otherwise store */
        .irp op, sgdt, sidt, sldt, str, smsw
        SNIPPET \op
        \op (%rbx)
        DONE
        .endr
        .section .rodata.table, "a"
store_table_end:
        .section .note.GNU-stack, "", @progbits

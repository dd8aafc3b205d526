/* SPDX-License-Identifier: MIT
 *
 * Attempts to change control state, one snippet each. RBX = a ring slot, R13 = what to store there, RSI = readable
 * data with a GDT pointer at 0 and an IDT pointer at 16, RBP = an XSAVE image with PKRU = 0, R8 = one with PKRU =
 * closed. Included by snippets.S.
 */
        .section .rodata.table, "a"
        .globl control_table, control_table_end
control_table:
        .section .rodata.snippets, "a"

/* These open the window if they work: each ends with the store that proves it. */
        SNIPPET cr0_no_wp
        mov $0x80000033, %eax
        mov %rax, %cr0
        mov %r13, (%rbx)
        DONE
        SNIPPET cr4_no_pke
        mov $0x140620, %eax
        mov %rax, %cr4
        mov %r13, (%rbx)
        DONE
        SNIPPET xsetbv_xrstor
        mov $0x207, %eax
        xor %edx, %edx
        xor %ecx, %ecx
        xsetbv
        mov $0x200, %eax
        xrstor (%rbp)
        mov %r13, (%rbx)
        xrstor (%r8)
        DONE
        SNIPPET xrstor_pkru     /* bit 9 is not in XCR0: ignored, or #GP */
        mov $0x200, %eax
        xor %edx, %edx
        xrstor (%rbp)
        mov %r13, (%rbx)
        DONE
        SNIPPET xrstors_pkru
        mov $0x200, %eax
        xor %edx, %edx
        xrstors (%rbp)
        mov %r13, (%rbx)
        DONE

/* These need only to be refused. Left out, since QEMU's decoder takes them for nothing at all: INTO and VMXON. */
        SNIPPET cr0_no_pg
        mov $0x33, %eax
        mov %rax, %cr0
        DONE
        SNIPPET cr0_lmsw
        mov $0x33, %eax
        lmsw %ax
        DONE
        SNIPPET clts
        clts
        DONE
        SNIPPET cr2
        mov %rax, %cr2
        DONE
        SNIPPET cr3
        mov %r13, %cr3
        DONE
        SNIPPET cr4_smap
        mov $0x740620, %eax
        mov %rax, %cr4
        DONE
        SNIPPET cr4_no_smep
        mov $0x440620, %eax
        mov %rax, %cr4
        DONE
        SNIPPET cr8
        xor %eax, %eax
        mov %rax, %cr8
        DONE
        .irp n, 0, 2, 3, 4, 8
        SNIPPET read_cr\n
        mov %cr\n, %rax
        DONE
        .endr
        .irp n, 0, 1, 2, 3, 6, 7
        SNIPPET dr\n
        mov %r13, %dr\n
        DONE
        SNIPPET read_dr\n
        mov %dr\n, %rax
        DONE
        .endr
        SNIPPET xsetbv_7
        mov $7, %eax
        xor %edx, %edx
        xor %ecx, %ecx
        xsetbv
        DONE
/* EFER, APIC_BASE, PAT, SYSENTER, STAR, LSTAR, FS, GS, KERNEL_GS, VM_CR, VM_HSAVE_PA, TSC, MTRR, XSS, PKRS */
        .irp msr, 0xc0000080, 0x1b, 0x277, 0x174, 0x175, 0x176, 0xc0000081, 0xc0000082, 0xc0000084, 0xc0000100, \
                0xc0000101, 0xc0000102, 0xc0010114, 0xc0010117, 0x10, 0x2ff, 0xda0, 0x6e1
        SNIPPET wrmsr_\msr
        mov $\msr, %ecx
        mov $0xd00, %eax
        xor %edx, %edx
        wrmsr
        DONE
        SNIPPET rdmsr_\msr
        mov $\msr, %ecx
        rdmsr
        DONE
        .endr
        SNIPPET lgdt
        lgdt (%rsi)
        DONE
        SNIPPET lidt
        lidt 16(%rsi)
        DONE
        SNIPPET lldt
        xor %eax, %eax
        lldt %ax
        DONE
        SNIPPET ltr
        mov $0x10, %eax
        ltr %ax
        DONE
        .irp op, sgdt, sidt
        SNIPPET \op
        \op 64(%rsi)
        DONE
        .endr
        .irp op, sldt, str, smsw
        SNIPPET \op
        \op %rax
        DONE
        .endr
        .irp op, invd, wbinvd, rdpmc, rsm, monitor, mwait, sysretl, sysretq, sysexitl, sysexitq, syscall, sysenter, int3, \
                hlt, ud2, stgi, clgi
        SNIPPET \op
        xor %ecx, %ecx
        \op
        DONE
        .endr
        SNIPPET icebp
        .byte 0xf1
        DONE
        .irp n, 0x02, 0x0e, 0x20, 0x80, 0xff
        SNIPPET int_\n
        int $\n
        DONE
        .endr
        SNIPPET vmrun
        xor %eax, %eax
        vmrun %rax
        DONE
        SNIPPET vmload
        xor %eax, %eax
        vmload %rax
        DONE
        SNIPPET vmsave
        xor %eax, %eax
        vmsave %rax
        DONE
        SNIPPET skinit
        xor %eax, %eax
        skinit
        DONE
        SNIPPET invlpga
        xor %ecx, %ecx
        mov %rbx, %rax
        invlpga %rax, %ecx
        DONE
        SNIPPET invlpg
        invlpg (%rbx)
        DONE
        SNIPPET invpcid
        xor %eax, %eax
        invpcid (%rsi), %rax
        DONE
        SNIPPET vmfunc
        xor %eax, %eax
        vmfunc
        DONE
        SNIPPET iretq
        push $0
        push %rsp
        pushf
        push $8
        lea landing(%rip), %rax
        push %rax
        iretq
        SNIPPET lretq
        push $8
        lea landing(%rip), %rax
        push %rax
        lretq
        SNIPPET far_null
        push $0
        lea landing(%rip), %rax
        push %rax
        lretq
        SNIPPET load_cs_ds
        mov $8, %eax
        mov %eax, %ds
        DONE
        SNIPPET wrfsbase
        wrfsbase %rax
        DONE
        SNIPPET trap_flag
        pushf
        orl $0x100, (%rsp)
        popf
        nop
        nop
        DONE
        .section .rodata.table, "a"
control_table_end:
        .section .rodata.snippets, "a"

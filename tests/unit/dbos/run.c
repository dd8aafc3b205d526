/* SPDX-License-Identifier: MIT
 *
 * Enter code with every register set, and leave it with every register recorded.
 */
#include "run.h"

struct state run_state;
uint64_t run_target, run_saved_rsp;

/* Offsets as in struct state: gpr[16], rflags, xmm[8]. */
__asm__(".text\n"
        ".globl run_enter, run_leave\n"
        "run_enter:\n"
        " push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        " mov %rsp, run_saved_rsp(%rip)\n"
        " lea run_state(%rip), %rax\n"
        " movdqu 136(%rax), %xmm0; movdqu 152(%rax), %xmm1; movdqu 168(%rax), %xmm2\n"
        " movdqu 184(%rax), %xmm3; movdqu 200(%rax), %xmm4; movdqu 216(%rax), %xmm5\n"
        " movdqu 232(%rax), %xmm6; movdqu 248(%rax), %xmm7\n"
        " push 128(%rax); popfq\n"
        " mov 8(%rax), %rcx; mov 16(%rax), %rdx; mov 24(%rax), %rbx; mov 32(%rax), %rsp\n"
        " mov 40(%rax), %rbp; mov 48(%rax), %rsi; mov 56(%rax), %rdi; mov 64(%rax), %r8\n"
        " mov 72(%rax), %r9; mov 80(%rax), %r10; mov 88(%rax), %r11; mov 96(%rax), %r12\n"
        " mov 104(%rax), %r13; mov 112(%rax), %r14; mov 120(%rax), %r15; mov (%rax), %rax\n"
        " jmp *run_target(%rip)\n"
        "run_leave:\n"
        " mov %rax, run_state(%rip); mov %rcx, 8+run_state(%rip); mov %rdx, 16+run_state(%rip)\n"
        " mov %rbx, 24+run_state(%rip); mov %rsp, 32+run_state(%rip); mov %rbp, 40+run_state(%rip)\n"
        " mov %rsi, 48+run_state(%rip); mov %rdi, 56+run_state(%rip); mov %r8, 64+run_state(%rip)\n"
        " mov %r9, 72+run_state(%rip); mov %r10, 80+run_state(%rip); mov %r11, 88+run_state(%rip)\n"
        " mov %r12, 96+run_state(%rip); mov %r13, 104+run_state(%rip); mov %r14, 112+run_state(%rip)\n"
        " mov %r15, 120+run_state(%rip)\n"
        " mov run_saved_rsp(%rip), %rsp\n"
        " pushfq; pop 128+run_state(%rip); cld\n"
        " lea run_state(%rip), %rax\n"
        " movdqu %xmm0, 136(%rax); movdqu %xmm1, 152(%rax); movdqu %xmm2, 168(%rax)\n"
        " movdqu %xmm3, 184(%rax); movdqu %xmm4, 200(%rax); movdqu %xmm5, 216(%rax)\n"
        " movdqu %xmm6, 232(%rax); movdqu %xmm7, 248(%rax)\n"
        " pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
        " ret\n");

/* The guard page: two stubs that call back into C on the process's own stack, then trash what the guest ABI
 * says is lost. Position-independent, copied to RF_GUARD_VA. */
__asm__(".text\n"
        ".globl guard_stubs, guard_stubs_end, guard_on_hypercall, guard_on_commit\n"
        "guard_stubs:\n"
        " jmp 1f\n"
        " .org guard_stubs + 0x10, 0xcc\n"
        " lea 3f(%rip), %rax; jmp 2f\n"
        "1: push %rdx; push %rsi; push %rdi; push %r8; push %r9; push %r10; pushfq; push %rbx\n"
        " mov %rsp, %rbx; mov %rdi, %rsi; mov %rax, %rdi\n"
        " mov 4f(%rip), %rsp; mov 5f(%rip), %rcx; cld; call *%rcx\n"
        " mov %rbx, %rsp; pop %rbx; popfq; pop %r10; pop %r9; pop %r8; pop %rdi; pop %rsi; pop %rdx\n"
        " mov $0x1111, %ecx; mov $0x2222, %r11d; ret\n"
        "2: push %rbx; cld; mov %rsp, %rbx; mov 4f(%rip), %rsp; mov 3f(%rip), %rcx; call *%rcx\n"
        " mov %rbx, %rsp; pop %rbx\n"
        " mov $0x3333, %ecx; mov $0x4444, %edx; mov $0x5555, %esi; mov $0x6666, %edi; mov $0x7777, %r8d\n"
        " mov $0x8888, %r9d; mov $0x9999, %r10d; mov $0xaaaa, %r11d; cmp %ecx, %edx; ret\n"
        " .balign 8\n"
        "3:\nguard_on_commit: .quad 0\n"
        "5:\nguard_on_hypercall: .quad 0\n"
        "4:\n.globl guard_stack\nguard_stack: .quad 0\n"
        "guard_stubs_end:\n");

/* SPDX-License-Identifier: MIT
 * conform: does one act that a virtual machine may or may not stop, the same on every vendor's CPU: number
 * `first` + restarts of the list below. Each act hides in an immediate, where the engine takes nothing out,
 * and starts with the same registers. What comes back prints them; what does not shows them in root's verbose
 * log. */
#include "rf_string.h"
#include "ringfence_sdk.h"

/* At most seven bytes, then NOP and RET: the immediate of a MOV, entered at its third byte. And RAX. rdtsc
 * clears EAX and EDX afterwards: they differ from run to run. */
#define ACTS(X)                                                                                              \
        X(nop, "0x90", 0)                                                                                    \
        X(rdtsc, "0x0f,0x31,0x31,0xc0,0x31,0xd2", 0)                                                         \
        X(pause, "0xf3,0x90", 0)                                                                             \
        X(pushf, "0x9c,0x58", 0)                                                                             \
        X(cli_sti, "0xfa,0xfb", 0)                                                                           \
        X(read_cr0, "0x0f,0x20,0xc0", 0)                                                                     \
        X(read_cr4, "0x0f,0x20,0xe0", 0)                                                                     \
        X(cr2, "0x0f,0x22,0xd0,0x0f,0x20,0xd0", 0x1234)                                                      \
        X(smsw, "0x0f,0x01,0xe0", 0)                                                                         \
        X(swapgs, "0x0f,0x01,0xf8", 0)                                                                       \
        X(xgetbv, "0x31,0xc9,0x0f,0x01,0xd0", 0)                                                             \
        X(cpuid, "0x0f,0xa2", 0x80000000)                                                                    \
        X(clear_wp, "0x0f,0x22,0xc0", 0x80000033)                                                            \
        X(clear_pg, "0x0f,0x22,0xc0", 0x33)                                                                  \
        X(lmsw_ts, "0x0f,0x01,0xf0", 0x3b)                                                                   \
        X(read_cr3, "0x0f,0x20,0xd8", 0)                                                                     \
        X(write_cr3, "0x0f,0x22,0xd8", 0x1000)                                                               \
        X(clear_cr4, "0x0f,0x22,0xe0", 0x20)                                                                 \
        X(read_cr8, "0x44,0x0f,0x20,0xc0", 0)                                                                \
        X(write_cr8, "0x44,0x0f,0x22,0xc0", 1)                                                               \
        X(read_dr0, "0x0f,0x21,0xc0", 0)                                                                     \
        X(read_dr7, "0x0f,0x21,0xf8", 0)                                                                     \
        X(write_dr7, "0x0f,0x23,0xf8", 0x401)                                                                \
        X(lgdt, "0x0f,0x01,0x17", 0)                                                                         \
        X(lidt, "0x0f,0x01,0x1f", 0)                                                                         \
        X(sgdt, "0x0f,0x01,0x07", 0)                                                                         \
        X(sidt, "0x0f,0x01,0x0f", 0)                                                                         \
        X(lldt, "0x0f,0x00,0xd0", 0)                                                                         \
        X(ltr, "0x0f,0x00,0xd8", 8)                                                                          \
        X(sldt, "0x0f,0x00,0xc0", 0)                                                                         \
        X(str, "0x0f,0x00,0xc8", 0)                                                                          \
        X(rdmsr, "0x0f,0x32", 0)                                                                             \
        X(wrmsr, "0x0f,0x30", 0)                                                                             \
        X(invlpg, "0x0f,0x01,0x3f", 0)                                                                       \
        X(invd, "0x0f,0x08", 0)                                                                              \
        X(wbinvd, "0x0f,0x09", 0)                                                                            \
        X(monitor, "0x31,0xc9,0x0f,0x01,0xc8", 0)                                                            \
        X(mwait, "0x31,0xc9,0x0f,0x01,0xc9", 0)                                                              \
        X(rdpmc, "0x0f,0x33", 0)                                                                             \
        X(hlt, "0xf4", 0)                                                                                    \
        X(in, "0xec", 0)                                                                                     \
        X(out, "0xee", 0)                                                                                    \
        X(ins, "0x6c", 0)                                                                                    \
        X(int80, "0xcd,0x80", 0)                                                                             \
        X(int3, "0xcc", 0)                                                                                   \
        X(int1, "0xf1", 0)                                                                                   \
        X(ud2, "0x0f,0x0b", 0)                                                                               \
        X(divide, "0x31,0xc9,0xf7,0xf1", 0)                                                                  \
        X(noncanonical, "0x48,0x8b,0x00", 0x8000000000000000)                                                \
        X(load_null, "0x48,0x8b,0x00", 0)                                                                    \
        X(store_code, "0x48,0x89,0x07", 0)                                                                   \
        X(syscall, "0x0f,0x05", 0)                                                                           \
        X(sysenter, "0x0f,0x34", 0)                                                                          \
        X(iret, "0x48,0xcf", 0)                                                                              \
        X(far_jump, "0xff,0x2f", 0)                                                                          \
        X(load_ss, "0x8e,0xd0", 8)                                                                           \
        X(step, "0x9c,0x80,0x4c,0x24,0x01,0x01,0x9d", 0)                                                     \
        X(vmrun, "0x0f,0x01,0xd8", 0)                                                                        \
        X(vmxoff, "0x0f,0x01,0xc4", 0)

struct registers {
        uint64_t rax, rbx, rcx, rdx, flags;
};

/* Calls the act with RAX as given, RDI at its own code and the other registers at marks; fills *r. */
void conform_call(const uint8_t *act, uint64_t rax, struct registers *r);
__asm__(".text\n"
        ".type conform_call, @function\n"
        "conform_call:\n"
        "        pushq %rbx\n"
        "        pushq %rdx\n"
        "        movq %rdi, %r8\n"
        "        movq %rsi, %rax\n"
        "        movl $0xc0000080, %ecx\n"
        "        movl $0x1002, %edx\n"
        "        movl $0x1003, %ebx\n"
        "        pushq $2\n"
        "        popfq\n"
        "        callq *%r8\n"
        "        movq (%rsp), %r8\n"
        "        movq %rax, (%r8)\n"
        "        movq %rbx, 8(%r8)\n"
        "        movq %rcx, 16(%r8)\n"
        "        movq %rdx, 24(%r8)\n"
        "        pushfq\n"
        "        popq 32(%r8)\n"
        "        popq %rdx\n"
        "        popq %rbx\n"
        "        retq\n"
        ".size conform_call, . - conform_call\n");

#define CODE(name, bytes, rax)                                                                               \
        extern const uint8_t act_##name[];                                                                   \
        __asm__(".text\n"                                                                                    \
                ".globl act_" #name "\n"                                                                     \
                ".type act_" #name ", @function\n"                                                           \
                "act_" #name ": .byte 0x49, 0xb9\n" /* MOVABS to R9 */                                       \
                "1: .byte " bytes "\n"                                                                       \
                "        .fill 7 - (. - 1b), 1, 0x90\n"                                                      \
                "        retq\n"                                                                             \
                "        retq\n"                                                                             \
                ".size act_" #name ", . - act_" #name "\n");
ACTS(CODE)

#define ENTRY(name, bytes, rax) {#name, act_##name, rax},
static const struct {
        const char *name;
        const uint8_t *code;
        uint64_t rax;
} acts[] = {ACTS(ENTRY)};

static uint64_t number(const char *digits)
{
        uint64_t n = 0;

        while (*digits >= '0' && *digits <= '9')
                n = 10 * n + (uint64_t)(*digits++ - '0');
        return n;
}

int rf_main(const struct rf_info *info, int argc, char **argv)
{
        uint64_t n = (argc > 1 ? number(argv[1]) : 0) + info->restarts;
        struct registers r;

        if (n >= sizeof(acts) / sizeof(acts[0])) {
                rf_printf("conform: end\n");
                return 0;
        }
        rf_printf("conform: %s\n", acts[n].name);
        conform_call(acts[n].code + 2, acts[n].rax, &r);
        rf_printf("conform: %s came back: rax 0x%lx rbx 0x%lx rcx 0x%lx rdx 0x%lx flags 0x%lx\n",
                  acts[n].name, r.rax, r.rbx, r.rcx, r.rdx, r.flags);
        return 0;
}

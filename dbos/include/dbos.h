/* SPDX-License-Identifier: MIT
 *
 * DBOS, dynamic binary opcode subtraction: the engine's contract.
 *
 * The engine decodes, judges and rewrites x86-64 code. It has no libc, allocates nothing, keeps no
 * state outside its arguments, and reaches the code only through struct dbos_space, so that the same
 * objects serve hv/root and the host command `dbos`. It is not trusted: ring 0's byte check is.
 *
 * Rules.
 *  hard        The bytes 0F 01 EF (WRPKRU) may stand nowhere in an executable page, nor across two.
 *              Intended: replaced by UD2 (the guest dies there, with a name). Unintended: the instructions
 *              that form the bytes are rewritten to equivalent code if boundaries are certain,
 *              else the page is refused. Certain: reached by recursive descent from a function symbol
 *              or the entry point, with nothing else decoded over the same bytes.
 *  privileged  By mnemonic, from one policy table; unknown mnemonics are refused.
 *  window      Stores to rings and doorbell, one site at a time, when they fault.
 *
 * A rewritten site becomes a jump to a trampoline. Where the site is shorter than five bytes the jump is
 * punned: its last displacement bytes are the next instruction's first bytes, unchanged. So no
 * knowledge of the control flow is needed, and no other instruction moves.
 * Trampolines keep registers, flags and the red zone except where the original changed them.
 */
#ifndef DBOS_H
#define DBOS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dbos_rule {
        DBOS_RULE_NONE = 0,
        DBOS_RULE_HARD,       /* WRPKRU, intended */
        DBOS_RULE_HARD_BYTES, /* 0F 01 EF inside or across instructions */
        DBOS_RULE_HARD_DATA,  /* 0F 01 EF where boundaries are not certain */
        DBOS_RULE_PRIVILEGED, /* policy table */
        DBOS_RULE_UNKNOWN,    /* not decodable, or a mnemonic no policy lists */
        DBOS_RULE_BRANCH66,   /* 66-prefixed near branch: lengths differ on AMD and Intel */
        DBOS_RULE_WINDOW,     /* store or load that reached ring or doorbell */
};

enum dbos_action {
        DBOS_KEEP = 0,  /* allowed as it is */
        DBOS_REWRITTEN, /* equivalent code in a trampoline or in place */
        DBOS_KILLS,     /* replaced by UD2, or left to exit: the guest dies if it executes it */
        DBOS_EMULATED,  /* left in place; exits and is emulated: correct but slow */
        DBOS_REFUSED,   /* the page cannot become executable */
};

struct dbos_finding {
        uint64_t va;
        uint8_t length;    /* of the instruction; 0 if boundaries are unknown */
        uint8_t bytes[15]; /* as found */
        enum dbos_rule rule;
        enum dbos_action action;
        uint64_t trampoline; /* va, 0 if none */
        const char *advice;  /* how to avoid it, one sentence, never NULL */
};

/* The code being worked on. `va` is the guest's. Callbacks return 0 or -RF_E... */
struct dbos_space {
        void *ctx;
        /* Copy n bytes at va to buf; fails if any of them is not mapped. */
        int (*read)(void *ctx, uint64_t va, void *buf, size_t n);
        /* Overwrite n bytes at va, a site or a trampoline. In hv/root this opens the page first. */
        int (*write)(void *ctx, uint64_t va, const void *buf, size_t n);
        /* Reserve n bytes of trampoline at an address in [lo, hi]; 0 if there is no room or quota.
         * The same bytes are never handed out twice. */
        uint64_t (*trampoline)(void *ctx, uint64_t lo, uint64_t hi, size_t n);
        /* May be NULL. Called once for each finding that is not DBOS_KEEP. */
        void (*finding)(void *ctx, const struct dbos_finding *f);
        /* Ring number (0 to 2 * RF_MAX_QUEUES - 1) of the faulting vCPU whose tail register is at va, or -1.
         * May be NULL: then every address in the doorbell window may be one. */
        int (*tail_ring)(void *ctx, uint64_t va);
};

/* What hv/root gives the descent to work with; the command does too, so that both see the same certainty. */
enum { DBOS_DESCENT_STACK = 16384 };

/* An executable range of an image, and what is known about it. */
struct dbos_code {
        uint64_t va, bytes;
        const uint64_t *entries; /* sorted: entry point, STT_FUNC symbols with st_size > 0; may be NULL */
        size_t nentries;
        uint8_t *map;     /* caller's scratch, `bytes` long: 1 at each certain instruction start */
        uint64_t *stack;  /* caller's scratch for recursive descent */
        size_t stack_len; /* too small a stack makes fewer boundaries certain, never wrong ones */
        /* What rewritten code may call, from the guest ABI */
        uint64_t hypercall, commit;
};

struct dbos_summary {
        uint32_t instructions; /* decoded with certainty */
        uint32_t rewritten, emulated, kills, refused;
};

/* First offset >= from at which 0F 01 EF stands in bytes[0..n), or -1. Plain memory search. */
int64_t dbos_find_hard(const uint8_t *bytes, size_t n, size_t from);

/* Subtract from a whole executable range: hard opcodes rewritten, privileged instructions by policy.
 * 0, or -RF_EREFUSED if anything was refused (the summary and findings say what), or another error. */
int dbos_rewrite_code(const struct dbos_space *s, const struct dbos_code *c, struct dbos_summary *sum);

/* The same judgement on bytes whose boundaries nobody knows (code made at run time): only the hard
 * rule applies, and any hit, also one across the page's two neighbours, is refused. */
int dbos_check_page(const struct dbos_space *s, uint64_t page_va, struct dbos_finding *hit);

/* Window sites. rip is where the CPU reported the fault: the start of an instruction for certain.
 * DBOS_REWRITTEN: the site now jumps to a trampoline that tests the address at run time: ring -> the
 * same place in staging, doorbell -> commit until the tail is reached (a refusal ends the guest by
 * RF_HC_EXIT with DBOS_EXIT_REJECTED), anything else -> the original access.
 * DBOS_EMULATED: no room for a jump, or an unusual form; `store` tells what to do this time. If its `bytes`
 * is 0 there is nothing to store: the vCPU goes on at `next`, code that does what the site would have been
 * rewritten to; that holds for every later fault of this site, until its code changes.
 * DBOS_KILLS / DBOS_REFUSED: not a store the rules allow (finding says why). */
struct dbos_store {
        uint64_t va;    /* effective address */
        uint64_t value; /* what it would store */
        uint8_t bytes;  /* 1, 2, 4, 8 */
        uint64_t next;  /* rip after it */
};
struct dbos_regs { /* as struct rf_vcpu_report */
        uint64_t gpr[16];
        uint64_t rip, rflags;
};
enum dbos_action dbos_rewrite_store(const struct dbos_space *s, const struct dbos_code *c,
                                    const struct dbos_regs *regs, uint64_t fault_va, bool write,
                                    struct dbos_store *store, struct dbos_finding *f);

/* RF_HC_EXIT code of a rewritten doorbell store whose descriptor was refused:
 * low 16 bits this, then 16 bits of enum rf_commit_reason, then the slot in bits 63:32. */
#define DBOS_EXIT_REJECTED 0xdb05u

/* Privileged instructions that exit: what hv/root does with one, by the same policy table.
 * `emulate` is set to the instruction kind; length is the instruction's. */
enum dbos_privileged { DBOS_PRIV_KILL = 0, DBOS_PRIV_CPUID, DBOS_PRIV_HLT, DBOS_PRIV_OUT, DBOS_PRIV_IN };
int dbos_privileged_at(const struct dbos_space *s, uint64_t rip, enum dbos_privileged *emulate,
                       uint8_t *length, struct dbos_finding *f);

/* One line of text: "mov [rbx+8], rax" is not promised; mnemonic and bytes are. Returns length. */
size_t dbos_explain(const struct dbos_finding *f, char *out, size_t n);
const char *dbos_rule_name(enum dbos_rule r);
const char *dbos_action_name(enum dbos_action a);

#endif

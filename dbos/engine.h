/* SPDX-License-Identifier: MIT
 *
 * What the engine's files share. Nothing here is seen outside dbos/.
 */
#ifndef DBOS_ENGINE_H
#define DBOS_ENGINE_H

#include <Zydis/Zydis.h>

#include "dbos.h"
#include "ringfence.h"

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15, NO_REG };

/* x86-64 limits an instruction to 15 bytes (APM 3, 1.1). */
enum { INSN_MAX = 15, CODE_MAX = 768, PAGE = 4096, RED_ZONE = 128 };

/* ---- decode.c: one instruction and what it touches ------------------------------------------- */
struct insn {
        uint64_t va;
        uint8_t bytes[INSN_MAX + 1]; /* one spare: dbos_finding copies 15 */
        uint8_t have;                /* readable bytes from va on */
        uint8_t length;
        ZydisDecodedInstruction z;
        ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
};
/* False: unreadable or not an instruction; then length is 0. `brief` leaves the operands out. */
bool insn_read(const struct dbos_space *s, uint64_t va, uint64_t end, bool brief, struct insn *in);
bool insn_full(struct insn *in);
bool insn_is_wrpkru(const struct insn *in);
bool insn_branch66(const ZydisDecodedInstruction *z);
/* Target of a relative branch; false if it is none. */
bool insn_target(const ZydisDecodedInstruction *z, uint64_t va, uint64_t *target);
uint32_t insn_gprs(const struct insn *in); /* mask of every register it names or implies */

struct mem {                        /* an effective address */
        uint8_t base, index, scale; /* NO_REG where absent */
        bool addr32, absolute;      /* absolute: RIP-relative or moffs, disp holds the address */
        uint8_t segment;            /* prefix byte 0x64, 0x65, or 0 */
        int64_t disp;
};
/* The single explicit memory operand; -1 if there is none or more than one. */
int insn_mem(const struct insn *in, struct mem *m);
bool mem_address(const struct mem *m, const struct dbos_regs *r, uint64_t *ea);

/* ---- policy.c -------------------------------------------------------------------------------- */
enum policy_way {
        WAY_KEEP = 0,
        WAY_YIELD,   /* HLT: call the yield hypercall */
        WAY_EMULATE, /* exits, root answers */
        WAY_EXITS,   /* left: it exits or faults, and the guest dies */
        WAY_UD,      /* would not exit: replaced by an undefined opcode */
        WAY_REFUSE,
};
struct policy {
        enum policy_way way;
        enum dbos_rule rule;
        enum dbos_privileged kind;
        const char *advice;
};
struct policy policy_of(const ZydisDecodedInstruction *z);

/* ---- emit.c: code going to `va` ---------------------------------------------------------------- */
struct code {
        uint64_t va;
        uint32_t n;
        bool bad; /* cannot be expressed, wherever it stands */
        bool far; /* some displacement does not reach from here */
        uint8_t b[CODE_MAX];
};
void emit(struct code *o, const void *bytes, size_t n);
#define EMIT(o, ...) emit(o, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))
void emit32(struct code *o, uint32_t v);
void emit64(struct code *o, uint64_t v);
void emit_rel32(struct code *o, uint64_t target);
void emit_jmp(struct code *o, uint64_t target);
uint32_t emit_jcc8(struct code *o, uint8_t opcode); /* returns where the displacement is */
void emit_land(struct code *o, uint32_t hole);      /* ... and lands it here */
void emit_jcc8_back(struct code *o, uint8_t opcode, uint32_t to);
void emit_push(struct code *o, uint8_t reg);
void emit_pop(struct code *o, uint8_t reg);
void emit_rsp(struct code *o, int32_t delta); /* lea rsp, [rsp+delta]: flags kept */
void emit_mov_imm64(struct code *o, uint8_t reg, uint64_t v);
void emit_lea(struct code *o, uint8_t reg, uint8_t base, int32_t disp);
/* reg = effective address, RSP being rsp_down lower than the original's. `split` adds it in two parts. */
void emit_ea(struct code *o, uint8_t reg, const struct mem *m, int32_t rsp_down, int32_t split);

/* ---- relocate.c: instructions in another place ------------------------------------------------ */
void emit_relocated(struct code *o, const struct insn *in);
/* The same instruction, its memory operand replaced by [reg], reg one of rax rcx rdx rbx rsi rdi. */
void emit_with_base(struct code *o, const struct insn *in, uint8_t reg, uint8_t segment);
/* The same instruction, `delta` added to its displacement. */
void emit_with_delta(struct code *o, const struct insn *in, const struct mem *m, int64_t delta);
uint8_t pick_scratch(uint32_t used); /* one that emit_with_base takes, or NO_REG */

/* ---- equivalent.c: other bytes, same effect ---------------------------------------------------- */
enum variant { VARIANT_PLAIN, VARIANT_MEM, VARIANT_IMM, VARIANT_BOTH, VARIANT_COUNT };
struct equivalent {
        const struct insn *in;
        enum variant variant;
        int32_t split;
};
void emit_equivalent(struct code *o, const void *arg); /* arg: struct equivalent */
void emit_immediate_form(struct code *o, const struct insn *in, uint32_t used, const struct mem *m,
                         int32_t split);

/* ---- site.c, pun.c: replacing an instruction --------------------------------------------------- */
enum { WINDOW_BEFORE = 32, WINDOW_BYTES = 64 };
struct window { /* the bytes around a site, before and after */
        uint64_t base;
        uint8_t old[WINDOW_BYTES], now[WINDOW_BYTES], ok[WINDOW_BYTES];
};
struct site {
        const struct dbos_space *s;
        uint64_t va;
        uint8_t length;
        uint64_t fixed_end; /* bytes a punned jump may lean on end here */
        uint64_t body;      /* where it stands, once it had to stand apart from the landing place */
        struct window w;
};
typedef void emit_body(struct code *o, const void *arg);
void site_open(struct site *site, const struct dbos_space *s, const struct dbos_code *c, uint64_t va,
               uint8_t length);
/* A jump at the site to a trampoline with that body (which ends in its own jump). 0: impossible here. */
uint64_t site_jump(struct site *site, emit_body *body, const void *arg);
/* Only the body, where no jump can be put at the site; 0: no room at all. */
uint64_t site_body(struct site *site, emit_body *body, const void *arg);
/* The site's own bytes replaced; 0 or -RF_E... */
int site_overwrite(struct site *site, const uint8_t *bytes);
/* Lower-address jumps that lean on changed bytes of the window get a new landing place. */
bool pun_repair(const struct dbos_space *s, struct window *w, uint64_t site);
bool pun_spread(uint64_t jump, unsigned free_bytes, unsigned i, uint64_t *lo, uint64_t *hi);
unsigned pun_leaned(const struct dbos_space *s, const struct window *w, uint64_t site);
bool pun_tagged(const struct dbos_space *s, const struct window *w, unsigned e, uint64_t *target,
                unsigned *free_bytes);
uint64_t pun_hop(const struct dbos_space *s, uint64_t jump, unsigned free_bytes, uint64_t lo, uint64_t hi,
                 uint64_t target);
bool site_flush(struct site *site);
bool site_nudge(struct site *site, unsigned step); /* nudge.c */
uint64_t pun_tag(uint64_t jump, unsigned free_bytes);
bool window_clean(const struct window *w);
bool body_clean(const struct dbos_space *s, uint64_t va, const uint8_t *bytes, size_t n);
int32_t pun_fixed(const uint8_t *displacement, unsigned free_bytes);
bool pun_range(uint64_t jump, int32_t fixed, unsigned free_bytes, uint64_t *lo, uint64_t *hi);

/* ---- descent.c: which bytes are instructions --------------------------------------------------- */
enum { MAP_START = 1, MAP_BODY = 2, MAP_CONFLICT = 4, MAP_ATTENTION = 8, MAP_SEEN = 16, MAP_PATCHED = 32 };
void descend(const struct dbos_space *s, const struct dbos_code *c, struct dbos_summary *sum);
/* Start of the certain instruction that covers offset; false if none. */
bool map_certain(const struct dbos_code *c, uint64_t offset, uint64_t *start, uint8_t *length);

/* ---- report.c ---------------------------------------------------------------------------------- */
struct job {
        const struct dbos_space *s;
        const struct dbos_code *c;
        struct dbos_summary *sum;
};
void finding_of(struct dbos_finding *f, const struct insn *in, enum dbos_rule rule, enum dbos_action action,
                const char *advice);
void report(const struct job *j, const struct dbos_finding *f);

int subtract_hard(const struct job *j);
void subtract_privileged(const struct job *j);

/* ---- store.c ------------------------------------------------------------------------------------ */
struct store_form {
        struct insn in;
        struct mem m;
        uint32_t bytes;
        uint8_t scratch;
        bool string;   /* STOS, MOVS: the address is RDI itself */
        bool reads;    /* read-modify-write */
        bool doorbell; /* may be a doorbell store: 4 or 8 bytes, write only */
        bool flags;    /* somebody may look at the flags: they are kept */
        int ring;      /* whose tail register it hit at its first fault; -1: none, or unknown */
        const struct dbos_code *c;
};
void emit_store(struct code *o, const void *arg); /* arg: struct store_form */
/* A ring store keeps its registers, RSP too: only its displacement changes. */
bool store_direct(const struct store_form *f);
void emit_open(struct code *o, uint8_t scratch, bool flags);
void emit_close(struct code *o, uint8_t scratch, bool flags);
void emit_slot_access(struct code *o, const struct store_form *f);
void emit_doorbell(struct code *o, const struct store_form *f); /* doorbell.c */
void emit_tail(struct code *o, const struct store_form *f);     /* tail.c */

/* ---- flags.c ------------------------------------------------------------------------------------ */
/* Is every status flag overwritten before anything can look at it, from va on, wherever control goes? */
bool flags_dead(const struct dbos_space *s, uint64_t va);

static inline bool fits32(int64_t v)
{
        return v == (int32_t)v;
}

#endif

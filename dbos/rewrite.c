/* SPDX-License-Identifier: MIT
 *
 * Subtraction from a whole executable range, before it may run: hard bytes, then privileged instructions.
 */
#include "engine.h"
#include "rf_string.h"

static const char undecodable[] =
    "not an instruction this engine knows; if it is data, link with -z separate-code";

struct yield {
        const struct dbos_code *c;
        const struct insn *in;
};

/* The hypercall keeps all but RAX, RCX, R11 (guest ABI). */
static void emit_yield(struct code *o, const void *arg)
{
        const struct yield *y = arg;

        emit_rsp(o, -RED_ZONE);
        emit_push(o, RAX);
        emit_push(o, RCX);
        emit_push(o, R11);
        EMIT(o, 0xb8, RF_HC_YIELD, 0, 0, 0); /* mov eax, imm32 */
        emit_mov_imm64(o, R11, y->c->hypercall);
        EMIT(o, 0x41, 0xff, 0xd3); /* call r11 */
        emit_pop(o, R11);
        emit_pop(o, RCX);
        emit_pop(o, RAX);
        emit_rsp(o, RED_ZONE);
        emit_jmp(o, y->in->va + y->in->length);
}

static void make_yield(const struct job *j, const struct insn *in, const struct policy *p,
                       struct dbos_finding *f)
{
        struct yield y = {j->c, in};
        struct site site;

        site_open(&site, j->s, j->c, in->va, in->length);
        f->trampoline = j->c->hypercall ? site_jump(&site, emit_yield, &y) : 0;
        f->action = f->trampoline ? DBOS_REWRITTEN : DBOS_EMULATED;
        f->advice = p->advice;
}

/* UD2; where one byte is all there is, D6, which is undefined in 64-bit mode. */
static void make_undefined(const struct job *j, const struct insn *in, struct dbos_finding *f)
{
        uint8_t b[INSN_MAX];
        struct site site;

        memset(b, 0x90, sizeof b);
        b[0] = in->length > 1 ? 0x0f : 0xd6;
        if (in->length > 1)
                b[1] = 0x0b;
        site_open(&site, j->s, j->c, in->va, in->length);
        f->action = site_overwrite(&site, b) ? DBOS_REFUSED : DBOS_KILLS;
}

static void subtract_one(const struct job *j, const struct insn *in)
{
        struct policy p = policy_of(&in->z);
        struct dbos_finding f;

        finding_of(&f, in, p.rule, DBOS_KILLS, p.advice);
        switch (p.way) {
        case WAY_KEEP:
                return;
        case WAY_YIELD:
                make_yield(j, in, &p, &f);
                break;
        case WAY_EMULATE:
                f.action = DBOS_EMULATED;
                break;
        case WAY_EXITS:
                break;
        case WAY_UD:
                make_undefined(j, in, &f);
                break;
        case WAY_REFUSE:
                f.action = DBOS_REFUSED;
                break;
        }
        report(j, &f);
}

/* Undecodable bytes are left: the CPU raises #UD, or, if it knows more than Zydis, does what ring 0 allows.
 */
static void subtract_unknown(const struct job *j, struct insn *in)
{
        struct dbos_finding f;

        finding_of(&f, in, DBOS_RULE_UNKNOWN, DBOS_KILLS, undecodable);
        report(j, &f);
}

void subtract_privileged(const struct job *j)
{
        const struct dbos_code *c = j->c;
        struct insn in;

        for (uint64_t i = 0; i < c->bytes; i++) {
                if (!(c->map[i] & MAP_ATTENTION) || c->map[i] & (MAP_PATCHED | MAP_CONFLICT))
                        continue;
                if (insn_read(j->s, c->va + i, c->va + c->bytes, true, &in) && c->map[i] & MAP_START)
                        subtract_one(j, &in);
                else if (!(c->map[i] & MAP_BODY))
                        subtract_unknown(j, &in);
        }
}

int dbos_rewrite_code(const struct dbos_space *s, const struct dbos_code *c, struct dbos_summary *sum)
{
        struct job j = {s, c, sum};
        int err;

        *sum = (struct dbos_summary){0};
        if (!c->map || !c->bytes || c->va >> 47 || c->bytes >> 40)
                return -RF_EINVAL;
        descend(s, c, sum);
        err = subtract_hard(&j);
        if (err)
                return err;
        subtract_privileged(&j);
        for (uint64_t i = 0; i < c->bytes; i++)
                c->map[i] &= MAP_START;
        return sum->refused ? -RF_EREFUSED : 0;
}

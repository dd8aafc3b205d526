/* SPDX-License-Identifier: MIT
 *
 * Rule 3: judgement on an instruction that faulted on ring or doorbell, and its rewriting.
 */
#include "engine.h"
#include "rf_string.h"

static const char load[] = "a plain driver must not load the doorbell; keep the tail in a variable";
static const char hidden[] = "pushes, calls, scatters and the like do not belong on a ring; use plain stores";
static const char rmw_doorbell[] = "a tail register takes plain 32-bit stores only";
static const char not_tail[] =
    "this doorbell address is no tail register of this vCPU's queues; the hypervisor programs all others";
static const char unexplained[] = "the reported registers do not lead to the faulting address";
static const char crowded[] =
    "no room for a jump here: each store exits; move the store away from short instructions";
static const char fine[] =
    "rewritten at its first fault; the commit form of the ring driver needs no rewriting";
static const char stuck[] =
    "this store form can be neither rewritten nor emulated here; use MOV of 8, 16, 32 or 64 bits";
static const char undecodable[] = "not an instruction this engine knows";

static bool in_ring(uint64_t va)
{
        return va - RF_RING_VA < (uint64_t)RF_MAX_QUEUES * RF_RING_STEP;
}

static bool in_doorbell(uint64_t va)
{
        return va - RF_DOORBELL_VA < 0x10000;
}

/* -1: none of this vCPU's tail registers, or nobody is there to ask. */
static int tail_ring(const struct dbos_space *s, uint64_t va)
{
        return s->tail_ring ? s->tail_ring(s->ctx, va) : -1;
}

/* Which queue is whose is checked again, against the info page, when the trampoline runs. */
static bool is_tail(const struct dbos_space *s, uint64_t va)
{
        return !s->tail_ring || tail_ring(s, va) >= 0;
}

static bool string_store(const ZydisDecodedInstruction *z)
{
        switch (z->mnemonic) {
        case ZYDIS_MNEMONIC_STOSB:
        case ZYDIS_MNEMONIC_STOSW:
        case ZYDIS_MNEMONIC_STOSD:
        case ZYDIS_MNEMONIC_STOSQ:
        case ZYDIS_MNEMONIC_MOVSB:
        case ZYDIS_MNEMONIC_MOVSW:
        case ZYDIS_MNEMONIC_MOVSQ:
                return z->address_width == 64;
        case ZYDIS_MNEMONIC_MOVSD: /* also the SSE2 move, which has a ModRM */
                return z->address_width == 64 && !(z->attributes & ZYDIS_ATTRIB_HAS_MODRM);
        default:
                return false;
        }
}

/* BT forms with a register reach beyond their address. */
static bool excluded(const struct insn *in)
{
        ZydisMnemonic m = in->z.mnemonic;
        bool bit = m == ZYDIS_MNEMONIC_BTS || m == ZYDIS_MNEMONIC_BTR || m == ZYDIS_MNEMONIC_BTC;

        return in->z.meta.branch_type != ZYDIS_BRANCH_TYPE_NONE ||
               (bit && in->op[1].type == ZYDIS_OPERAND_TYPE_REGISTER);
}

/* RSP as the base of the address is fine, as an operand it is not where it differs: see store_direct. */
static bool rsp_operand(const struct insn *in)
{
        for (unsigned i = 0; i < in->z.operand_count; i++)
                if (in->op[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
                    ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, in->op[i].reg.value) ==
                        ZYDIS_REGISTER_RSP)
                        return true;
        return false;
}

/* One that emit_with_base takes, or, where the access needs none, any. */
static uint8_t scratch_for(const struct store_form *f, uint32_t used)
{
        uint8_t reg = pick_scratch(used);

        for (uint8_t r = R8; reg == NO_REG && r <= R15 && store_direct(f); r++)
                if (!(used >> r & 1))
                        reg = r;
        return reg;
}

static bool form_of(struct store_form *f, const struct dbos_code *c)
{
        const ZydisDecodedOperand *op;
        int i;

        f->c = c;
        f->string = string_store(&f->in.z);
        if (f->string) {
                f->scratch = pick_scratch(insn_gprs(&f->in));
                f->m = (struct mem){.base = RDI, .index = NO_REG};
                f->bytes = f->in.op[0].size / 8u;
                return true;
        }
        i = insn_mem(&f->in, &f->m);
        if (i < 0 || excluded(&f->in))
                return false;
        op = &f->in.op[i];
        f->bytes = op->size / 8u;
        f->scratch = scratch_for(f, insn_gprs(&f->in));
        f->reads = (op->actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
        f->doorbell = !f->reads && (f->bytes == 4 || f->bytes == 8) && c && c->commit && c->hypercall;
        return (op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
}

static uint64_t sized(uint64_t v, uint32_t bytes)
{
        return bytes >= 8 ? v : v & ((1ull << 8 * bytes) - 1);
}

static bool high_byte(ZydisRegister r)
{
        return r >= ZYDIS_REGISTER_AH && r <= ZYDIS_REGISTER_BH;
}

/* The value of a plain MOV, for root to store. False: not one, or not from a register or immediate. */
static bool plain_value(const struct store_form *f, const struct dbos_regs *regs, uint64_t *v)
{
        const ZydisDecodedOperand *op = &f->in.op[1];
        ZydisRegister wide;

        if (f->in.z.mnemonic != ZYDIS_MNEMONIC_MOV && f->in.z.mnemonic != ZYDIS_MNEMONIC_MOVNTI)
                return false;
        if (op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
                *v = sized(op->imm.value.u, f->bytes);
                return true;
        }
        if (op->type != ZYDIS_OPERAND_TYPE_REGISTER)
                return false;
        wide = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, op->reg.value);
        if (wide < ZYDIS_REGISTER_RAX || wide > ZYDIS_REGISTER_R15)
                return false;
        *v = sized(regs->gpr[wide - ZYDIS_REGISTER_RAX] >> (high_byte(op->reg.value) ? 8 : 0), f->bytes);
        return true;
}

static enum dbos_action verdict(struct dbos_finding *f, enum dbos_action a, const char *advice)
{
        f->action = a;
        f->advice = advice;
        return a;
}

/* The address by the registers; by the fault where FS or GS hides it. */
static bool address_of(const struct store_form *f, const struct dbos_regs *regs, uint64_t fault_va,
                       uint64_t *ea)
{
        if (!mem_address(&f->m, regs, ea))
                *ea = fault_va;
        return f->string || fault_va - *ea < (f->bytes ? f->bytes : 1);
}

static enum dbos_action emulate(const struct store_form *f, const struct dbos_regs *regs, uint64_t ea,
                                struct dbos_store *store, struct dbos_finding *out)
{
        if (f->string || f->reads || !plain_value(f, regs, &store->value))
                return verdict(out, DBOS_KILLS, stuck);
        store->va = ea;
        store->bytes = (uint8_t)f->bytes;
        store->next = f->in.va + f->in.length;
        return verdict(out, DBOS_EMULATED, crowded);
}

/* What would have been jumped to exists, but no jump fits: who answers the fault sends the vCPU there. */
static enum dbos_action detour(struct site *site, struct store_form *f, struct dbos_store *store,
                               struct dbos_finding *out)
{
        out->trampoline = site_body(site, emit_store, f);
        if (!out->trampoline)
                return verdict(out, DBOS_KILLS, stuck);
        store->next = out->trampoline;
        return verdict(out, DBOS_EMULATED, crowded);
}

static const char *refusal(const struct dbos_space *s, const struct store_form *f, uint64_t ea)
{
        if (in_ring(ea))
                return NULL;
        if (!in_doorbell(ea))
                return unexplained;
        if (!is_tail(s, ea))
                return not_tail;
        return f->string || f->reads || (f->bytes != 4 && f->bytes != 8) ? rmw_doorbell : NULL;
}

/* Can a trampoline do this store? */
static bool expressible(const struct store_form *f, uint64_t ea)
{
        return !f->m.segment && f->scratch != NO_REG && (store_direct(f) || !rsp_operand(&f->in)) &&
               (f->doorbell || in_ring(ea));
}

static enum dbos_action rewrite(const struct dbos_space *s, struct store_form *f,
                                const struct dbos_regs *regs, uint64_t ea, struct dbos_store *store,
                                struct dbos_finding *out)
{
        struct site site;

        if (rsp_operand(&f->in) || f->scratch >= R8) /* the value's slot has it as its address */
                f->doorbell = false;
        f->flags = !flags_dead(s, f->in.va);
        f->ring = f->doorbell && in_doorbell(ea) ? tail_ring(s, ea) : -1;
        if (!expressible(f, ea))
                return emulate(f, regs, ea, store, out);
        site_open(&site, s, f->c, f->in.va, f->in.length);
        out->trampoline = site_jump(&site, emit_store, f);
        if (out->trampoline)
                return verdict(out, DBOS_REWRITTEN, fine);
        if (emulate(f, regs, ea, store, out) == DBOS_EMULATED)
                return DBOS_EMULATED;
        return detour(&site, f, store, out);
}

enum dbos_action dbos_rewrite_store(const struct dbos_space *s, const struct dbos_code *c,
                                    const struct dbos_regs *regs, uint64_t fault_va, bool write,
                                    struct dbos_store *store, struct dbos_finding *f)
{
        struct store_form form = {.scratch = NO_REG};
        enum dbos_action a;
        const char *why;
        uint64_t ea = 0;

        bool known = insn_read(s, regs->rip, UINT64_MAX, false, &form.in);

        memset(store, 0, sizeof *store);
        finding_of(f, &form.in, DBOS_RULE_WINDOW, DBOS_KILLS, known ? hidden : undecodable);
        if (!known)
                a = f->action;
        else if (!write)
                a = verdict(f, DBOS_KILLS, load);
        else if (!form_of(&form, c))
                a = f->action;
        else if (!address_of(&form, regs, fault_va, &ea))
                a = verdict(f, DBOS_KILLS, unexplained);
        else if ((why = refusal(s, &form, ea)) != NULL)
                a = verdict(f, DBOS_KILLS, why);
        else
                a = rewrite(s, &form, regs, ea, store, f);
        if (s->finding && a != DBOS_KEEP)
                s->finding(s->ctx, f);
        return a;
}

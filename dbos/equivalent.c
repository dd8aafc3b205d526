/* SPDX-License-Identifier: MIT
 *
 * Other bytes with the same effect, for instructions that contain the hard bytes: as they are (a new place
 * changes RIP-relative and branch displacements), with the address in a register, with the immediate in a
 * register, with both. The caller tries them in this order and looks at the bytes. Constants are made in two
 * parts by LEA, which leaves the flags alone.
 */
#include "engine.h"

enum { SAVE = RED_ZONE + 8 };

static bool touches_rsp(const struct insn *in)
{
        for (unsigned i = 0; i < in->z.operand_count; i++)
                if (in->op[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
                    ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, in->op[i].reg.value) ==
                        ZYDIS_REGISTER_RSP)
                        return true;
        return false;
}

static bool branches(const struct insn *in)
{
        return in->z.meta.branch_type != ZYDIS_BRANCH_TYPE_NONE;
}

static void emit_save(struct code *o, uint8_t reg)
{
        emit_rsp(o, -RED_ZONE);
        emit_push(o, reg);
}

static void emit_restore(struct code *o, uint8_t reg)
{
        emit_pop(o, reg);
        emit_rsp(o, RED_ZONE);
}

static void emit_mem_form(struct code *o, const struct insn *in, int32_t split)
{
        uint8_t s = pick_scratch(insn_gprs(in));
        struct mem m;

        if (insn_mem(in, &m) < 0 || s == NO_REG || touches_rsp(in) || branches(in)) {
                o->bad = true;
                return;
        }
        emit_save(o, s);
        emit_ea(o, s, &m, SAVE, split);
        emit_with_base(o, in, s, m.segment);
        emit_restore(o, s);
}

/* mov reg, imm32 or imm64 needs no scratch: reg itself is overwritten. */
static void emit_mov_constant(struct code *o, const struct insn *in, int32_t split)
{
        const ZydisDecodedInstruction *z = &in->z;
        bool wide = (z->attributes & ZYDIS_ATTRIB_HAS_REX) && z->raw.rex.W;
        uint8_t reg =
            (uint8_t)((z->opcode & 7) | ((z->attributes & ZYDIS_ATTRIB_HAS_REX) && z->raw.rex.B ? 8 : 0));
        uint64_t v = z->raw.imm[0].value.u;

        if (z->operand_width < 32)
                o->bad = true;
        emit_mov_imm64(o, reg, (wide ? v : (uint32_t)v) - (uint64_t)(int64_t)split);
        emit_lea(o, reg, reg, split);
}

static bool is_mov_constant(const struct insn *in)
{
        return in->z.encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY &&
               in->z.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && (in->z.opcode & 0xf8) == 0xb8;
}

/* push imm: stored where PUSH would, from a register. */
static void emit_push_constant(struct code *o, const struct insn *in, int32_t split)
{
        if (in->z.operand_width != 64)
                o->bad = true;
        emit_save(o, RAX);
        emit_mov_imm64(o, RAX, (uint64_t)(in->z.raw.imm[0].value.s - split));
        emit_lea(o, RAX, RAX, split);
        EMIT(o, 0x48, 0x89, 0x84, 0x24); /* mov [rsp+128], rax: the word below the original RSP */
        emit32(o, SAVE - 8);
        emit_pop(o, RAX);
        emit_rsp(o, RED_ZONE - 8);
}

static void emit_imm_form(struct code *o, const struct insn *in, bool memory, int32_t split)
{
        uint32_t used = insn_gprs(in);
        struct mem m = {.base = NO_REG};
        bool has_memory = insn_mem(in, &m) >= 0;

        if (in->z.raw.imm[0].is_relative || !in->z.raw.imm[0].size)
                o->bad = true;
        else if (is_mov_constant(in) && !memory)
                emit_mov_constant(o, in, split);
        else if (in->z.mnemonic == ZYDIS_MNEMONIC_PUSH && !memory)
                emit_push_constant(o, in, split);
        else if (has_memory != memory || touches_rsp(in) || branches(in))
                o->bad = true;
        else
                emit_immediate_form(o, in, used, memory ? &m : NULL, split);
}

/* Jumps and returns never come back; for the rest the trampoline ends in a jump behind the site. */
static void emit_back(struct code *o, const struct insn *in)
{
        bool gone = in->z.meta.category == ZYDIS_CATEGORY_UNCOND_BR ||
                    in->z.meta.category == ZYDIS_CATEGORY_RET || in->z.meta.category == ZYDIS_CATEGORY_CALL;

        if (!gone)
                emit_jmp(o, in->va + in->length);
}

void emit_equivalent(struct code *o, const void *arg)
{
        const struct equivalent *e = arg;

        switch (e->variant) {
        case VARIANT_PLAIN:
                emit_relocated(o, e->in);
                break;
        case VARIANT_MEM:
                emit_mem_form(o, e->in, e->split);
                break;
        case VARIANT_IMM:
                emit_imm_form(o, e->in, false, e->split);
                break;
        case VARIANT_BOTH:
                emit_imm_form(o, e->in, true, e->split);
                break;
        case VARIANT_COUNT:
                o->bad = true;
        }
        emit_back(o, e->in);
}

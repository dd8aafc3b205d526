/* SPDX-License-Identifier: MIT
 *
 * ALU instructions with an immediate, re-encoded with the immediate in a saved scratch register. The legacy
 * one-byte opcodes are regular enough (APM 3, appendix A): op r/m, imm is 80-83 /op, op r/m, r is op*8.
 */
#include "engine.h"

struct alu {                 /* what is to be emitted */
        uint8_t opcode;      /* of the form op r/m, r */
        bool accumulator;    /* no ModRM: the operand is AL, AX, EAX, RAX */
        bool byte, multiply; /* multiply: IMUL r, r/m, imm */
};

static bool alu_of(const ZydisDecodedInstruction *z, struct alu *a)
{
        uint8_t op = z->opcode;

        *a = (struct alu){0};
        a->byte = !(op & 1);
        if (z->encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY || z->opcode_map != ZYDIS_OPCODE_MAP_DEFAULT)
                return false;
        if (op == 0x80 || op == 0x81 || op == 0x83)
                a->opcode = (uint8_t)(z->raw.modrm.reg << 3 | !a->byte);
        else if (op == 0xc6 || op == 0xc7)
                a->opcode = (uint8_t)(0x88 | !a->byte);
        else if ((op == 0xf6 || op == 0xf7) && z->raw.modrm.reg < 2)
                a->opcode = (uint8_t)(0x84 | !a->byte);
        else if (op == 0xa8 || op == 0xa9)
                a->opcode = (uint8_t)(0x84 | !a->byte);
        else if (op < 0x40 && ((op & 7) == 4 || (op & 7) == 5))
                a->opcode = (uint8_t)((op & 0x38) | !a->byte);
        else if (op == 0x69 || op == 0x6b)
                a->multiply = true;
        else
                return false;
        a->byte &= !a->multiply;
        a->accumulator = op == 0xa8 || op == 0xa9 || op < 0x40;
        return true;
}

/* LOCK and operand size; segment where the memory operand keeps it. */
static void emit_legacy(struct code *o, const struct insn *in, uint8_t segment)
{
        if (segment)
                EMIT(o, segment);
        for (unsigned i = 0; i < in->z.raw.prefix_count; i++)
                if (in->bytes[i] == 0xf0 || in->bytes[i] == 0x66)
                        EMIT(o, in->bytes[i]);
}

static uint8_t rex_of(const struct insn *in, uint8_t keep)
{
        if (!(in->z.attributes & ZYDIS_ATTRIB_HAS_REX))
                return 0;
        return (uint8_t)(0x40 | (in->bytes[in->z.raw.rex.offset] & keep));
}

/* op r/m, scratch: r/m is the original register, the accumulator, or [address]. */
static void emit_alu(struct code *o, const struct insn *in, const struct alu *a, uint8_t scratch,
                     uint8_t address, uint8_t segment)
{
        uint8_t rex = rex_of(in, address == NO_REG ? 0x09 : 0x08); /* W, and B of a register operand */
        uint8_t rm =
            address != NO_REG ? address : (uint8_t)(0xc0 | (a->accumulator ? RAX : in->z.raw.modrm.rm));

        emit_legacy(o, in, segment);
        if (rex)
                EMIT(o, rex);
        EMIT(o, a->opcode, (uint8_t)(rm | scratch << 3));
}

/* imul scratch, r/m leaves product and flags as the three-operand form does; then mov r, scratch. */
static void emit_multiply(struct code *o, const struct insn *in, uint8_t scratch, uint8_t address,
                          uint8_t segment)
{
        uint8_t rex = rex_of(in, address == NO_REG ? 0x09 : 0x08), rex_mov = rex_of(in, 0x08);
        uint8_t rm = address != NO_REG ? address : (uint8_t)(0xc0 | in->z.raw.modrm.rm);

        emit_legacy(o, in, segment);
        if (rex)
                EMIT(o, rex);
        EMIT(o, 0x0f, 0xaf, (uint8_t)(rm | scratch << 3));
        emit_legacy(o, in, 0);
        if ((in->z.attributes & ZYDIS_ATTRIB_HAS_REX) && in->z.raw.rex.R)
                rex_mov = (uint8_t)(rex_mov | 0x41);
        if (rex_mov)
                EMIT(o, rex_mov);
        EMIT(o, 0x89, (uint8_t)(0xc0 | scratch << 3 | in->z.raw.modrm.reg));
}

void emit_immediate_form(struct code *o, const struct insn *in, uint32_t used, const struct mem *m,
                         int32_t split)
{
        struct alu a;
        /* A byte operand needs a scratch whose low byte has a name without REX; those come first. */
        uint8_t scratch = pick_scratch(used), address = NO_REG;
        int32_t down = RED_ZONE + (m ? 16 : 8);

        if (m && scratch != NO_REG)
                address = pick_scratch(used | 1u << scratch);
        if (!alu_of(&in->z, &a) || scratch == NO_REG || (a.byte && scratch > RBX) ||
            (m && address == NO_REG)) {
                o->bad = true;
                return;
        }
        emit_rsp(o, -RED_ZONE);
        emit_push(o, scratch);
        if (m) {
                emit_push(o, address);
                emit_ea(o, address, m, down, split);
        }
        emit_mov_imm64(o, scratch, (uint64_t)(in->z.raw.imm[0].value.s - split));
        emit_lea(o, scratch, scratch, split);
        if (a.multiply)
                emit_multiply(o, in, scratch, address, m ? m->segment : 0);
        else
                emit_alu(o, in, &a, scratch, address, m ? m->segment : 0);
        if (m)
                emit_pop(o, address);
        emit_pop(o, scratch);
        emit_rsp(o, RED_ZONE);
}

/* SPDX-License-Identifier: MIT
 *
 * Copies of an instruction that do the same somewhere else, or through another address register.
 */
#include "engine.h"
#include "rf_string.h"

/* call: pushes the ORIGINAL return address, so that the stack looks as it did. Flags kept. */
static void emit_push_return(struct code *o, const struct insn *in)
{
        uint64_t ret = in->va + in->length;

        emit_rsp(o, -8);
        EMIT(o, 0xc7, 0x04, 0x24); /* mov dword [rsp], imm32 */
        emit32(o, (uint32_t)ret);
        EMIT(o, 0xc7, 0x44, 0x24, 0x04); /* mov dword [rsp+4], imm32 */
        emit32(o, (uint32_t)(ret >> 32));
}

/* LOOPcc and JrCXZ exist with an 8-bit displacement only. */
static void emit_short_only(struct code *o, const struct insn *in, uint64_t target)
{
        if (in->z.address_width == 32)
                EMIT(o, 0x67);
        EMIT(o, in->z.opcode, 0x02, 0xeb, 0x05);
        emit_jmp(o, target);
}

static void emit_relative(struct code *o, const struct insn *in, uint64_t target)
{
        uint8_t op = in->z.opcode;

        if (in->z.opcode_map == ZYDIS_OPCODE_MAP_0F && (op & 0xf0) == 0x80) {
                EMIT(o, 0x0f, op);
                emit_rel32(o, target);
        } else if (in->z.opcode_map != ZYDIS_OPCODE_MAP_DEFAULT) {
                o->bad = true;
        } else if ((op & 0xf0) == 0x70) {
                EMIT(o, 0x0f, (uint8_t)(0x80 | (op & 0x0f)));
                emit_rel32(o, target);
        } else if (op >= 0xe0 && op <= 0xe3) {
                emit_short_only(o, in, target);
        } else if (op == 0xe8) {
                emit_push_return(o, in);
                emit_jmp(o, target);
        } else if (op == 0xe9 || op == 0xeb) {
                emit_jmp(o, target);
        } else {
                o->bad = true; /* XBEGIN */
        }
}

/* The bytes with a RIP-relative displacement corrected. */
static void emit_copy(struct code *o, const struct insn *in)
{
        const ZydisDecodedInstructionRaw *raw = &in->z.raw;
        uint32_t at = o->n;
        bool rip = (in->z.attributes & ZYDIS_ATTRIB_HAS_MODRM) && raw->modrm.mod == 0 && raw->modrm.rm == 5;
        uint32_t disp32;
        int64_t disp;

        emit(o, in->bytes, in->length);
        if (!rip || o->bad)
                return;
        disp = raw->disp.value + (int64_t)(in->va - (o->va + at));
        if (!fits32(disp) || in->z.address_width == 32)
                o->far = true;
        disp32 = (uint32_t)disp;
        memcpy(o->b + at + raw->disp.offset, &disp32, 4);
}

/* FF /2, near indirect call: push the return address, then the same operand by FF /4. */
static void emit_call_indirect(struct code *o, const struct insn *in)
{
        struct insn jmp = *in;
        struct mem m = {.base = NO_REG};

        if ((insn_mem(in, &m) >= 0 && m.base == RSP) ||
            (in->z.raw.modrm.mod == 3 && in->op[0].reg.value == ZYDIS_REGISTER_RSP)) {
                o->bad = true;
                return;
        }
        emit_push_return(o, in);
        jmp.bytes[in->z.raw.modrm.offset] = (uint8_t)((jmp.bytes[in->z.raw.modrm.offset] & 0xc7) | 4 << 3);
        emit_copy(o, &jmp);
}

void emit_relocated(struct code *o, const struct insn *in)
{
        uint64_t target;

        if (in->z.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR)
                o->bad = true;
        else if (insn_target(&in->z, in->va, &target))
                emit_relative(o, in, target);
        else if (in->z.mnemonic == ZYDIS_MNEMONIC_CALL)
                emit_call_indirect(o, in);
        else
                emit_copy(o, in);
}

uint8_t pick_scratch(uint32_t used)
{
        static const uint8_t order[] = {RAX, RCX, RDX, RBX, RSI, RDI};

        for (size_t i = 0; i < sizeof order; i++)
                if (!(used >> order[i] & 1))
                        return order[i];
        return NO_REG;
}

static bool is_rex(const struct insn *in, unsigned i)
{
        return (in->bytes[i] & 0xf0) == 0x40;
}

static bool is_address_prefix(uint8_t b)
{
        return b == 0x26 || b == 0x2e || b == 0x36 || b == 0x3e || b == 0x64 || b == 0x65 || b == 0x67;
}

/* Legacy prefixes but segments and address size, then REX without X and B if it was in effect. Returns
 * where the rest of the instruction starts. */
static unsigned emit_prefixes(struct code *o, const struct insn *in)
{
        unsigned n = in->z.raw.prefix_count;
        bool rex = (in->z.attributes & ZYDIS_ATTRIB_HAS_REX) && n && is_rex(in, n - 1);

        for (unsigned i = 0; i < n; i++)
                if (!is_rex(in, i) && !is_address_prefix(in->bytes[i]))
                        EMIT(o, in->bytes[i]);
        if (rex)
                EMIT(o, (uint8_t)(in->bytes[n - 1] & ~3u));
        return n;
}

/* X and B of VEX, XOP and EVEX are inverted: set means register below 8. */
static void widen_vex(const struct insn *in, uint8_t *vex)
{
        if (in->z.encoding == ZYDIS_INSTRUCTION_ENCODING_VEX && vex[0] == 0xc5)
                return;
        if (in->z.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY &&
            in->z.encoding != ZYDIS_INSTRUCTION_ENCODING_3DNOW)
                vex[1] |= 0x60;
}

static unsigned modrm_end(const ZydisDecodedInstructionRaw *raw, bool sib)
{
        if (raw->disp.size)
                return raw->disp.offset + raw->disp.size / 8u;
        return sib ? raw->sib.offset + 1u : raw->modrm.offset + 1u;
}

void emit_with_base(struct code *o, const struct insn *in, uint8_t reg, uint8_t segment)
{
        const ZydisDecodedInstructionRaw *raw = &in->z.raw;
        uint8_t middle[INSN_MAX];
        unsigned from, end, n;

        if (!(in->z.attributes & ZYDIS_ATTRIB_HAS_MODRM) || raw->modrm.mod == 3) {
                o->bad = true;
                return;
        }
        if (segment)
                EMIT(o, segment);
        from = emit_prefixes(o, in);
        n = raw->modrm.offset - from;
        memcpy(middle, in->bytes + from, n);
        widen_vex(in, middle);
        emit(o, middle, n);
        EMIT(o, (uint8_t)(raw->modrm.reg << 3 | reg));
        end = modrm_end(raw, in->z.attributes & ZYDIS_ATTRIB_HAS_SIB);
        emit(o, in->bytes + end, in->length - end);
}

/* mod = 2, disp32; a SIB without base (mod = 0, base = 5) has a disp32 already (APM 3, 1.4). */
void emit_with_delta(struct code *o, const struct insn *in, const struct mem *m, int64_t delta)
{
        const ZydisDecodedInstructionRaw *raw = &in->z.raw;
        bool sib = in->z.attributes & ZYDIS_ATTRIB_HAS_SIB;
        unsigned end = modrm_end(raw, sib), start = o->n;
        uint8_t mod = m->base == NO_REG ? 0 : 0x80;

        if (m->absolute || m->addr32 || !fits32(m->disp + delta)) {
                o->bad = true;
                return;
        }
        emit(o, in->bytes, raw->modrm.offset);
        EMIT(o, (uint8_t)(mod | raw->modrm.reg << 3 | raw->modrm.rm));
        if (sib)
                EMIT(o, in->bytes[raw->sib.offset]);
        emit32(o, (uint32_t)(m->disp + delta));
        emit(o, in->bytes + end, in->length - end);
        if (o->n - start > INSN_MAX)
                o->bad = true;
}

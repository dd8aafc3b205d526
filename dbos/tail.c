/* SPDX-License-Identifier: MIT
 *
 * The short way of a store that hit a tail register: is it that register of this vCPU (info page), then one
 * commit. Any other address, and any answer but "done", takes the long way behind it, which begins anew: to
 * commit the same tail twice changes nothing.
 */
#include "engine.h"

enum { FIRST = offsetof(struct rf_info, queue), RX = offsetof(struct rf_queue, doorbell_rx) };
_Static_assert(offsetof(struct rf_queue, doorbell_tx) == RX + 8, "by the ring number's lowest bit");

/* What commit loses (C calling convention). The first two of those the instruction does not use hold address
 * and info page. */
static const uint8_t lost[] = {RAX, RCX, RDX, RSI, RDI, R8, R9, R10, R11};

static uint8_t pick(uint32_t used)
{
        for (unsigned i = 0; i < 5; i++)
                if (!(used >> lost[i] & 1))
                        return lost[i];
        return NO_REG;
}

/* Only the two stores that drivers use: of a register and of a constant, 32 bits. */
static bool known(const struct store_form *f)
{
        const ZydisDecodedInstruction *z = &f->in.z;
        bool high = (z->attributes & ZYDIS_ATTRIB_HAS_REX) && z->raw.rex.R;

        if (f->bytes != 4 || z->encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY ||
            z->opcode_map != ZYDIS_OPCODE_MAP_DEFAULT)
                return false;
        return z->opcode == 0xc7 || (z->opcode == 0x89 && (high || z->raw.modrm.reg != RSP));
}

/* esi = the tail */
static void emit_value(struct code *o, const struct insn *in)
{
        const ZydisDecodedInstructionRaw *raw = &in->z.raw;

        if (in->z.opcode == 0xc7) {
                EMIT(o, 0xbe);
                emit32(o, (uint32_t)raw->imm[0].value.u);
                return;
        }
        if ((in->z.attributes & ZYDIS_ATTRIB_HAS_REX) && raw->rex.R)
                EMIT(o, 0x44);
        EMIT(o, 0x89, (uint8_t)(0xc0 | raw->modrm.reg << 3 | RSI));
}

static void emit_commit(struct code *o, const struct store_form *f, uint8_t a, uint8_t b)
{
        for (unsigned i = 0; i < sizeof lost; i++)
                if (lost[i] != a && lost[i] != b)
                        emit_push(o, lost[i]);
        emit_value(o, &f->in);
        EMIT(o, 0xbf); /* mov edi, imm32 */
        emit32(o, (uint32_t)f->ring);
        emit_mov_imm64(o, RAX, f->c->commit);
        EMIT(o, 0xff, 0xd0);             /* call rax */
        EMIT(o, 0x48, 0xc1, 0xe8, 0x20); /* shr rax, 32: ZF if RF_COMMIT_OK */
        for (unsigned i = sizeof lost; i-- > 0;)
                if (lost[i] != a && lost[i] != b)
                        emit_pop(o, lost[i]);
}

void emit_tail(struct code *o, const struct store_form *f)
{
        uint32_t used = insn_gprs(&f->in), other, refused;
        uint8_t a = pick(used), b = a == NO_REG ? NO_REG : pick(used | 1u << a);
        int32_t at = FIRST + f->ring / 2 * (int32_t)sizeof(struct rf_queue) + RX + f->ring % 2 * 8;

        if (!known(f) || b == NO_REG)
                return;
        emit_open(o, a, f->flags);
        emit_push(o, b);
        emit_ea(o, a, &f->m, RED_ZONE + (f->flags ? 24 : 16), 0);
        emit_mov_imm64(o, b, RF_INFO_VA);
        EMIT(o, 0x48, 0x3b, (uint8_t)(0x80 | a << 3 | b)); /* cmp a, [b+disp32] */
        emit32(o, (uint32_t)at);
        other = emit_jcc8(o, 0x75); /* jne */
        emit_commit(o, f, a, b);
        refused = emit_jcc8(o, 0x75); /* jne */
        emit_pop(o, b);
        emit_close(o, a, f->flags);
        emit_jmp(o, f->in.va + f->in.length);
        emit_land(o, other);
        emit_land(o, refused);
        emit_pop(o, b);
        emit_close(o, a, f->flags);
}

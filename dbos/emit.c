/* SPDX-License-Identifier: MIT
 *
 * Machine code, one small piece at a time. Encodings: APM volume 3, chapters 1 and 3.
 */
#include "engine.h"
#include "rf_string.h"

void emit(struct code *o, const void *bytes, size_t n)
{
        if (n > CODE_MAX - o->n) {
                o->bad = true;
                return;
        }
        memcpy(o->b + o->n, bytes, n);
        o->n += (uint32_t)n;
}

void emit32(struct code *o, uint32_t v)
{
        emit(o, &v, 4);
}

void emit64(struct code *o, uint64_t v)
{
        emit(o, &v, 8);
}

/* A displacement that ends the instruction: counted from behind itself. */
void emit_rel32(struct code *o, uint64_t target)
{
        int64_t d = (int64_t)(target - (o->va + o->n + 4));

        if (!fits32(d))
                o->far = true;
        emit32(o, (uint32_t)d);
}

void emit_jmp(struct code *o, uint64_t target)
{
        EMIT(o, 0xe9);
        emit_rel32(o, target);
}

uint32_t emit_jcc8(struct code *o, uint8_t opcode)
{
        EMIT(o, opcode, 0);
        return o->n - 1;
}

void emit_land(struct code *o, uint32_t hole)
{
        uint32_t d = o->n - (hole + 1);

        if (o->bad)
                return;
        if (d > 127)
                o->bad = true;
        o->b[hole] = (uint8_t)d;
}

void emit_jcc8_back(struct code *o, uint8_t opcode, uint32_t to)
{
        uint32_t back = o->n + 2 - to;

        if (back > 128)
                o->bad = true;
        EMIT(o, opcode, (uint8_t)(0u - back));
}

void emit_push(struct code *o, uint8_t reg)
{
        if (reg >= R8)
                EMIT(o, 0x41);
        EMIT(o, (uint8_t)(0x50 | (reg & 7)));
}

void emit_pop(struct code *o, uint8_t reg)
{
        if (reg >= R8)
                EMIT(o, 0x41);
        EMIT(o, (uint8_t)(0x58 | (reg & 7)));
}

void emit_rsp(struct code *o, int32_t delta)
{
        emit_lea(o, RSP, RSP, delta);
}

void emit_mov_imm64(struct code *o, uint8_t reg, uint64_t v)
{
        EMIT(o, reg >= R8 ? 0x49 : 0x48, (uint8_t)(0xb8 | (reg & 7)));
        emit64(o, v);
}

/* lea reg, [base + index*scale + disp32], 64-bit result; addr32 truncates the address. */
static void emit_lea_full(struct code *o, uint8_t reg, uint8_t base, uint8_t index, uint8_t scale,
                          bool addr32, int32_t disp)
{
        uint8_t rex = 0x48, ss = 0, mod = base == NO_REG ? 0x00 : 0x80;

        rex |= (uint8_t)((reg >= R8 ? 4 : 0) | (index != NO_REG && index >= R8 ? 2 : 0) |
                         (base != NO_REG && base >= R8 ? 1 : 0));
        for (uint8_t n = scale; n > 1; n >>= 1)
                ss = (uint8_t)(ss + 0x40);
        if (addr32)
                EMIT(o, 0x67);
        EMIT(o, rex, 0x8d, (uint8_t)(mod | (reg & 7) << 3 | 4));
        EMIT(o, (uint8_t)(ss | (index == NO_REG ? 4 : index & 7) << 3 | (base == NO_REG ? 5 : base & 7)));
        emit32(o, (uint32_t)disp);
}

void emit_lea(struct code *o, uint8_t reg, uint8_t base, int32_t disp)
{
        emit_lea_full(o, reg, base, NO_REG, 0, false, disp);
}

void emit_ea(struct code *o, uint8_t reg, const struct mem *m, int32_t rsp_down, int32_t split)
{
        int64_t disp = m->disp;

        if (m->absolute) {
                emit_mov_imm64(o, reg, (uint64_t)disp - (uint64_t)(int64_t)split);
                if (split)
                        emit_lea_full(o, reg, reg, NO_REG, 0, false, split);
                return;
        }
        if (m->base == RSP)
                disp += rsp_down;
        disp -= split;
        if (!fits32(disp))
                o->bad = true;
        emit_lea_full(o, reg, m->base, m->index, m->scale, m->addr32, (int32_t)disp);
        if (split)
                emit_lea_full(o, reg, reg, NO_REG, 0, m->addr32, split);
}

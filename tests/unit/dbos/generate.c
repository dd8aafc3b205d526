/* SPDX-License-Identifier: MIT
 *
 * Store sites for the equivalence test, encoded here from the manuals' tables and not by the engine's code.
 */
#include <string.h>

#include "generate.h"

enum { NONE = 16, W = 1, P66 = 2, NO_WIDE = 4, VEX = 8, EVEX = 16, REG_SMALL = 32, WIDE = 64 };

struct form {
        const char *name;
        enum kind kind;
        uint8_t prefix, opcode[3], nopcode;
        int8_t digit; /* -1: any register */
        uint8_t imm;  /* bytes; 9: operand size, at most 4 */
        uint8_t size; /* 0: by operand size */
        uint8_t align, flags;
};

static const struct form forms[] = {
    {"mov r8", KIND_PLAIN, 0, {0x88}, 1, -1, 0, 1, 1, NO_WIDE},
    {"mov r", KIND_PLAIN, 0, {0x89}, 1, -1, 0, 0, 1, 0},
    {"mov r", KIND_PLAIN, 0, {0x89}, 1, -1, 0, 0, 1, 0},
    {"mov imm8", KIND_PLAIN, 0, {0xc6}, 1, 0, 1, 1, 1, NO_WIDE},
    {"mov imm", KIND_PLAIN, 0, {0xc7}, 1, 0, 9, 0, 1, 0},
    {"movnti", KIND_PLAIN, 0, {0x0f, 0xc3}, 2, -1, 0, 0, 1, P66},
    {"movups", KIND_VECTOR, 0, {0x0f, 0x11}, 2, -1, 0, 16, 1, NO_WIDE | REG_SMALL},
    {"movaps", KIND_VECTOR, 0, {0x0f, 0x29}, 2, -1, 0, 16, 16, NO_WIDE | REG_SMALL},
    {"movdqa", KIND_VECTOR, 0x66, {0x0f, 0x7f}, 2, -1, 0, 16, 16, NO_WIDE | REG_SMALL},
    {"movdqu", KIND_VECTOR, 0xf3, {0x0f, 0x7f}, 2, -1, 0, 16, 1, NO_WIDE | REG_SMALL},
    {"movntdq", KIND_VECTOR, 0x66, {0x0f, 0xe7}, 2, -1, 0, 16, 16, NO_WIDE | REG_SMALL},
    {"movd", KIND_VECTOR, 0x66, {0x0f, 0x7e}, 2, -1, 0, 4, 1, NO_WIDE | REG_SMALL},
    {"movq", KIND_VECTOR, 0x66, {0x0f, 0xd6}, 2, -1, 0, 8, 1, NO_WIDE | REG_SMALL},
    {"movss", KIND_VECTOR, 0xf3, {0x0f, 0x11}, 2, -1, 0, 4, 1, NO_WIDE | REG_SMALL},
    {"movsd", KIND_VECTOR, 0xf2, {0x0f, 0x11}, 2, -1, 0, 8, 1, NO_WIDE | REG_SMALL},
    {"movhps", KIND_VECTOR, 0, {0x0f, 0x17}, 2, -1, 0, 8, 1, NO_WIDE | REG_SMALL},
    {"pextrw", KIND_VECTOR, 0x66, {0x0f, 0x3a, 0x15}, 3, -1, 1, 2, 1, NO_WIDE | REG_SMALL},
    {"vmovdqu", KIND_VECTOR, 0xf3, {0x7f}, 1, -1, 0, 16, 1, VEX | REG_SMALL},
    {"vmovdqa", KIND_VECTOR, 0x66, {0x7f}, 1, -1, 0, 16, 16, VEX | REG_SMALL},
    {"vmovups", KIND_VECTOR, 0, {0x11}, 1, -1, 0, 16, 1, VEX | REG_SMALL},
    {"vmovd", KIND_VECTOR, 0x66, {0x7e}, 1, -1, 0, 4, 1, VEX | REG_SMALL},
    {"vmovdqu32", KIND_VECTOR, 0xf3, {0x7f}, 1, -1, 0, 16, 1, EVEX | REG_SMALL},
    {"add r8", KIND_RMW, 0, {0x00}, 1, -1, 0, 1, 1, NO_WIDE},
    {"add r", KIND_RMW, 0, {0x01}, 1, -1, 0, 0, 1, 0},
    {"adc r", KIND_RMW, 0, {0x11}, 1, -1, 0, 0, 1, 0},
    {"or r", KIND_RMW, 0, {0x09}, 1, -1, 0, 0, 1, 0},
    {"xor imm", KIND_RMW, 0, {0x81}, 1, 6, 9, 0, 1, 0},
    {"and imm8", KIND_RMW, 0, {0x83}, 1, 4, 1, 0, 1, 0},
    {"sbb imm8", KIND_RMW, 0, {0x80}, 1, 3, 1, 1, 1, NO_WIDE},
    {"lock or imm8", KIND_RMW, 0xf0, {0x83}, 1, 1, 1, 0, 1, 0},
    {"inc", KIND_RMW, 0, {0xff}, 1, 0, 0, 0, 1, 0},
    {"dec8", KIND_RMW, 0, {0xfe}, 1, 1, 0, 1, 1, NO_WIDE},
    {"not", KIND_RMW, 0, {0xf7}, 1, 2, 0, 0, 1, 0},
    {"neg", KIND_RMW, 0, {0xf7}, 1, 3, 0, 0, 1, 0},
    {"xchg", KIND_RMW, 0, {0x87}, 1, -1, 0, 0, 1, 0},
    {"xadd", KIND_RMW, 0, {0x0f, 0xc1}, 2, -1, 0, 0, 1, 0},
    {"lock cmpxchg", KIND_RMW, 0xf0, {0x0f, 0xb1}, 2, -1, 0, 0, 1, 0},
    {"rol imm8", KIND_RMW, 0, {0xc1}, 1, 0, 1, 0, 1, 0},
    {"shl 1", KIND_RMW, 0, {0xd1}, 1, 4, 0, 0, 1, 0},
    {"bts imm8", KIND_RMW, 0, {0x0f, 0xba}, 2, 5, 1, 0, 1, 0},
    {"setz", KIND_PLAIN, 0, {0x0f, 0x94}, 2, 0, 0, 1, 1, NO_WIDE},
    {"movbe", KIND_PLAIN, 0, {0x0f, 0x38, 0xf1}, 3, -1, 0, 0, 1, 0},
    {"mov sreg", KIND_PLAIN, 0, {0x8c}, 1, 3, 0, 2, 1, NO_WIDE},
    {"stmxcsr", KIND_PLAIN, 0, {0x0f, 0xae}, 2, 3, 0, 4, 1, NO_WIDE},
    {"fnstcw", KIND_PLAIN, 0, {0xd9}, 1, 7, 0, 2, 1, NO_WIDE},
    {"fnstsw", KIND_PLAIN, 0, {0xdd}, 1, 7, 0, 2, 1, NO_WIDE},
    {"fst m32", KIND_PLAIN, 0, {0xd9}, 1, 2, 0, 4, 1, NO_WIDE},
    {"fst m64", KIND_PLAIN, 0, {0xdd}, 1, 2, 0, 8, 1, NO_WIDE},
    {"fist m16", KIND_PLAIN, 0, {0xdf}, 1, 2, 0, 2, 1, NO_WIDE},
    {"fist m32", KIND_PLAIN, 0, {0xdb}, 1, 2, 0, 4, 1, NO_WIDE},
    {"movlps", KIND_VECTOR, 0, {0x0f, 0x13}, 2, -1, 0, 8, 1, NO_WIDE | REG_SMALL},
    {"movhpd", KIND_VECTOR, 0x66, {0x0f, 0x17}, 2, -1, 0, 8, 1, NO_WIDE | REG_SMALL},
    {"movntps", KIND_VECTOR, 0, {0x0f, 0x2b}, 2, -1, 0, 16, 16, NO_WIDE | REG_SMALL},
    {"movupd", KIND_VECTOR, 0x66, {0x0f, 0x11}, 2, -1, 0, 16, 1, NO_WIDE | REG_SMALL},
    {"pextrb", KIND_VECTOR, 0x66, {0x0f, 0x3a, 0x14}, 3, -1, 1, 1, 1, NO_WIDE | REG_SMALL},
    {"pextrd", KIND_VECTOR, 0x66, {0x0f, 0x3a, 0x16}, 3, -1, 1, 4, 1, NO_WIDE | REG_SMALL},
    {"vmovupd", KIND_VECTOR, 0x66, {0x11}, 1, -1, 0, 16, 1, VEX | REG_SMALL},
    {"vmovss", KIND_VECTOR, 0xf3, {0x11}, 1, -1, 0, 4, 1, VEX | REG_SMALL},
    {"vmovlps", KIND_VECTOR, 0, {0x13}, 1, -1, 0, 8, 1, VEX | REG_SMALL},
    {"vmovntdq", KIND_VECTOR, 0x66, {0xe7}, 1, -1, 0, 16, 16, VEX | REG_SMALL},
    {"sub r8", KIND_RMW, 0, {0x28}, 1, -1, 0, 1, 1, NO_WIDE},
    {"xchg r8", KIND_RMW, 0, {0x86}, 1, -1, 0, 1, 1, NO_WIDE},
    {"xadd r8", KIND_RMW, 0, {0x0f, 0xc0}, 2, -1, 0, 1, 1, NO_WIDE},
    {"cmpxchg r8", KIND_RMW, 0, {0x0f, 0xb0}, 2, -1, 0, 1, 1, NO_WIDE},
    {"cmpxchg8b", KIND_RMW, 0, {0x0f, 0xc7}, 2, 1, 0, 8, 1, NO_WIDE},
    {"cmpxchg16b", KIND_RMW, 0, {0x0f, 0xc7}, 2, 1, 0, 16, 16, WIDE},
    {"lock add r", KIND_RMW, 0xf0, {0x01}, 1, -1, 0, 0, 1, 0},
    {"lock xadd", KIND_RMW, 0xf0, {0x0f, 0xc1}, 2, -1, 0, 0, 1, 0},
    {"lock inc", KIND_RMW, 0xf0, {0xff}, 1, 0, 0, 0, 1, 0},
    {"lock btr imm8", KIND_RMW, 0xf0, {0x0f, 0xba}, 2, 6, 1, 0, 1, 0},
    {"btc imm8", KIND_RMW, 0, {0x0f, 0xba}, 2, 7, 1, 0, 1, 0},
    {"shld imm8", KIND_RMW, 0, {0x0f, 0xa4}, 2, -1, 1, 0, 1, 0},
    {"shrd cl", KIND_RMW, 0, {0x0f, 0xad}, 2, -1, 0, 0, 1, 0},
    {"rcl 1", KIND_RMW, 0, {0xd1}, 1, 2, 0, 0, 1, 0},
    {"sar cl", KIND_RMW, 0, {0xd3}, 1, 7, 0, 0, 1, 0},
    {"adc imm", KIND_RMW, 0, {0x81}, 1, 2, 9, 0, 1, 0},
    {"seto", KIND_PLAIN, 0, {0x0f, 0x90}, 2, 0, 0, 1, 1, NO_WIDE},
    {"stos", KIND_STRING, 0, {0xab}, 1, -1, 0, 0, 1, 0},
    {"stosb", KIND_STRING, 0, {0xaa}, 1, -1, 0, 1, 1, NO_WIDE},
    {"movs", KIND_STRING, 0, {0xa5}, 1, -1, 0, 0, 1, 0},
    {"rep stos", KIND_STRING, 0xf3, {0xab}, 1, -1, 0, 0, 1, 0},
    {"rep movsb", KIND_STRING, 0xf3, {0xa4}, 1, -1, 0, 1, 1, NO_WIDE},
    {"mov moffs", KIND_MOFFS, 0, {0xa3}, 1, -1, 0, 0, 1, 0},
};

static unsigned below(unsigned n)
{
        return (unsigned)(world_random() >> 33) % n;
}

static void byte(struct sample *g, unsigned b)
{
        g->bytes[g->length++] = (uint8_t)b;
}

static void number(struct sample *g, uint64_t v, unsigned n)
{
        memcpy(g->bytes + g->length, &v, n);
        g->length += n;
}

static void choose_address(struct sample *g, unsigned *disp_bytes)
{
        static const uint8_t disp[] = {0, 0, 1, 1, 1, 4};

        g->base = below(12) ? (uint8_t)below(16) : NONE;
        if (g->base == 4 && below(4))
                g->base = 3;
        g->index = below(3) ? NONE : (uint8_t)below(16);
        if (g->index == 4 || (g->index == g->base))
                g->index = NONE;
        if (g->base == 4 && g->index == NONE)
                g->base = 7;
        if (g->base == NONE && g->index == NONE)
                g->base = 0;
        g->scale = g->base == 4 || g->base == NONE ? 1 : (uint8_t)(1u << below(4));
        *disp_bytes = g->base == NONE ? 4 : disp[below(6)];
        if (*disp_bytes == 0 && g->base != NONE && (g->base & 7) == 5)
                *disp_bytes = 1;
        g->disp = *disp_bytes == 0 ? 0 : *disp_bytes == 1 ? (int8_t)world_random() : (int32_t)world_random();
}

/* ModRM, SIB, displacement. EVEX scales an 8-bit displacement by the vector length. */
static void address_bytes(struct sample *g, unsigned reg, unsigned disp_bytes, unsigned scale8)
{
        unsigned mod = disp_bytes == 0 ? 0 : disp_bytes == 1 ? 0x40 : 0x80;
        unsigned base = g->base == NONE ? 5 : g->base & 7u, ss = 0;
        bool sib = g->index != NONE || g->base == NONE || base == 4;

        for (unsigned n = g->scale; n > 1; n >>= 1)
                ss += 0x40;
        if (g->base == NONE)
                mod = 0;
        byte(g, mod | (reg & 7) << 3 | (sib ? 4 : base));
        if (sib)
                byte(g, (g->index == NONE ? 0 : ss) | (g->index == NONE ? 4u : g->index & 7u) << 3 | base);
        g->tail = g->length;
        g->disp_len = disp_bytes;
        number(g, (uint32_t)g->disp, disp_bytes);
        if (disp_bytes == 1)
                g->disp *= (int32_t)scale8;
}

static void vex(struct sample *g, const struct form *f, unsigned reg)
{
        unsigned pp = f->prefix == 0x66 ? 1 : f->prefix == 0xf3 ? 2 : f->prefix == 0xf2 ? 3 : 0;
        unsigned rxb = (reg & 8 ? 0 : 0x80u) | (g->index != NONE && g->index & 8 ? 0 : 0x40u) |
                       (g->base != NONE && g->base & 8 ? 0 : 0x20u);

        if (f->flags & EVEX) {
                byte(g, 0x62);
                byte(g, rxb | 0x10 | 1);
                byte(g, 0x7c | pp);
                byte(g, 0x08);
        } else if ((rxb & 0x60) == 0x60 && below(4)) {
                byte(g, 0xc5);
                byte(g, (rxb & 0x80) | 0x78 | pp);
        } else {
                byte(g, 0xc4);
                byte(g, rxb | 1);
                byte(g, 0x78 | pp);
        }
}

static void legacy(struct sample *g, const struct form *f, unsigned reg, bool wide, bool word)
{
        unsigned rex = (wide ? 8u : 0) | (reg & 8 ? 4u : 0) | (g->index != NONE && g->index & 8 ? 2u : 0) |
                       (g->base != NONE && g->base & 8 ? 1u : 0);

        if (word)
                byte(g, 0x66);
        if (f->prefix)
                byte(g, f->prefix);
        if (rex || !below(6))
                byte(g, 0x40 | rex);
        for (unsigned i = 0; i < f->nopcode; i++)
                byte(g, f->opcode[i]);
}

static void operand_size(struct sample *g, const struct form *f, bool *wide, bool *word)
{
        unsigned pick = below(6);

        *wide = f->flags & WIDE || (!(f->flags & NO_WIDE) && !f->size && pick < 3);
        *word = !(f->flags & (NO_WIDE | P66)) && !f->size && pick == 5;
        g->size = f->size ? f->size : *wide ? 8 : *word ? 2 : 4;
}

void generate(struct sample *g, uint64_t moffs)
{
        const struct form *f = &forms[below(sizeof forms / sizeof forms[0])];
        unsigned reg, disp_bytes = 0;
        bool wide, word;

        if (f->flags & EVEX && !__builtin_cpu_supports("avx512vl"))
                f = &forms[0];
        memset(g, 0, sizeof *g);
        g->name = f->name;
        g->kind = f->kind;
        g->align = f->align;
        g->base = g->index = NONE;
        operand_size(g, f, &wide, &word);
        reg = f->digit >= 0 ? (unsigned)f->digit : below(f->flags & REG_SMALL ? 8 : 16);
        if (f->digit < 0 && reg == 4 && !(f->flags & REG_SMALL))
                reg = 6; /* RSP as a source is never rewritten; it has a test of its own */
        if (f->kind == KIND_STRING || f->kind == KIND_MOFFS)
                reg = 0;
        else
                choose_address(g, &disp_bytes);
        if (f->flags & (VEX | EVEX)) {
                vex(g, f, reg);
                byte(g, f->opcode[0]);
        } else {
                legacy(g, f, reg, wide, word);
        }
        if (f->kind == KIND_MOFFS)
                number(g, moffs, 8);
        if (f->kind != KIND_STRING && f->kind != KIND_MOFFS)
                address_bytes(g, reg, disp_bytes, f->flags & EVEX ? 16 : 1);
        if (f->imm)
                number(g, world_random(), f->imm == 9 ? (g->size > 4 ? 4 : g->size) : f->imm);
}

void random_state(struct state *s)
{
        for (int i = 0; i < 16; i++)
                s->gpr[i] = world_random();
        s->gpr[4] = WORLD_STACK;
        s->rflags = 0x202 | (world_random() & 0x8d5);
        for (int i = 0; i < 128; i += 8) {
                uint64_t v = world_random();

                memcpy((uint8_t *)s->xmm + i, &v, 8);
        }
}

bool aim(const struct sample *g, struct state *s, uint64_t target)
{
        uint64_t rest = target - (uint64_t)(int64_t)g->disp;

        if (g->kind == KIND_STRING) {
                s->gpr[7] = target;
                s->gpr[6] = WORLD_DATA + 0x100 + below(0x100);
                s->gpr[1] = below(9);
                return true;
        }
        if (g->kind == KIND_MOFFS)
                return true;
        if (g->base == NONE || g->base == 4) {
                s->gpr[g->index] = rest - (g->base == 4 ? s->gpr[4] : 0);
                return g->scale == 1;
        }
        if (g->index != NONE)
                rest -= s->gpr[g->index] * g->scale;
        s->gpr[g->base] = rest;
        return true;
}

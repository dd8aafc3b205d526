/* SPDX-License-Identifier: MIT
 *
 * Decoding with Zydis, and the questions the engine asks about one instruction.
 */
#include "engine.h"
#include "rf_string.h"

static ZydisDecoder decoder_64(void)
{
        ZydisDecoder d;

        ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
        return d;
}

/* Up to 15 bytes; at the end of what is mapped, as many as there are. */
static uint8_t read_some(const struct dbos_space *s, uint64_t va, uint64_t end, uint8_t *buf)
{
        size_t n = INSN_MAX, page_left = PAGE - (va & (PAGE - 1));

        if (va >= end)
                return 0;
        if (end - va < n)
                n = end - va;
        if (!s->read(s->ctx, va, buf, n))
                return (uint8_t)n;
        if (page_left < n && !s->read(s->ctx, va, buf, page_left))
                return (uint8_t)page_left;
        return 0;
}

bool insn_full(struct insn *in)
{
        ZydisDecoder d = decoder_64();

        in->length = 0;
        if (!in->have || ZYAN_FAILED(ZydisDecoderDecodeFull(&d, in->bytes, in->have, &in->z, in->op)))
                return false;
        in->length = in->z.length;
        return true;
}

bool insn_read(const struct dbos_space *s, uint64_t va, uint64_t end, bool brief, struct insn *in)
{
        ZydisDecoder d = decoder_64();

        in->va = va;
        in->length = 0;
        memset(in->bytes, 0, sizeof in->bytes);
        in->have = read_some(s, va, end, in->bytes);
        if (!brief)
                return insn_full(in);
        if (!in->have || ZYAN_FAILED(ZydisDecoderDecodeInstruction(&d, NULL, in->bytes, in->have, &in->z)))
                return false;
        in->length = in->z.length;
        return true;
}

/* STUI (F3 0F 01 EF) has the same bytes: any instruction that ends in them counts as intended. */
bool insn_is_wrpkru(const struct insn *in)
{
        return in->length >= 3 && dbos_find_hard(in->bytes, in->length, in->length - 3u) >= 0 &&
               in->z.opcode_map == ZYDIS_OPCODE_MAP_0F && in->z.opcode == 0x01;
}

/* AMD honours 66 on near branches (16-bit target, APM 3), Intel ignores it (SDM 2, JMP): the same bytes have
 * two lengths or two targets. REX.W overrides 66 on both. */
bool insn_branch66(const ZydisDecodedInstruction *z)
{
        bool branch = z->meta.category == ZYDIS_CATEGORY_COND_BR ||
                      z->meta.category == ZYDIS_CATEGORY_UNCOND_BR ||
                      z->meta.category == ZYDIS_CATEGORY_CALL || z->meta.category == ZYDIS_CATEGORY_RET;
        bool rex_w = (z->attributes & ZYDIS_ATTRIB_HAS_REX) && z->raw.rex.W;

        if (!branch || rex_w)
                return false;
        for (unsigned i = 0; i < z->raw.prefix_count; i++)
                if (z->raw.prefixes[i].value == 0x66)
                        return true;
        return false;
}

bool insn_target(const ZydisDecodedInstruction *z, uint64_t va, uint64_t *target)
{
        if (!z->raw.imm[0].is_relative)
                return false;
        *target = va + z->length + (uint64_t)z->raw.imm[0].value.s;
        return true;
}

static uint8_t gpr(ZydisRegister r)
{
        ZydisRegister wide = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, r);

        if (wide < ZYDIS_REGISTER_RAX || wide > ZYDIS_REGISTER_R15)
                return NO_REG;
        return (uint8_t)(wide - ZYDIS_REGISTER_RAX);
}

static uint32_t gpr_bit(ZydisRegister r)
{
        uint8_t n = gpr(r);

        return n == NO_REG ? 0 : 1u << n;
}

uint32_t insn_gprs(const struct insn *in)
{
        uint32_t used = 0;

        for (unsigned i = 0; i < in->z.operand_count; i++) {
                const ZydisDecodedOperand *op = &in->op[i];

                if (op->type == ZYDIS_OPERAND_TYPE_REGISTER)
                        used |= gpr_bit(op->reg.value);
                if (op->type == ZYDIS_OPERAND_TYPE_MEMORY)
                        used |= gpr_bit(op->mem.base) | gpr_bit(op->mem.index);
        }
        return used;
}

static void mem_of(const struct insn *in, const ZydisDecodedOperand *op, struct mem *m)
{
        memset(m, 0, sizeof *m);
        m->base = gpr(op->mem.base);
        m->index = gpr(op->mem.index);
        m->scale = op->mem.scale;
        m->disp = op->mem.disp.value;
        m->addr32 = in->z.address_width == 32;
        if (op->mem.segment == ZYDIS_REGISTER_FS)
                m->segment = 0x64;
        if (op->mem.segment == ZYDIS_REGISTER_GS)
                m->segment = 0x65;
        if (op->mem.base == ZYDIS_REGISTER_RIP || op->mem.base == ZYDIS_REGISTER_EIP) {
                m->disp = (int64_t)(in->va + in->length + (uint64_t)m->disp);
                m->absolute = true;
                m->base = NO_REG;
        } else if (m->base == NO_REG && m->index == NO_REG) {
                m->absolute = true;
        }
        if (m->absolute && m->addr32)
                m->disp = (int64_t)(uint32_t)m->disp;
}

int insn_mem(const struct insn *in, struct mem *m)
{
        int found = -1;

        for (unsigned i = 0; i < in->z.operand_count; i++) {
                if (in->op[i].type != ZYDIS_OPERAND_TYPE_MEMORY)
                        continue;
                if (found >= 0 || in->op[i].visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN ||
                    in->op[i].mem.type == ZYDIS_MEMOP_TYPE_VSIB || in->op[i].mem.type == ZYDIS_MEMOP_TYPE_MIB)
                        return -1;
                found = (int)i;
        }
        if (found >= 0)
                mem_of(in, &in->op[found], m);
        return found;
}

bool mem_address(const struct mem *m, const struct dbos_regs *r, uint64_t *ea)
{
        uint64_t a = (uint64_t)m->disp;

        if (m->segment)
                return false; /* the base is not in struct dbos_regs */
        if (m->base != NO_REG)
                a += r->gpr[m->base];
        if (m->index != NO_REG)
                a += r->gpr[m->index] * m->scale;
        *ea = m->addr32 ? (uint32_t)a : a;
        return true;
}

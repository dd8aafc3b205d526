/* SPDX-License-Identifier: MIT
 *
 * Instructions in Intel's notation. Zydis' own formatter needs a Zycore that is not there; names and operands
 * are Zydis', only the punctuation is ours.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "disasm.h"

struct text {
        char *out;
        size_t n, used;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *format, ...)
{
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(t->out + t->used, t->n - t->used, format, args);
        va_end(args);
        if (n > 0)
                t->used = t->used + (size_t)n < t->n ? t->used + (size_t)n : t->n - 1;
}

static void add_signed(struct text *t, int64_t v, bool plus)
{
        if (v < 0)
                add(t, "-%#llx", -(unsigned long long)v);
        else
                add(t, "%s%#llx", plus ? "+" : "", (unsigned long long)v);
}

static const char *size_name(unsigned bits)
{
        switch (bits) {
        case 8:
                return "byte ptr ";
        case 16:
                return "word ptr ";
        case 32:
                return "dword ptr ";
        case 64:
                return "qword ptr ";
        case 128:
                return "xmmword ptr ";
        case 256:
                return "ymmword ptr ";
        case 512:
                return "zmmword ptr ";
        default:
                return "";
        }
}

static void add_memory(struct text *t, const struct insn *in, const ZydisDecodedOperand *op)
{
        bool rip = op->mem.base == ZYDIS_REGISTER_RIP, some = false;

        add(t, "%s", op->mem.type == ZYDIS_MEMOP_TYPE_AGEN ? "" : size_name(op->size));
        if (op->mem.segment == ZYDIS_REGISTER_FS || op->mem.segment == ZYDIS_REGISTER_GS)
                add(t, "%s:", ZydisRegisterGetString(op->mem.segment));
        add(t, "[");
        if (rip) {
                add(t, "%#llx]", (unsigned long long)(in->va + in->length + (uint64_t)op->mem.disp.value));
                return;
        }
        if (op->mem.base != ZYDIS_REGISTER_NONE) {
                add(t, "%s", ZydisRegisterGetString(op->mem.base));
                some = true;
        }
        if (op->mem.index != ZYDIS_REGISTER_NONE) {
                add(t, "%s%s", some ? "+" : "", ZydisRegisterGetString(op->mem.index));
                if (op->mem.scale > 1)
                        add(t, "*%u", op->mem.scale);
                some = true;
        }
        if (!some || op->mem.disp.value)
                add_signed(t, op->mem.disp.value, some);
        add(t, "]");
}

static void add_operand(struct text *t, const struct insn *in, const ZydisDecodedOperand *op)
{
        uint64_t target;

        switch (op->type) {
        case ZYDIS_OPERAND_TYPE_REGISTER:
                add(t, "%s", ZydisRegisterGetString(op->reg.value));
                break;
        case ZYDIS_OPERAND_TYPE_MEMORY:
                add_memory(t, in, op);
                break;
        case ZYDIS_OPERAND_TYPE_POINTER:
                add(t, "%#x:%#x", op->ptr.segment, op->ptr.offset);
                break;
        case ZYDIS_OPERAND_TYPE_IMMEDIATE:
                if (op->imm.is_relative && insn_target(&in->z, in->va, &target))
                        add(t, "%#llx", (unsigned long long)target);
                else if (op->imm.is_signed)
                        add_signed(t, op->imm.value.s, false);
                else
                        add(t, "%#llx", (unsigned long long)op->imm.value.u);
                break;
        default:
                break;
        }
}

void disassemble(const struct insn *in, char *out, size_t n)
{
        struct text t = {out, n, 0};
        bool first = true;

        out[0] = 0;
        if (!in->length) {
                add(&t, "(not an instruction)");
                return;
        }
        if (in->z.attributes & ZYDIS_ATTRIB_HAS_LOCK)
                add(&t, "lock ");
        if (in->z.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE))
                add(&t, "rep ");
        if (in->z.attributes & ZYDIS_ATTRIB_HAS_REPNE)
                add(&t, "repne ");
        add(&t, "%s", ZydisMnemonicGetString(in->z.mnemonic));
        for (unsigned i = 0; i < in->z.operand_count; i++) {
                if (in->op[i].visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN)
                        continue;
                add(&t, first ? " " : ", ");
                add_operand(&t, in, &in->op[i]);
                first = false;
        }
}

/* SPDX-License-Identifier: MIT
 *
 * Which store of a driver goes to a ring or a tail register only a run can tell. What can be told beforehand
 * is what would be done with each: every store of the functions named is rewritten here as if it had faulted,
 * one after the other, all of them in the same image. Stores to the stack and to fixed addresses are left
 * out: neither can be the window.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../hv/root/elf_format.h"
#include "arena.h"
#include "engine.h"
#include "stores.h"

enum { RING_OFFSET = 0x100, MAX_SITES = 65536 };

struct function {
        uint64_t va, bytes;
};

static bool find_function(const struct image *im, const char *name, struct function *f)
{
        for (uint64_t i = 0; i < im->elf.nsymbols; i++) {
                struct elf64_symbol s;
                size_t n = strlen(name);

                memcpy(&s, im->file + im->elf.symbols + i * sizeof s, sizeof s);
                if ((s.info & STT_MASK) != STT_FUNC || !s.size || s.name >= im->elf.strings_bytes ||
                    n >= im->elf.strings_bytes - s.name ||
                    memcmp(im->file + im->elf.strings + s.name, name, n + 1))
                        continue;
                *f = (struct function){s.value, s.size};
                return true;
        }
        return false;
}

/* Registers with which this instruction's address is `target`. False: it cannot be. */
static bool aim(const struct insn *in, struct dbos_regs *r, uint64_t target)
{
        struct mem m;
        int i = insn_mem(in, &m);

        *r = (struct dbos_regs){.rip = in->va};
        if (i < 0) { /* a string store, or nothing that store.c knows */
                r->gpr[RDI] = target;
                return true;
        }
        if (m.absolute || m.segment || m.addr32 || m.base == RSP)
                return false;
        if (m.base != NO_REG)
                r->gpr[m.base] = target - (uint64_t)m.disp;
        else if (m.scale == 1)
                r->gpr[m.index] = target - (uint64_t)m.disp;
        else
                return false;
        return m.base == NO_REG || m.base != m.index;
}

static bool writes_memory(const struct insn *in)
{
        for (unsigned i = 0; i < in->z.operand_count; i++)
                if (in->op[i].type == ZYDIS_OPERAND_TYPE_MEMORY &&
                    in->op[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
                        return in->op[i].mem.base != ZYDIS_REGISTER_RSP &&
                               in->z.meta.category != ZYDIS_CATEGORY_CALL &&
                               in->z.meta.category != ZYDIS_CATEGORY_PUSH;
        return false;
}

static const struct dbos_code *code_at(const struct image *im, uint64_t va)
{
        for (unsigned i = 0; i < im->ncode; i++)
                if (va - im->code[i].va < im->code[i].bytes)
                        return &im->code[i];
        return NULL;
}

/* The sites first, from untouched code: rewriting one changes what a straight decoding sees. */
static size_t collect(const struct image *im, const struct dbos_space *s, const struct function *f,
                      uint64_t *site, size_t n, size_t most)
{
        struct insn in;
        struct dbos_regs r;

        for (uint64_t va = f->va; va < f->va + f->bytes;) {
                if (!insn_read(s, va, f->va + f->bytes, false, &in)) {
                        va++;
                        continue;
                }
                if (writes_memory(&in) && n < most && aim(&in, &r, RF_RING_VA + RING_OFFSET))
                        site[n++] = va;
                va += in.length;
        }
        return n;
}

static void one(struct output *o, const struct dbos_space *s, uint64_t va, struct dbos_summary *sum)
{
        struct dbos_store store;
        struct dbos_finding f;
        struct dbos_regs r;
        struct insn in;

        sum->instructions++;
        if (!insn_read(s, va, UINT64_MAX, false, &in) || !aim(&in, &r, RF_RING_VA + RING_OFFSET))
                return;
        switch (dbos_rewrite_store(s, code_at(o->im, va), &r, RF_RING_VA + RING_OFFSET, true, &store, &f)) {
        case DBOS_REWRITTEN:
                sum->rewritten++;
                break;
        case DBOS_EMULATED:
                sum->emulated++;
                break;
        case DBOS_KILLS:
                sum->kills++;
                break;
        default:
                sum->refused++;
        }
        output_finding(o, &f);
}

int stores(struct output *o, char **names)
{
        struct dbos_space space = image_space(o->im, NULL);
        struct dbos_summary sum;
        uint64_t *site = calloc(MAX_SITES, sizeof *site);
        size_t n = 0;
        int error = image_subtract(o->im, &space, &sum);
        struct function f;

        sum = (struct dbos_summary){0};
        if (!site || (error && error != -RF_EREFUSED))
                return 1;
        for (; *names; names++) {
                if (!find_function(o->im, *names, &f)) {
                        fprintf(stderr, "%s: no function '%s'\n", o->im->name, *names);
                        return 1;
                }
                n = collect(o->im, &space, &f, site, n, MAX_SITES);
        }
        for (size_t i = 0; i < n; i++)
                one(o, &space, site[i], &sum);
        free(site);
        output_end(o, &sum,
                   sum.emulated + sum.kills + sum.refused ? "some stores would exit or kill"
                                                          : "every store would run without exit",
                   sum.emulated + sum.kills + sum.refused ? 2 : 0);
        return sum.emulated + sum.kills + sum.refused ? 2 : 0;
}

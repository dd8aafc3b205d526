/* SPDX-License-Identifier: MIT
 * What `hardops` computes: nothing here needs a hypervisor, so that a host process can run the same bytes. */
#include "hardops.h"

enum { DATA_BYTES = 4096, RSP = 4, ARITHMETIC = 0x8d5 & ~0x10 }; /* CF PF ZF SF OF; AF is often undefined */

struct state hardops_state;
uint8_t hardops_data[DATA_BYTES] __attribute__((aligned(4096)));

static uint64_t mix(uint64_t h, const void *data, uint64_t n)
{
        const uint8_t *p = data;

        for (uint64_t i = 0; i < n; i++)
                h = (h ^ p[i]) * 0x100000001b3ull; /* FNV-1a */
        return h;
}

static void prepare(const struct hardops_form *f, uint64_t number)
{
        uint64_t seed = number / 2 + 1; /* both places of a form start alike */

        for (unsigned i = 0; i < DATA_BYTES; i++)
                hardops_data[i] = (uint8_t)(i * 31 + seed);
        for (unsigned i = 0; i < 16; i++)
                hardops_state.gpr[i] = (i + seed) * 0x9e3779b97f4a7c15ull;
        hardops_state.gpr[1] = f->rcx != 0 ? f->rcx : hardops_state.gpr[1];
        hardops_state.gpr[3] = f->rbx != 0 ? f->rbx : hardops_state.gpr[3];
        hardops_state.gpr[7] = f->rdi != 0 ? f->rdi : hardops_state.gpr[7];
        hardops_state.rflags = 2 | (seed & 1);
        for (unsigned i = 0; i < 4; i++)
                hardops_state.xmm[i] = seed * (i + 3) * 0x2545f4914f6cdd1dull;
}

static bool is_product(const char *name) /* IMUL defines CF and OF only */
{
        return name[0] == 'i' && name[1] == 'm' && name[2] == 'u' && name[3] == 'l';
}

uint64_t hardops_run(uint64_t number)
{
        const struct hardops_form *f = &hardops_forms[number];

        prepare(f, number);
        hardops_enter(f->entry);
        hardops_state.rflags &= is_product(f->name) ? 0x801 : ARITHMETIC;
        return mix(mix(0xcbf29ce484222325ull, &hardops_state, sizeof(hardops_state)), hardops_data,
                   DATA_BYTES);
}

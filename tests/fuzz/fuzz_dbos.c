/* SPDX-License-Identifier: MIT
 *
 * libFuzzer harness of the subtraction engine: any bytes, any entries, any registers. It must neither crash
 * nor run on, must say 0 only of code without the hard bytes, and must never add a hit.
 */
#include <stdlib.h>
#include <string.h>

#include "dbos.h"
#include "host/arena.h"
#include "ringfence.h"

enum { CODE = 8192, STACK = 64, ENTRIES = 4, STORES = 6 };

static uint8_t code[CODE], map[CODE];
static uint64_t stack[STACK];
static size_t mapped;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static uint8_t *byte_at(uint64_t va)
{
        return va - RF_IMAGE_BASE < mapped ? code + (va - RF_IMAGE_BASE) : arena_bytes(va);
}

static int space_read(void *ctx, uint64_t va, void *buf, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (!byte_at(va + i))
                        return -RF_ENOENT;
                ((uint8_t *)buf)[i] = *byte_at(va + i);
        }
        return 0;
}

static int space_write(void *ctx, uint64_t va, const void *buf, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (!byte_at(va + i))
                        return -RF_ENOENT;
                *byte_at(va + i) = ((const uint8_t *)buf)[i];
        }
        return 0;
}

static uint64_t space_trampoline(void *ctx, uint64_t lo, uint64_t hi, size_t n)
{
        return arena_take(lo, hi, n);
}

static void space_finding(void *ctx, const struct dbos_finding *f)
{
        char text[200];

        if (!f->advice || dbos_explain(f, text, sizeof text) < 10)
                abort();
}

static int tail_ring(void *ctx, uint64_t va)
{
        return va % 3 ? (int)(va / 8 % (2 * RF_MAX_QUEUES)) : -1;
}

static uint64_t mapped_until(uint64_t page)
{
        return page - RF_IMAGE_BASE < CODE ? RF_IMAGE_BASE + CODE : 0;
}

static uint8_t *back(uint64_t va)
{
        return malloc(4096);
}

static void drop(uint64_t va, uint8_t *bytes)
{
        free(bytes);
}

static unsigned hits_in(const uint8_t *b, size_t n)
{
        unsigned count = 0;

        for (size_t i = 0; i + 3 <= n; i++)
                count += b[i] == 0x0f && b[i + 1] == 0x01 && b[i + 2] == 0xef;
        return count;
}

static unsigned hits(void)
{
        unsigned count = hits_in(code, mapped);

        for (unsigned i = 0; i < arena_pages(); i++)
                count += hits_in(arena_bytes(arena_page(i)), 4096);
        return count;
}

struct input {
        uint16_t entry[ENTRIES];
        uint16_t rip[STORES];
        uint8_t flags, nentries;
        uint16_t where[STORES];
        uint8_t regs[16];
};

static void stores(const struct dbos_space *s, const struct dbos_code *c, const struct input *in)
{
        struct dbos_store store;
        struct dbos_finding f;
        enum dbos_privileged kind;
        uint8_t length;

        for (unsigned k = 0; k < STORES; k++) {
                struct dbos_regs r = {.rip = RF_IMAGE_BASE + in->rip[k] % (mapped + 1)};
                uint64_t va = (in->flags & 1 ? RF_DOORBELL_VA : RF_RING_VA) + in->where[k];
                unsigned before = hits();

                for (unsigned i = 0; i < 16; i++)
                        r.gpr[i] = in->regs[i] & 1 ? va : in->regs[i] & 2 ? va - in->regs[i] : in->regs[i];
                if (dbos_rewrite_store(s, in->flags & 2 ? c : NULL, &r, va, !(in->flags & 4), &store, &f) !=
                    f.action)
                        abort();
                if (hits() > before)
                        abort();
                dbos_privileged_at(s, r.rip, &kind, &length, &f);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
        static const struct dbos_space s = {NULL,          space_read, space_write, space_trampoline,
                                            space_finding, tail_ring};
        struct dbos_summary sum = {0};
        struct dbos_finding f;
        struct input in;
        uint64_t entries[ENTRIES];
        unsigned before;

        if (n < sizeof in + 1)
                return 0;
        memcpy(&in, data, sizeof in);
        mapped = n - sizeof in < CODE ? n - sizeof in : CODE;
        memcpy(code, data + sizeof in, mapped);
        arena_open(&(struct arena_place){RF_IMAGE_BASE + CODE, mapped_until, back, drop});
        for (unsigned i = 0; i < ENTRIES; i++)
                entries[i] = RF_IMAGE_BASE + in.entry[i] % (mapped + 1);
        struct dbos_code c = {.va = RF_IMAGE_BASE,
                              .bytes = mapped,
                              .entries = entries,
                              .nentries = in.nentries % (ENTRIES + 1),
                              .map = map,
                              .stack = stack,
                              .stack_len = in.flags & 8 ? 2 : STACK,
                              .hypercall = RF_GUARD_VA,
                              .commit = RF_GUARD_VA + RF_GUARD_COMMIT};

        before = hits();
        if (in.flags & 16) {
                int result = dbos_rewrite_code(&s, &c, &sum);

                if ((result == 0) != (hits() == 0) && (result == 0 || !sum.refused))
                        abort();
                if (hits() > before)
                        abort();
        }
        stores(&s, &c, &in);
        dbos_check_page(&s, RF_IMAGE_BASE, &f);
        arena_reset();
        return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * Code with the hard bytes: rewritten at load, searched, and run against the original.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/arena.h"
#include "dbos/rewritten.h"

enum { FLAGS = 0xcd5, RED = 128 };

struct image {
        struct state s;
        uint8_t data[WORLD_DATA_BYTES], stack[RED + 256];
};

static void run(struct image *m, uint64_t va, const struct state *start)
{
        m->s = *start;
        world_fill(7);
        for (unsigned i = 0; i < RED + 256; i += 8)
                *(uint64_t *)(WORLD_STACK - RED + i) = 0x77000000000ull + i;
        world.crashed = false;
        world_run(va, &m->s, false);
        memcpy(m->data, (void *)WORLD_DATA, sizeof m->data);
        memcpy(m->stack, (void *)(WORLD_STACK - RED), sizeof m->stack);
}

static const char *difference(const struct image *a, const struct image *b)
{
        for (int i = 0; i < 16; i++)
                if (a->s.gpr[i] != b->s.gpr[i])
                        return "registers";
        if ((a->s.rflags ^ b->s.rflags) & FLAGS)
                return "flags";
        if (memcmp(a->s.xmm, b->s.xmm, sizeof a->s.xmm))
                return "vector registers";
        if (memcmp(a->data, b->data, sizeof a->data))
                return "data";
        return memcmp(a->stack, b->stack, sizeof a->stack) ? "stack or red zone" : NULL;
}

static void dump(uint64_t va, size_t n)
{
        for (size_t i = 0; i < n; i++)
                print_error(" %02x", ((uint8_t *)va)[i]);
        print_error("\n");
}

void assert_clean(void)
{
        assert_int_equal(dbos_find_hard((void *)RF_IMAGE_BASE, WORLD_CODE_PAGES * 4096, 0), -1);
        for (unsigned i = 0; i < arena_pages(); i++)
                assert_int_equal(dbos_find_hard((void *)arena_page(i), 4096, 0), -1);
}

int subtract(uint64_t entry, struct dbos_summary *sum)
{
        world.entries[0] = entry;
        world.code.nentries = 1;
        return dbos_rewrite_code(&world.space, &world.code, sum);
}

/* Rewrites the code at va and compares `runs` states; what the code needs is set by `setup`. */
void check(const char *name, uint64_t va, size_t n, void (*setup)(struct state *s, const void *arg),
           const void *arg)
{
        static struct image native, guest;
        uint8_t original[128];
        struct dbos_summary sum = {0};
        struct state s[4];
        const char *bad = NULL;

        for (unsigned i = 0; i < 4; i++) {
                random_state(&s[i]);
                setup(&s[i], arg);
        }
        memcpy(original, (void *)va, n);
        if (subtract(va, &sum) || !sum.rewritten || world.findings[0].action != DBOS_REWRITTEN) {
                char text[256];

                dbos_explain(&world.findings[0], text, sizeof text);
                fail_msg("%s: not rewritten: %s", name, text);
        }
        assert_clean();
        for (unsigned i = 0; i < 4 && !bad; i++) {
                uint8_t now[128];

                run(&guest, va, &s[i]);
                if (world.crashed)
                        bad = "crashed";
                memcpy(now, (void *)va, n);
                memcpy((void *)va, original, n);
                run(&native, va, &s[i]);
                if (world.crashed)
                        bad = "the original crashed";
                memcpy((void *)va, now, n);
                if (!bad)
                        bad = difference(&native, &guest);
        }
        if (bad) {
                dump(va, n);
                dump(world.findings[0].trampoline, 64);
                fail_msg("%s: %s (crash at %#lx rip %#lx)", name, bad, world.crash_va, world.crash_rip);
        }
}

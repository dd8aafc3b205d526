/* SPDX-License-Identifier: MIT
 *
 * Rule 1 on random instructions: the hard bytes anywhere in displacement and immediate, and across two
 * instructions. DBOS_SEED and DBOS_HARD choose other runs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dbos/rewritten.h"

struct aimed {
        struct sample g;
        uint64_t target;
};

static void set_aimed(struct state *s, const void *arg)
{
        const struct aimed *a = arg;

        aim(&a->g, s, a->target);
}

/* Random instructions whose displacement or immediate gets the bytes. */
static bool random_form(struct aimed *a)
{
        unsigned room;

        generate(&a->g, 0);
        if (a->g.kind == KIND_STRING || a->g.kind == KIND_MOFFS || a->g.length < a->g.tail + 3)
                return false;
        if (a->g.disp_len == 4 && a->g.align > 1)
                return false; /* an EVEX or aligned form is aimed all the same, but keep displacements simple
                               */
        room = a->g.length - a->g.tail - 2;
        memcpy(a->g.bytes + a->g.tail + world_random() % room, "\x0f\x01\xef", 3);
        if (a->g.disp_len == 4)
                memcpy(&a->g.disp, a->g.bytes + a->g.tail, 4);
        else if (a->g.disp_len == 1)
                a->g.disp = (int8_t)a->g.bytes[a->g.tail];
        a->target = WORLD_DATA + 0x1000 + (world_random() & 0xff0);
        return a->g.bytes[0] != 0x62 || a->g.disp_len != 1;
}

static void random_forms(void **unused)
{
        const char *env = getenv("DBOS_HARD"), *seed = getenv("DBOS_SEED");
        unsigned long n = env ? strtoul(env, NULL, 0) : 3000, done = 0;
        struct aimed a;
        struct state s;

        world_seed(seed ? strtoul(seed, NULL, 0) : 9);
        for (unsigned long i = 0; i < n; i++) {
                uint8_t code[32];

                if (!random_form(&a) || !aim(&a.g, &s, a.target))
                        continue;
                world_reset();
                memcpy(code, a.g.bytes, a.g.length);
                memcpy(code + a.g.length, "\x01\xef", 2);
                check(a.g.name,
                      world_code(0x1000 + (unsigned)(world_random() % 0x1f00), code, a.g.length + 2u),
                      a.g.length + 2u, set_aimed, &a);
                done++;
        }
        printf("random hard forms: %lu rewritten and compared\n", done);
        assert_true(done > n / 10);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(random_forms),
        };

        world_open();
        return cmocka_run_group_tests(tests, NULL, NULL);
}

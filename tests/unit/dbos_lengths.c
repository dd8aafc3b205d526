/* SPDX-License-Identifier: MIT
 *
 * Second opinion: how long an instruction is, by Zydis, by Capstone, and where there is one by the assembler.
 * On instructions written down (dbos/lengths.py), on all code of real drivers, and on random bytes. Where two
 * differ the engine must refuse the bytes, or it must not matter; each such case is listed here with its
 * reason.
 *
 *   dbos_lengths FILE...     images or objects; DBOS_SEED and DBOS_BYTES choose other random bytes
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <capstone/capstone.h>
#include <cmocka.h>

#include "dbos/world.h"
#include "engine.h"
#include "host/arena.h"
#include "host/image.h"

extern const struct written {
        const uint8_t *bytes;
        uint64_t length;
} __start_lengths[], __stop_lengths[];

static char **files;
static csh capstone;
static cs_insn *scratch;

struct bytes {
        const uint8_t *p;
        size_t n;
};

static int bytes_read(void *ctx, uint64_t va, void *buf, size_t n)
{
        const struct bytes *b = ctx;

        if (va >= b->n || n > b->n - va)
                return -RF_ENOENT;
        memcpy(buf, b->p + va, n);
        return 0;
}

/* Zydis; length 0: no instruction. */
static struct insn by_zydis(const uint8_t *p, size_t n)
{
        struct bytes b = {p, n};
        struct dbos_space s = {&b, bytes_read, NULL, NULL, NULL, NULL};
        struct insn in;

        insn_read(&s, 0, n, false, &in);
        return in;
}

static unsigned by_capstone(const uint8_t *p, size_t n)
{
        uint64_t at = 0;

        return cs_disasm_iter(capstone, &p, &n, &at, scratch) ? scratch->size : 0;
}

/* Where Capstone 4.0.2 is mistaken. */
static bool capstone_errs(const struct insn *in)
{
        bool rex_w = (in->z.attributes & ZYDIS_ATTRIB_HAS_REX) && in->z.raw.rex.W;
        bool branch =
            in->z.meta.category == ZYDIS_CATEGORY_CALL || in->z.meta.category == ZYDIS_CATEGORY_RET ||
            in->z.meta.category == ZYDIS_CATEGORY_UNCOND_BR || in->z.meta.category == ZYDIS_CATEGORY_COND_BR;

        /* REX.W overrides 66 (APM 3, 1.2.7), as in `data16 rex.W call` of thread-local accesses */
        if (branch && rex_w)
                return true;
        /* mod = 3: no displacement, whatever EVEX.b says (SDM 2, 2.7.5) */
        if (in->z.encoding == ZYDIS_INSTRUCTION_ENCODING_EVEX && in->z.raw.modrm.mod == 3 && in->z.raw.evex.b)
                return true;
        /* 66 before F2 or F3: the immediate has 16 bits all the same */
        return in->z.mnemonic == ZYDIS_MNEMONIC_PUSH && in->z.operand_width == 16;
}

/* UD0 and UD1 have a ModRM on some CPUs (SDM 2, UD): #UD whatever their length, and nothing follows. */
static bool undefined(const struct insn *in)
{
        return in->z.mnemonic == ZYDIS_MNEMONIC_UD0 || in->z.mnemonic == ZYDIS_MNEMONIC_UD1;
}

static void show(const char *what, const uint8_t *p, unsigned zydis, unsigned other)
{
        print_error("%s: %u and %u:", what, zydis, other);
        for (unsigned i = 0; i < INSN_MAX; i++)
                print_error(" %02x", p[i]);
        print_error("\n");
}

static void written(void **unused)
{
        unsigned n = 0, wrong = 0, unknown = 0;

        for (const struct written *w = __start_lengths; w < __stop_lengths; w++, n++) {
                struct insn in = by_zydis(w->bytes, INSN_MAX);
                unsigned other = by_capstone(w->bytes, INSN_MAX);

                if (in.length != w->length) {
                        show("Zydis and the assembler", w->bytes, in.length, (unsigned)w->length);
                        wrong++;
                }
                unknown += !other;
                if (other && other != w->length && !capstone_errs(&in)) {
                        show("Capstone and the assembler", w->bytes, other, (unsigned)w->length);
                        wrong++;
                }
        }
        printf("lengths: %u instructions of the assembler, Capstone does not know %u\n", n, unknown);
        assert_true(n > 2000);
        assert_int_equal(wrong, 0);
}

static void ignore(void *ctx, const struct dbos_finding *f)
{
}

/* Every certain instruction of the file, in its original bytes. */
static unsigned compare_file(const char *name, unsigned *wrong)
{
        struct image as_is, worked;
        struct dbos_summary sum;
        struct dbos_space space;
        unsigned n = 0;

        assert_true(image_open(&as_is, name) && image_open(&worked, name));
        space = image_space(&worked, ignore);
        image_subtract(&worked, &space, &sum); /* fills the maps */
        for (unsigned k = 0; k < worked.ncode; k++)
                for (uint64_t i = 0; i + INSN_MAX < worked.code[k].bytes; i++) {
                        const uint8_t *p = image_bytes(&as_is, worked.code[k].va + i);
                        struct insn in;
                        unsigned other;

                        if (!worked.code[k].map[i])
                                continue;
                        in = by_zydis(p, INSN_MAX);
                        other = by_capstone(p, INSN_MAX);
                        n++;
                        if (other && other != in.length && !capstone_errs(&in) && !undefined(&in)) {
                                show(name, p, in.length, other);
                                (*wrong)++;
                        }
                }
        arena_reset();
        image_close(&worked);
        image_close(&as_is);
        return n;
}

static void real_code(void **unused)
{
        unsigned n = 0, wrong = 0;

        for (char **f = files; *f; f++)
                n += compare_file(*f, &wrong);
        printf("lengths: %u instructions of real code\n", n);
        assert_int_equal(wrong, 0);
        assert_true(n > 100000);
}

static void random_bytes(uint8_t *p)
{
        static const uint8_t start[] = {0x0f, 0x66, 0xc5, 0xc4, 0x62, 0x48, 0xf3, 0x8f};

        for (unsigned i = 0; i < 16; i += 8) {
                uint64_t v = world_random();

                memcpy(p + i, &v, 8);
        }
        if (world_random() & 1)
                p[0] = start[world_random() >> 61];
        if (world_random() % 8 == 0)
                p[1] = (uint8_t)(0x40 | (p[1] & 15));
}

static void random_code(void **unused)
{
        const char *env = getenv("DBOS_BYTES"), *seed = getenv("DBOS_SEED");
        unsigned long n = env ? strtoul(env, NULL, 0) : 400000, same = 0, differ = 0, refused = 0,
                      excused = 0;
        uint8_t p[16];

        world_seed(seed ? strtoul(seed, NULL, 0) : 31);
        for (unsigned long i = 0; i < n; i++) {
                struct insn in;
                unsigned other;

                random_bytes(p);
                in = by_zydis(p, INSN_MAX);
                other = by_capstone(p, INSN_MAX);
                if (!in.length || !other)
                        continue;
                same += in.length == other;
                if (in.length == other)
                        continue;
                if (policy_of(&in.z).way == WAY_REFUSE)
                        refused++;
                else if (undefined(&in) || capstone_errs(&in))
                        excused++;
                else if (differ++ < 10)
                        show("random bytes", p, in.length, other);
        }
        printf("lengths: %lu random instructions agree; %lu differ and are refused, %lu are listed\n", same,
               refused, excused);
        assert_int_equal(differ, 0);
        assert_true(same > n / 4 && refused > 0);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(written),
            cmocka_unit_test(real_code),
            cmocka_unit_test(random_code),
        };

        files = argv + 1;
        if (cs_open(CS_ARCH_X86, CS_MODE_64, &capstone) != CS_ERR_OK)
                return 1;
        scratch = cs_malloc(capstone);
        return cmocka_run_group_tests(tests, NULL, NULL);
}

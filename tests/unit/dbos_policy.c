/* SPDX-License-Identifier: MIT
 *
 * Rule 2: what is done with each kind of instruction that exits or changes control state.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dbos/generate.h"

struct row {
        const char *name;
        uint8_t n, bytes[8];
        enum dbos_action action;
        enum dbos_rule rule;
        enum dbos_privileged kind;
};
#define KEEP(name, ...)                                                                                      \
        {                                                                                                    \
                name, sizeof((uint8_t[]){__VA_ARGS__}), {__VA_ARGS__}, DBOS_KEEP, DBOS_RULE_NONE,            \
                    DBOS_PRIV_KILL                                                                           \
        }
#define KILLS(name, ...)                                                                                     \
        {                                                                                                    \
                name, sizeof((uint8_t[]){__VA_ARGS__}), {__VA_ARGS__}, DBOS_KILLS, DBOS_RULE_PRIVILEGED,     \
                    DBOS_PRIV_KILL                                                                           \
        }
#define EMUL(name, kind, ...)                                                                                \
        {                                                                                                    \
                name, sizeof((uint8_t[]){__VA_ARGS__}), {__VA_ARGS__}, DBOS_EMULATED, DBOS_RULE_PRIVILEGED,  \
                    kind                                                                                     \
        }
#define B66(name, ...)                                                                                       \
        {                                                                                                    \
                name, sizeof((uint8_t[]){__VA_ARGS__}), {__VA_ARGS__}, DBOS_REFUSED, DBOS_RULE_BRANCH66,     \
                    DBOS_PRIV_KILL                                                                           \
        }
/* clang-format off */
static const struct row rows[] = {
        EMUL("cpuid", DBOS_PRIV_CPUID, 0x0f, 0xa2), EMUL("out dx, al", DBOS_PRIV_OUT, 0xee),
        EMUL("out e9, al", DBOS_PRIV_OUT, 0xe6, 0xe9), EMUL("in al, dx", DBOS_PRIV_IN, 0xec),
        EMUL("out dx, eax", DBOS_PRIV_OUT, 0xef), EMUL("in al, imm", DBOS_PRIV_IN, 0xe4, 0x60),
        KEEP("rdtsc", 0x0f, 0x31), KEEP("rdtscp", 0x0f, 0x01, 0xf9), KEEP("pause", 0xf3, 0x90), KEEP("cli", 0xfa),
        KEEP("sti", 0xfb), KEEP("popfq", 0x9d), KEEP("ud2", 0x0f, 0x0b), KEEP("rdpkru", 0x0f, 0x01, 0xee),
        KEEP("xrstor", 0x0f, 0xae, 0x2f), KEEP("vzeroupper", 0xc5, 0xf8, 0x77), KEEP("lea", 0x8d, 0x07),
        KEEP("mfence", 0x0f, 0xae, 0xf0), KEEP("rdrand", 0x0f, 0xc7, 0xf0), KEEP("ret", 0xc3), KEEP("repz ret", 0xf3, 0xc3),
        KEEP("mov", 0x48, 0x89, 0xc3), KEEP("endbr64", 0xf3, 0x0f, 0x1e, 0xfa), KEEP("clflush", 0x0f, 0xae, 0x3f),
        KEEP("66 rex.w call", 0x66, 0x48, 0xe8, 0, 0, 0, 0),
        KILLS("rdmsr", 0x0f, 0x32), KILLS("wrmsr", 0x0f, 0x30), KILLS("rdpmc", 0x0f, 0x33),
        KILLS("mov cr3, rax", 0x0f, 0x22, 0xd8), KILLS("mov rax, cr0", 0x0f, 0x20, 0xc0),
        KILLS("mov dr7, rax", 0x0f, 0x23, 0xf8), KILLS("mov ss, ax", 0x8e, 0xd0), KILLS("pop fs", 0x0f, 0xa1),
        KILLS("lgdt", 0x0f, 0x01, 0x17), KILLS("lidt", 0x0f, 0x01, 0x1f), KILLS("ltr", 0x0f, 0x00, 0xd8),
        KILLS("lldt", 0x0f, 0x00, 0xd0), KILLS("lmsw", 0x0f, 0x01, 0xf0), KILLS("clts", 0x0f, 0x06),
        KILLS("invlpg", 0x0f, 0x01, 0x3f), KILLS("wbinvd", 0x0f, 0x09), KILLS("invd", 0x0f, 0x08),
        KILLS("syscall", 0x0f, 0x05), KILLS("sysenter", 0x0f, 0x34), KILLS("sysret", 0x0f, 0x07), KILLS("int 80", 0xcd, 0x80),
        KILLS("int1", 0xf1), KILLS("iretq", 0x48, 0xcf), KILLS("iretd", 0xcf), KILLS("retf", 0xcb),
        KILLS("jmp far", 0xff, 0x2f), KILLS("call far", 0xff, 0x1f), KILLS("xsetbv", 0x0f, 0x01, 0xd1),
        KILLS("xrstors", 0x0f, 0xc7, 0x1f), KILLS("vmmcall", 0x0f, 0x01, 0xd9), KILLS("vmcall", 0x0f, 0x01, 0xc1),
        KILLS("vmrun", 0x0f, 0x01, 0xd8), KILLS("vmload", 0x0f, 0x01, 0xda), KILLS("vmsave", 0x0f, 0x01, 0xdb),
        KILLS("stgi", 0x0f, 0x01, 0xdc), KILLS("clgi", 0x0f, 0x01, 0xdd), KILLS("skinit", 0x0f, 0x01, 0xde),
        KILLS("invlpga", 0x0f, 0x01, 0xdf), KILLS("vmfunc", 0x0f, 0x01, 0xd4), KILLS("vmxon", 0xf3, 0x0f, 0xc7, 0x37),
        KILLS("vmlaunch", 0x0f, 0x01, 0xc2), KILLS("monitor", 0x0f, 0x01, 0xc8), KILLS("mwait", 0x0f, 0x01, 0xc9),
        KILLS("insb", 0x6c), KILLS("rep outsb", 0xf3, 0x6e), KILLS("xbegin", 0xc7, 0xf8, 0, 0, 0, 0),
        KILLS("xend", 0x0f, 0x01, 0xd5), KILLS("invpcid", 0x66, 0x0f, 0x38, 0x82, 0x07), KILLS("encls", 0x0f, 0x01, 0xcf),
        KILLS("getsec", 0x0f, 0x37), KILLS("rsm", 0x0f, 0xaa),
        B66("66 jmp rel", 0x66, 0xe9, 0, 0, 0, 0), B66("66 call", 0x66, 0xe8, 0, 0, 0, 0), B66("66 ret", 0x66, 0xc3),
        B66("66 je", 0x66, 0x74, 0x00), B66("66 jmp rax", 0x66, 0xff, 0xe0), B66("66 je near", 0x66, 0x0f, 0x84, 0, 0, 0, 0),
        {"undecodable", 1, {0x06}, DBOS_KILLS, DBOS_RULE_UNKNOWN, DBOS_PRIV_KILL},
};
/* clang-format on */

static int subtract(uint64_t entry, struct dbos_summary *sum)
{
        world.entries[0] = entry;
        world.code.nentries = 1;
        return dbos_rewrite_code(&world.space, &world.code, sum);
}

static void every_row(void **unused)
{
        struct dbos_summary sum = {0};

        for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
                const struct row *r = &rows[i];

                world_reset();
                uint64_t va = world_code(0x1000, r->bytes, r->n);
                int result = subtract(va, &sum);
                enum dbos_action a = world.nfindings ? world.findings[0].action : DBOS_KEEP;

                if (a != r->action || (a != DBOS_KEEP && world.findings[0].rule != r->rule))
                        fail_msg("%s: %s by rule %s", r->name, dbos_action_name(a),
                                 dbos_rule_name(world.findings[0].rule));
                assert_int_equal(result, a == DBOS_REFUSED ? -RF_EREFUSED : 0);
                assert_int_equal(sum.kills, a == DBOS_KILLS);
                if (a != DBOS_KEEP)
                        assert_true(strlen(world.findings[0].advice) > 10 && world.findings[0].va == va);
        }
}

/* The same table answers when the instruction exits. */
static void at_exit(void **unused)
{
        struct dbos_finding f;
        enum dbos_privileged kind;
        uint8_t length;

        for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
                world_reset();
                uint64_t va = world_code(0x1ffe, rows[i].bytes, rows[i].n);

                assert_int_equal(dbos_privileged_at(&world.space, va, &kind, &length, &f), 0);
                assert_int_equal(kind, rows[i].kind);
                if (kind != DBOS_PRIV_KILL)
                        assert_int_equal(length, rows[i].n);
                assert_int_equal(f.action, kind == DBOS_PRIV_KILL ? DBOS_KILLS : DBOS_EMULATED);
                assert_true(strlen(f.advice) > 10);
        }
        uint64_t va = world_code(0x1000, "\xf4", 1);

        assert_int_equal(dbos_privileged_at(&world.space, va, &kind, &length, &f), 0);
        assert_int_equal(kind, DBOS_PRIV_HLT);
        assert_int_equal(dbos_privileged_at(&world.space, 0x1000, &kind, &length, &f), -RF_ENOENT);
}

/* HLT becomes a yield that changes nothing; the four bytes behind it decide where the trampoline stands. */
static void halt(void **unused)
{
        static const uint8_t code[] = {0xf4, 0x48, 0x89, 0xc3, 0x90, 0xf4, 0x90, 0xb9, 1, 2, 3, 4};
        struct dbos_summary sum = {0};
        struct state s, end;

        world_reset();
        uint64_t va = world_code(0x1000, code, sizeof code);

        random_state(&s);
        s.rflags |= 0x8d5;
        end = s;
        assert_int_equal(subtract(va, &sum), 0);
        assert_int_equal(sum.rewritten, 2);
        world_run(va, &end, false);
        assert_false(world.crashed);
        assert_int_equal(nhypercalls, 2);
        assert_int_equal(hypercall_log[0][0], RF_HC_YIELD);
        assert_int_equal(hypercall_log[1][0], RF_HC_YIELD);
        s.gpr[3] = s.gpr[0];
        s.gpr[1] = 0x04030201;
        assert_memory_equal(s.gpr, end.gpr, sizeof s.gpr);
        assert_int_equal(s.rflags & 0xcd5, end.rflags & 0xcd5);
        world_reset();
        world.no_trampolines = 1;
        assert_int_equal(subtract(world_code(0x1000, code, sizeof code), &sum), 0);
        assert_int_equal(sum.emulated, 2);
}

/* What would not exit is replaced, so that it cannot run. */
static void replaced(void **unused)
{
        static const struct {
                uint8_t n, bytes[4];
        } form[] = {
            {3, {0x0f, 0x01, 0xd1}}, {2, {0x48, 0xcf}}, {1, {0xcf}}, {1, {0xcb}}, {3, {0x0f, 0x01, 0xd4}}};
        struct dbos_summary sum = {0};
        struct state s;

        for (unsigned i = 0; i < sizeof form / sizeof form[0]; i++) {
                world_reset();
                uint64_t va = world_code(0x1000, form[i].bytes, form[i].n);

                assert_int_equal(subtract(va, &sum), 0);
                assert_int_not_equal(memcmp((void *)va, form[i].bytes, form[i].n), 0);
                random_state(&s);
                world_run(va, &s, false);
                assert_true(world.crashed && world.crash_rip == va);
        }
}

static void explained(void **unused)
{
        struct dbos_summary sum = {0};
        char text[300], tiny[8];
        size_t n;

        world_reset();
        subtract(world_code(0x1000, "\x0f\xa2", 2), &sum);
        n = dbos_explain(&world.findings[0], text, sizeof text);
        assert_int_equal(n, strlen(text));
        assert_non_null(strstr(text, "0x400001000"));
        assert_non_null(strstr(text, "0f a2"));
        assert_non_null(strstr(text, "cpuid"));
        assert_non_null(strstr(text, "emulated"));
        assert_int_equal(dbos_explain(&world.findings[0], tiny, sizeof tiny), n);
        assert_int_equal(strlen(tiny), 7);
}

/* Callbacks that fail, ranges that lie, stacks too small: errors, never a crash. */
static void hostile_arguments(void **unused)
{
        struct dbos_summary sum = {0};
        struct dbos_code c = world.code;

        world_reset();
        c.nentries = 0;
        c.bytes = 0;
        assert_int_equal(dbos_rewrite_code(&world.space, &c, &sum), -RF_EINVAL);
        c = world.code;
        c.map = NULL;
        assert_int_equal(dbos_rewrite_code(&world.space, &c, &sum), -RF_EINVAL);
        c = world.code;
        c.va = 0xffffffffffff0000;
        assert_int_equal(dbos_rewrite_code(&world.space, &c, &sum), -RF_EINVAL);
        c = world.code;
        c.va = 0x5000000000;
        assert_int_equal(dbos_rewrite_code(&world.space, &c, &sum), -RF_ENOENT);
        world.code.stack_len = 0;
        assert_int_equal(subtract(world_code(0x1000, "\xeb\x00\x0f\xa2", 4), &sum), 0);
        assert_int_equal(sum.emulated, 0); /* behind a jump nobody could remember */
        world.code.stack_len = 1024;
        assert_int_equal(subtract(0x10, &sum), 0);
        assert_int_equal(sum.instructions, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_row), cmocka_unit_test(at_exit),   cmocka_unit_test(halt),
            cmocka_unit_test(replaced),  cmocka_unit_test(explained), cmocka_unit_test(hostile_arguments),
        };

        world_open();
        return cmocka_run_group_tests(tests, NULL, NULL);
}

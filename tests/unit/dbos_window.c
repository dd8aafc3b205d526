/* SPDX-License-Identifier: MIT
 *
 * Rule 3, case by case: what a doorbell store makes of commit's answers, what is killed or emulated and why.
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

#define ANSWER(reason, tail) ((uint64_t)(reason) << 32 | (tail))
enum { TAIL = 0x40 };
static const uint64_t rx1 = RF_DOORBELL_VA + 0xc018 + 0x40 * 4, tx0 = RF_DOORBELL_VA + 0xe018 + 0x40 * 3;

/* mov [rdi], eax; or 64 bits wide */
static uint64_t doorbell_code(bool wide)
{
        return world_code(0x1000, wide ? "\x48\x89\x07\x90" : "\x89\x07\x90\x90", 4);
}

static void ring_doorbell(uint64_t va, uint64_t address, const uint64_t *answers, unsigned n)
{
        struct state s;

        for (unsigned i = 0; i < n; i++)
                commit_answer[i] = answers[i];
        nanswers = n;
        ncommits = nhypercalls = 0;
        random_state(&s);
        s.gpr[7] = address;
        s.gpr[0] = 0x1234567800000000 | TAIL;
        world_run(va, &s, true);
}

static void commit_is_called(void **unused)
{
        for (int wide = 0; wide < 2; wide++) {
                world_reset();
                uint64_t va = doorbell_code(wide), ok = ANSWER(RF_COMMIT_OK, TAIL);

                ring_doorbell(va, tx0, &ok, 1);
                assert_int_equal(world.rewritten, 1);
                assert_int_equal(ncommits, 1);
                assert_int_equal(commit_log[0].ring, 1);
                assert_int_equal(commit_log[0].tail, TAIL);
                ring_doorbell(va, rx1, &ok, 1);
                assert_int_equal(commit_log[0].ring, 2);
                assert_int_equal(world.faults, 1);
                assert_int_equal(nhypercalls, 0);
        }
}

static void repeated_until_reached(void **unused)
{
        static const uint64_t answers[] = {ANSWER(RF_COMMIT_LIMIT, 0x10), ANSWER(RF_COMMIT_FULL, 0x18),
                                           ANSWER(RF_COMMIT_FULL, 0x20),  ANSWER(RF_COMMIT_FULL, 0x20),
                                           ANSWER(RF_COMMIT_FULL, 0x20),  ANSWER(RF_COMMIT_OK, TAIL)};

        world_reset();
        ring_doorbell(doorbell_code(false), tx0, answers, 6);
        assert_int_equal(ncommits, 6);
        assert_int_equal(nhypercalls, 2); /* a yield each time the tail stood still */
        assert_int_equal(hypercall_log[0][0], RF_HC_YIELD);
        assert_false(world.crashed);
}

static void revoked_goes_on(void **unused)
{
        uint64_t answer = ANSWER(RF_COMMIT_REVOKED, 3);

        world_reset();
        ring_doorbell(doorbell_code(false), tx0, &answer, 1);
        assert_int_equal(ncommits, 2); /* the short way's, and again the long way's */
        assert_int_equal(nhypercalls, 0);
        assert_false(world.crashed);
}

static void rejection_ends_the_guest(void **unused)
{
        static const unsigned reason[] = {RF_COMMIT_RING,   RF_COMMIT_TAIL,  RF_COMMIT_ADDRESS,
                                          RF_COMMIT_LENGTH, RF_COMMIT_FLAGS, RF_COMMIT_HEADER};

        for (unsigned i = 0; i < sizeof reason / sizeof reason[0]; i++) {
                uint64_t answer = ANSWER(reason[i], 0x77);

                world_reset();
                ring_doorbell(doorbell_code(false), tx0, &answer, 1);
                assert_int_equal(nhypercalls, 1);
                assert_int_equal(hypercall_log[0][0], RF_HC_EXIT);
                assert_int_equal(hypercall_log[0][1], DBOS_EXIT_REJECTED | reason[i] << 16 | 0x77ull << 32);
        }
}

/* The site is known from a ring store; then it hits a tail register that no queue of this vCPU owns. */
static void foreign_doorbell(void **unused)
{
        uint64_t ok = ANSWER(RF_COMMIT_OK, TAIL);

        world_reset();
        uint64_t va = doorbell_code(false);

        ring_doorbell(va, RF_RING_VA + 64, &ok, 1);
        assert_int_equal(world.rewritten, 1);
        ring_doorbell(va, RF_DOORBELL_VA + 0xc018, &ok, 1);
        assert_int_equal(ncommits, 0);
        assert_int_equal(hypercall_log[0][0], RF_HC_EXIT);
        assert_int_equal(hypercall_log[0][1], DBOS_EXIT_REJECTED | RF_COMMIT_RING << 16);
}

struct row {
        const char *name;
        uint8_t n, bytes[10];
        uint64_t address; /* RDI */
        bool load;
        enum dbos_action action;
        const char *advice; /* part of it */
};
/* clang-format off */
static const struct row rows[] = {
        {"load of the doorbell", 2, {0x8b, 0x07}, RF_DOORBELL_VA + 0xc018, true, DBOS_KILLS, "load"},
        {"another register", 2, {0x89, 0x07}, RF_DOORBELL_VA + 0x00, false, DBOS_KILLS, "no tail register"},
        {"another page", 2, {0x89, 0x07}, RF_DOORBELL_VA + 0x5018, false, DBOS_KILLS, "no tail register"},
        {"8-bit doorbell store", 2, {0x88, 0x07}, RF_DOORBELL_VA + 0xc0d8, false, DBOS_KILLS, "32-bit"},
        {"16-bit doorbell store", 3, {0x66, 0x89, 0x07}, RF_DOORBELL_VA + 0xc0d8, false, DBOS_KILLS, "32-bit"},
        {"doorbell read-modify-write", 2, {0x01, 0x07}, RF_DOORBELL_VA + 0xc0d8, false, DBOS_KILLS, "32-bit"},
        {"doorbell stosd", 1, {0xab}, RF_DOORBELL_VA + 0xc0d8, false, DBOS_KILLS, "32-bit"},
        {"16 bytes at a doorbell", 3, {0x0f, 0x11, 0x07}, RF_DOORBELL_VA + 0xc0d8, false, DBOS_KILLS, "32-bit"},
        {"pop to the ring", 2, {0x8f, 0x07}, RF_RING_VA, false, DBOS_KILLS, "plain stores"},
        {"bts with a register", 3, {0x0f, 0xab, 0x07}, RF_RING_VA, false, DBOS_KILLS, "plain stores"},
        {"clzero-like: maskmovdqu", 4, {0x66, 0x0f, 0xf7, 0xc1}, RF_RING_VA, false, DBOS_KILLS, "plain stores"},
        {"registers explain nothing", 2, {0x89, 0x06}, RF_RING_VA, false, DBOS_KILLS, "registers"},
        {"gs store", 3, {0x65, 0x89, 0x07}, RF_RING_VA, false, DBOS_EMULATED, "jump"},
        {"mov [ring], rsp", 3, {0x48, 0x89, 0x27}, RF_RING_VA, false, DBOS_REWRITTEN, "commit form"},
        {"ring store", 2, {0x89, 0x07}, RF_RING_VA, false, DBOS_REWRITTEN, "commit form"},
        {"not an instruction", 1, {0x06}, RF_RING_VA, false, DBOS_KILLS, "not an instruction"},
};
/* clang-format on */

static struct dbos_regs regs_at(uint64_t va, uint64_t rdi)
{
        struct dbos_regs r = {.rip = va, .rflags = 2};

        for (unsigned i = 0; i < 16; i++)
                r.gpr[i] = 0x0101010101010101ull * i;
        r.gpr[7] = rdi;
        return r;
}

static void every_row(void **unused)
{
        for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
                world_reset();
                uint64_t va = world_code(0x1000, rows[i].bytes, rows[i].n);
                struct dbos_regs r = regs_at(va, rows[i].address);
                enum dbos_action a = dbos_rewrite_store(&world.space, &world.code, &r, rows[i].address,
                                                        !rows[i].load, &world.store, &world.last);

                if (a != rows[i].action || !strstr(world.last.advice, rows[i].advice))
                        fail_msg("%s: %s, %s", rows[i].name, dbos_action_name(a), world.last.advice);
                assert_int_equal(world.last.action, a);
                assert_int_equal(world.nfindings, 1);
        }
}

/* A hostile guest cannot have one address judged and another one used. */
static void fault_elsewhere(void **unused)
{
        world_reset();
        uint64_t va = world_code(0x1000, "\x89\x07", 2);
        struct dbos_regs r = regs_at(va, RF_RING_VA + 0x100);

        for (int64_t off = -2; off < 6; off++) {
                enum dbos_action a = dbos_rewrite_store(
                    &world.space, &world.code, &r, r.gpr[7] + (uint64_t)off, true, &world.store, &world.last);

                if (off < 0 || off > 3)
                        assert_int_equal(a, DBOS_KILLS);
                else
                        assert_int_equal(a, DBOS_REWRITTEN);
                world_reset();
                world_code(0x1000, "\x89\x07", 2);
        }
}

/* No room at all: `store` tells root what to do. */
static void emulated_values(void **unused)
{
        static const struct {
                uint8_t n, bytes[8], size;
                uint64_t value;
        } form[] = {
            {2, {0x89, 0x1f}, 4, 0x03030303},
            {3, {0x48, 0x89, 0x1f}, 8, 0x0303030303030303},
            {3, {0x66, 0x89, 0x1f}, 2, 0x0303},
            {2, {0x88, 0x3f}, 1, 0x00}, /* mov [rdi], bh: see below */
            {3, {0x40, 0x88, 0x37}, 1, 0x06},
            {3, {0xc6, 0x07, 0x99}, 1, 0x99},
            {7, {0x48, 0xc7, 0x07, 0xff, 0xff, 0xff, 0xff}, 8, UINT64_MAX},
            {3, {0x0f, 0xc3, 0x1f}, 4, 0x03030303},
            {4, {0x49, 0x0f, 0xc3, 0x1f}, 8, 0x0303030303030303},
        };

        for (unsigned i = 0; i < sizeof form / sizeof form[0]; i++) {
                uint64_t base = form[i].bytes[0] == 0x49 ? RF_RING_VA : RF_RING_VA + 0x20;

                world_reset();
                world.no_trampolines = 1;
                uint64_t va = world_code(0x1000, form[i].bytes, form[i].n);
                struct dbos_regs r = regs_at(va, RF_RING_VA + 0x20);

                r.gpr[15] = base;
                r.gpr[3] = 0x0303030303030303;
                if (i == 3)
                        r.gpr[3] = 0x00ff;
                assert_int_equal(dbos_rewrite_store(&world.space, &world.code, &r,
                                                    i == 8 ? base : RF_RING_VA + 0x20, true, &world.store,
                                                    &world.last),
                                 DBOS_EMULATED);
                assert_int_equal(world.store.bytes, form[i].size);
                assert_int_equal(world.store.value, form[i].value);
                assert_int_equal(world.store.next, va + form[i].n);
                assert_int_equal(world.store.va, i == 8 ? base : RF_RING_VA + 0x20);
        }
}

/* Without knowledge of the code range, and with the site's bytes across a page end. */
static void page_ends(void **unused)
{
        for (unsigned off = 0x1ff8; off < 0x2004; off++) {
                uint64_t ok = ANSWER(RF_COMMIT_OK, TAIL);

                world_reset();
                uint64_t va = world_code(off, "\x89\x07\x48\x89\xc0\x90", 6);

                ring_doorbell(va, tx0, &ok, 1);
                ring_doorbell(va, RF_RING_VA + 8, &ok, 1);
                assert_int_equal(world.faults, 1);
                assert_int_equal(*(uint32_t *)(RF_STAGING_VA + 8), TAIL);
                assert_int_equal(memcmp((void *)(va + 2), "\x48\x89\xc0\x90", 4),
                                 0); /* nobody else's bytes */
        }
}

/* A jump never leans on bytes behind the code range: they may change. */
static void range_end(void **unused)
{
        uint64_t end = RF_IMAGE_BASE + 0x2000;

        for (unsigned n = 2; n < 6; n++) {
                world_reset();
                world.code.bytes = 0x2000;
                uint64_t va = end - n;
                struct dbos_regs r = regs_at(va, RF_RING_VA);

                memcpy((void *)va, "\x89\x07\x90\x90\x90", n);
                enum dbos_action a = dbos_rewrite_store(&world.space, &world.code, &r, RF_RING_VA, true,
                                                        &world.store, &world.last);

                assert_int_equal(a, n < 5 ? DBOS_EMULATED : DBOS_REWRITTEN);
                world.code.bytes = WORLD_CODE_PAGES * 4096;
        }
}

/* What a rewritten store costs, counted by single steps: the targets of issue 4. */
static unsigned cost(const void *code, unsigned n, unsigned length, uint64_t address)
{
        uint64_t va, ok = ANSWER(RF_COMMIT_OK, TAIL);

        world_reset();
        va = world_code(0x1000, code, n);
        ring_doorbell(va, address, &ok, 1); /* its first fault */
        assert_int_equal(world.rewritten, 1);
        world.step_from = va;
        world.step_to = va + length;
        ring_doorbell(va, address, &ok, 1);
        assert_int_equal(world.faults, 1);
        assert_false(world.crashed);
        return world.steps - 1; /* the instruction itself */
}

static void costs(void **unused)
{
        static const struct {
                const char *name;
                uint8_t n, length, bytes[16];
                uint64_t address;
                unsigned limit;
        } site[] = {
            {"ring, flags dead", 6, 3, {0x48, 0x89, 0x07, 0x48, 0x31, 0xd2}, RF_RING_VA + 64, 12},
            {"ring, flags live", 6, 3, {0x48, 0x89, 0x07, 0x0f, 0x94, 0xc2}, RF_RING_VA + 64, 16},
            {"ring, add", 6, 3, {0x48, 0x01, 0x07, 0x0f, 0x94, 0xc2}, RF_RING_VA + 64, 12},
            {"ring, adc", 6, 3, {0x48, 0x11, 0x07, 0x48, 0x31, 0xd2}, RF_RING_VA + 64, 16},
            {"ring, vector", 6, 3, {0x0f, 0x11, 0x07, 0x48, 0x31, 0xd2}, RF_RING_VA + 64, 12},
            /* A call of commit is two arguments, the call, and the entry's jump: 30 more than that. */
            {"tail, flags dead", 5, 2, {0x89, 0x07, 0x48, 0x31, 0xd2}, tx0, 30 + 4},
            {"tail, flags live", 5, 2, {0x89, 0x07, 0x0f, 0x94, 0xc2}, tx0, 30 + 4},
        };

        for (unsigned i = 0; i < sizeof site / sizeof site[0]; i++) {
                unsigned n = cost(site[i].bytes, site[i].n, site[i].length, site[i].address);
                print_message("%s: %u instructions more than the store\n", site[i].name, n);
                if (n > site[i].limit)
                        fail_msg("%s: more than %u", site[i].name, site[i].limit);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(commit_is_called),
            cmocka_unit_test(repeated_until_reached),
            cmocka_unit_test(revoked_goes_on),
            cmocka_unit_test(rejection_ends_the_guest),
            cmocka_unit_test(foreign_doorbell),
            cmocka_unit_test(every_row),
            cmocka_unit_test(emulated_values),
            cmocka_unit_test(page_ends),
            cmocka_unit_test(range_end),
            cmocka_unit_test(fault_elsewhere),
            cmocka_unit_test(costs),
        };

        world_open();
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Rule 1: the bytes of WRPKRU in every place they can stand. Each form is rewritten at load, searched for the
 * bytes, and run against the original.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "dbos/rewritten.h"

enum { BIG = 0x00ef010f };

struct form {
        const char *name;
        uint8_t n, bytes[20];
        uint64_t rbx, rdi, rcx; /* 0: random */
};
#define D (WORLD_DATA + 0x800)

/* Unintended occurrences that have equivalent code. */
static const struct form forms[] = {
    {"mov eax, imm", 5, {0xb8, 0x0f, 0x01, 0xef, 0x00}, 0, 0, 0},
    {"mov r9d, imm", 6, {0x41, 0xb9, 0x33, 0x0f, 0x01, 0xef}, 0, 0, 0},
    {"mov rax, imm64", 10, {0x48, 0xb8, 1, 2, 3, 0x0f, 0x01, 0xef, 4, 5}, 0, 0, 0},
    {"mov rcx, simm32", 7, {0x48, 0xc7, 0xc1, 0x12, 0x0f, 0x01, 0xef}, 0, 0, 0},
    {"add eax, imm", 5, {0x05, 0x0f, 0x01, 0xef, 0x00}, 0, 0, 0},
    {"sub rax, imm", 6, {0x48, 0x2d, 0x44, 0x0f, 0x01, 0xef}, 0, 0, 0},
    {"test eax, imm", 5, {0xa9, 0x0f, 0x01, 0xef, 0x00}, 0, 0, 0},
    {"test rbx, imm", 7, {0x48, 0xf7, 0xc3, 0x0f, 0x01, 0xef, 0x80}, 0, 0, 0},
    {"adc ebx, imm", 6, {0x81, 0xd3, 0x0f, 0x01, 0xef, 0x00}, 0, 0, 0},
    {"cmp r15, imm", 7, {0x49, 0x81, 0xff, 0x0f, 0x01, 0xef, 0x00}, 0, 0, 0},
    {"xor edx, imm", 6, {0x81, 0xf2, 0x99, 0x0f, 0x01, 0xef}, 0, 0, 0},
    {"imul ecx, edx, imm", 6, {0x69, 0xca, 0x0f, 0x01, 0xef, 0x00}, 0, 0, 0},
    {"imul r10, r11, imm", 7, {0x4d, 0x69, 0xd3, 0x0f, 0x01, 0xef, 0x00}, 0, 0, 0},
    {"imul eax, [rdi], imm", 6, {0x69, 0x07, 0x0f, 0x01, 0xef, 0x00}, 0, D, 0},
    {"push imm; pop rax", 6, {0x68, 0x0f, 0x01, 0xef, 0x00, 0x58}, 0, 0, 0},
    {"push -imm; pop rdx", 6, {0x68, 0x77, 0x0f, 0x01, 0xef, 0x5a}, 0, 0, 0},
    {"mov [rdi], imm", 6, {0xc7, 0x07, 0x0f, 0x01, 0xef, 0x00}, 0, D, 0},
    {"mov qword [rdi+8], imm", 8, {0x48, 0xc7, 0x47, 0x08, 0x0f, 0x01, 0xef, 0x00}, 0, D, 0},
    {"mov [rsp-8], imm", 8, {0xc7, 0x44, 0x24, 0xf8, 0x0f, 0x01, 0xef, 0x00}, 0, 0, 0},
    {"lock add [rdi], imm", 7, {0xf0, 0x81, 0x07, 0x0f, 0x01, 0xef, 0x00}, 0, D, 0},
    {"cmp [rdi], imm", 6, {0x81, 0x3f, 0x0f, 0x01, 0xef, 0x00}, 0, D, 0},
    {"mov eax, [rbx+disp]", 6, {0x8b, 0x83, 0x0f, 0x01, 0xef, 0x00}, D - BIG, 0, 0},
    {"mov [rbx+disp], al", 6, {0x88, 0x83, 0x0f, 0x01, 0xef, 0x00}, D - BIG, 0, 0},
    {"mov [rbx+disp], ah", 6, {0x88, 0xa3, 0x0f, 0x01, 0xef, 0x00}, D - BIG, 0, 0},
    {"add [rbx+disp], r8", 7, {0x4c, 0x01, 0x83, 0x0f, 0x01, 0xef, 0x00}, D - BIG, 0, 0},
    {"lea rdx, [rbx+disp]", 7, {0x48, 0x8d, 0x93, 0x0f, 0x01, 0xef, 0x00}, 0, 0, 0},
    {"lea edx, [rbx+rcx*4+disp]", 7, {0x8d, 0x94, 0x8b, 0x0f, 0x01, 0xef, 0x00}, 0, 0, 0},
    {"lea rax, [rsp+disp]", 8, {0x48, 0x8d, 0x84, 0x24, 0x0f, 0x01, 0xef, 0x00}, 0, 0, 0},
    {"movups [rbx+disp], xmm1", 7, {0x0f, 0x11, 0x8b, 0x0f, 0x01, 0xef, 0x00}, D - BIG, 0, 0},
    {"vmovaps xmm0, [rbx+disp]", 8, {0xc5, 0xf8, 0x28, 0x83, 0x0f, 0x01, 0xef, 0x00}, D - BIG, 0, 0},
    {"cmp byte [rbx+disp], imm8", 7, {0x80, 0xbb, 0x0f, 0x01, 0xef, 0x00, 0x42}, D - BIG, 0, 0},
    {"or [rbx+disp], same imm",
     10,
     {0x81, 0x8b, 0x0f, 0x01, 0xef, 0x00, 0x0f, 0x01, 0xef, 0x00},
     D - BIG,
     0,
     0},
    {"setz [rbx+disp]", 7, {0x0f, 0x94, 0x83, 0x0f, 0x01, 0xef, 0x00}, D - BIG, 0, 0},
    {"shl [rbx+disp], 3", 7, {0xc1, 0xa3, 0x0f, 0x01, 0xef, 0x00, 0x03}, D - BIG, 0, 0},
    {"or [rdi], imm: ModRM is 0f", 6, {0x81, 0x0f, 0x01, 0xef, 0x12, 0x34}, 0, D, 0},
    {"or word [rdi], imm16: ModRM is 0f", 5, {0x66, 0x81, 0x0f, 0x01, 0xef}, 0, D, 0},
    {"mov byte [rdi+rcx+1], imm: SIB is 0f", 5, {0xc6, 0x44, 0x0f, 0x01, 0xef}, 0, D, 9},
    {"mov eax, [rdi+rcx+disp]: SIB is 0f", 7, {0x8b, 0x84, 0x0f, 0x01, 0xef, 0x00, 0x00}, 0, D - 0xef01, 5},
    {"pshufd xmm0, [rdi+rcx+disp]",
     10,
     {0x66, 0x0f, 0x70, 0x84, 0x0f, 0x01, 0xef, 0x00, 0x00, 0x1b},
     0,
     D - 0xef01,
     16},
    {"mov ecx, [rdi] | add edi, ebp", 4, {0x8b, 0x0f, 0x01, 0xef}, 0, D, 0},
    {"mov [rdi], ecx | add edi, ebp", 4, {0x89, 0x0f, 0x01, 0xef}, 0, D, 0},
    {"add al, 0f | add edi, ebp", 4, {0x04, 0x0f, 0x01, 0xef}, 0, 0, 0},
    {"add eax, 0f | add edi, ebp", 5, {0x83, 0xc0, 0x0f, 0x01, 0xef}, 0, 0, 0},
    {"mov edx, imm | add edi, ebp", 7, {0xba, 1, 2, 3, 0x0f, 0x01, 0xef}, 0, 0, 0},
    {"jrcxz | add edi, ebp (not taken)", 6, {0xe3, 0x0f, 0x01, 0xef, 0x90, 0x90}, 0, 0, 3},
    {"je, rel32 (not taken)", 9, {0x83, 0xf9, 0x09, 0x0f, 0x84, 0x0f, 0x01, 0xef, 0x00}, 0, 0, 3},
    {"lea rax, [rip+disp]", 7, {0x48, 0x8d, 0x05, 0x0f, 0x01, 0xef, 0x00}, 0, 0, 0},
    {"nopw with the bytes", 9, {0x66, 0x0f, 0x1f, 0x84, 0x00, 0x0f, 0x01, 0xef, 0x00}, 0, 0, 0},
};

static void set_form(struct state *s, const void *arg)
{
        const struct form *f = arg;

        s->gpr[3] = f->rbx ? f->rbx : s->gpr[3];
        s->gpr[7] = f->rdi ? f->rdi : s->gpr[7];
        s->gpr[1] = f->rcx ? f->rcx : s->gpr[1];
}

/* Everywhere in a page, and with the bytes across a page end. */
static void every_form(void **unused)
{
        static const unsigned place[] = {0x1000, 0x1020, 0x1ffb, 0x1ffc, 0x1ffd,
                                         0x1ffe, 0x1fff, 0x1ff8, 0x1234};

        world_seed(3);
        for (unsigned i = 0; i < sizeof forms / sizeof forms[0]; i++)
                for (unsigned k = 0; k < sizeof place / sizeof place[0]; k++) {
                        world_reset();
                        check(forms[i].name, world_code(place[k], forms[i].bytes, forms[i].n), forms[i].n,
                              set_form, &forms[i]);
                }
}

static void nothing(struct state *s, const void *arg)
{
}

/* A call whose displacement has the bytes: the callee must find the original return address. */
static void call_and_jump(void **unused)
{
        static const uint8_t call[] = {0xe8, 0x0f, 0x01, 0xef, 0x00}, jmp[] = {0xe9, 0x0f, 0x01, 0xef, 0x00};
        static const uint8_t callee[] = {0x48, 0x8b, 0x04, 0x24, 0xc3}; /* mov rax, [rsp]; ret */
        uint64_t target = RF_IMAGE_BASE + 0x1100 + 5 + BIG, page = target & ~0xfffull;
        uint8_t *p = mmap((void *)page, 8192, PROT_READ | PROT_WRITE | PROT_EXEC,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

        assert_ptr_equal(p, (void *)page);
        world_seed(4);
        world_reset();
        memcpy((void *)target, callee, sizeof callee);
        check("call", world_code(0x1100, call, sizeof call), sizeof call, nothing, NULL);
        world_reset();
        uint64_t behind = world_code(0x1105, "\x90", 1);
        static const uint8_t push_ret[] = {0x48, 0xb8}; /* mov rax, behind; jmp rax */

        memcpy((void *)target, push_ret, 2);
        memcpy((void *)(target + 2), &behind, 8);
        memcpy((void *)(target + 10), "\xff\xe0", 2);
        memcpy((void *)(RF_IMAGE_BASE + 0x1100), jmp, sizeof jmp);
        check("jmp", RF_IMAGE_BASE + 0x1100, sizeof jmp, nothing, NULL);
        munmap(p, 8192);
}

static void intended(void **unused)
{
        static const uint8_t form[][4] = {
            {0x0f, 0x01, 0xef, 0x90}, {0x48, 0x0f, 0x01, 0xef}, {0xf3, 0x0f, 0x01, 0xef}};
        static const unsigned place[] = {0, 0x1000, 0x1ffd, 0x1ffe, 0x1fff, 0x2345};
        struct dbos_summary sum = {0};
        struct state s;

        for (unsigned i = 0; i < 3; i++)
                for (unsigned k = 0; k < sizeof place / sizeof place[0]; k++) {
                        world_reset();
                        uint64_t va = world_code(place[k], form[i], 4);

                        assert_int_equal(subtract(va, &sum), 0);
                        assert_int_equal(sum.kills, 1);
                        assert_int_equal(world.findings[0].rule, DBOS_RULE_HARD);
                        assert_int_equal(world.findings[0].action, DBOS_KILLS);
                        assert_int_equal(world.findings[0].va, va);
                        assert_clean();
                        random_state(&s);
                        world_run(va, &s, false);
                        assert_true(world.crashed && world.crash_rip == va);
                }
}

/* No certain boundary: refused, wherever it stands. ERIM's scanner read a hit at offset 0 as "none". */
static void in_data(void **unused)
{
        static const unsigned place[] = {0, 1, 0xfff, 0x1000, 0x1ffe, 0x3ffd};
        struct dbos_summary sum = {0};

        for (unsigned k = 0; k < sizeof place / sizeof place[0]; k++) {
                world_reset();
                uint64_t va = world_code(0x2800, "\x90\x90", 2);

                memcpy((uint8_t *)RF_IMAGE_BASE + place[k], "\x0f\x01\xef", 3);
                assert_int_equal(subtract(va, &sum), -RF_EREFUSED);
                assert_int_equal(sum.refused, 1);
                assert_int_equal(world.findings[0].rule, DBOS_RULE_HARD_DATA);
                assert_int_equal(world.findings[0].va, RF_IMAGE_BASE + place[k]);
        }
}

/* ERIM's second bug: no check across adjacent regions. Two ranges that touch; the bytes lie across. */
static void across_ranges(void **unused)
{
        struct dbos_summary sum = {0};

        for (unsigned in_first = 1; in_first < 3; in_first++) {
                world_reset();
                struct dbos_code all = world.code;
                uint64_t border = RF_IMAGE_BASE + 0x2000;

                memcpy((void *)(border - in_first), "\x0f\x01\xef", 3);
                world.code.bytes = 0x2000;
                assert_int_equal(subtract(RF_IMAGE_BASE + 0x100, &sum), -RF_EREFUSED);
                assert_int_equal(world.findings[0].va, border - in_first);
                world_reset();
                memcpy((void *)(border - in_first), "\x0f\x01\xef", 3);
                world.code.va = border;
                assert_int_equal(subtract(border + 0x100, &sum), -RF_EREFUSED);
                assert_int_equal(world.findings[0].va, border - in_first);
                world.code = all;
        }
}

/* A boundary that two decodings dispute is not certain: refused. */
static void disputed(void **unused)
{
        static const uint8_t code[] = {0x74, 0x01, 0xb8, 0xb8, 0x0f, 0x01, 0xef, 0x00, 0x90, 0x90};
        struct dbos_summary sum = {0};

        world_reset();
        assert_int_equal(subtract(world_code(0x1000, code, sizeof code), &sum), -RF_EREFUSED);
        assert_int_equal(world.findings[0].rule, DBOS_RULE_HARD_DATA);
}

/* The same, the inner instruction decoded first: the outer one may not cover it in silence. */
static void disputed_later(void **unused)
{
        static const uint8_t code[] = {0xb8, 0xb8, 0x0f, 0x01, 0xef, 0x00, 0x90, 0x90};
        struct dbos_summary sum = {0};

        world_reset();
        world.entries[0] = world_code(0x1000, code, sizeof code) + 1;
        world.entries[1] = RF_IMAGE_BASE + 0x1000;
        world.code.nentries = 2;
        assert_int_equal(dbos_rewrite_code(&world.space, &world.code, &sum), -RF_EREFUSED);
        assert_int_equal(world.findings[0].rule, DBOS_RULE_HARD_DATA);
}

static void no_trampoline(void **unused)
{
        struct dbos_summary sum = {0};

        world_reset();
        world.no_trampolines = 1;
        assert_int_equal(subtract(world_code(0x1000, forms[0].bytes, forms[0].n), &sum), -RF_EREFUSED);
        assert_int_equal(world.findings[0].rule, DBOS_RULE_HARD_BYTES);
        assert_non_null(strstr(world.findings[0].advice, "trampoline"));
}

static void search(void **unused)
{
        static uint8_t b[256];

        for (unsigned n = 0; n < 64; n++)
                for (unsigned at = 0; at + 3 <= n; at++) {
                        memset(b, 0xef, sizeof b);
                        memcpy(b + at, "\x0f\x01\xef", 3);
                        memcpy(b + n, "\x0f\x01\xef", 3);
                        assert_int_equal(dbos_find_hard(b, n, 0), at);
                        assert_int_equal(dbos_find_hard(b, n, at), at);
                        assert_int_equal(dbos_find_hard(b, n, at + 1), -1);
                        assert_int_equal(dbos_find_hard(b, at + 2, 0), -1);
                }
        assert_int_equal(dbos_find_hard(b, 10, SIZE_MAX), -1);
}

static void check_page(void **unused)
{
        static const int place[] = {-2, -1, 0, 1, 4093, 4094, 4095};
        struct dbos_finding f;
        uint64_t page = RF_IMAGE_BASE + 0x1000;

        for (unsigned i = 0; i < sizeof place / sizeof place[0]; i++) {
                world_reset();
                assert_int_equal(dbos_check_page(&world.space, page, &f), 0);
                memcpy((uint8_t *)page + place[i], "\x0f\x01\xef", 3);
                assert_int_equal(dbos_check_page(&world.space, page, &f), -RF_EHARD);
                assert_int_equal(f.va, page + (uint64_t)(int64_t)place[i]);
        }
        world_reset(); /* unmapped neighbours on both sides of the image */
        assert_int_equal(dbos_check_page(&world.space, RF_IMAGE_BASE, &f), 0);
        assert_int_equal(dbos_check_page(&world.space, RF_IMAGE_BASE + 0x3000, &f), 0);
        assert_int_equal(dbos_check_page(&world.space, RF_IMAGE_BASE - 0x1000, &f), -RF_ENOENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(search),        cmocka_unit_test(check_page), cmocka_unit_test(every_form),
            cmocka_unit_test(call_and_jump), cmocka_unit_test(intended),   cmocka_unit_test(in_data),
            cmocka_unit_test(across_ranges), cmocka_unit_test(disputed),   cmocka_unit_test(disputed_later),
            cmocka_unit_test(no_trampoline),
        };

        world_open();
        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * The SVM back end's tables, against numbers copied by hand from AMD64 APM volume 2 (appendices B and C) and
 * from design.md's list of what must exit. Entry and exit themselves need a CPU: tests/system.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "svm.h"

bool cpu_has_keys, cpu_has_smep;
uint32_t active_controls;

static struct vm_exit decode(uint64_t code, uint64_t info1, uint64_t info2)
{
        static struct vmcb c;
        struct vm_exit exit;

        c.exitcode = code;
        c.exitinfo1 = info1;
        c.exitinfo2 = info2;
        svm_decode_exit(&c, &exit);
        return exit;
}

static void exit_codes(void **unused)
{
        static const struct {
                uint16_t first, last;
                enum vm_exit_kind kind;
        } expected[] = {
            {0x000, 0x03f, VM_EXIT_PRIVILEGED}, /* CR and DR */
            {0x040, 0x05f, VM_EXIT_EXCEPTION},
            {0x060, 0x060, VM_EXIT_INTERRUPT},
            {0x061, 0x061, VM_EXIT_NMI},
            {0x062, 0x063, VM_EXIT_INTERRUPT}, /* SMI, INIT */
            {0x064, 0x064, VM_EXIT_UNKNOWN},   /* VINTR: never asked for */
            {0x065, 0x06d, VM_EXIT_PRIVILEGED},
            {0x06e, 0x06e, VM_EXIT_UNKNOWN}, /* RDTSC */
            {0x06f, 0x06f, VM_EXIT_PRIVILEGED},
            {0x070, 0x071, VM_EXIT_UNKNOWN}, /* PUSHF, POPF */
            {0x072, 0x072, VM_EXIT_CPUID},
            {0x073, 0x073, VM_EXIT_PRIVILEGED}, /* RSM */
            {0x074, 0x074, VM_EXIT_UNKNOWN},    /* IRET */
            {0x075, 0x076, VM_EXIT_PRIVILEGED}, /* INTn, INVD */
            {0x077, 0x077, VM_EXIT_UNKNOWN},    /* PAUSE */
            {0x078, 0x078, VM_EXIT_HLT},
            {0x079, 0x07a, VM_EXIT_PRIVILEGED},
            {0x07b, 0x07b, VM_EXIT_IO},
            {0x07c, 0x07e, VM_EXIT_PRIVILEGED}, /* MSR, task switch, FERR_FREEZE */
            {0x07f, 0x07f, VM_EXIT_SHUTDOWN},
            {0x080, 0x080, VM_EXIT_PRIVILEGED},
            {0x081, 0x081, VM_EXIT_HYPERCALL},
            {0x082, 0x086, VM_EXIT_PRIVILEGED},
            {0x087, 0x087, VM_EXIT_UNKNOWN}, /* RDTSCP */
            {0x088, 0x08e, VM_EXIT_PRIVILEGED},
            {0x08f, 0x09f, VM_EXIT_UNKNOWN},
            {0x0a0, 0x0a4, VM_EXIT_PRIVILEGED},
            {0x0a5, 0x3ff, VM_EXIT_UNKNOWN},
            {0x400, 0x400, VM_EXIT_NESTED},
            {0x401, 0xffff, VM_EXIT_UNKNOWN},
        };
        uint32_t next = 0;

        for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
                assert_int_equal(expected[i].first, next); /* the list has no gap */
                for (next = expected[i].first; next <= expected[i].last; next++)
                        assert_int_equal(decode(next, 0, 0).kind, expected[i].kind);
        }
        assert_int_equal(decode(~0ull, 0, 0).kind, VM_EXIT_ENTRY_FAILED);
        assert_int_equal(decode(0xffffffff, 0, 0).kind, VM_EXIT_ENTRY_FAILED); /* QEMU */
        assert_int_equal(decode(~1ull, 0, 0).kind, VM_EXIT_UNKNOWN);           /* VMEXIT_BUSY */
        assert_int_equal(decode(1ull << 32, 0, 0).kind, VM_EXIT_UNKNOWN);
}

static void exit_information(void **unused)
{
        struct vm_exit e = decode(0x4e, 0x23, 0x8040000010);

        assert_int_equal(e.vector, 14);
        assert_int_equal(e.error, 0x23);
        assert_int_equal(e.address, 0x8040000010);
        e = decode(0x400, 0x200000007, 0x1234567000);
        assert_int_equal(e.error, 7);
        assert_int_equal(e.address, 0x1234567000);
        assert_int_equal(e.info1, 0x200000007);
        assert_int_equal(decode(0x78, 5, 6).error, 0);
}

static struct vmcb *fresh(void)
{
        static struct vmcb c;
        static struct guest g = {.nested = {.root = 0x7777000}};
        static const struct vcpu v = {.pml4 = 0x5555000, .guest = &g};

        memset(&c, 0, sizeof(c));
        svm_init_vmcb(&c, &v, 0x9999000);
        return &c;
}

static uint32_t word(const struct vmcb *c, unsigned offset)
{
        uint32_t value;

        memcpy(&value, (const uint8_t *)c + offset, sizeof(value));
        return value;
}

static uint64_t quad(const struct vmcb *c, unsigned offset)
{
        return word(c, offset) | (uint64_t)word(c, offset + 4) << 32;
}

static void what_exits(void **unused)
{
        const struct vmcb *c = fresh();

        assert_int_equal(word(c, 0x00), 0xffffffff); /* CR reads and writes */
        assert_int_equal(word(c, 0x04), 0xffffffff); /* DR */
        assert_int_equal(word(c, 0x08), 0xffffffff); /* exceptions */
        /* not: VINTR 4, CR0 selective 5, RDTSC 14, PUSHF 16, POPF 17, IRET 20, INTn 21, PAUSE 23 */
        assert_int_equal(word(c, 0x0c),
                         0xffffffff & ~(1u << 4 | 1u << 5 | 1u << 14 | 3u << 16 | 3u << 20 | 1u << 23));
        assert_int_equal(word(c, 0x10), 0x7fff & ~(1u << 7)); /* not RDTSCP */
        assert_int_equal(word(c, 0x14), 0x1f);
        assert_int_equal(quad(c, 0x40), 0x9999000); /* IOPM */
        assert_int_equal(quad(c, 0x48), 0x9999000); /* MSRPM */
        assert_int_equal(quad(c, 0x50), 0);         /* TSC offset */
        assert_int_equal(quad(c, 0x60), 1 << 24);   /* V_INTR_MASKING, no V_IRQ, no AVIC */
        assert_int_equal(quad(c, 0x90), 1);
        assert_int_equal(quad(c, 0xb0), 0x7777000);
}

/* Each positive control takes away what it says and nothing else. */
static void controls(void **unused)
{
        static const struct {
                uint32_t control;
                unsigned offset;
                uint32_t cleared, next; /* in the word there and the one after */
        } expected[] = {
            {RF_CONTROL_NO_CR, 0x00, 0xffff0000, 0xffff0000},
            {RF_CONTROL_NO_EXCEPTIONS, 0x08, ~(1u << 14), 0},
            {RF_CONTROL_LGDT, 0x0c, 0xffu << 6, 0},
            {RF_CONTROL_NO_MSR, 0x0c, 1u << 28, 0},
            {RF_CONTROL_NO_XSETBV, 0x10, 1u << 13, 0},
            {RF_CONTROL_NO_KEYS_WD, 0x558, 1u << 16, 0},
        };
        const struct vmcb normal = *fresh();

        for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
                const struct vmcb *c;

                active_controls = expected[i].control;
                c = fresh();
                for (unsigned at = 0; at < sizeof(*c); at += 4) {
                        uint32_t cleared = at == expected[i].offset       ? expected[i].cleared
                                           : at == expected[i].offset + 4 ? expected[i].next
                                                                          : 0;

                        assert_int_equal(word(c, at), word(&normal, at) & ~cleared);
                }
        }
        active_controls = 0;
}

static void what_it_starts_as(void **unused)
{
        const struct vmcb *c = fresh();

        assert_int_equal(quad(c, 0x558), 0x80010033); /* CR0: PG WP NE ET MP PE */
        assert_int_equal(quad(c, 0x550), 0x5555000);
        assert_int_equal(quad(c, 0x548), 0x40620); /* CR4: OSXSAVE OSXMMEXCPT OSFXSR PAE */
        assert_int_equal(quad(c, 0x4d0), 0x1d00);  /* EFER: SVME NXE LMA LME */
        assert_int_equal(quad(c, 0x668), 0x0007040600070406);
        assert_int_equal(quad(c, 0x560), 0x400);
        assert_int_equal(c->cpl, 0);
        assert_int_equal(word(c, 0x410) >> 16, 0xa9b);        /* CS: 64-bit, DPL 0 */
        assert_int_equal(word(c, 0x464) | word(c, 0x484), 0); /* GDTR and IDTR limits */
        cpu_has_keys = cpu_has_smep = true;
        assert_int_equal(quad(fresh(), 0x548), 0x540620); /* and PKE, SMEP */
        cpu_has_keys = cpu_has_smep = false;
}

static void nested_entries(void **unused)
{
        const struct table_format *f = &format_npt;

        assert_int_equal(f->leaf(0x123456000, PERM_R), 0x8000000123456065);
        assert_int_equal(f->leaf(0x123456000, PERM_RW), 0x8000000123456067);
        assert_int_equal(f->leaf(0x123456000, PERM_RX), 0x123456065);
        assert_int_equal(f->leaf(0x123456000, PERM_RW | PERM_UC), 0x800000012345607f);
        assert_int_equal(f->table(0x123456000), 0x123456027);
        assert_true(f->present(f->leaf(0, PERM_R)));
        assert_false(f->present(0));
        for (unsigned perm = PERM_R; perm <= (PERM_R | PERM_W | PERM_X); perm += 2)
                assert_int_equal(f->perm(f->leaf(0x1000, perm)), perm);
        assert_int_equal(f->perm(f->leaf(0x1000, PERM_RW | PERM_UC)), PERM_RW | PERM_UC);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(exit_codes),     cmocka_unit_test(exit_information),
            cmocka_unit_test(what_exits),     cmocka_unit_test(what_it_starts_as),
            cmocka_unit_test(nested_entries), cmocka_unit_test(controls),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

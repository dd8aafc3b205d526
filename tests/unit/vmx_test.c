/* SPDX-License-Identifier: MIT
 *
 * The VMX back end's tables, against numbers copied by hand from the Intel SDM volume 3 (chapter 25,
 * appendices A to C) and from design.md's list of what must exit. VMWRITE and VMREAD act on an array here;
 * entry and exit need a CPU: tests/system on Bochs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "smp.h"
#include "vmx.h"

bool cpu_has_keys, cpu_has_smep;
uint32_t active_controls;
const uint8_t vmx_exit_entry[1];
static uint64_t fields[0x8000];
static bool written[0x8000];

struct cpu_tables cpu_tables(const struct cpu *cpu)
{
        return (struct cpu_tables){0};
}

void vmwrite(enum vmcs_field field, uint64_t value)
{
        fields[field] = value;
        written[field] = true;
}

uint64_t vmread(enum vmcs_field field)
{
        return fields[field];
}

/* ---- capabilities --------------------------------------------------------------------------- */

/* As a CPU that allows everything and forces only what was reserved once (default1, A.2 to A.5). */
static uint64_t msrs[0x20];
static const uint64_t generous[0x20] = {
    [0x00] = 1ull << 55 | 6ull << 50 | 0x1234,
    [0x01] = 0xff00000016,
    [0x02] = 0xffffffff0401e172,
    [0x03] = 0xffffffff00036dff,
    [0x04] = 0xffffffff000011ff,
    [0x05] = 0x5,
    [0x06] = 0x80000021,
    [0x07] = 0xffffffff,
    [0x08] = 0x2000,
    [0x09] = 0x7fffff,
    [0x0b] = 0xffffffff00000000,
    [0x0c] = ~0ull,
    [0x0d] = 0xff00000016,
    [0x0e] = 0xffffffff04006172,
    [0x0f] = 0xffffffff00036dfb,
    [0x10] = 0xffffffff000011fb,
};

static uint64_t capability(uint32_t msr)
{
        assert_in_range(msr, 0x480, 0x490);
        return msrs[msr - 0x480];
}

static bool find(const char **why)
{
        return vmx_find_controls(capability, why);
}

static int fresh_cpu(void **unused)
{
        const char *why;

        memcpy(msrs, generous, sizeof(msrs));
        active_controls = 0;
        cpu_has_keys = cpu_has_smep = false;
        return find(&why) ? 0 : -1;
}

static void controls_found(void **unused)
{
        assert_int_equal(vmx_controls.pin, 0x16 | 1 << 0 | 1 << 3 | 1 << 6);
        /* HLT 7, INVLPG 9, MWAIT 10, RDPMC 11, RDTSC 12, CR3 15 16, CR8 19 20, DR 23, I/O 24, MONITOR 29,
         * PAUSE 30, secondary 31, and what is forced */
        assert_int_equal(vmx_controls.proc, 0x04006172 | 1 << 7 | 7 << 9 | 1 << 12 | 3 << 15 | 3 << 19 |
                                                3 << 23 | 1 << 29 | 1 << 30 | 1u << 31);
        assert_int_equal(vmx_controls.proc2, 1 << 1 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 15);
        assert_int_equal(vmx_controls.exit, 0x36dfb | 1 << 2 | 1 << 9 | 0xf << 18);
        assert_int_equal(vmx_controls.entry, 0x11fb | 1 << 2 | 1 << 9 | 1 << 14 | 1 << 15);
        assert_int_equal(vmx_controls.revision, 0x1234);
        assert_int_equal(vmx_controls.timer_shift, 5);
        assert_true(vmx_controls.invept_one && vmx_controls.invvpid_one);
}

/* Without one thing the fence needs the CPU is refused, in words; without one it does not need it is not. */
static void controls_missing(void **unused)
{
        static const struct {
                unsigned msr, bit; /* cleared in the allowed-1 half */
                bool usable;
        } cases[] = {
            {0x0d, 0, false},  {0x0d, 3, false},  {0x0d, 6, true}, /* the preemption timer */
            {0x0e, 7, false},  {0x0e, 9, false},  {0x0e, 10, false}, {0x0e, 11, false}, {0x0e, 15, false},
            {0x0e, 16, false}, {0x0e, 20, false}, {0x0e, 23, false}, {0x0e, 24, false}, {0x0e, 29, false},
            {0x0e, 31, false}, {0x0b, 1, false},  {0x0b, 2, false},  {0x0b, 3, true},   {0x0b, 5, true},
            {0x0b, 6, false},  {0x0b, 7, true},   {0x0b, 15, true},  {0x0f, 9, false},  {0x0f, 21, false},
            {0x10, 9, false},  {0x10, 15, false},
        };
        const char *why = NULL;

        for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                fresh_cpu(NULL);
                msrs[cases[i].msr] &= ~(1ull << (32 + cases[i].bit));
                assert_int_equal(find(&why), cases[i].usable);
                assert_true(cases[i].usable || strlen(why) > 20);
                if (cases[i].msr == 0x0b && cases[i].usable)
                        assert_int_equal(vmx_controls.proc2 >> cases[i].bit & 1, 0);
        }
        fresh_cpu(NULL);
}

/* A CPU that forces a control nobody has thought about (here virtual-interrupt delivery) is refused. */
static void controls_forced(void **unused)
{
        const char *why;

        msrs[0x0b] |= 1 << 9;
        assert_false(find(&why));
        fresh_cpu(NULL);
        msrs[0x0c] &= ~(1ull << 14); /* no write-back tables */
        assert_false(find(&why));
        fresh_cpu(NULL);
        msrs[0x0c] &= ~(1ull << 32); /* VPIDs, but no INVVPID: go without */
        assert_true(find(&why));
        assert_int_equal(vmx_controls.proc2 & 1 << 5, 0);
        fresh_cpu(NULL);
        cpu_has_keys = true;
        msrs[0x09] &= ~(1ull << 22); /* CR4.PKE: without it the window would stand open */
        assert_false(find(&why));
        fresh_cpu(NULL);
        /* an old CPU: no TRUE capabilities; CR3 exits are forced, as we want them */
        msrs[0x00] &= ~(1ull << 55);
        assert_true(find(&why));
}

/* ---- a ring vCPU's VMCS ----------------------------------------------------------------------- */

static void fresh_vmcs(void)
{
        static struct guest g = {.nested = {.root = 0x7777000}};
        static const struct vcpu v = {.pml4 = 0x5555000, .guest = &g};

        memset(fields, 0xee, sizeof(fields));
        memset(written, 0, sizeof(written));
        vmx_init_vmcs(&v, 0x9999000);
}

static void what_exits(void **unused)
{
        fresh_vmcs();
        assert_int_equal(fields[0x4004], 0xffffffff);                                 /* exceptions */
        assert_int_equal(fields[0x4006] | fields[0x4008], 0);                         /* #PF mask and match */
        assert_int_equal(fields[0x6000] & fields[0x6002], UINT64_MAX);                /* CR0, CR4 */
        assert_int_equal(fields[0x4002], vmx_controls.proc & ~(1u << 12 | 1u << 30)); /* not RDTSC, PAUSE */
        assert_int_equal(fields[0x4002] & 1 << 28, 0); /* no bitmap: every MSR */
        assert_int_equal(fields[0x401e], vmx_controls.proc2);
        assert_int_equal(fields[0x401e] & (1 << 13 | 1 << 18), 0); /* no VM functions, no #VE */
        assert_int_equal(fields[0x4016] | fields[0x4010] | fields[0x4014] | fields[0x400e],
                         0);                                      /* events, MSRs */
        assert_int_equal(fields[0x201a], 0x7777000 | 6 | 3 << 3); /* EPTP: write-back, four levels */
        assert_int_equal(fields[0x202e], UINT64_MAX);             /* ENCLS */
}

static void what_it_starts_as(void **unused)
{
        fresh_vmcs();
        assert_int_equal(fields[0x6800], 0x80010033); /* CR0: PG WP NE ET MP PE */
        assert_int_equal(fields[0x6802], 0x5555000);
        assert_int_equal(fields[0x6804], 0x42620); /* CR4: OSXSAVE VMXE OSXMMEXCPT OSFXSR PAE */
        assert_int_equal(fields[0x6004], 0x80010033);
        assert_int_equal(fields[0x6006], 0x40620); /* the guest is not shown VMXE */
        assert_int_equal(fields[0x2806], 0xd00);   /* EFER: NXE LMA LME */
        assert_int_equal(fields[0x2804], 0x0007040600070406);
        assert_int_equal(fields[0x681a], 0x400);
        assert_int_equal(fields[0x4816], 0xa09b);                              /* CS: 64-bit, DPL 0 */
        assert_int_equal(fields[0x4820], 0x10000);                             /* LDTR: unusable */
        assert_int_equal(fields[0x4822], 0x8b);                                /* TR: busy */
        assert_int_equal(fields[0x4810] | fields[0x4812], 0);                  /* GDTR, IDTR */
        assert_int_equal(fields[0x2800], UINT64_MAX);                          /* VMCS link */
        assert_int_equal(fields[0x482a] | fields[0x6824] | fields[0x6826], 0); /* SYSENTER */
        cpu_has_keys = cpu_has_smep = true;
        fresh_vmcs();
        assert_int_equal(fields[0x6804], 0x542620); /* and PKE, SMEP */
        assert_int_equal(fields[0x6006], 0x540620);
        cpu_has_keys = cpu_has_smep = false;
}

/* Each positive control takes away what it says and nothing else. */
static void positive_controls(void **unused)
{
        static const struct {
                uint32_t control;
                unsigned field[3];
                uint64_t now[3];
        } cases[] = {
            {RF_CONTROL_NO_CR, {0x6000, 0x6002, 0x4002}, {0x80000021, 0x2000, ~(1ull << 15 | 1ull << 23)}},
            {RF_CONTROL_NO_EXCEPTIONS, {0x4004}, {1 << 14}},
            {RF_CONTROL_LGDT, {0x401e}, {~(1ull << 2)}},
            {RF_CONTROL_NO_KEYS_WD, {0x6800, 0x6004}, {0x80000033, 0x80000033}},
        };
        static uint64_t normal[0x8000];

        fresh_vmcs();
        memcpy(normal, fields, sizeof(normal));
        for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                active_controls = cases[i].control;
                fresh_vmcs();
                for (unsigned at = 0; at < 0x8000; at++) {
                        uint64_t expected = normal[at];

                        for (unsigned k = 0; k < 3; k++)
                                if (cases[i].field[k] == at && at != 0)
                                        expected &= cases[i].now[k];
                        assert_int_equal(fields[at], expected);
                }
        }
        active_controls = RF_CONTROL_NO_MSR;
        fresh_vmcs();
        assert_int_equal(fields[0x4002], normal[0x4002] | 1 << 28);
        assert_int_equal(fields[0x2004], 0x9999000);
        active_controls = 0;
}

/* What differs from CPU to CPU or from entry to entry aside, no field keeps what the memory held. */
static void every_field_written(void **unused)
{
        static const uint16_t needed[] = {
            0x0800, 0x0802, 0x0804, 0x0806, 0x0808, 0x080a, 0x080c, 0x080e, 0x4800, 0x4802,
            0x4804, 0x4806, 0x4808, 0x480a, 0x480c, 0x480e, 0x4814, 0x4818, 0x481a, 0x481c,
            0x481e, 0x6806, 0x6808, 0x680a, 0x680c, 0x680e, 0x6810, 0x6812, 0x6814, 0x6816,
            0x6818, 0x2802, 0x4000, 0x400a, 0x400c, 0x4012, 0x4826,
        };

        fresh_vmcs();
        for (unsigned i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
                assert_true(written[needed[i]]);
}

/* ---- exits ------------------------------------------------------------------------------------ */

static void exit_reasons(void **unused)
{
        static const struct {
                uint16_t first, last;
                enum vm_exit_kind kind;
        } expected[] = {
            {0, 0, VM_EXIT_EXCEPTION},     {1, 1, VM_EXIT_INTERRUPT},    {2, 2, VM_EXIT_SHUTDOWN},
            {3, 6, VM_EXIT_INTERRUPT},     {7, 8, VM_EXIT_UNKNOWN},      {9, 9, VM_EXIT_PRIVILEGED},
            {10, 10, VM_EXIT_CPUID},       {11, 11, VM_EXIT_PRIVILEGED}, {12, 12, VM_EXIT_HLT},
            {13, 15, VM_EXIT_PRIVILEGED},  {16, 16, VM_EXIT_UNKNOWN},    {17, 17, VM_EXIT_PRIVILEGED},
            {18, 18, VM_EXIT_HYPERCALL},   {19, 29, VM_EXIT_PRIVILEGED}, {30, 30, VM_EXIT_IO},
            {31, 32, VM_EXIT_PRIVILEGED},  {33, 35, VM_EXIT_UNKNOWN},    {36, 36, VM_EXIT_PRIVILEGED},
            {37, 38, VM_EXIT_UNKNOWN},     {39, 39, VM_EXIT_PRIVILEGED}, {40, 45, VM_EXIT_UNKNOWN},
            {46, 47, VM_EXIT_PRIVILEGED},  {48, 48, VM_EXIT_NESTED},     {49, 49, VM_EXIT_UNKNOWN},
            {50, 50, VM_EXIT_PRIVILEGED},  {51, 51, VM_EXIT_UNKNOWN},    {52, 52, VM_EXIT_INTERRUPT},
            {53, 55, VM_EXIT_PRIVILEGED},  {56, 57, VM_EXIT_UNKNOWN},    {58, 60, VM_EXIT_PRIVILEGED},
            {61, 0xffff, VM_EXIT_UNKNOWN},
        };
        uint32_t next = 0;

        for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
                assert_int_equal(expected[i].first, next); /* the list has no gap */
                for (next = expected[i].first; next <= expected[i].last; next++)
                        assert_int_equal(vmx_exit_kind(next, 0x80000300), expected[i].kind);
        }
        assert_int_equal(vmx_exit_kind(0x80000021, 0), VM_EXIT_ENTRY_FAILED);
        assert_int_equal(vmx_exit_kind(0x80000000, 0), VM_EXIT_ENTRY_FAILED);
        assert_int_equal(vmx_exit_kind(0, 0x80000202), VM_EXIT_NMI);
        assert_int_equal(vmx_exit_kind(0, 0x80000501), VM_EXIT_PRIVILEGED); /* INT1 */
        assert_int_equal(vmx_exit_kind(0, 0x80000603), VM_EXIT_EXCEPTION);  /* INT3 */
}

static struct vm_exit decode(uint32_t reason)
{
        struct vm_exit e;

        vmx_decode_exit(&e, reason);
        return e;
}

static void exit_information(void **unused)
{
        struct vm_exit e;

        fields[0x4404] = 0x80000b0e; /* the #PF of a closed window */
        fields[0x4406] = 0x23;
        fields[0x6400] = 0x8040000010;
        e = decode(0);
        assert_int_equal(e.vector, 14);
        assert_int_equal(e.error, 0x23);
        assert_int_equal(e.address, 0x8040000010);
        fields[0x4404] = 0x80000306; /* #UD has no error code: the field keeps an old one */
        e = decode(0);
        assert_int_equal(e.vector, 6);
        assert_int_equal(e.error, 0);
        assert_int_equal(e.address, 0);
        fields[0x6400] = 0x18a; /* a write to what may be read */
        fields[0x2400] = 0x1234567000;
        e = decode(48);
        assert_int_equal(e.error, 1 | 2 | 4);
        assert_int_equal(e.address, 0x1234567000);
        fields[0x6400] = 0x184; /* a fetch from what is not mapped */
        assert_int_equal(decode(48).error, 16 | 4);
        assert_int_equal(decode(12).error, 0);
}

static void nested_entries(void **unused)
{
        const struct table_format *f = &format_ept;

        assert_int_equal(f->leaf(0x123456000, PERM_R), 0x123456031);
        assert_int_equal(f->leaf(0x123456000, PERM_RW), 0x123456033);
        assert_int_equal(f->leaf(0x123456000, PERM_RX), 0x123456035);
        assert_int_equal(f->leaf(0x123456000, PERM_RW | PERM_UC), 0x123456003);
        assert_int_equal(f->table(0x123456000), 0x123456007);
        assert_true(f->present(f->leaf(0, PERM_R)));
        assert_false(f->present(0));
        for (unsigned perm = PERM_R; perm <= (PERM_R | PERM_W | PERM_X); perm += 2)
                assert_int_equal(f->perm(f->leaf(0x1000, perm)), perm);
        assert_int_equal(f->perm(f->leaf(0x1000, PERM_RW | PERM_UC)), PERM_RW | PERM_UC);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup(controls_found, fresh_cpu),
            cmocka_unit_test_setup(controls_missing, fresh_cpu),
            cmocka_unit_test_setup(controls_forced, fresh_cpu),
            cmocka_unit_test_setup(what_exits, fresh_cpu),
            cmocka_unit_test_setup(what_it_starts_as, fresh_cpu),
            cmocka_unit_test_setup(positive_controls, fresh_cpu),
            cmocka_unit_test_setup(every_field_written, fresh_cpu),
            cmocka_unit_test(exit_reasons),
            cmocka_unit_test(exit_information),
            cmocka_unit_test(nested_entries),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

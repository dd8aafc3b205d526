/* SPDX-License-Identifier: MIT
 *
 * Which descriptors a guest may hand over, in guard and twin alike: cases worked out by hand from the tables
 * (rf/igb_desc.h, rf/e1000_desc.h), every bit, and random ones against the tables written down another way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "guard_bed.h"

enum { RX = 0, TX = 1 }; /* indices into bed_ring, and ring numbers */

static enum rf_commit_reason commit(unsigned ring)
{
        struct bed_run run = bed_commit(ring, 1, bed_below(400) == 0);
        const char *bad = bed_compare(&run);

        if (bad)
                fail_msg("%s", bad);
        assert_int_equal(run.regs.gpr[A_RAX], run.expect);
        return (enum rf_commit_reason)(run.expect >> 32);
}

struct rule {
        uint64_t lo, hi;
        uint32_t reason;
};

static void rules(const struct guard_form *forms, const struct rule *cases, unsigned n)
{
        for (unsigned i = 0; i < n; i++) {
                bed_plain(TX, forms, 255);
                staging[TX][0] = (struct desc){cases[i].lo, cases[i].hi};
                assert_int_equal(commit(TX), cases[i].reason);
                assert_int_equal(guard_check(&window->state.ring[TX], cases[i].lo, cases[i].hi),
                                 cases[i].reason);
                assert_int_equal(window->ring[TX][0].hi, cases[i].reason ? 0 : cases[i].hi | 1 << 27);
        }
        for (unsigned bit = 0; bit < 64;
             bit++) { /* every bit but RS matters; a legacy length may be another */
                uint64_t hi = cases[0].hi ^ 1ull << bit;
                bool other = forms == e1000_form && bit < 16 && (hi & 0xffff) >= 17 && (hi & 0xffff) <= 1514;

                bed_plain(TX, forms, 255);
                staging[TX][0] = (struct desc){0, hi};
                assert_int_equal(commit(TX) == RF_COMMIT_OK, bit == 27 || other);
        }
}

#define RULES(forms, cases) rules(forms, cases, sizeof(cases) / sizeof((cases)[0]))

static void transmit_rules_82576(void **unused)
{
        static const struct rule cases[] = {
            /* PAYLEN 60 at 63:46, DEXT 29, IFCS 25, EOP 24, DTYP 3 at 23:20, DTALEN 60 */
            {0, 0x000f00002330003c, RF_COMMIT_OK},
            {0xf800, 0x000f00002330003c, RF_COMMIT_OK},
            {0xf801, 0x000f00002330003c, RF_COMMIT_ADDRESS},
            {0xffffffffffffffff, 0x000f00002330003c, RF_COMMIT_ADDRESS},
            {0, 0x000f00002b30003c, RF_COMMIT_OK},    /* RS of the guest's own */
            {0, 0x000f00002320003c, RF_COMMIT_FLAGS}, /* context descriptor */
            {0, 0x000f00000330003c, RF_COMMIT_FLAGS}, /* legacy */
            {0, 0x000000000300003c, RF_COMMIT_FLAGS}, /* legacy, and right on the other NIC */
            {0, 0x000f0000a330003c, RF_COMMIT_FLAGS}, /* TSO */
            {0, 0x000f00006330003c, RF_COMMIT_FLAGS}, /* VLAN */
            {0, 0x000f00002230003c, RF_COMMIT_FLAGS}, /* no EOP */
            {0, 0x000f00002130003c, RF_COMMIT_FLAGS}, /* no IFCS */
            {0, 0x000f01002330003c, RF_COMMIT_FLAGS}, /* IXSM */
            {0, 0x000f00012330003c, RF_COMMIT_FLAGS}, /* DD */
            {0, 0x0004400023300011, RF_COMMIT_OK},    /* 17 */
            {0, 0x0004000023300010, RF_COMMIT_LENGTH},
            {0, 0x017a8000233005ea, RF_COMMIT_OK}, /* 1514 */
            {0, 0x017ac000233005eb, RF_COMMIT_LENGTH},
            {0, 0x0000000023300000, RF_COMMIT_LENGTH},
            {0, 0x3fffc0002330ffff, RF_COMMIT_LENGTH},
            {0, 0x000f40002330003c, RF_COMMIT_FLAGS}, /* PAYLEN 61 */
            {0, 0x400f00002330003c, RF_COMMIT_FLAGS}, /* above the 16 bits of DTALEN */
        };

        RULES(igb_form, cases);
}

static void transmit_rules_82540(void **unused)
{
        static const struct rule cases[] = {
            /* IFCS 25, EOP 24, length 60 */
            {0, 0x000000000300003c, RF_COMMIT_OK},
            {0xf800, 0x000000000300003c, RF_COMMIT_OK},
            {0xf801, 0x000000000300003c, RF_COMMIT_ADDRESS},
            {0xffffffffffffffff, 0x000000000300003c, RF_COMMIT_ADDRESS},
            {0, 0x000000000b00003c, RF_COMMIT_OK},    /* RS of the guest's own */
            {0, 0x000000002300003c, RF_COMMIT_FLAGS}, /* DEXT: a context descriptor */
            {0, 0x000000002310003c, RF_COMMIT_FLAGS}, /* DEXT: a data descriptor */
            {0, 0x000000002730003c, RF_COMMIT_FLAGS}, /* ... with TSE */
            {0, 0x000f00002330003c, RF_COMMIT_FLAGS}, /* right on the other NIC */
            {0, 0x000000004300003c, RF_COMMIT_FLAGS}, /* VLE */
            {0, 0x000a00004300003c, RF_COMMIT_FLAGS}, /* ... and a tag */
            {0, 0x000000008300003c, RF_COMMIT_FLAGS}, /* IDE: the interrupt is delayed */
            {0, 0x000000001300003c, RF_COMMIT_FLAGS}, /* RPS: DD comes early */
            {0, 0x000000000700003c, RF_COMMIT_FLAGS}, /* IC: checksum inserted */
            {0, 0x000000000310003c, RF_COMMIT_FLAGS}, /* CSO */
            {0, 0x000000000200003c, RF_COMMIT_FLAGS}, /* no EOP */
            {0, 0x000000000100003c, RF_COMMIT_FLAGS}, /* no IFCS */
            {0, 0x000000010300003c, RF_COMMIT_FLAGS}, /* DD */
            {0, 0x000000100300003c, RF_COMMIT_FLAGS}, /* reserved 39:36 */
            {0, 0x000001000300003c, RF_COMMIT_FLAGS}, /* CSS */
            {0, 0x000100000300003c, RF_COMMIT_FLAGS}, /* special */
            {0, 0x8000000003000011, RF_COMMIT_FLAGS},
            {0, 0x0000000003000011, RF_COMMIT_OK}, /* 17 */
            {0, 0x0000000003000010, RF_COMMIT_LENGTH},
            {0, 0x00000000030005ea, RF_COMMIT_OK}, /* 1514 */
            {0, 0x00000000030005eb, RF_COMMIT_LENGTH},
            {0, 0x0000000003000000, RF_COMMIT_LENGTH},
            {0, 0x000000000300ffff, RF_COMMIT_LENGTH},
        };

        RULES(e1000_form, cases);
}

/* The table once more, field by field and in another way than guard and twin have it. */
static bool allowed(const struct guard_form *form, uint64_t lo, uint64_t hi, uint64_t limit)
{
        uint64_t length = hi & 0xffff;

        if (lo > limit)
                return false;
        if (form == &igb_form[0] || form == &e1000_form[0])
                return hi == 0;
        if (length < 17 || length > 1514)
                return false;
        if (form == &igb_form[1])
                return (hi >> 16 & 0x3ffff7ff) == 0x2330 && hi >> 46 == length;
        return (hi >> 16 & 0xfffffffff7ff) == 0x300;
}

static void random_descriptors(void **unused)
{
        unsigned good = 0, bad = 0;

        bed_fast = true;
        for (unsigned i = 0; i < 20000; i++) {
                const struct guard_form *form = i % 4 < 2 ? &igb_form[i % 2] : &e1000_form[i % 2];
                struct desc d;
                bool ok;

                bed_plain(i % 2, form - i % 2, 255);
                d = bed_spoiled(form, window->state.ring[i % 2].limit);
                staging[i % 2][0] = d;
                ok = commit(i % 2) == RF_COMMIT_OK;
                assert_int_equal(ok, allowed(form, d.lo, d.hi, window->state.ring[i % 2].limit));
                good += ok;
                bad += !ok;
        }
        bed_fast = false;
        assert_true(good > 1000 && bad > 10000);
}

static void receive_rules(void **form)
{
        for (unsigned bit = 0; bit < 64; bit++) {
                bed_plain(RX, *form, 255);
                staging[RX][0] = (struct desc){0, 1ull << bit};
                assert_int_equal(commit(RX), RF_COMMIT_HEADER);
                staging[RX][0] = (struct desc){1ull << bit, 0};
                assert_int_equal(commit(RX), bit < 16 ? RF_COMMIT_OK : RF_COMMIT_ADDRESS);
        }
}

static int setup(void **unused)
{
        bed_init();
        return 0;
}

#define ON(f, model, form)                                                                                   \
        {                                                                                                    \
#f " (" model ")", f, NULL, NULL, (void *)(uintptr_t)(form)                                  \
        }
#define BOTH(f) ON(f, "82576", igb_form), ON(f, "82540EM", e1000_form)

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(transmit_rules_82576),
            cmocka_unit_test(transmit_rules_82540),
            BOTH(receive_rules),
            cmocka_unit_test(random_descriptors),
        };

        return cmocka_run_group_tests(tests, setup, NULL);
}

/* SPDX-License-Identifier: MIT
 * hv/root with the real engine above a fake ring 0: each request of a vCPU, and what guests say. */
#include "root_bed.h"

/* ---- code that changes --------------------------------------------------------------------------------- */

static void test_code_write_and_fetch(void **state)
{
        START("", 0x90, 0xc3);
        request(RF_REQ_CODE_WRITE, RF_IMAGE_BASE + 0x5000, RF_IMAGE_BASE + 0x18);
        serve();
        assert_false(fake_page(RF_IMAGE_BASE)->accepted);
        assert_int_equal(fake.resume_rip, RF_IMAGE_BASE + 0x5000);
        request(RF_REQ_FETCH, RF_IMAGE_BASE + 2, RF_IMAGE_BASE + 2);
        serve();
        assert_true(fake_page(RF_IMAGE_BASE)->accepted);
        assert_int_equal(fake.resumed, 2);
}

static void test_bad_code_is_not_accepted(void **state)
{
        START("", 0x90, 0xc3);
        request(RF_REQ_CODE_WRITE, RF_IMAGE_BASE + 0x5000, RF_IMAGE_BASE);
        serve();
        memcpy(guest_pointer(&guests[0], RF_IMAGE_BASE + 0x80), "\x0f\x01\xef", 3);
        request(RF_REQ_FETCH, RF_IMAGE_BASE, RF_IMAGE_BASE);
        serve();
        printed("guest a: died: vCPU 0");
        printed("0f 01 ef");
        assert_int_equal(guests[0].state, GUEST_DOWN);
        assert_false(fake.guest);
}

static void test_store_to_own_page(void **state)
{
        START("", 0x90, 0xc3);
        request(RF_REQ_CODE_WRITE, RF_IMAGE_BASE, RF_IMAGE_BASE + 0x18);
        serve();
        request(RF_REQ_FETCH, RF_IMAGE_BASE, RF_IMAGE_BASE);
        serve();
        printed("it stores into the page it runs from");
}

static void test_jump_to_data(void **state)
{
        START("", 0x90, 0xc3);
        request(RF_REQ_FETCH, RF_HEAP_VA + 8, RF_HEAP_VA + 8);
        serve();
        printed("jump to 0x1000000008, which is data");
        assert_int_equal(guests[0].state, GUEST_DOWN);
}

/* ---- plain stores -----------------------------------------------------------------------------------------
 */

/* mov [rdi], eax; five nops; ret */
#define PLAIN_STORE 0x89, 0x07, 0x90, 0x90, 0x90, 0x90, 0x90, 0xc3

static void plain_store(uint64_t va, uint64_t value)
{
        struct rf_vcpu_report *r = request(RF_REQ_WINDOW, RF_IMAGE_BASE, va);

        r->fault_error = 3;
        r->gpr[7] = va;
        r->gpr[0] = value;
        serve();
}

static void test_store_is_rewritten(void **state)
{
        START("", PLAIN_STORE);
        plain_store(RF_RING_VA + 16, 0x1234);
        assert_int_equal(fake.resume_rip, RF_IMAGE_BASE);
        assert_int_equal(*code_of(RF_IMAGE_BASE), 0xe9);
        assert_true(fake_page(RF_IMAGE_BASE)->accepted);
        assert_int_equal(guests[0].trampolines.n, 1);
        assert_true(fake_page(guests[0].trampolines.page[0].va)->accepted);
        assert_int_equal(guests[0].nopen, 0);
        assert_int_equal(fake.stage_bytes, 0);
}

/* No page for a trampoline: each store is carried out by root. */
static void plain_store_without_room(uint64_t va, uint64_t value)
{
        START("", PLAIN_STORE);
        fake.quota = 0;
        plain_store(va, value);
}

static void test_store_is_emulated(void **state)
{
        plain_store_without_room(RF_RING_VA + 20, 0x11223344);
        assert_int_equal(fake.stage_va, RF_RING_VA + 20);
        assert_int_equal(fake.stage_value, 0x11223344);
        assert_int_equal(fake.stage_bytes, 4);
        assert_int_equal(fake.resume_rip, RF_IMAGE_BASE + 2);
        assert_int_equal(*code_of(RF_IMAGE_BASE), 0x89);
}

static void test_doorbell_is_emulated(void **state)
{
        plain_store_without_room(RF_DOORBELL_VA + IGB_TDT0, 7);
        assert_int_equal(fake.commits, 1);
        assert_int_equal(fake.resume_rip, RF_IMAGE_BASE + 2);
        fake.commit_result = (uint64_t)RF_COMMIT_FULL << 32 | 3;
        plain_store(RF_DOORBELL_VA + IGB_TDT0, 7);
        assert_int_equal(fake.resume_rip, RF_IMAGE_BASE); /* again, when the NIC has gone on */
        fake.commit_result = (uint64_t)RF_COMMIT_ADDRESS << 32 | 3;
        plain_store(RF_DOORBELL_VA + IGB_TDT0, 7);
        printed("descriptor 3 of ring 1 was refused: buffer outside the pool");
        assert_int_equal(guests[0].state, GUEST_DOWN);
}

/* add [rdi], eax; then bytes that leave a jump no landing place: it would land in the image itself. */
#define CROWDED 0x01, 0x07, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xc3

/* The vCPU is sent to code that does it, each time to the same. */
static void test_store_by_detour(void **state)
{
        uint64_t there;

        START("", CROWDED);
        plain_store(RF_RING_VA + 16, 1);
        there = fake.resume_rip;
        assert_int_equal(guests[0].state, GUEST_RUNNING);
        assert_int_equal(*code_of(RF_IMAGE_BASE), 0x01);
        assert_true(trampoline_owns(&guests[0].trampolines, there & ~(RF_PAGE_SIZE - 1)));
        assert_true(fake_page(there)->accepted);
        plain_store(RF_RING_VA + 32, 2);
        assert_int_equal(fake.resume_rip, there);
        assert_int_equal(guests[0].ndetours, 1);
        assert_int_equal(fake.stage_bytes, 0);
}

/* Code that changes is judged anew. */
static void test_detour_is_forgotten(void **state)
{
        START("", CROWDED);
        plain_store(RF_RING_VA + 16, 1);
        assert_int_equal(guests[0].ndetours, 1);
        request(RF_REQ_CODE_WRITE, RF_IMAGE_BASE, RF_IMAGE_BASE + 0x800);
        serve();
        assert_int_equal(guests[0].ndetours, 0);
}

static void test_other_register(void **state)
{
        START("", PLAIN_STORE);
        plain_store(RF_DOORBELL_VA + IGB_RDT0 - 0x18, 0); /* RDBAL */
        printed("no tail register");
        assert_int_equal(guests[0].state, GUEST_DOWN);
}

/* ---- privileged instructions
 * --------------------------------------------------------------------------------- */

static void test_cpuid(void **state)
{
        START("", 0x0f, 0xa2, 0xc3);
        request(RF_REQ_PRIVILEGED, RF_IMAGE_BASE, 0)->gpr[0] = 0x40000000;
        serve();
        assert_int_equal(fake.resume_rip, RF_IMAGE_BASE + 2);
        assert_int_equal(fake.set[3], 0x474e4952); /* RBX: "RING" */
}

static void test_out(void **state)
{
        START("", 0xe6, 0xe9, 0xee, 0xe6, 0x80, 0xc3);
        for (const char *c = "h\x1b[2Ji\n"; *c != '\0'; c++) {
                struct rf_vcpu_report *r =
                    request(RF_REQ_PRIVILEGED, RF_IMAGE_BASE + (c[0] == 'i' ? 2 : 0), 0);

                r->gpr[0] = (uint8_t)*c;
                r->gpr[2] = 0x3f8;
                serve();
        }
        printed("[a] h?[2Ji\r\n"); /* no escape reaches the terminal */
        assert_int_equal(fake.resume_rip, RF_IMAGE_BASE + 2);
        request(RF_REQ_PRIVILEGED, RF_IMAGE_BASE + 3, 0);
        serve();
        printed("OUT to port 0x80");
        assert_int_equal(guests[0].state, GUEST_DOWN);
}

static void test_console_ring(void **state)
{
        struct rf_console *ring = (struct rf_console *)(uintptr_t)RF_ROOT_CONSOLE + 3;
        static const char text[] = "one\r\ntw\x7f\x80o\npartial";

        START("", 0x90, 0xc3);
        memcpy(ring->data, text, sizeof(text) - 1);
        ring->head = sizeof(text) - 1;
        console_drain();
        printed("[a] one\r\n[a] tw??o\r\n");
        assert_null(strstr(fake.log, "partial"));
        ring->head += 10 * sizeof(ring->data); /* more than the ring holds: told, not waited for */
        console_guest_flush(&guests[0]);
        printed("characters of its console dropped");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            TEST(test_code_write_and_fetch),
            TEST(test_bad_code_is_not_accepted),
            TEST(test_store_to_own_page),
            TEST(test_jump_to_data),
            TEST(test_store_is_rewritten),
            TEST(test_store_is_emulated),
            TEST(test_doorbell_is_emulated),
            TEST(test_store_by_detour),
            TEST(test_detour_is_forgotten),
            TEST(test_other_register),
            TEST(test_cpuid),
            TEST(test_out),
            TEST(test_console_ring),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

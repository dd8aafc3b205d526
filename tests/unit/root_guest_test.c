/* SPDX-License-Identifier: MIT
 * hv/root with the real engine above a fake ring 0: building a guest, every way that can fail, and each
 * request of a vCPU. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../hv/root/console.h"
#include "../../hv/root/guest.h"
#include "../../hv/root/nic.h"
#include "rf/igb_desc.h"
#include "root_fake.h"

static struct config config;

static void ignore(void *ctx, unsigned line, const char *text)
{
        fail_msg("line %u: %s", line, text);
}

/* One guest "a", one page of code. */
static void boot(const char *extra, const void *code, size_t bytes)
{
        char text[256];

        fake_reset();
        fake_image(code, bytes);
        snprintf(text, sizeof(text), "[guest a]\nimage = a.elf\nmemory = 4M\nmac = 02:00:00:00:00:01\n%s",
                 extra);
        config_parse(&config, text, strlen(text), ignore, NULL);
        console_start();
        console_configure(&config.host);
        nic_start(&config.host);
}

static void start(const char *extra, const void *code, size_t bytes)
{
        boot(extra, code, bytes);
        guests_start_all(&config);
        assert_int_equal(guests[0].state, GUEST_RUNNING);
}

static int stop(void **state)
{
        guest_tear_down(&guests[0]);
        return fake.guest || fake.queue;
}

#define BOOT(extra, ...)  boot(extra, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))
#define START(extra, ...) start(extra, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void printed(const char *text)
{
        if (strstr(fake.log, text) == NULL)
                fail_msg("no \"%s\" in:\n%s", text, fake.log);
}

static struct rf_vcpu_report *request(enum rf_request what, uint64_t rip, uint64_t fault_va)
{
        struct rf_vcpu_report *r = fake_report();

        r->guest = (uint32_t)guests[0].id;
        r->request = what;
        r->rip = rip;
        r->fault_va = fault_va;
        return r;
}

static void serve(void)
{
        service((uint32_t)(fake_report() - (struct rf_vcpu_report *)(uintptr_t)RF_ROOT_REPORT));
}

static const uint8_t *code_of(uint64_t va)
{
        return guest_pointer(&guests[0], va);
}

/* ---- building --------------------------------------------------------------------------------------- */

static void test_build(void **state)
{
        const struct rf_info *info;

        START("arguments = x=1", 0x90, 0xc3);
        printed("ringfence: guest a: queue 0, mac 02:00:00:00:00:01, 1 vCPU, 4 MiB");
        printed("dbos: 1 pages of code, 0 rewritten, 0 emulated, 0 refused");
        printed("ringfence: ready, 1 of 1 guests running");
        assert_int_equal(fake.quota, 1024);
        assert_int_equal(fake.start_rip, RF_IMAGE_BASE);
        assert_int_equal((fake.start_rsp + 8) % 16, 0);
        assert_int_equal(fake.start_rsp + 8, RF_STACK_VA + RF_STACK_STEP);
        assert_true(fake_page(RF_IMAGE_BASE)->accepted);
        assert_false(fake_page(RF_IMAGE_BASE + 0x10000)->accepted);
        assert_int_equal(fake_page(RF_POOL_VA)->kind, RF_MAP_POOL);
        assert_int_equal(*code_of(RF_IMAGE_BASE), 0x90);
        info = (const struct rf_info *)(uintptr_t)(RF_ROOT_INFO + guests[0].vcpu[0] * RF_PAGE_SIZE);
        assert_int_equal(info->magic, RF_ABI_MAGIC);
        assert_string_equal(info->arguments, "x=1");
        assert_int_equal(info->nqueues, 1);
        assert_int_equal(info->queue[0].doorbell_tx, RF_DOORBELL_VA + IGB_TDT0);
        assert_int_equal(info->queue[0].staging_rx, RF_STAGING_VA);
        assert_true(fake.queue && fake.enabled && fake.open_mac && fake.started);
}

/* Every system call fails once: the guest stays down, with a reason, and nothing of it is left. */
static void test_every_failure(void **state)
{
        int failed = 0, last;

        START("", 0x90, 0xc3);
        last = fake.calls;
        assert_int_equal(stop(NULL), 0);
        for (int at = 1; at <= last; at++) {
                BOOT("", 0x90, 0xc3);
                fake.calls = 0;
                fake.fail_at = at;
                fake.fail_with = -RF_ENOMEM;
                guests_start_all(&config);
                if (guests[0].state == GUEST_RUNNING) { /* it failed where a default is good enough */
                        assert_int_equal(stop(NULL), 0);
                        continue;
                }
                failed++;
                assert_false(fake.guest || fake.queue || fake.started);
                assert_true(strlen(guests[0].why) > 10);
                printed("ringfence: error: guest a: ");
                printed("ringfence: ready, 0 of 1 guests running");
        }
        assert_true(failed >= 8);
}

static void test_missing_image(void **state)
{
        BOOT("", 0x90, 0xc3);
        snprintf(config.guest[0].image, sizeof(config.guest[0].image), "b.elf");
        guests_start_all(&config);
        printed("error: guest a: image b.elf is not on the boot volume");
        assert_false(fake.guest);
}

static void test_ring0_refuses(void **state)
{
        BOOT("", 0x90, 0xc3);
        fake.hard_page = RF_IMAGE_BASE;
        guests_start_all(&config);
        printed("ring 0 refused its code: the bytes 0f 01 ef (WRPKRU) at 0x400000000");
        assert_false(fake.guest || fake.queue);
}

static void test_engine_refuses(void **state)
{
        BOOT("", 0xc3, 0x0f, 0x01, 0xef); /* behind the return: nobody knows whether it is code */
        guests_start_all(&config);
        printed("hard-data");
        printed("dbos refused 1 places");
        assert_false(fake.guest || fake.queue);
}

static void test_removed_instruction(void **state)
{
        static const uint8_t ud2[] = {0x0f, 0x0b};

        START("", 0x0f, 0x01, 0xef, 0xc3);
        assert_memory_equal(code_of(RF_IMAGE_BASE), ud2, 2);
        request(RF_REQ_DEAD, RF_IMAGE_BASE, 0)->death = RF_DEATH_EXCEPTION;
        fake_report()->vector = 6;
        serve();
        printed(
            "guest a: died: vCPU 0 at 0x400000000 (start+0x0): ran an instruction that dbos took out (hard)");
}

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

/* ---- the end
 * ------------------------------------------------------------------------------------------------- */

static void test_access(void **state)
{
        START("", 0x90, 0xc3);
        request(RF_REQ_DEAD, RF_IMAGE_BASE + 1, 0xdead)->death = RF_DEATH_ACCESS;
        fake_report()->fault_error = 2;
        serve();
        printed("guest a: died: vCPU 0 at 0x400000001 (start+0x1): store to 0xdead, which is not its memory");
        assert_int_equal(guests[0].state, GUEST_DOWN); /* restart = never */
        assert_false(fake.guest || fake.queue);
}

static void exit_with(uint64_t status)
{
        request(RF_REQ_EXITED, RF_IMAGE_BASE, 0)->exit_status = status;
        serve();
}

static void test_exit(void **state)
{
        START("restart = on-failure", 0x90, 0xc3);
        exit_with(0);
        printed("guest a: exited with status 0");
        assert_int_equal(guests[0].state, GUEST_ENDED);
        guest_restart(&guests[0]);
        exit_with(DBOS_EXIT_REJECTED | RF_COMMIT_LENGTH << 16 | 9ull << 32);
        printed("its driver handed over a bad descriptor, slot 9: length outside 17 to 1514");
        assert_int_equal(guests[0].state, GUEST_BACKOFF);
}

/* Ten restarts a minute, and the counters go on counting. */
static void test_restart_limit(void **state)
{
        START("restart = always", 0x90, 0xc3);
        for (unsigned i = 0; i < GUEST_HISTORY; i++) {
                exit_with(1);
                assert_int_equal(guests[0].state, GUEST_BACKOFF);
                guests_tick(guests[0].restart_tsc - 1);
                assert_int_equal(guests[0].state, GUEST_BACKOFF);
                guests_tick(guests[0].restart_tsc);
                assert_int_equal(guests[0].state, GUEST_RUNNING);
        }
        exit_with(1);
        assert_int_equal(guests[0].state, GUEST_DOWN);
        printed("stays down: 10 restarts within a minute");
        assert_int_equal(guests[0].restarts, GUEST_HISTORY);
        assert_int_equal(guests[0].past.rx_frames, 10 * (GUEST_HISTORY + 1));
        guest_restart(&guests[0]);
        assert_int_equal(guests[0].state, GUEST_RUNNING);
}

static void test_request_of_a_stopped_guest(void **state)
{
        START("", 0x90, 0xc3);
        request(RF_REQ_FETCH, RF_IMAGE_BASE, RF_IMAGE_BASE);
        guest_tear_down(&guests[0]);
        serve();
        assert_int_equal(fake.resumed, 0);
}

#define TEST(f) cmocka_unit_test_teardown(f, stop)

int main(void)
{
        const struct CMUnitTest tests[] = {
            TEST(test_build),
            TEST(test_every_failure),
            TEST(test_missing_image),
            TEST(test_ring0_refuses),
            TEST(test_engine_refuses),
            TEST(test_removed_instruction),
            TEST(test_code_write_and_fetch),
            TEST(test_bad_code_is_not_accepted),
            TEST(test_store_to_own_page),
            TEST(test_jump_to_data),
            TEST(test_store_is_rewritten),
            TEST(test_store_is_emulated),
            TEST(test_doorbell_is_emulated),
            TEST(test_other_register),
            TEST(test_cpuid),
            TEST(test_out),
            TEST(test_console_ring),
            TEST(test_access),
            TEST(test_exit),
            TEST(test_restart_limit),
            TEST(test_request_of_a_stopped_guest),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

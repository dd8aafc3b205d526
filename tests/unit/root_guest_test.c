/* SPDX-License-Identifier: MIT
 * hv/root with the real engine above a fake ring 0: building a guest, every way that can fail, its end and
 * its restarts. */
#include <stdio.h>

#include "root_bed.h"

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
static void every_failure(const char *extra)
{
        int failed = 0, last;

        START(extra, 0x90, 0xc3);
        last = fake.calls;
        assert_int_equal(stop(NULL), 0);
        for (int at = 1; at <= last; at++) {
                BOOT(extra, 0x90, 0xc3);
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

static void test_every_failure(void **state)
{
        every_failure("");
}

static void test_soft_queue(void **state)
{
        const struct rf_queue *q;

        START("queue = soft", 0x90, 0xc3);
        printed("ringfence: guest a: soft queue 0, mac 02:00:00:00:00:01, 1 vCPU, 4 MiB");
        q = &((const struct rf_info *)(uintptr_t)(RF_ROOT_INFO + guests[0].vcpu[0] * RF_PAGE_SIZE))->queue[0];
        assert_int_equal(q->model, RF_NIC_82576); /* whatever the NIC is */
        assert_int_equal(q->doorbell_rx, RF_DOORBELL_VA + IGB_RDT0);
        assert_int_equal(q->doorbell_tx, RF_DOORBELL_VA + IGB_TDT0);
        assert_int_equal(q->staging_tx, RF_STAGING_VA + RF_RING_TX_OFF);
        assert_true(fake.queue && fake.enabled && fake.started && !fake.open_mac);
        assert_int_equal(stop(NULL), 0);
        every_failure("queue = soft");
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

static void test_death_while_starting(void **state)
{
        BOOT("cpus = 2\nrestart = always", 0x90, 0xc3);
        fake.dies_early = true;
        guests_start_all(&config);
        assert_int_equal(guests[0].state, GUEST_RUNNING);
        exit_with(0);
        printed("guest a: exited with status 0");
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

int main(void)
{
        const struct CMUnitTest tests[] = {
            TEST(test_build),
            TEST(test_every_failure),
            TEST(test_soft_queue),
            TEST(test_missing_image),
            TEST(test_ring0_refuses),
            TEST(test_engine_refuses),
            TEST(test_removed_instruction),
            TEST(test_access),
            TEST(test_exit),
            TEST(test_death_while_starting),
            TEST(test_restart_limit),
            TEST(test_request_of_a_stopped_guest),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

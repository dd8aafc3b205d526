/* SPDX-License-Identifier: MIT
 *
 * Ring 0's soft queues above a fake kernel: what root gets of them and loses again before frames go
 * elsewhere, sleep and wake-up on both sides, and root as the owner of a hardware queue.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "nic_bed.h"

enum { SOFT = RF_NIC_OF_SOFT, Q = 9 };

static int64_t assign(uint64_t queue, struct vcpu *v)
{
        return nic_queue_assign(SOFT, queue, v, 0, v->guest ? RF_POOL_VA : RF_ROOT_POOL,
                                v->guest ? POOL_PAGES : RF_ROOT_POOL_PAGES);
}

static void start(uint64_t queue, struct vcpu *v)
{
        assert_int_equal(assign(queue, v), 0);
        assert_int_equal(nic_queue_enable(SOFT, queue), 0);
}

static int root_mappings(void)
{
        int n = 0;

        for (int i = 0; i < HOST_MAPPINGS; i++)
                n += host[i].va != 0;
        return n;
}

static void in_root(uint64_t va, uint64_t hpa, unsigned perm)
{
        int i = find_host(va);

        assert_true(i >= 0);
        assert_true(host[i].hpa == hpa);
        assert_int_equal(host[i].perm, perm | PERM_U);
}

static uint64_t root_page(uint64_t page)
{
        return RF_ROOT_SOFT + Q * RF_ROOT_SOFT_STEP + page * PAGE_SIZE;
}

static uint64_t hpa_at(uint64_t va)
{
        return fence[find(va)].hpa;
}

/* ---- having one ------------------------------------------------------------------------------ */

static void root_has_rings_state_and_pool(void **state)
{
        assert_int_equal(assign(Q, &vcpus[0]), 0);
        in_root(root_page(RF_SOFT_RX), hpa_at(RF_RING_VA), PERM_RW);
        in_root(root_page(RF_SOFT_TX), hpa_at(RF_RING_VA + RF_RING_TX_OFF), PERM_RW);
        in_root(root_page(RF_SOFT_STATE), phys_of(&states[0]), PERM_R);
        for (uint64_t i = 0; i < POOL_PAGES; i++)
                in_root(RF_ROOT_GUEST(GUEST) + RF_POOL_VA + i * PAGE_SIZE, hpa_of(POOL_FIRST + i), PERM_RW);
        assert_int_equal(root_mappings(), 3 + POOL_PAGES); /* staging, above all, is not among them */
}

/* The guest sees an 82576's queue; addresses stay pool-relative, and the doorbell is a word beside them. */
static void the_guest_has_what_it_always_has(void **state)
{
        const struct guard_ring *tx = &states[0].ring[1];
        struct nic_ring view;

        start(Q, &vcpus[0]);
        assert_true(tx->bus == 0 && tx->limit == POOL_PAGES * PAGE_SIZE - 2048 && tx->mask == 255);
        assert_int_equal(tx->mode, GR_MODE_ON);
        assert_true(tx->doorbell == RF_STATE_VA + offsetof(struct guard_state, ring[1].bell));
        assert_int_equal(find(RF_DOORBELL_VA + 0xc000), -1);
        assert_int_equal(find(RF_DOORBELL_VA + 0xe000), -1);
        assert_int_equal(fence[find(RF_RING_VA)].perm, PERM_RW | PERM_U | PERM_KEY(RF_KEY_WINDOW));
        assert_true(nic_ring_view(&vcpus[0], 1, &view));
        assert_ptr_equal(view.tail, &states[0].ring[1].bell);
        assert_int_equal(nic_queue_get(SOFT, Q, RF_QUEUE_RING_TX), RF_RING_VA + RF_RING_TX_OFF);
}

static void who_may_not(void **state)
{
        assert_int_equal(assign(RF_SOFT_QUEUES, &vcpus[0]), -RF_ENOENT);
        contiguous = hpa_of(LOOSE);
        assert_int_equal(assign(Q, &root_vcpu), -RF_EINVAL); /* root would be its own NIC */
        assert_null(root_vcpu.queue);
        assert_int_equal(assign(Q, &vcpus[0]), 0);
        assert_int_equal(assign(Q, &vcpus[1]), -RF_EBUSY);
        assert_int_equal(assign(Q + 1, &vcpus[0]), -RF_ENOTSUP); /* one queue pair a vCPU */
        assert_int_equal(nic_queue_assign(0, 0, &vcpus[0], 0, RF_POOL_VA, POOL_PAGES), -RF_ENOTSUP);
        assert_int_equal(nic_link_up(&vcpus[0], 0), -RF_ENOENT);
}

static void no_memory_at_any_point(void **state)
{
        bool done = false;

        for (int n = 0; !done; n++) {
                fresh(state);
                allocations_left = n % 2 ? n / 2 : 1000;
                maps_left = n % 2 ? 1000 : n / 2;
                done = assign(Q, &vcpus[0]) == 0;
                if (done)
                        break;
                assert_int_equal(root_mappings(), 0);
                assert_null(vcpus[0].queue);
                for (int i = 0; i < FRAMES; i++)
                        assert_int_equal(frames[i].pins, 0);
        }
}

/* Root's view is gone from every CPU before a frame of it is free; frame_free() checks that, too. */
static void taken_back_in_order(void **state)
{
        start(Q, &vcpus[0]);
        order[0] = 0;
        assert_int_equal(nic_queue_revoke(SOFT, Q), 0);
        assert_string_equal(order, "zero zero flush host-flush free free ");
        assert_int_equal(root_mappings(), 0);
        assert_int_equal(states[0].ring[1].mode, GR_MODE_REVOKED);
        assert_int_equal(woken, 1);
        assert_null(vcpus[0].queue);
        start(Q, &vcpus[0]); /* and again */
        assert_int_equal(states[0].ring[1].clean, 0);
        nic_revoke_guest(&guest);
        assert_int_equal(root_mappings(), 0);
}

/* ---- sleep and wake-up ----------------------------------------------------------------------- */

static void write_back(unsigned slot)
{
        *(uint32_t *)((char *)phys(hpa_at(RF_RING_VA)) + slot * 16 + IGB_RX_DD_OFF) = IGB_RX_DD;
}

static void a_guest_waits_and_root_wakes_it(void **state)
{
        struct nic_queue *q = soft_queue_at(Q);

        start(Q, &vcpus[0]);
        assert_int_equal(nic_wait_arm(&vcpus[0], 0, 3), 0);
        assert_int_equal(states[0].waiting, 1); /* root sees it */
        queue_interrupt(q);
        assert_int_equal(woken, 1);
        assert_int_equal(states[0].waiting, 0);
        queue_interrupt(q); /* root may say so as often as it likes */
        assert_int_equal(woken, 1);
        write_back(4);
        assert_int_equal(nic_wait_arm(&vcpus[0], 0, 4), 1); /* there already */
        assert_int_equal(states[0].waiting, 0);
        assert_int_equal(nic_wait_arm(&vcpus[0], 0, 5), 0);
        nic_wait_disarm(&vcpus[0], 0);
        assert_int_equal(states[0].waiting, 0);
}

static void the_switch_sleeps_and_one_commit_wakes_it(void **state)
{
        start(Q, &vcpus[0]);
        assert_int_equal(assign(3, &vcpus[1]), 0); /* not enabled: its guard has nothing to commit to */
        states[0].pending = 1;
        assert_false(switch_ring());
        assert_int_equal(rung, 0); /* nobody sleeps */
        assert_int_equal(switch_arm(0), 0);
        assert_true(soft_notified(&vcpus[0]) && !soft_notified(&vcpus[1]) && !soft_notified(&root_vcpu));
        assert_int_equal(states[0].ring[0].notify, 0); /* buffers are no news */
        switch_ring();
        assert_false(soft_notified(&vcpus[0]));
        assert_int_equal(states[0].pending, 1); /* of an interrupt: not its concern */
        switch_ring();
        assert_int_equal(rung, 1);
}

/* ---- root's own hardware queue --------------------------------------------------------------- */

static int64_t assign_to_root(uint64_t va, uint64_t pages)
{
        return nic_queue_assign(0, 7, &root_vcpu, 0, va, pages);
}

static void root_owns_a_queue_as_a_vcpu_would(void **state)
{
        struct nic_ring view;

        assert_int_equal(assign_to_root(RF_ROOT_POOL, RF_ROOT_POOL_PAGES), -RF_ENOMEM);
        contiguous = hpa_of(LOOSE);
        assert_int_equal(assign_to_root(RF_ROOT_POOL, RF_ROOT_POOL_PAGES - 1), -RF_EINVAL);
        assert_int_equal(assign_to_root(RF_ROOT_POOL + PAGE_SIZE, RF_ROOT_POOL_PAGES), -RF_EINVAL);
        assert_int_equal(assign_to_root(RF_ROOT_POOL, RF_ROOT_POOL_PAGES), 0);
        in_root(RF_ROOT_POOL + PAGE_SIZE, hpa_of(LOOSE + 1), PERM_RW);
        assert_int_equal(frames[LOOSE].pins, 1);
        assert_int_equal(nic_queue_enable(0, 7), 0);
        assert_true(root_state.ring[1].bus == hpa_of(LOOSE));
        assert_true(nic_ring_view(&root_vcpu, 1, &view));
        assert_ptr_equal(view.tail, &bar[(0xe018 + 7 * 0x40) / 4]);
        assert_int_equal(frames[(phys_of(view.ring) - hpa_of(0)) / PAGE_SIZE].owner, OWNER_ROOT);
        order[0] = 0;
        assert_int_equal(nic_queue_revoke(0, 7), 0);
        assert_string_equal(order, "zero zero bell bell host-flush tx-off rx-off close free free ");
        assert_int_equal(frames[LOOSE].pins, 0);
        assert_null(root_vcpu.queue);
}

/* A frame before the sleep keeps root awake, one after it ends the sleep; a commit does, too, and disarms. */
static void its_interrupt_wakes_the_switch(void **state)
{
        contiguous = hpa_of(LOOSE);
        start(Q, &vcpus[0]);
        assert_int_equal(assign_to_root(RF_ROOT_POOL, RF_ROOT_POOL_PAGES), 0);
        assert_int_equal(switch_arm(0), -RF_ENOENT); /* not enabled yet */
        assert_int_equal(nic_queue_enable(0, 7), 0);
        assert_int_equal(switch_arm(RF_RING_ENTRIES), -RF_EINVAL);
        assert_false(soft_notified(&vcpus[0]));
        assert_int_equal(switch_arm(5), 0);
        assert_true(root_vcpu.queue->armed);
        assert_true(soft_notified(&vcpus[0]));
        nic_interrupt(NIC_VECTOR + 7);
        assert_int_equal(woken, 1); /* vcpu_wake() of root is switch_ring(), in guest.c */
        assert_int_equal(switch_arm(5), 0);
        switch_ring();
        assert_false(root_vcpu.queue->armed);
        ((uint32_t *)phys(root_vcpu.queue->ring[0]))[5 * 4 + IGB_RX_DD_OFF / 4] = IGB_RX_DD;
        rung = 0;
        assert_int_equal(switch_arm(5), 1);
        switch_ring();
        assert_int_equal(rung, 0);
        assert_int_equal(nic_queue_revoke(0, 7), 0);
        assert_int_equal(switch_arm(5), 0); /* without a wire it sleeps all the same */
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
        const struct CMUnitTest tests[] = {
            TEST(root_owns_a_queue_as_a_vcpu_would), /* first: its pool is made once */
            TEST(root_has_rings_state_and_pool),
            TEST(the_guest_has_what_it_always_has),
            TEST(who_may_not),
            TEST(no_memory_at_any_point),
            TEST(taken_back_in_order),
            TEST(a_guest_waits_and_root_wakes_it),
            TEST(the_switch_sleeps_and_one_commit_wakes_it),
            TEST(its_interrupt_wakes_the_switch),
        };

        return cmocka_run_group_tests_name("soft queues", tests, NULL, NULL);
}

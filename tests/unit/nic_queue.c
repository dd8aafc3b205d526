/* SPDX-License-Identifier: MIT
 *
 * Ring 0's queue pairs above a fake kernel and a fake NIC: who may have one, in which order it is taken back
 * (P8, P9), and what becomes of frames when the NIC does not let go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "nic_bed.h"

static int64_t assign(unsigned queue, unsigned vcpu, uint64_t slot)
{
        return nic_queue_assign(0, queue, &vcpus[vcpu], slot, RF_POOL_VA, POOL_PAGES);
}

static unsigned pins(void)
{
        unsigned sum = 0;

        for (int i = 0; i < FRAMES; i++)
                sum += frames[i].pins;
        return sum;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void an_assigned_queue_is_off_and_closed(void **state)
{
        const struct guard_ring *rx = &states[0].ring[2], *tx = &states[0].ring[3]; /* slot 1 */

        assert_int_equal(assign(5, 0, 1), 0);
        assert_int_equal(rx->mode, GR_MODE_NONE);
        assert_int_equal(tx->mode, GR_MODE_NONE);
        assert_true(rx->bus == hpa_of(POOL_FIRST) && tx->bus == hpa_of(POOL_FIRST));
        assert_true(rx->limit == POOL_PAGES * PAGE_SIZE - 2048 && rx->mask == 255);
        assert_true(rx->doorbell == RF_DOORBELL_VA + 0xc018 + 5 * 0x40);
        assert_true(tx->doorbell == RF_DOORBELL_VA + 0xe018 + 5 * 0x40);
        assert_true(tx->ring == rx->ring + RF_RING_TX_OFF && rx->ring == RF_RING_VA + RF_RING_STEP);
        assert_true(rx->staging == rx->ring + RF_STAGING_DELTA);
        assert_int_equal((bar[0xc168 / 4] | bar[0xe168 / 4]) & IGB_XDCTL_ENABLE, 0);
        assert_int_equal(bar[0xc140 / 4], (uint32_t)fence[find(rx->ring)].hpa);
        assert_int_equal(bar[0xe140 / 4], (uint32_t)fence[find(tx->ring)].hpa);
        assert_int_equal(fence[find(rx->ring)].perm, PERM_RW | PERM_U | PERM_KEY(1));
        assert_int_equal(fence[find(rx->staging)].perm, PERM_RW);
        assert_int_equal(fence[find(RF_DOORBELL_VA + 0xc000)].perm, PERM_RW | PERM_U | PERM_UC | PERM_KEY(2));
        assert_true(fence[find(RF_DOORBELL_VA + 0xe000)].hpa == 0xfe00e000);
        assert_int_equal(pins(), POOL_PAGES + 2);
        assert_int_equal(nic_queue_enable(0, 5), 0);
        assert_true(rx->mode == GR_MODE_ON && tx->mode == GR_MODE_ON);
        assert_int_equal(bar[0xc168 / 4] & bar[0xe168 / 4] & IGB_XDCTL_ENABLE, IGB_XDCTL_ENABLE);
}

static void who_may_not_have_one(void **state)
{
        struct vcpu *v = &vcpus[0];

        assert_int_equal(nic_queue_assign(1, 0, v, 0, RF_POOL_VA, 1), -RF_ENOENT);
        assert_int_equal(nic_queue_assign(0, 8, v, 0, RF_POOL_VA, 1), -RF_ENOENT);
        assert_int_equal(assign(0, 0, 4), -RF_EINVAL);
        nics[0].ready = false;
        assert_int_equal(assign(0, 0, 0), -RF_EBUSY);
        nics[0].ready = true;
        reports[0].state = RF_VCPU_RUNNING;
        assert_int_equal(assign(0, 0, 0), -RF_EBUSY);
        reports[0].state = RF_VCPU_NEW;
        window_open = true;
        assert_int_equal(assign(0, 0, 0), -RF_EBUSY);
        window_open = false;
        assert_int_equal(nic_queue_enable(0, 0), -RF_EBUSY); /* nothing to enable */
        assert_int_equal(assign(0, 0, 0), 0);
        assert_int_equal(assign(0, 1, 0), -RF_EBUSY); /* another's */
        assert_int_equal(assign(1, 0, 1), -RF_ENOTSUP);
        assert_int_equal(pins(), POOL_PAGES + 2);
}

static void the_pool_must_be_one(void **state)
{
        struct vcpu *v = &vcpus[0];

        assert_int_equal(nic_queue_assign(0, 0, v, 0, RF_POOL_VA + 8, 1), -RF_EINVAL);
        assert_int_equal(nic_queue_assign(0, 0, v, 0, RF_POOL_VA, 0), -RF_EINVAL);
        assert_int_equal(nic_queue_assign(0, 0, v, 0, RF_GUEST_HI - PAGE_SIZE, 2), -RF_EINVAL);
        assert_int_equal(nic_queue_assign(0, 0, v, 0, UINT64_MAX & ~0xfffull, 1), -RF_EINVAL);
        assert_int_equal(nic_queue_assign(0, 0, v, 0, RF_POOL_VA, UINT64_MAX), -RF_EINVAL);
        assert_int_equal(nic_queue_assign(0, 0, v, 0, RF_POOL_VA + 100 * PAGE_SIZE, 1), -RF_ENOENT);
        assert_int_equal(nic_queue_assign(0, 0, v, 0, RF_POOL_VA, POOL_PAGES + 1),
                         -RF_EPERM); /* free frame */
        frames[POOL_FIRST + 1].kind = FRAME_DATA;
        assert_int_equal(assign(0, 0, 0), -RF_EPERM);
        frames[POOL_FIRST + 1].kind = FRAME_POOL;
        frames[POOL_FIRST + 1].owner = GUEST + 1;
        assert_int_equal(assign(0, 0, 0), -RF_EPERM);
        frames[POOL_FIRST + 1].owner = GUEST;
        pool_swap = 1; /* not contiguous */
        assert_int_equal(assign(0, 0, 0), -RF_EPERM);
        pool_swap = 0;
        assert_int_equal(pins(), 0);
        assert_int_equal(order[0], 0);
}

static void no_memory_at_any_point(void **state)
{
        bool done = false;

        for (int n = 0; !done; n++) {
                fresh(state);
                allocations_left = n % 2 ? n / 2 : 1000;
                maps_left = n % 2 ? 1000 : n / 2;
                done = assign(0, 0, 0) == 0;
                if (done)
                        break;
                assert_int_equal(pins(), 0);
                assert_int_equal(nics[0].queue[0].state, QUEUE_FREE);
                assert_null(nics[0].queue[0].vcpu);
                for (int i = 0; i < FRAMES; i++)
                        assert_true(frames[i].kind != FRAME_RING || frames[i].owner == OWNER_KERNEL);
        }
}

static void revocation_has_an_order(void **state)
{
        assert_int_equal(assign(2, 0, 0), 0);
        assert_int_equal(nic_queue_enable(0, 2), 0);
        order[0] = 0;
        assert_int_equal(nic_queue_revoke(0, 2), 0);
        assert_string_equal(order, "zero zero bell bell flush tx-off rx-off close free free ");
        assert_int_equal(woken, 1);
        assert_int_equal(pins(), 0);
        assert_int_equal(fence[find(RF_RING_VA)].perm, PERM_R | PERM_U | PERM_KEY(1));
        assert_true(find(RF_STAGING_VA) >= 0); /* a driver may still write there */
        assert_int_equal(nic_queue_revoke(0, 2), -RF_ENOENT);
        assert_int_equal(assign(2, 0, 0), 0); /* and again, with the same staging, emptied */
        assert_int_equal(states[0].ring[0].mode, GR_MODE_NONE);
        assert_int_equal(states[0].ring[0].clean, 0);
}

static void what_does_not_drain_is_never_reused(void **state)
{
        assert_int_equal(assign(2, 0, 0), 0);
        assert_int_equal(nic_queue_enable(0, 2), 0);
        order[0] = 0;
        stuck_polls = 1;
        assert_int_equal(nic_queue_revoke(0, 2), -RF_ETIMEDOUT);
        assert_null(strstr(order, "free"));
        assert_non_null(strstr(order, "flush"));
        assert_int_equal(pins(), POOL_PAGES + 2);
        assert_int_equal(nics[0].queue[2].state, QUEUE_QUARANTINED);
        stuck_polls = 0;
        assert_int_equal(assign(2, 0, 0), -RF_EBUSY);
        assert_int_equal(assign(3, 0, 0), 0); /* the vCPU may have another */
}

/* ---- one queue pair, the 82540EM's -------------------------------------------------------------- */

static void on(void)
{
        assert_int_equal(assign(0, 0, 0), 0);
        assert_int_equal(nic_queue_enable(0, 0), 0);
        bar[E1000_RCTL / 4] |= E1000_RCTL_EN;
        bar[E1000_TCTL / 4] |= E1000_TCTL_EN;
        order[0] = 0;
}

static void e1000_window(void **state)
{
        const struct guard_ring *rx = &states[0].ring[0], *tx = &states[0].ring[1];

        on();
        assert_true(rx->doorbell == RF_DOORBELL_VA + 0x2818 && tx->doorbell == RF_DOORBELL_VA + 0x3818);
        assert_true(fence[find(RF_DOORBELL_VA + 0x2000)].hpa == 0xfe002000);
        assert_true(fence[find(RF_DOORBELL_VA + 0x3000)].hpa == 0xfe003000);
        assert_int_equal(fence[find(RF_DOORBELL_VA + 0x3000)].perm, PERM_RW | PERM_U | PERM_UC | PERM_KEY(2));
        assert_int_equal(bar[0x2800 / 4], (uint32_t)fence[find(rx->ring)].hpa);
        assert_int_equal(bar[0x3800 / 4], (uint32_t)fence[find(tx->ring)].hpa);
        assert_memory_equal(&rx->form, &e1000_form[0], sizeof rx->form);
        assert_memory_equal(&tx->form, &e1000_form[1], sizeof tx->form);
        assert_int_equal(tx->form.fixed, 0x0b000000);
}

static void e1000_revocation_ends_in_a_reset(void **state)
{
        on();
        assert_int_equal(nic_queue_revoke(0, 0), 0);
        assert_string_equal(order, "zero zero bell bell flush rx-off tx-off reset close free free ");
        assert_int_equal(bar[0x2800 / 4] | bar[0x2808 / 4] | bar[0x3800 / 4] | bar[0x3808 / 4], 0);
        assert_int_equal(pins(), 0);
        assert_int_equal(assign(0, 0, 0), 0);
}

static void e1000_quarantine(void **state)
{
        on();
        stuck_polls = 1;
        assert_int_equal(nic_queue_revoke(0, 0), -RF_ETIMEDOUT);
        assert_null(strstr(order, "free"));
        assert_int_equal(pins(), POOL_PAGES + 2);
        assert_int_equal(nics[0].queue[0].state, QUEUE_QUARANTINED);
        stuck_polls = 0;
        assert_int_equal(assign(0, 0, 0), -RF_EBUSY);
}

static void a_guest_loses_all_of_its_own(void **state)
{
        assert_int_equal(assign(1, 0, 0), 0);
        assert_int_equal(assign(2, 1, 0), 0);
        states[0].ring[0].mode = states[0].ring[1].mode = GR_MODE_REVOKED; /* guest_flush looks there */
        nic_revoke_guest(&guest);
        assert_int_equal(pins(), 0);
        assert_true(nics[0].queue[1].state == QUEUE_FREE && nics[0].queue[2].state == QUEUE_FREE);
}

static void a_queue_that_does_not_start_stays_assigned(void **state)
{
        assert_int_equal(assign(4, 0, 0), 0);
        bar[(IGB_TDH0 + 0x100) / 4] = 1; /* head not 0 */
        assert_int_equal(nic_queue_enable(0, 4), -RF_EBUSY);
        assert_int_equal(states[0].ring[0].mode, GR_MODE_NONE);
        assert_int_equal(nics[0].queue[4].state, QUEUE_ASSIGNED);
        assert_int_equal(nic_queue_revoke(0, 4), 0);
}

static void what_root_and_commit_see(void **state)
{
        struct nic_ring view;

        assert_int_equal(nic_queue_get(0, 6, RF_QUEUE_RING_RX), 0);
        assert_false(nic_ring_view(&vcpus[0], 0, &view));
        assert_int_equal(assign(6, 0, 0), 0);
        assert_false(nic_ring_view(&vcpus[0], 0, &view)); /* not enabled yet */
        assert_int_equal(nic_queue_enable(0, 6), 0);
        assert_true(nic_ring_view(&vcpus[0], 1, &view));
        assert_ptr_equal(view.tail, &bar[(0xe018 + 6 * 0x40) / 4]);
        assert_ptr_equal(view.ring, phys(fence[find(RF_RING_VA + RF_RING_TX_OFF)].hpa));
        assert_ptr_equal(view.staging, phys(fence[find(RF_STAGING_VA + RF_RING_TX_OFF)].hpa));
        assert_false(nic_ring_view(&vcpus[0], 2, &view));
        assert_false(nic_ring_view(&vcpus[1], 0, &view));
        states[0].ring[0] = (struct guard_ring){.clean = 11, .reaped = 10, .rejected = 2, .ring = 99};
        states[0].ring[1] = (struct guard_ring){.clean = 21, .reaped = 20, .rejected = 3, .ring = 98};
        assert_int_equal(nic_queue_get(0, 6, RF_QUEUE_RX_CLEAN), 11);
        assert_int_equal(nic_queue_get(0, 6, RF_QUEUE_RX_REAPED), 10);
        assert_int_equal(nic_queue_get(0, 6, RF_QUEUE_TX_CLEAN), 21);
        assert_int_equal(nic_queue_get(0, 6, RF_QUEUE_TX_REAPED), 20);
        assert_int_equal(nic_queue_get(0, 6, RF_QUEUE_REJECTED), 5);
        assert_int_equal(nic_queue_get(0, 6, RF_QUEUE_RING_RX), 99);
        assert_int_equal(nic_queue_get(0, 6, RF_QUEUE_RING_TX), 98);
        assert_int_equal(nic_queue_get(0, 6, 7), -RF_EINVAL);
        assert_int_equal(nic_queue_get(0, 8, 0), -RF_ENOENT);
        assert_int_equal(nic_link_up(&vcpus[0], 0), 0);
        bar[IGB_STATUS / 4] = IGB_STATUS_LU;
        assert_int_equal(nic_link_up(&vcpus[0], 0), 1);
        assert_int_equal(nic_link_up(&vcpus[0], 1), -RF_ENOENT);
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
        const struct CMUnitTest tests[] = {
            TEST(an_assigned_queue_is_off_and_closed),
            TEST(who_may_not_have_one),
            TEST(the_pool_must_be_one),
            TEST(no_memory_at_any_point),
            TEST(revocation_has_an_order),
            TEST(what_does_not_drain_is_never_reused),
            TEST(a_guest_loses_all_of_its_own),
            TEST(a_queue_that_does_not_start_stays_assigned),
            TEST(what_root_and_commit_see),
            cmocka_unit_test_setup(e1000_window, fresh_e1000),
            cmocka_unit_test_setup(e1000_revocation_ends_in_a_reset, fresh_e1000),
            cmocka_unit_test_setup(e1000_quarantine, fresh_e1000),
        };

        return cmocka_run_group_tests_name("queue pairs", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * The guard's C side in ring 0: its page installed, commit on behalf of a vCPU, and root's stores into
 * staging.
 */
#include "guard.h"
#include "desc.h"
#include "frame.h"
#include "nic.h"
#include "rf/rings.h"
#include "rf_string.h"
#include "smp.h"
#include "vm.h"

int64_t guard_install(void)
{
        int64_t hpa = frame_alloc(FRAME_GUARD, OWNER_KERNEL);

        if (hpa < 0)
                return hpa;
        if (!guard_build(phys((uint64_t)hpa), cpu_has_keys, vm->hypercall_opcode)) {
                frame_free((uint64_t)hpa);
                return -RF_EHARD;
        }
        frame_of((uint64_t)hpa)->executable = true; /* W^X: from here on ring 0 cannot write it either (P3) */
        physmap_set_writable((uint64_t)hpa, false);
        host_flush();
        return hpa;
}

static uint64_t refused(enum rf_commit_reason reason)
{
        return (uint64_t)reason << 32;
}

uint64_t commit_hypercall(struct vcpu *v, uint32_t ring, uint32_t tail)
{
        struct nic_ring view;
        uint64_t result;
        bool moved;

        if (ring >= GUARD_RINGS)
                return refused(RF_COMMIT_RING);
        if (!nic_ring_view(v, ring, &view)) /* gone: the state remembers whether it was ever there */
                return refused(v->state->ring[ring].mode == GR_MODE_REVOKED ? RF_COMMIT_REVOKED
                                                                            : RF_COMMIT_RING);
        result = guard_hand_over(&v->state->ring[ring], view.ring, view.staging, tail, &moved);
        if (moved)
                *view.tail = (uint32_t)result;
        if (moved && soft_notified(v) && ring % 2 == 1)
                switch_ring();
        return result;
}

int64_t commit_stage_store(struct vcpu *v, uint64_t ring_va, uint64_t value, uint64_t bytes)
{
        const uint64_t ring_bytes = RF_RING_ENTRIES * sizeof(struct desc);
        uint64_t number = (ring_va - RF_RING_VA) / RF_RING_TX_OFF,
                 offset = (ring_va - RF_RING_VA) % RF_RING_TX_OFF;
        struct nic_ring view;

        if (bytes < 1 || bytes > sizeof(value) || number >= GUARD_RINGS || offset + bytes > ring_bytes)
                return -RF_EINVAL;
        if (!nic_ring_view(v, (unsigned)number, &view))
                return -RF_ENOENT;
        memcpy((uint8_t *)view.staging + offset, &value, bytes);
        return RF_OK;
}

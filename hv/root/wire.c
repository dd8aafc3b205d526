/* SPDX-License-Identifier: MIT
 * The switch's own hardware queue pair: see wire.h. */
#include "wire.h"

#include "rf/layout.h"
#include "rf/nic_form.h"
#include "ringfence.h"
#include "rf_string.h"
#include "sys.h"

enum { RX, TX, RINGS, MASK = RF_RING_ENTRIES - 1 };
_Static_assert(RINGS *RF_RING_ENTRIES *RF_BUFFER_BYTES == RF_ROOT_POOL_PAGES * 4096,
               "a buffer for each slot");

static struct {
        bool on;
        const struct nic_form *form;
        /* free-running: done with, put into staging, taken by ring 0 */
        struct {
                uint32_t cleaned, filled, handed;
        } ring[RINGS];
} wire;

bool wire_on(void)
{
        return wire.on;
}

static volatile struct port_desc *descriptor(uint64_t base, unsigned ring, uint32_t index)
{
        return (volatile struct port_desc *)(uintptr_t)(base + ring * RF_RING_TX_OFF) + (index & MASK);
}

static uint64_t buffer_of(unsigned ring, uint32_t index)
{
        return ((uint64_t)ring * RF_RING_ENTRIES + (index & MASK)) * RF_BUFFER_BYTES;
}

static uint8_t *data_of(unsigned ring, uint32_t index)
{
        return (uint8_t *)(uintptr_t)(RF_ROOT_POOL + buffer_of(ring, index));
}

/* Written back by the NIC: the second word is only read when DD is set, behind it. */
static bool done(unsigned ring, uint64_t *hi)
{
        uint32_t index = wire.ring[ring].cleaned;

        *hi = __atomic_load_n(&descriptor(RF_RING_VA, ring, index)->hi, __ATOMIC_ACQUIRE);
        return index != wire.ring[ring].handed &&
               (*hi >> 8 * ((ring == TX ? wire.form->tx_dd : wire.form->rx_dd) - 8) & 1) != 0;
}

static void stage(unsigned ring, uint64_t hi)
{
        volatile struct port_desc *to = descriptor(RF_STAGING_VA, ring, wire.ring[ring].filled);

        to->lo = buffer_of(ring, wire.ring[ring].filled);
        to->hi = hi;
        wire.ring[ring].filled++;
}

/* As far as ring 0 takes it: the rest at the next flush. */
static void hand_over(unsigned ring)
{
        while (wire.ring[ring].handed != wire.ring[ring].filled) {
                int64_t result = sys_commit(RF_VCPU_ROOT, ring, wire.ring[ring].filled & MASK);
                uint32_t step = ((uint32_t)result - wire.ring[ring].handed) & MASK;

                if (result < 0 || step == 0)
                        return;
                wire.ring[ring].handed += step;
        }
}

void wire_flush(void)
{
        if (!wire.on)
                return;
        hand_over(RX);
        hand_over(TX);
}

int wire_start(int nic, unsigned queue, enum rf_nic_model model)
{
        int64_t error = sys_queue_assign(nic, queue, RF_VCPU_ROOT, 0, RF_ROOT_POOL, RF_ROOT_POOL_PAGES);

        if (error == 0)
                error = sys_queue_enable(nic, queue);
        if (error != 0)
                return (int)error;
        memset(&wire, 0, sizeof(wire));
        wire.on = true;
        wire.form = nic_form_of(model);
        while (wire.ring[RX].filled < MASK) /* a full ring has a slot free: P6 */
                stage(RX, 0);
        hand_over(RX);
        return 0;
}

bool wire_next(struct frame *f)
{
        uint64_t hi;
        uint32_t length;

        while (wire.on && done(RX, &hi)) {
                length = (uint32_t)(hi >> wire.form->rx_length) & 0xffff;
                if ((hi & wire.form->rx_bad) == 0 && length >= IGB_TX_LEN_MIN && length <= IGB_TX_LEN_MAX) {
                        frame_snapshot(f, data_of(RX, wire.ring[RX].cleaned), length);
                        return true;
                }
                wire_received(); /* damaged, or longer than any guest may send */
        }
        return false;
}

void wire_received(void)
{
        wire.ring[RX].cleaned++;
        stage(RX, 0);
}

bool wire_has_room(void)
{
        uint64_t hi;

        while (wire.on && done(TX, &hi))
                wire.ring[TX].cleaned++;
        return wire.on && wire.ring[TX].filled - wire.ring[TX].cleaned < MASK;
}

void wire_send(const struct frame *f)
{
        uint64_t length = frame_copy(data_of(TX, wire.ring[TX].filled), f);

        stage(TX, wire.form->tx + wire.form->tx_length * length);
}

uint64_t wire_awaited(void)
{
        return wire.ring[RX].cleaned & MASK;
}

/* SPDX-License-Identifier: MIT
 *
 * libFuzzer harness of ring 0's hypercalls: any numbers, any registers, any staging, and a NIC that hands
 * slots back, whatever it writes into them. hypercall.c and all of commit are the kernel's own files. After
 * each step the NIC owns only valid descriptors that the guard wrote, the indices keep their rules (P6, P7),
 * and no slot has changed that was not handed over.
 */
#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "guard.h"
#include "guard/desc.h"
#include "nic.h"
#include "rf/rings.h"
#include "ringfence.h"
#include "sched.h"
#include "smp.h"
#include "vm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { ENTRIES = RF_RING_ENTRIES, RINGS = 4, BUS = 0x40000000, POOL = 1 << 20 };

enum what { HYPERCALL, STAGE, STAGE_GOOD, WRITE_BACK, REVOKE, KINDS };
struct step {
        uint8_t what, ring;
        uint16_t slot;
        uint32_t number; /* of a hypercall; its lowest bits only, mostly */
        uint64_t value[3];
};

static struct desc rings[RINGS][ENTRIES], staging[RINGS][ENTRIES], before[ENTRIES];
static uint32_t tails[RINGS], head[RINGS]; /* head: what the NIC has not written back yet */
static struct guard_state state;
static struct rf_vcpu_report report;
static struct rf_console console;
static struct guest guest = {.console = &console};
static struct vcpu vcpu;
static bool killed;

uint32_t active_controls;
uint64_t tsc_hz = 1000000000;
bool cpu_has_keys;
const struct vm_ops *vm;

static void must(bool holds)
{
        if (!holds)
                abort();
}

/* ---- the rest of ring 0 ------------------------------------------------------------------------------ */

bool nic_ring_view(const struct vcpu *v, uint32_t ring, struct nic_ring *view)
{
        if (ring >= RINGS || state.ring[ring].mode != GR_MODE_ON)
                return false;
        *view = (struct nic_ring){rings[ring], staging[ring], &tails[ring]};
        return true;
}

void guest_kill(struct vcpu *v, enum rf_death death)
{
        killed = true;
}

int nic_wait_arm(struct vcpu *v, uint64_t slot, uint64_t next)
{
        return slot > 1 ? -RF_ENOENT : next >= ENTRIES ? -RF_EINVAL : (int)(next & 1);
}

void nic_wait_disarm(struct vcpu *v, uint64_t slot)
{
        must(slot <= 1);
}

uint64_t nic_wait_until(const struct vcpu *v, uint64_t deadline)
{
        return deadline;
}

bool soft_notified(const struct vcpu *v)
{
        return state.pending & 2;
}

bool switch_ring(void)
{
        return false;
}

/* commit.c's other half, which is not fuzzed */
int64_t frame_alloc(enum frame_kind kind, int owner)
{
        return -RF_ENOMEM;
}
void frame_free(uint64_t hpa)
{
}
struct frame *frame_of(uint64_t hpa)
{
        return NULL;
}
bool guard_build(uint8_t *page, bool keys, const uint8_t opcode[3])
{
        return false;
}
void physmap_set_writable(uint64_t hpa, bool writable)
{
}
void host_flush(void)
{
}

/* ---- the oracle --------------------------------------------------------------------------------------- */

static bool valid(const struct guard_ring *r, const struct desc *d)
{
        return guard_check(r, d->lo - r->bus, d->hi & ~r->form.set) == RF_COMMIT_OK && d->lo >= BUS &&
               d->lo + RF_BUFFER_BYTES <= BUS + POOL;
}

static void check_indices(const struct guard_ring *r)
{
        must(r->clean - r->reaped < ENTRIES);
        must(r->mask == ENTRIES - 1);
}

static void check_commit(uint32_t ring, const struct guard_ring *old, uint64_t result)
{
        const struct guard_ring *r = &state.ring[ring];
        uint32_t moved = r->clean - old->clean;

        must(moved <= RF_COMMIT_MAX && r->reaped - old->reaped <= RF_REAP_MAX);
        must((int32_t)(head[ring] - r->reaped) >= 0); /* nothing is taken back that the NIC has */
        for (uint32_t i = 0; i < ENTRIES; i++)
                if (((i - old->clean) & r->mask) < moved)
                        must(valid(r, &rings[ring][i]));
                else
                        must(!memcmp(&rings[ring][i], &before[i], sizeof before[i]));
        if (r->mode == GR_MODE_ON)
                must((uint32_t)result == (r->clean & r->mask));
        if (moved)
                must(tails[ring] == (r->clean & r->mask));
}

/* ---- steps --------------------------------------------------------------------------------------------- */

static void call(const struct step *s)
{
        static struct guard_ring old[GUARD_RINGS];
        uint64_t number = s->number & 0x80 ? s->number : s->number % (RF_HC_COUNT + 1);
        uint32_t ring = (uint32_t)s->value[0];
        uint64_t printed = console.head, calls = 0;

        vcpu.gpr[RAX] = number;
        vcpu.gpr[RDI] = s->value[0];
        vcpu.gpr[RSI] = s->value[1];
        vcpu.gpr[RDX] = vcpu.gpr[R10] = s->value[2];
        memcpy(old, state.ring, sizeof old);
        if (ring < RINGS)
                memcpy(before, rings[ring], sizeof before);
        for (int i = 0; i < RF_EXIT_COUNT; i++)
                calls -= report.exits[i];
        hypercall(&vcpu);
        for (int i = 0; i < RF_EXIT_COUNT; i++)
                calls += report.exits[i];
        must(calls == 1 && console.head - printed <= RF_CONSOLE_BYTES);
        if (number == RF_HC_COMMIT && ring < RINGS)
                check_commit(ring, &old[ring], vcpu.gpr[RAX]);
        else
                must(!memcmp(old, state.ring, sizeof old));
        if (number >= RF_HC_COUNT)
                must(vcpu.gpr[RAX] == (uint64_t)-RF_ENOTSUP);
}

static void stage_good(const struct step *s)
{
        uint32_t length = 60 + s->value[1] % 1400;
        struct desc *d = &staging[s->ring][s->slot % ENTRIES];
        const struct guard_form *f = &state.ring[s->ring].form;

        d->lo = s->value[0] % (POOL - RF_BUFFER_BYTES);
        d->hi = f->fixed ? (f->fixed + f->factor * length) & ~f->set : 0;
}

/* The NIC: slots in order, only its own, anything in them, DD set. */
static void write_back(const struct step *s)
{
        const struct guard_ring *r = &state.ring[s->ring];
        struct desc *d = &rings[s->ring][head[s->ring] & r->mask];

        if (head[s->ring] == r->clean)
                return;
        d->lo = s->value[0];
        d->hi = s->value[1];
        ((uint8_t *)d)[r->form.dd] |= 1;
        head[s->ring]++;
}

static void start(void)
{
        memset(&state, 0, sizeof state);
        memset(rings, 0, sizeof rings);
        memset(staging, 0, sizeof staging);
        memset(head, 0, sizeof head);
        memset(&report, 0, sizeof report);
        console.head = 0;
        killed = false;
        vcpu = (struct vcpu){.guest = &guest, .report = &report, .state = &state};
        for (unsigned i = 0; i < RINGS; i++)
                state.ring[i] = (struct guard_ring){.bus = BUS,
                                                    .limit = POOL - RF_BUFFER_BYTES,
                                                    .mode = i < 3 ? GR_MODE_ON : GR_MODE_NONE,
                                                    .mask = ENTRIES - 1,
                                                    .form = i < 2 ? igb_form[i] : e1000_form[i % 2 ^ 1]};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
        struct step s;

        start();
        for (; n >= sizeof s && !killed; data += sizeof s, n -= sizeof s) {
                memcpy(&s, data, sizeof s);
                s.ring %= RINGS;
                if (s.what % KINDS == HYPERCALL)
                        call(&s);
                else if (s.what % KINDS == STAGE)
                        staging[s.ring][s.slot % ENTRIES] = (struct desc){s.value[0], s.value[1]};
                else if (s.what % KINDS == STAGE_GOOD)
                        for (unsigned i = 0; i < s.value[2] % 64; i++, s.slot++)
                                stage_good(&s);
                else if (s.what % KINDS == WRITE_BACK)
                        for (unsigned i = 0; i < s.value[2] % 64; i++)
                                write_back(&s);
                else if (s.slot % 64 == 0)
                        state.ring[s.ring].mode = GR_MODE_REVOKED;
                for (unsigned i = 0; i < RINGS; i++)
                        check_indices(&state.ring[i]);
        }
        return 0;
}

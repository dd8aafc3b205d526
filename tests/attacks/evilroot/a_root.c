/* SPDX-License-Identifier: MIT
 * Attack 21: what a root may not do with NIC registers, frames, queues and vCPUs. */
#include "rf/rings.h"
#include "rf_string.h"
#include "wire.h"

static void refused(struct tally *t, const char *name, uint64_t off, uint64_t value)
{
        int64_t error = rf_sys(RF_SYS_NIC_WRITE, (uint64_t)nic, off, value, 0, 0, 0);

        t->tried++;
        t->blocked += error < 0;
        t->succeeded += error >= 0;
        if (error >= 0 && !controls)
                say("attack 21: write of %s (%lx) let through", name, off);
}

static void named(void)
{
        static const uint32_t values[] = {0, 0x100000, UINT32_MAX};
        struct tally t = {0};

        for (unsigned i = 0; i < card->nforbidden; i++)
                for (unsigned v = 0; v < 3; v++)
                        refused(&t, card->forbidden[i].name, card->forbidden[i].off, values[v]);
        for (uint64_t off = card->bar_bytes - 8; off < card->bar_bytes + 16;
             off += 4) /* MSI-X table, end of the BAR */
                refused(&t, "end of BAR", off, 1);
        refused(&t, "unaligned", card->tdbal + 1, 1);
        refused(&t, "beyond 32 bits", 1ull << 32, 1);
        report("registers", "named", &t);
}

/* What the forced bits protect, read back after every register took every value it may take. */
static void sweep(void)
{
        struct tally t = {0};

        for (uint32_t off = 0; off < card->bar_bytes; off++) {
                int64_t error = sys_nic_write(nic, off, ~card->reset);

                t.tried++;
                t.blocked += error == -RF_EREFUSED;
                t.other += error != -RF_EREFUSED;
        }
        t.succeeded = !card->forced(&nic_io);
        report("registers", "sweep", &t);
        nic_reopen();
}

/* The use of a ring base of one's own: descriptors that no guard has seen. They lie in the attacker's pool,
 * buffer 8, and name the victim's. */
static void own_ring(void)
{
        uint64_t native[2], at;
        struct subject a, v;

        native[0] = wire_victim(&v, "RFCANARY");
        native[1] = wire_hi(FRAME_BYTES) | card->tx_rs;
        subject_new(&a, 0, 1);
        wire_put(&a, 0, "RFALLOW!");
        at = wire_bus(&a) + 8 * BUFFER;
        if (!poke(&a, POOL_VA + 8 * BUFFER, native, sizeof(native)))
                fail("a pool cannot be written");
        sys_nic_write(nic, card->tdbal, (uint32_t)at);
        sys_nic_write(nic, card->tdbal + 4, (uint32_t)(at >> 32));
        if (reason(commit(&a, 1, 1, 0, wire_hi(FRAME_BYTES))) != RF_COMMIT_OK)
                fail("a good descriptor was refused");
        want("own-ring controls=%x allowed=1 send=0", controls);
        subject_end(&v);
        subject_end(&a);
}

void attack_registers(void)
{
        nic_reopen();
        named();
        if (!controls)
                sweep();
        nic_reopen();
        own_ring();
}

/* ---- calls --------------------------------------------------------------------------------------- */

static struct tally calls;

static void expect(const char *what, int64_t got, int64_t wanted)
{
        calls.tried++;
        if (got == wanted) {
                calls.blocked++;
                return;
        }
        calls.succeeded += got >= 0;
        calls.other += got < 0;
        say("attack 21: %s: %ld, not %ld", what, got, wanted);
}

static void memory_calls(struct subject *s)
{
        int g = s->guest;

        expect("map over a page", sys_guest_map(g, DATA_VA, 1, RF_MAP_DATA), -RF_EBUSY);
        expect("map code over data", sys_guest_map(g, DATA_VA, 1, RF_MAP_CODE), -RF_EBUSY);
        expect("map over the pool", sys_guest_map(g, POOL_VA, 1, RF_MAP_CODE), -RF_EBUSY);
        expect("map page 0", sys_guest_map(g, 0, 1, RF_MAP_DATA), -RF_EINVAL);
        expect("map the fence", sys_guest_map(g, RF_GUARD_VA, 1, RF_MAP_DATA), -RF_EINVAL);
        expect("map past the end", sys_guest_map(g, RF_GUEST_HI - 4096, 2, RF_MAP_DATA), -RF_EINVAL);
        expect("map so much that it wraps", sys_guest_map(g, SPOT_VA, 1ull << 52, RF_MAP_DATA), -RF_EINVAL);
        expect("map nothing", sys_guest_map(g, 0x700000000, 0, RF_MAP_DATA), -RF_EINVAL);
        expect("map an odd address", sys_guest_map(g, 0x700000001, 1, RF_MAP_DATA), -RF_EINVAL);
        expect("map no kind", sys_guest_map(g, 0x700000000, 1, (enum rf_map_kind)4), -RF_EINVAL);
        expect("map beyond the quota", sys_guest_map(g, 0x700000000, SUBJECT_QUOTA, RF_MAP_DATA), -RF_ENOMEM);
        expect("accept the pool", sys_guest_accept(g, POOL_VA, 1), -RF_EPERM);
        expect("accept the guard", sys_guest_accept(g, RF_GUARD_VA, 1), -RF_EINVAL);
        expect("accept staging", sys_guest_accept(g, RF_STAGING_VA, 1), -RF_EINVAL);
        expect("accept a ring", sys_guest_accept(g, RF_RING_VA, 1), -RF_EINVAL);
        expect("accept nothing", sys_guest_accept(g, 0x700000000, 1), -RF_EINVAL);
        expect("accept the highest page", sys_guest_accept(g, ~0xfffull, 1), -RF_EINVAL);
        expect("accept an odd address", sys_guest_accept(g, CODE_VA + 1, 1), -RF_EINVAL);
        expect("open the guard", sys_guest_open(g, RF_GUARD_VA, 1), -RF_EINVAL);
        sys_guest_map(g, 0xfffff000, 1, RF_MAP_CODE);
        expect("accept the last page below 4 GiB", sys_guest_accept(g, 0xfffff000, 1), -RF_EINVAL);
        sys_guest_map(g, 0x700000000, 1, RF_MAP_RODATA);
        expect("accept read-only data", sys_guest_accept(g, 0x700000000, 1), -RF_EPERM);
        expect("another guest's code", sys_guest_accept(g + 9, CODE_VA, 1), -RF_ENOENT);
}

static void vcpu_calls(struct subject *s)
{
        expect("start twice", sys_vcpu_start(s->vcpu, CODE_VA, 0), -RF_EBUSY);
        expect("register 16", sys_vcpu_set(s->vcpu, 16, 0), -RF_EINVAL);
        expect("register of no vCPU", sys_vcpu_set(RF_MAX_VCPUS, 0, 0), -RF_EBUSY);
        expect("resume no vCPU", sys_vcpu_resume(UINT32_MAX, 0), -RF_EBUSY);
        expect("stage before the rings", sys_stage_store(s->vcpu, RF_RING_VA - 8, 0, 8), -RF_EINVAL);
        expect("stage across the end", sys_stage_store(s->vcpu, RF_RING_VA + 4092, 0, 8), -RF_EINVAL);
        expect("stage 9 bytes", sys_stage_store(s->vcpu, RF_RING_VA, 0, 9), -RF_EINVAL);
        expect("stage at another slot", sys_stage_store(s->vcpu, RF_RING_VA + RF_RING_STEP, 0, 8),
               -RF_ENOENT);
        expect("stage into the guard", sys_stage_store(s->vcpu, RF_GUARD_VA, 0, 8), -RF_EINVAL);
        sys_stage_store(s->vcpu, RF_RING_VA, UINT64_MAX, 8);
        expect("commit a bad descriptor", sys_commit(s->vcpu, 0, 1), (int64_t)RF_COMMIT_ADDRESS << 32);
        expect("commit no ring", sys_commit(s->vcpu, 8, 1), (int64_t)RF_COMMIT_RING << 32);
        expect("commit another's ring", sys_commit(s->vcpu, 2, 1), (int64_t)RF_COMMIT_RING << 32);
        expect("commit past the ring", sys_commit(s->vcpu, 0, 256) >> 32, RF_COMMIT_TAIL);
}

static void queue_calls(struct subject *s, struct subject *other)
{
        const unsigned last = card->queues;

        expect("queue of another", sys_queue_assign(nic, 0, other->vcpu, 0, POOL_VA, 1), -RF_EBUSY);
        expect("second queue of a vCPU", sys_queue_assign(RF_NIC_OF_SOFT, 2, s->vcpu, 1, POOL_VA, 1),
               -RF_ENOTSUP);
        expect("data as pool", sys_queue_assign(RF_NIC_OF_SOFT, 2, other->vcpu, 0, DATA_VA, 1), -RF_EPERM);
        expect("code as pool", sys_queue_assign(RF_NIC_OF_SOFT, 2, other->vcpu, 0, CODE_VA, 1), -RF_EPERM);
        expect("pool and more", sys_queue_assign(RF_NIC_OF_SOFT, 2, other->vcpu, 0, POOL_VA, POOL_PAGES + 1),
               -RF_ENOENT);
        expect("staging as pool", sys_queue_assign(RF_NIC_OF_SOFT, 2, other->vcpu, 0, RF_STAGING_VA, 1),
               -RF_EINVAL);
        expect("no pool", sys_queue_assign(RF_NIC_OF_SOFT, 2, other->vcpu, 0, POOL_VA, 0), -RF_EINVAL);
        expect("wrapping pool", sys_queue_assign(RF_NIC_OF_SOFT, 2, other->vcpu, 0, POOL_VA, UINT64_MAX),
               -RF_EINVAL);
        expect("slot 4", sys_queue_assign(RF_NIC_OF_SOFT, 2, other->vcpu, 4, POOL_VA, 1), -RF_EINVAL);
        expect("no such queue", sys_queue_assign(nic, last, other->vcpu, 0, POOL_VA, 1), -RF_ENOENT);
        expect("NIC 2", sys_queue_assign(2, 0, other->vcpu, 0, POOL_VA, 1), -RF_ENOENT);
        expect("enable twice", sys_queue_enable(nic, 0), -RF_EBUSY);
        expect("enable what is nobody's", sys_queue_enable(RF_NIC_OF_SOFT, 3), -RF_EBUSY);
        expect("revoke what is nobody's", sys_queue_revoke(RF_NIC_OF_SOFT, 3), -RF_ENOENT);
        expect("bind twice", sys_nic_bind((uint16_t)HOST->pci[0].bdf) < 0, 1);
        expect("bind nothing", sys_nic_bind(0xffff), -RF_ENOTSUP);
        expect("free a live guest", sys_guest_free(s->guest), -RF_EBUSY);
        expect("no such call", rf_sys(RF_SYS_COUNT, 0, 0, 0, 0, 0, 0), -RF_ENOTSUP);
        expect("no such call", rf_sys(UINT64_MAX, 0, 0, 0, 0, 0, 0), -RF_ENOTSUP);
}

/* Soft queues, and root as the owner of a queue: only with its own pool, and only as root. */
static void switch_calls(struct subject *other)
{
        const uint64_t pages = RF_ROOT_POOL_PAGES;

        expect("commit without a queue", sys_commit(RF_VCPU_ROOT, 1, 1), (int64_t)RF_COMMIT_RING << 32);
        expect("a guest's pool for root", sys_queue_assign(nic, 0, RF_VCPU_ROOT, 0, POOL_VA, pages),
               -RF_EINVAL);
        expect("more than its pool", sys_queue_assign(nic, 0, RF_VCPU_ROOT, 0, RF_ROOT_POOL, pages + 1),
               -RF_EINVAL);
        expect("root's pool for a guest", sys_queue_assign(nic, 0, other->vcpu, 0, RF_ROOT_POOL, pages),
               -RF_ENOENT);
        expect("root behind itself",
               sys_queue_assign(RF_NIC_OF_SOFT, 2, RF_VCPU_ROOT, 0, RF_ROOT_POOL, pages), -RF_EINVAL);
        expect("soft queue 64", sys_queue_assign(RF_NIC_OF_SOFT, RF_SOFT_QUEUES, other->vcpu, 0, POOL_VA, 1),
               -RF_ENOENT);
        expect("data as a soft pool", sys_queue_assign(RF_NIC_OF_SOFT, 2, other->vcpu, 0, DATA_VA, 1),
               -RF_EPERM);
        expect("registers of soft queues", sys_nic_write(RF_NIC_OF_SOFT, card->rdt, 0), -RF_ENOENT);
        expect("root gets a queue", sys_queue_assign(nic, 0, RF_VCPU_ROOT, 0, RF_ROOT_POOL, pages), 0);
        expect("and no second one", sys_queue_assign(RF_NIC_OF_SOFT, 3, RF_VCPU_ROOT, 1, RF_ROOT_POOL, pages),
               -RF_ENOTSUP);
        expect("commit before it runs", sys_commit(RF_VCPU_ROOT, 1, 1), (int64_t)RF_COMMIT_RING << 32);
        expect("arm before it runs", rf_sys(RF_SYS_SWITCH_ARM, 0, 0, 0, 0, 0, 0), -RF_ENOENT);
        expect("it runs", sys_queue_enable(nic, 0), 0);
        expect("arm past the ring", rf_sys(RF_SYS_SWITCH_ARM, 256, 0, 0, 0, 0, 0), -RF_EINVAL);
        ((volatile uint64_t *)RF_STAGING_VA)[0] = pages * RF_PAGE_SIZE - 2047;
        expect("a buffer past its pool", sys_commit(RF_VCPU_ROOT, 0, 1), (int64_t)RF_COMMIT_ADDRESS << 32);
        expect("it is over", sys_queue_revoke(nic, 0), 0);
        expect("commit after it", sys_commit(RF_VCPU_ROOT, 0, 1) >> 32, RF_COMMIT_REVOKED);
        expect("wake nobody", rf_sys(RF_SYS_SOFT_WAKE, 2, 0, 0, 0, 0, 0), 0);
        expect("wake queue 64", rf_sys(RF_SYS_SOFT_WAKE, RF_SOFT_QUEUES, 0, 0, 0, 0, 0), -RF_ENOENT);
}

/* A guest freed while its queue is live: the queue is off before its frames have a new owner. */
static void free_live(struct subject *s)
{
        sys_guest_stop(s->guest);
        expect("free with a live queue", sys_guest_free(s->guest), 0);
        expect("its queue is off", card->queue_off(&nic_io, 0), true);
        expect("nothing is left of it", sys_queue_revoke(nic, 0), -RF_ENOENT);
}

/* A reset of the NIC under a live queue: every queue is revoked before, and its guest is told. */
static void reset_live(struct subject *s)
{
        expect("reset with a live queue", sys_nic_write(nic, card->ctrl, card->reset), 0);
        expect("its queue is off", card->queue_off(&nic_io, 0), true);
        expect("its guest is told", (int64_t)reason(commit(s, 1, 1, 0, wire_hi(FRAME_BYTES))),
               RF_COMMIT_REVOKED);
        expect("by ring 0, too", sys_commit(s->vcpu, 1, 1) >> 32, RF_COMMIT_REVOKED);
        expect("enable it again", sys_queue_enable(nic, 0), -RF_EBUSY);
        nic_reopen();
        nic_attach(s);
}

void attack_calls(void)
{
        struct subject s, other;

        subject_new(&s, 0, 1);
        subject_new(&other, -1, 1);
        memory_calls(&s);
        vcpu_calls(&s);
        queue_calls(&s, &other);
        reset_live(&s);
        free_live(&s);
        nic_reopen();
        switch_calls(&other);
        subject_end(&other);
        report("calls", "edges", &calls);
        check("calls", "audit", sys_audit() == 0);
}

/* SPDX-License-Identifier: MIT
 * Attack 12 and 21 at random: system calls with edge and random arguments; memory used up; and the last acts
 * of a root, which end in its own death. Ring 0 answers or refuses. It never panics, and afterwards nothing
 * is missing. */
#include "rf/rings.h"
#include "rf_string.h"
#include "wire.h"

enum { CALLS = 30000, WAIT_MS = 1, BEAT_PAUSE = 200000 };
static uint64_t seed = 0x5246555a5a313233;

static uint64_t next(void)
{
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        return seed;
}

static unsigned any_queue(void)
{
        return (unsigned)next() % card->queues;
}

static uint64_t argument(void)
{
        static const uint64_t edges[] = {
            0,
            0,
            0,
            1,
            1,
            2,
            3,
            4,
            5,
            7,
            8,
            15,
            16,
            17,
            63,
            64,
            255,
            256,
            4095,
            4096,
            4097,
            512,
            UINT32_MAX,
            1ull << 32,
            1ull << 52,
            1ull << 63,
            INT64_MAX,
            UINT64_MAX,
            UINT64_MAX - 4095,
            RF_GUEST_LO,
            CODE_VA,
            CODE_VA,
            SPOT_VA,
            DATA_VA,
            POOL_VA,
            POOL_VA,
            RF_GUEST_HI,
            RF_GUEST_HI - 4096,
            RF_GUARD_VA,
            RF_STATE_VA,
            RF_INFO_VA,
            RF_DOORBELL_VA,
            RF_RING_VA,
            RF_RING_VA + 16,
            RF_STAGING_VA,
            RF_NIC_OF_SOFT,
            RF_VCPU_ROOT,
            RF_ROOT_POOL,
            RF_ROOT_POOL_PAGES,
            RF_ROOT_SOFT,
            0xfffff000,
            0xfffffffffffff000,
            0xffff800000000000,
            0x00007ffffffff000,
        };
        uint64_t pick = next();

        if (pick % 16 == 0)
                return next() >> (pick >> 8 & 63);
        return edges[(pick >> 16) % (sizeof(edges) / sizeof(edges[0]))];
}

/* Left out: the end of everything, other defences off, waiting for ever, and sizes that only take time. */
static bool is_apart(uint64_t number, uint64_t a[6])
{
        if (number == RF_SYS_WAIT)
                a[0] = tsc_now() + tsc_of_ms(WAIT_MS);
        if (number == RF_SYS_GUEST_NEW)
                a[0] %= 4096;
        if (number == RF_SYS_GUEST_MAP && next() % 4 != 0)
                a[2] %= 64;
        if ((number == RF_SYS_GUEST_ACCEPT || number == RF_SYS_GUEST_OPEN) && next() % 4 != 0)
                a[2] %= 16;
        if (number == RF_SYS_VCPU_START || number == RF_SYS_VCPU_RESUME)
                a[1] = next() % 2 ? CODE_VA : a[1];
        return number == RF_SYS_HALT || number == RF_SYS_CONTROL || number == RF_SYS_AUDIT;
}

static void end_all(void)
{
        for (int g = 0; g < RF_MAX_GUESTS; g++) {
                int64_t error;

                sys_guest_stop(g);
                do {
                        error = sys_guest_free(g);
                } while (error == -RF_EBUSY);
        }
}

static uint64_t free_pages(void)
{
        sys_wait(0); /* refreshes it */
        return HOST->free_pages;
}

/* While guests, one with a queue, are being built and started all the time: something must be there to break.
 */
/* Root's own queue, and a soft one whose rings and pool are full of anything. */
static void furnish_switch(int guest)
{
        uint64_t q = next() % RF_SOFT_QUEUES, *ring = (uint64_t *)(RF_ROOT_SOFT + q * RF_ROOT_SOFT_STEP),
                 *pool = (uint64_t *)(RF_ROOT_GUEST(guest) + POOL_VA);

        sys_queue_assign(nic, any_queue(), RF_VCPU_ROOT, (unsigned)next() % 4, RF_ROOT_POOL,
                         RF_ROOT_POOL_PAGES);
        sys_queue_enable(nic, any_queue());
        if (sys_queue_assign(RF_NIC_OF_SOFT, (unsigned)q, (uint32_t)sys_vcpu_id(guest, 0), 0, POOL_VA, 4) !=
            0)
                return;
        sys_queue_enable(RF_NIC_OF_SOFT, (unsigned)q);
        for (unsigned i = 0; i < 2 * RF_PAGE_SIZE / 8; i++)
                ring[i] = pool[i] = next();
}

static void furnish(void)
{
        int64_t id = sys_guest_new(512, 1 + next() % 2);

        if (id < 0) {
                end_all();
                return;
        }
        sys_guest_map((int)id, CODE_VA, 4, RF_MAP_CODE);
        sys_guest_map((int)id, DATA_VA, 4, RF_MAP_DATA);
        sys_guest_map((int)id, POOL_VA, 4, RF_MAP_POOL);
        memcpy((void *)(RF_ROOT_GUEST(id) + CODE_VA), snippets, (size_t)(snippets_end - snippets));
        if (next() % 2)
                furnish_switch((int)id);
        sys_queue_assign(nic, any_queue(), (uint32_t)sys_vcpu_id((int)id, 0), 0, POOL_VA, 4);
        sys_queue_enable(nic, any_queue());
}

static void storm(unsigned calls, struct tally *t)
{
        for (unsigned i = 0; i < calls; i++) {
                uint64_t number = next() % (RF_SYS_COUNT + 2), a[6];

                if (i % 64 == 0)
                        furnish();
                for (unsigned k = 0; k < 6; k++)
                        a[k] = argument();
                if (is_apart(number, a))
                        continue;
                t->tried++;
                if (rf_sys(number, a[0], a[1], a[2], a[3], a[4], a[5]) < 0)
                        t->blocked++;
                else
                        t->other++;
        }
        check("fuzz", "audit", sys_audit() == 0);
        for (unsigned q = 0; q < card->queues; q++)
                sys_queue_revoke(nic, q); /* root's own among them */
        end_all();
        nic_reopen();
}

/* Nothing is missing after the second storm: the first may leave ring 0 with tables that stay. */
void attack_fuzz(void)
{
        struct tally t = {0};
        uint64_t before, after;

        end_all();
        nic_reopen();
        for (unsigned slot = 0; slot < RF_MAX_QUEUES; slot++) { /* pool and staging are root's for ever */
                sys_queue_assign(nic, card->queues - 1, RF_VCPU_ROOT, slot, RF_ROOT_POOL, RF_ROOT_POOL_PAGES);
                sys_queue_revoke(nic, card->queues - 1);
        }
        storm(CALLS / 10, &t);
        before = free_pages();
        storm(CALLS, &t);
        after = free_pages();
        say("fuzz: %lu free pages before, %lu after", before, after);
        t.succeeded = after != before;
        report("fuzz", "calls", &t);
}

/* ---- memory used up -------------------------------------------------------------------------------- */

#define CHUNK ((1ull << 16) * RF_PAGE_SIZE)

/* Takes all there is, in ever smaller pieces, as pages that could be code. How many addresses it used. */
static uint64_t take_all(int guest)
{
        uint64_t chunks = 0;

        for (uint64_t pages = 1 << 16; pages > 0;) {
                if (sys_guest_map(guest, DATA_VA + chunks++ * CHUNK, pages, RF_MAP_CODE) != 0)
                        pages /= 2;
        }
        return chunks;
}

/* One page in each 2 MiB or so becomes code: whatever table ring 0 needs for that, it gets none. */
static void accept_here_and_there(int guest, uint64_t chunks)
{
        struct tally t = {0};

        for (uint64_t va = DATA_VA; va < DATA_VA + chunks * CHUNK; va += 509 * RF_PAGE_SIZE) {
                int64_t error = sys_guest_accept(guest, va, 1);

                t.tried++;
                t.other += error == 0;
                t.blocked += error != 0;
        }
        report("memory", "accept", &t);
}

static void use_up(void)
{
        struct subject s;
        int big;

        subject_new(&s, -1, 1);
        big = (int)sys_guest_new(1ull << 30, 1);
        accept_here_and_there(big, take_all(big));
        check("memory", "new-guest", sys_guest_new(64, 1) == -RF_ENOMEM);
        check("memory", "map", sys_guest_map(s.guest, 0x700000000, 1, RF_MAP_DATA) == -RF_ENOMEM);
        check("memory", "queue", sys_queue_assign(nic, 0, s.vcpu, 0, POOL_VA, 1) == -RF_ENOMEM);
        check("memory", "audit", sys_audit() == 0);
        end_all();
}

void attack_memory(void)
{
        uint64_t before;

        use_up(); /* the first time ring 0 keeps small tables of its own view of RAM */
        before = free_pages();
        use_up();
        check("memory", "given-back", free_pages() == before);
}

/* ---- the last acts --------------------------------------------------------------------------------- */

/* A page changed after acceptance, by root itself: what it writes is WRPKRU. */
void last_write_code(void)
{
        extern const uint8_t p_stay[], p_stay_end[], landing[];
        struct subject s, beating;
        struct run r = run_at(SPOT_VA);

        subject_new(&s, -1, 1);
        subject_new(&beating, 0, 1);
        if (sys_guest_accept(s.guest, SPOT_VA, 1) != 0)
                fail("a page of zeros was refused");
        heartbeat(&beating, BEAT_PAUSE);
        say("last: root writes to an accepted page");
        memcpy(in_guest(&s, SPOT_VA), p_stay, (size_t)(p_stay_end - p_stay));
        r.gpr[R12] = snippet_va(landing);
        run(&s, &r);
        say("last: written; the guest ended with end=%d death=%u", (int)r.end, r.death);
}

void last_read_kernel(void)
{
        struct subject beating;

        subject_new(&beating, 0, 1);
        heartbeat(&beating, BEAT_PAUSE);
        say("last: root reads ring 0's memory");
        say("last: read %lx", *(volatile uint64_t *)0xffffffff80000000ull);
}

void last_port(void)
{
        struct subject beating;

        subject_new(&beating, 0, 1);
        heartbeat(&beating, BEAT_PAUSE);
        say("last: root writes to PCI configuration ports");
        __asm__ volatile("outl %0, %1" : : "a"(0x80000004u), "Nd"((uint16_t)0xcf8));
        say("last: written");
}

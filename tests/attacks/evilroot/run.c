/* SPDX-License-Identifier: MIT
 * Subjects: guests made of snippets, run one step at a time with any registers. */
#include "evil.h"
#include "rf/igb_desc.h"
#include "rf_string.h"

enum { COPY_MAX = RF_PAGE_SIZE };
unsigned hang_ms = HANG_MS;
#define BOUNCE_VA (DATA_VA + 0x7000) /* the last data page: peek and poke */

uint64_t snippet_va(const uint8_t *code)
{
        return CODE_VA + (uint64_t)(code - snippets);
}

extern const uint8_t landing[], r_copy[], r_commit[];

static void must(int64_t error, const char *what)
{
        if (error < 0)
                fail("%s: error %d", what, (int)error);
}

static void map(struct subject *s, uint64_t va, uint64_t pages, enum rf_map_kind kind)
{
        must(sys_guest_map(s->guest, va, pages, kind), "guest_map");
}

void subject_new(struct subject *s, int queue, unsigned nvcpus)
{
        uint64_t code_pages = ((uint64_t)(snippets_end - snippets) + RF_PAGE_SIZE - 1) / RF_PAGE_SIZE;
        struct run first = run_at(snippet_va(landing));

        *s = (struct subject){
            .guest = (int)sys_guest_new(SUBJECT_QUOTA, nvcpus), .queue = queue, .alive = true};
        must(s->guest, "guest_new");
        map(s, CODE_VA, code_pages, RF_MAP_CODE);
        map(s, SPOT_VA, SPOT_PAGES, RF_MAP_CODE);
        map(s, DATA_VA, DATA_PAGES, RF_MAP_DATA);
        map(s, POOL_VA, POOL_PAGES, RF_MAP_POOL);
        memcpy(in_guest(s, CODE_VA), snippets, (size_t)(snippets_end - snippets));
        must(sys_guest_accept(s->guest, CODE_VA, code_pages), "accept");
        s->vcpu = (uint32_t)sys_vcpu_id(s->guest, 0);
        s->second = nvcpus > 1 ? (uint32_t)sys_vcpu_id(s->guest, 1) : UINT32_MAX;
        if (queue >= 0)
                nic_attach(s);
        must(sys_vcpu_start(s->vcpu, first.rip, first.gpr[RSP]), "start");
        if (run(s, NULL) != END_LANDED)
                fail("a new subject does not reach its landing");
}

void subject_end(struct subject *s)
{
        int64_t error;

        if (s->queue >= 0)
                nic_detach(s);
        sys_guest_stop(s->guest);
        do {
                error = sys_guest_free(s->guest);
        } while (error == -RF_EBUSY);
        must(error, "guest_free");
}

void subject_renew(struct subject *s)
{
        int queue = s->queue;

        if (s->alive)
                return;
        subject_end(s);
        subject_new(s, queue, s->second == UINT32_MAX ? 1 : 2);
}

struct run run_at(uint64_t rip)
{
        return (struct run){.gpr[RSP] = STACK_VA - 8, .rip = rip};
}

static bool wait_for(uint32_t vcpu)
{
        uint64_t end = tsc_now() + tsc_of_ms(hang_ms);

        while (tsc_now() < end) {
                int64_t id = sys_wait(end);

                if (id == vcpu)
                        return true;
        }
        return false;
}

static enum end classify(const volatile struct rf_vcpu_report *v)
{
        switch (v->request) {
        case RF_REQ_WINDOW:
                return END_WINDOW;
        case RF_REQ_FETCH:
                return END_FETCH;
        case RF_REQ_CODE_WRITE:
                return END_WRITE;
        case RF_REQ_PRIVILEGED:
                return v->rip == snippet_va(landing) ? END_LANDED : END_OTHER;
        default:
                return END_DEAD;
        }
}

static void take_report(struct subject *s, uint32_t vcpu, struct run *r)
{
        const volatile struct rf_vcpu_report *v = &REPORTS[vcpu];

        for (unsigned i = 0; i < 16; i++)
                r->gpr[i] = v->gpr[i];
        r->rip = v->rip;
        r->end = classify(v);
        r->death = v->death;
        r->vector = v->vector;
        r->error = v->fault_error;
        r->fault = v->fault_va;
        s->alive = r->end != END_DEAD;
}

void let_go(uint32_t vcpu, const struct run *r)
{
        for (unsigned i = 0; i < 16; i++)
                must(sys_vcpu_set(vcpu, i, r->gpr[i]), "vcpu_set");
        must(sys_vcpu_resume(vcpu, r->rip), "resume");
}

enum end run(struct subject *s, struct run *r)
{
        return run_on(s, s->vcpu, r);
}

enum end run_on(struct subject *s, uint32_t vcpu, struct run *r)
{
        struct run none = {0};

        if (r != NULL)
                let_go(vcpu, r);
        else
                r = &none;
        if (wait_for(vcpu)) {
                take_report(s, vcpu, r);
                return r->end;
        }
        sys_guest_stop(s->guest);
        s->alive = false;
        return r->end = END_HANG;
}

void born_second(struct subject *s)
{
        must(sys_vcpu_start(s->second, snippet_va(landing), SECOND_STACK), "start the second vCPU");
        if (!wait_for(s->second))
                fail("the second vCPU does not reach its landing");
}

void start_second(struct subject *s, const struct run *r)
{
        born_second(s);
        let_go(s->second, r);
}

/* ---- what only the guest sees -------------------------------------------------------------- */

static bool copy(struct subject *s, uint64_t to, uint64_t from, size_t n)
{
        struct run r = run_at(snippet_va(r_copy));

        r.gpr[RDI] = to;
        r.gpr[RSI] = from;
        r.gpr[RCX] = n;
        return run(s, &r) == END_LANDED;
}

bool peek(struct subject *s, uint64_t va, void *out, size_t n)
{
        if (n > COPY_MAX || !s->alive || !copy(s, BOUNCE_VA, va, n))
                return false;
        memcpy(out, in_guest(s, BOUNCE_VA), n);
        return true;
}

bool poke(struct subject *s, uint64_t va, const void *in, size_t n)
{
        if (n > COPY_MAX || !s->alive)
                return false;
        memcpy(in_guest(s, BOUNCE_VA), in, n);
        return copy(s, va, BOUNCE_VA, n);
}

uint64_t guard_close_va(struct subject *s)
{
        static uint8_t page[RF_PAGE_SIZE];
        unsigned seen = 0;

        if (!peek(s, RF_GUARD_VA, page, sizeof(page)))
                fail("the guard page cannot be read");
        for (unsigned i = 0; i + 2 < RF_PAGE_SIZE; i++)
                if (page[i] == 0x0f && page[i + 1] == 0x01 && page[i + 2] == 0xef && seen++ == 1)
                        return RF_GUARD_VA + i;
        fail("the guard has no second WRPKRU");
}

enum path commit_path;

uint64_t commit(struct subject *s, unsigned ring, uint32_t tail, uint64_t lo, uint64_t hi)
{
        uint64_t staging = RF_STAGING_VA + (ring & 1 ? RF_RING_TX_OFF : 0);
        struct run r = run_at(snippet_va(r_commit));

        r.gpr[RBX] = staging + (tail - 1) % RF_RING_ENTRIES * 16ull;
        r.gpr[RAX] = RF_HC_COMMIT;
        r.gpr[R12] = RF_GUARD_VA + (commit_path == BY_GUARD ? RF_GUARD_COMMIT : RF_GUARD_HYPERCALL);
        r.gpr[R13] = lo;
        r.gpr[R14] = hi;
        r.gpr[RDI] = ring;
        r.gpr[RSI] = tail % RF_RING_ENTRIES;
        if (run(s, &r) != END_LANDED)
                fail("commit did not return: end %d death %u rip %lx", (int)r.end, r.death, r.rip);
        return r.gpr[R15];
}

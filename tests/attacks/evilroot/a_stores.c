/* SPDX-License-Identifier: MIT
 * Attack 1: every store form to every page of the fence. */
#include "evil.h"
#include "rf_string.h"

struct target {
        const char *name;
        uint64_t va;
        bool readable; /* then it is read back after each try */
};

enum { TARGETS = 10 };

static void find_targets(struct target targets[TARGETS])
{
        const struct target list[TARGETS] = {
            {"ring-rx", RF_RING_VA + 0x400, true},
            {"ring-tx", RF_RING_VA + RF_RING_TX_OFF + 0x400, true},
            {"ring-end", RF_RING_VA + 0xfc0, true},
            {"state", RF_STATE_VA + 0x40, true},
            {"info", RF_INFO_VA, true},
            {"guard", RF_GUARD_VA + 0x400, true},
            {"own-tail", RF_DOORBELL_VA + card->rdt, false},
            {"own-tail-tx", RF_DOORBELL_VA + card->tdt, false},
            {"others-tail", RF_DOORBELL_VA + card->beside, false},
            {"ring-base", RF_DOORBELL_VA + card->base, false},
        };

        memcpy(targets, list, sizeof(list));
}

enum { FEWER = 8 /* of the controls where each success costs 20 ms: card.h */, SEEN = 64, MAX_FORMS = 256 };

static struct run store(const struct snippet *form, uint64_t va)
{
        struct run r = run_at(snippet_va(form->code));

        r.gpr[RBX] = r.gpr[RDI] = va;
        r.gpr[RSI] = DATA_VA;
        r.gpr[RAX] = 0x5152535455565758;
        r.gpr[RDX] = 0x6162636465666768;
        r.gpr[RCX] = 8;
        r.gpr[RBP] = 0x7172737475767778;
        return r;
}

/* The form does not exist here, or is taken for other reasons than the page. */
static bool is_other(const struct run *r)
{
        if (r->end == END_OTHER)
                return true;
        if (r->end != END_DEAD)
                return false;
        return r->death == RF_DEATH_PRIVILEGED ||
               (r->death == RF_DEATH_EXCEPTION && (r->vector == 6 || r->vector == 13));
}

static bool changed(struct subject *s, const struct target *t, const uint8_t before[SEEN])
{
        uint8_t now[SEEN];

        if (nic_tail_moved()) /* nothing was ever handed over */
                return true;
        return t->readable && s->alive && peek(s, t->va, now, SEEN) && memcmp(now, before, SEEN) != 0;
}

static bool stores[MAX_FORMS]; /* does it, in plain memory? Else it proves nothing */

static void fill(uint8_t *p, size_t n)
{
        for (size_t i = 0; i < n; i++)
                p[i] = (uint8_t)(0x5a + (i & 3));
}

/* Each form on a page of data first. */
static void on_data(struct subject *s)
{
        struct tally t = {0};
        uint8_t *page = in_guest(s, DATA_VA + 2 * RF_PAGE_SIZE);

        for (unsigned i = 0; &store_table[i] < store_table_end; i++) {
                uint8_t before[SEEN];
                struct run r = store(&store_table[i], DATA_VA + 2 * RF_PAGE_SIZE);

                fill(page, RF_PAGE_SIZE);
                memset(in_guest(s, DATA_VA), 0x2e, RF_PAGE_SIZE);
                memcpy(before, page, SEEN);
                run(s, &r);
                stores[i] = s->alive && memcmp(page, before, SEEN) != 0;
                t.tried++;
                t.succeeded += stores[i];
                t.other += !stores[i];
                subject_renew(s);
        }
        report("stores", "plain-data", &t);
}

static void one(struct subject *s, const struct target *t, const struct snippet *form, struct tally *tally)
{
        uint8_t before[SEEN] = {0};
        struct run r = store(form, t->va);

        if (t->readable && !peek(s, t->va, before, SEEN))
                fail("%s cannot be read", t->name);
        run(s, &r);
        tally->tried++;
        if (r.end == END_LANDED || changed(s, t, before)) {
                tally->succeeded++;
                if (!controls)
                        say("attack 1: %s stored to %s", form->name, t->name);
                s->alive = false; /* its window is not what it was */
        } else if (r.end == END_HANG) {
                tally->hung++;
        } else if (is_other(&r)) {
                tally->other++;
        } else {
                tally->blocked++;
        }
        subject_renew(s);
}

void attack_stores(void)
{
        struct target targets[TARGETS];
        struct subject s;

        find_targets(targets);
        if (store_table_end - store_table > MAX_FORMS)
                fail("more store forms than room");
        subject_new(&s, 0, 1);
        on_data(&s);
        for (unsigned i = 0; i < TARGETS; i++) {
                struct tally t = {0};

                for (unsigned f = 0; &store_table[f] < store_table_end; f++)
                        if (stores[f] && !(controls && card->queues == 1 && f % FEWER != 0))
                                one(&s, &targets[i], &store_table[f], &t);
                report("stores", targets[i].name, &t);
        }
        subject_end(&s);
}

/* SPDX-License-Identifier: MIT
 *
 * Prints what the proof is about as JSON: the guard's page as guard_build() makes it, its labels, and the
 * numbers that C has for what the assembly uses. Nothing here is copied from guard.S: an offset or a constant
 * that differs there is a fault the proof has to find.
 */
#include <stddef.h>
#include <stdio.h>

#include "desc.h"
#include "guard.h"
#include "rf/rings.h"

extern const uint8_t guard_reap[], guard_slot[]; /* the heads of its two loops */

#define RING(field)   printf("  \"GR_%s\": %zu,\n", #field, offsetof(struct guard_ring, field))
#define NUMBER(value) printf("  \"%s\": %llu,\n", #value, (unsigned long long)(value))

static void page(const char *name, bool keys)
{
        static const uint8_t vmmcall[3] = {0x0f, 0x01, 0xd9};
        static uint8_t bytes[PAGE_SIZE];

        if (!guard_build(bytes, keys, vmmcall))
                fprintf(stderr, "guard_build refuses the page\n");
        printf("  \"%s\": \"", name);
        for (unsigned i = 0; i < PAGE_SIZE; i++)
                printf("%02x", bytes[i]);
        printf("\",\n");
}

static void layout(void)
{
        NUMBER(RF_GUARD_VA);
        NUMBER(RF_STATE_VA);
        NUMBER(RF_DOORBELL_VA);
        NUMBER(RF_RING_VA);
        NUMBER(RF_STAGING_VA);
        NUMBER(RF_GUARD_COMMIT);
        NUMBER(RF_GUARD_HYPERCALL);
        NUMBER(RF_PKRU_OPEN);
        NUMBER(RF_PKRU_CLOSED);
        NUMBER(RF_BUFFER_BYTES);
        printf("  \"open\": %td, \"close\": %td, \"revoked\": %td,\n", guard_open - guard_page,
               guard_close - guard_page, guard_revoked - guard_page);
        printf("  \"reap\": %td, \"slot\": %td,\n", guard_reap - guard_page, guard_slot - guard_page);
}

static void abi(void)
{
        NUMBER(GUARD_RINGS);
        NUMBER(GR_MODE_ON);
        NUMBER(GR_MODE_REVOKED);
        NUMBER(RF_RING_ENTRIES);
        NUMBER(RF_COMMIT_MAX);
        NUMBER(RF_REAP_MAX);
        NUMBER(RF_COMMIT_FULL);
        NUMBER(RF_COMMIT_LIMIT);
        NUMBER(RF_COMMIT_RING);
        NUMBER(RF_COMMIT_TAIL);
        NUMBER(RF_COMMIT_REVOKED);
        NUMBER(RF_COMMIT_ADDRESS);
        NUMBER(RF_COMMIT_LENGTH);
        NUMBER(RF_COMMIT_FLAGS);
        NUMBER(RF_COMMIT_HEADER);
        NUMBER(RF_HC_YIELD);
        NUMBER(RF_HC_COMMIT);
}

static void state(void)
{
        printf("  \"GS_pending\": %zu,\n", offsetof(struct guard_state, pending));
        printf("  \"GS_ring\": %zu,\n", offsetof(struct guard_state, ring));
        printf("  \"GR_bytes\": %zu,\n", sizeof(struct guard_ring));
        RING(ring);
        RING(staging);
        RING(doorbell);
        RING(bus);
        RING(limit);
        RING(mode);
        RING(mask);
        RING(clean);
        RING(reaped);
        RING(rejected);
        RING(form.set);
        RING(form.factor);
        RING(form.fixed);
        RING(form.length_min);
        RING(form.length_span);
        RING(form.dd);
        RING(form.reason);
        RING(notify);
}

static void form(const char *name, const struct guard_form *f, const char *end)
{
        printf("    \"%s\": {\"set\": %llu, \"factor\": %llu, \"fixed\": %llu, \"length_min\": %u, "
               "\"length_span\": %u, \"dd\": %u, \"reason\": %u}%s\n",
               name, (unsigned long long)f->set, (unsigned long long)f->factor, (unsigned long long)f->fixed,
               f->length_min, f->length_span, f->dd, f->reason, end);
}

int main(void)
{
        printf("{\n");
        layout();
        abi();
        state();
        page("page", true);
        page("nokeys", false);
        printf("  \"forms\": {\n");
        form("82576 receive", &igb_form[0], ",");
        form("82576 transmit", &igb_form[1], ",");
        form("82540EM receive", &e1000_form[0], ",");
        form("82540EM transmit", &e1000_form[1], "");
        printf("  }\n}\n");
        return 0;
}

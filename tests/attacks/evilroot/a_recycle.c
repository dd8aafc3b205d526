/* SPDX-License-Identifier: MIT
 * Attack 10: a pool given back while the NIC owns descriptors on it. The host goes on sending to its address;
 * another guest soon has the frames and must not find those in its memory. The same eye, with the queue
 * alive, sees them come. */
#include "random.h"
#include "rf_string.h"
#include "wire.h"

enum { OFFERED = 8 };
static const char canary[8] = "RFCANARY";

static void prime(struct subject *s)
{
        for (unsigned i = 1; i <= OFFERED; i++)
                if (reason(commit(s, 0, i, i * BUFFER, 0)) != RF_COMMIT_OK)
                        fail("a receive buffer was refused");
}

static unsigned harmed(struct subject *s)
{
        static uint8_t page[RF_PAGE_SIZE];
        unsigned n = 0;

        for (unsigned p = 0; p < POOL_PAGES; p++) {
                if (!peek(s, POOL_VA + p * RF_PAGE_SIZE, page, sizeof(page)))
                        fail("a pool cannot be read");
                for (unsigned i = 0; i < sizeof(page); i += 8)
                        n += memcmp(page + i, canary, 8) != 0;
        }
        return n;
}

static void paint(struct subject *s)
{
        static uint8_t page[RF_PAGE_SIZE];

        for (unsigned i = 0; i < sizeof(page); i += 8)
                memcpy(page + i, canary, 8);
        for (unsigned p = 0; p < POOL_PAGES; p++)
                if (!poke(s, POOL_VA + p * RF_PAGE_SIZE, page, sizeof(page)))
                        fail("a pool cannot be written");
}

void attack_recycle(void)
{
        struct subject s;
        uint64_t n;

        subject_new(&s, 0, 1);
        paint(&s);
        prime(&s);
        want("recycle controls=%x allowed=0 send=2", controls);
        n = harmed(&s);
        say("recycle: queue alive: %lu words changed", n);
        check("recycle", "eye", n == 0); /* this one must succeed */
        subject_end(&s);
        hoard_new();
        want("recycle controls=%x allowed=0 send=8", controls);
        n = hoard_harmed();
        say("recycle: queue gone: %lu words changed", n);
        check("recycle", "frames", n == 0);
        hoard_end();
}

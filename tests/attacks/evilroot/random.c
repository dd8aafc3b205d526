/* SPDX-License-Identifier: MIT
 * See random.h. */
#include "random.h"

#include "rf_string.h"

enum { CHUNK = 4096 /* pages */, SPARE = 4096 };
uint64_t hoard_pages;
static int hoard;
static uint64_t state = 1;

void dice_seed(uint64_t seed)
{
        state = seed != 0 ? seed : 1;
}

uint64_t dice(void)
{
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return state * 0x2545f4914f6cdd1d; /* xorshift64* */
}

static uint64_t canary(void)
{
        uint64_t word;

        memcpy(&word, "RFCANARY", sizeof(word));
        return word;
}

static volatile uint64_t *hoarded(uint64_t page)
{
        return (volatile uint64_t *)(RF_ROOT_GUEST(hoard) + DATA_VA + page * RF_PAGE_SIZE);
}

void hoard_new(void)
{
        hoard = (int)sys_guest_new(1ull << 30, 1);
        if (hoard < 0)
                fail("no guest for the canaries: %d", hoard);
        for (hoard_pages = 0;; hoard_pages += CHUNK) {
                sys_wait(0); /* refreshes it */
                if (HOST->free_pages < SPARE + CHUNK + CHUNK / 256 ||
                    sys_guest_map(hoard, DATA_VA + hoard_pages * RF_PAGE_SIZE, CHUNK, RF_MAP_DATA) != 0)
                        break;
        }
        for (uint64_t i = 0; i < hoard_pages * RF_PAGE_SIZE / 8; i++)
                hoarded(0)[i] = canary();
        sys_wait(0);
        say("random: %lu of %lu pages hold canaries, %lu are free", hoard_pages, HOST->ram_pages,
            HOST->free_pages);
}

uint64_t hoard_harmed(void)
{
        uint64_t n = 0;

        for (uint64_t i = 0; i < hoard_pages * RF_PAGE_SIZE / 8; i++)
                n += hoarded(0)[i] != canary();
        return n;
}

void hoard_end(void)
{
        sys_guest_stop(hoard);
        while (sys_guest_free(hoard) == -RF_EBUSY)
                ;
}

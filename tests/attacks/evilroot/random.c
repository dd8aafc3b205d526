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

static uint64_t *hoarded(void)
{
        return (uint64_t *)(RF_ROOT_GUEST(hoard) + DATA_VA);
}

static uint64_t hoard_words(void)
{
        return hoard_pages * RF_PAGE_SIZE / sizeof(uint64_t);
}

static void paint(void)
{
        uint64_t *at = hoarded(), left = hoard_words();

        __asm__ volatile("rep stosq" : "+D"(at), "+c"(left) : "a"(canary()) : "memory");
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
        paint();
        sys_wait(0);
        say("random: %lu of %lu pages hold canaries, %lu are free", hoard_pages, HOST->ram_pages,
            HOST->free_pages);
}

/* SCAS, as STOS before, because an emulator spends less on it than on a loop. */
uint64_t hoard_harmed(void)
{
        uint64_t harmed = 0, left = hoard_words();
        const uint64_t *at = hoarded();

        while (left > 0) {
                bool equal;

                __asm__ volatile("repe scasq"
                                 : "=@ccz"(equal), "+D"(at), "+c"(left)
                                 : "a"(canary())
                                 : "memory");
                harmed += !equal;
        }
        return harmed;
}

void hoard_end(void)
{
        sys_guest_stop(hoard);
        while (sys_guest_free(hoard) == -RF_EBUSY)
                ;
}

/* SPDX-License-Identifier: MIT
 * The memory of guard_bed.h: the window's pages at the contract's addresses and their rights, the guard page
 * itself. */
#include "guard_bed.h"

#include <cpuid.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rf/igb_desc.h"

enum { PAGE = 4096, WRPKRU_BYTES = 3 };

const uint32_t bed_ring[BED_RINGS] = {0, 1, 6, 7};
struct bed_window *window;
struct desc (*staging)[BED_ENTRIES];
bool bed_fast;

static uint8_t page[PAGE + 32]; /* what is at RF_GUARD_VA, readable past its end */
static bool native_keys, full_speed;

static void die(const char *what)
{
        perror(what);
        abort();
}

static void *at(uint64_t va, int fd, size_t offset, size_t bytes, int prot)
{
        int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
        void *p = mmap((void *)va, bytes, prot, flags | (va ? MAP_FIXED_NOREPLACE : 0), fd, (off_t)offset);

        if (p == MAP_FAILED || (va && (uint64_t)p != va))
                die("mmap");
        return p;
}

static void *shared(size_t bytes, int *fd)
{
        *fd = memfd_create("window", 0);
        if (*fd < 0 || ftruncate(*fd, (off_t)bytes) != 0)
                die("memfd");
        return at(0, *fd, 0, bytes, PROT_READ | PROT_WRITE);
}

static uint64_t ring_va(unsigned n)
{
        return RF_RING_VA + bed_ring[n] * (uint64_t)RF_RING_TX_OFF;
}

static uint64_t bell_va(unsigned direction)
{
        return RF_DOORBELL_VA + ((direction ? IGB_TDT0 : IGB_RDT0) & ~0xfffull);
}

/* Rights of key k are bits 2k (no access) and 2k+1 (no write). */
void bed_protect(uint32_t pkru)
{
        static uint32_t now = RF_PKRU_CLOSED;
        static const int prots[4] = {PROT_READ | PROT_WRITE, PROT_NONE, PROT_READ, PROT_NONE};
        int key1 = prots[pkru >> (2 * RF_KEY_WINDOW) & 3], key2 = prots[pkru >> (2 * RF_KEY_DOORBELL) & 3];
        int failed = 0;

        if (pkru == now)
                return;
        now = pkru;
        failed |= mprotect((void *)RF_STATE_VA, PAGE, key1);
        for (unsigned n = 0; n < BED_RINGS; n++)
                failed |= mprotect((void *)ring_va(n), PAGE, key1);
        failed |= mprotect((void *)bell_va(0), PAGE, key2);
        failed |= mprotect((void *)bell_va(1), PAGE, key2);
        if (failed)
                die("mprotect");
}

uint8_t *bed_page(void)
{
        return page;
}

bool bed_is_wrpkru(const uint8_t *p)
{
        return p[0] == 0x0f && p[1] == 0x01 && p[2] == 0xef;
}

void bed_reload(void)
{
        static const uint8_t ud2_nop[WRPKRU_BYTES] = {0x0f, 0x0b, 0x90};
        uint8_t *to = (uint8_t *)RF_GUARD_VA;

        if (mprotect(to, PAGE, PROT_READ | PROT_WRITE) != 0)
                die("mprotect");
        memcpy(to, page, PAGE);
        for (unsigned i = 0; full_speed && i + WRPKRU_BYTES <= PAGE; i++)
                if (bed_is_wrpkru(page + i))
                        memcpy(to + i, ud2_nop, WRPKRU_BYTES);
        if (mprotect(to, PAGE, PROT_READ | PROT_EXEC) != 0)
                die("mprotect");
}

/* At full speed WRPKRU must fault. On a CPU that has it, and only then, UD2 stands in its place. */
void bed_full_speed(bool on)
{
        if (!native_keys || on == full_speed)
                return;
        full_speed = on;
        bed_reload();
}

void bed_load(bool keys)
{
        static const uint8_t opcode[3] = {0x0f, 0x0b, 0x90}; /* UD2, NOP: caught */

        memset(page, 0xcc, sizeof(page));
        if (!guard_build(page, keys, opcode))
                die("guard_build");
        bed_reload();
}

void bed_init(void)
{
        static uint8_t stack[1 << 16];
        const stack_t signal_stack = {.ss_sp = stack, .ss_size = sizeof(stack)};
        unsigned eax, ebx, ecx = 0, edx;
        int fd;

        __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx);
        native_keys = (ecx >> 4 & 1) != 0 || getenv("GUARD_TEST_PATCH") != NULL; /* OSPKE */
        window = shared(sizeof(*window), &fd);
        at(RF_STATE_VA, fd, offsetof(struct bed_window, state), PAGE, PROT_READ);
        for (unsigned n = 0; n < BED_RINGS; n++)
                at(ring_va(n), fd, offsetof(struct bed_window, ring[n]), PAGE, PROT_READ);
        at(bell_va(0), fd, offsetof(struct bed_window, bell[0]), PAGE, PROT_NONE);
        at(bell_va(1), fd, offsetof(struct bed_window, bell[1]), PAGE, PROT_NONE);
        staging = shared(BED_RINGS * PAGE, &fd);
        for (unsigned n = 0; n < BED_RINGS; n++)
                at(ring_va(n) + RF_STAGING_DELTA, fd, n * PAGE, PAGE, PROT_READ | PROT_WRITE);
        at(RF_GUARD_VA, -1, 0, PAGE, PROT_READ);
        at(BED_STACK, -1, 0, PAGE, PROT_READ | PROT_WRITE);
        sigaltstack(&signal_stack, NULL);
        bed_load(true);
}

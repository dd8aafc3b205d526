/* SPDX-License-Identifier: MIT
 * What frame.c and paging.c need of the rest of ring 0, made for tests. */
#include "kernel_bed.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BYTES ((size_t)BED_RAM_PAGES * PAGE_SIZE)

struct guest bed_guests[2];
unsigned bed_made_writable;
const struct rf_boot_info *boot_info;
uint32_t active_controls;
static struct rf_boot_info info;

struct guest *guest_get(uint64_t id)
{
        return id < 2 && bed_guests[id].used ? &bed_guests[id] : NULL;
}

void physmap_set_writable(uint64_t hpa, bool writable)
{
        bed_made_writable += writable;
}

void panic(const char *format, ...)
{
        va_list args;

        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
        abort();
}

static void region(uint64_t first, uint64_t pages, uint32_t type)
{
        info.mem[info.nmem++] = (struct rf_boot_mem){.base = first * PAGE_SIZE, .pages = pages, .type = type};
}

int bed_setup(void **state)
{
        void *ram = mmap((void *)PHYSMAP_BASE, BYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

        if (ram != (void *)PHYSMAP_BASE)
                return -1;
        memset(ram, 0x5a, BYTES); /* what firmware left behind */
        info = (struct rf_boot_info){0};
        region(0, BED_LOADER_PAGE, RF_MEM_FREE);
        region(BED_LOADER_PAGE, BED_LOADER_PAGES, RF_MEM_LOADER);
        region(BED_LOADER_PAGE + BED_LOADER_PAGES, BED_HOLE_PAGE - BED_LOADER_PAGE - BED_LOADER_PAGES,
               RF_MEM_FREE);
        region(BED_HOLE_PAGE, BED_HOLE_PAGES, RF_MEM_RESERVED);
        region(BED_HOLE_PAGE + BED_HOLE_PAGES, BED_RAM_PAGES - BED_HOLE_PAGE - BED_HOLE_PAGES, RF_MEM_FREE);
        boot_info = &info;
        for (int i = 0; i < 2; i++)
                bed_guests[i] = (struct guest){.id = i, .used = true, .quota = 100};
        bed_made_writable = 0;
        frame_init();
        return 0;
}

int bed_teardown(void **state)
{
        return munmap((void *)PHYSMAP_BASE, BYTES);
}

/* SPDX-License-Identifier: MIT
 * RAM for ring 0's memory code in a process: PHYSMAP_BASE is defined by the build to where this maps it. */
#ifndef KERNEL_BED_H
#define KERNEL_BED_H

#include "frame.h"
#include "paging.h"
#include "vcpu.h"

enum {
        BED_RAM_PAGES = 4096,
        BED_LOADER_PAGE = 600,
        BED_LOADER_PAGES = 8,
        BED_HOLE_PAGE = 1000,
        BED_HOLE_PAGES = 16
};

extern struct guest bed_guests[2];
extern unsigned bed_made_writable; /* physmap_set_writable(..., true) so far */

/* A machine with RAM from 0 to 16 MiB: one page table's worth of traps in it. Resets guests. */
int bed_setup(void **state);
int bed_teardown(void **state);

#endif

/* SPDX-License-Identifier: MIT
 * Checks an ELF64 file and says where its segments go. No firmware needed here. */
#ifndef ELF_CHECK_H
#define ELF_CHECK_H

#include <stdint.h>

#include "rf/boot.h"

struct elf_part { /* of segment i: which bytes of the file go where in its pages */
        uint64_t offset, bytes;
        uint64_t lead; /* bytes from the first page's start to the first byte of the file's */
};

struct elf_plan {
        struct rf_boot_image image; /* hpa still 0 */
        struct elf_part part[RF_BOOT_MAX_SEGS];
};

/* NULL: *plan is filled and every offset and size in it lies inside the file. Else what is wrong. */
const char *elf_check(const void *file, uint64_t bytes, struct elf_plan *plan);

#endif

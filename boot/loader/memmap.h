/* SPDX-License-Identifier: MIT
 * From the firmware's memory map to the one in rf/boot.h. No firmware needed here. */
#ifndef MEMMAP_H
#define MEMMAP_H

#include <stdint.h>

#include <efi.h>

#include "rf/boot.h"

/* Sorts the firmware's descriptors in place, then fills out: sorted, merged, no overlap (where two
 * descriptors overlap, the less usable type wins). What does not fit into max entries is left
 * out, which hides memory and endangers nothing. Returns the number of entries. */
uint32_t memmap_convert(void *map, uint64_t bytes, uint64_t step, struct rf_boot_mem *out, uint32_t max);

#endif

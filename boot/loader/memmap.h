/* SPDX-License-Identifier: MIT
 * From the firmware's memory map to the one in rf/boot.h. No firmware needed here. */
#ifndef MEMMAP_H
#define MEMMAP_H

#include <stdint.h>

#include <efi.h>

#include "rf/boot.h"

/* Fills out: sorted, merged, no overlap (where the firmware's descriptors overlap, the less usable
 * type wins). `step` is the firmware's descriptor size. What does not fit into max entries is left
 * out, which hides memory and endangers nothing. Returns the number of entries. */
uint32_t memmap_convert(const void *map, uint64_t bytes, uint64_t step, struct rf_boot_mem *out,
                        uint32_t max);

#endif

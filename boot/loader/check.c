/* SPDX-License-Identifier: MIT
 * Files against ringfence.sums. A network server hands out a file that was copied only in part as
 * readily as a whole one, and a cut configuration or guest image may still look right. */
#include "loader.h"

#include "sums.h"

static struct rf_boot_file sums;

void check_open(void)
{
        uint32_t bad;

        file_load("ringfence.sums", &sums);
        if (sums.status == RF_FILE_MISSING)
                return;
        file_report(&sums);
        if (sums.status != RF_FILE_LOADED)
                stop("Copy it again.", "ringfence.sums cannot be read");
        bad = sums_bad_line((const char *)sums.hpa, sums.bytes);
        if (bad != 0)
                stop("Make it anew (boot/ipxe/README.md) and copy it whole.",
                     "ringfence.sums line %u is not `CHECKSUM BYTES NAME` as cksum prints it", bad);
}

void check_file(const struct rf_boot_file *file)
{
        unsigned long long bytes = file->bytes, expected;
        struct sums_entry entry;
        uint32_t crc;

        if (sums.status == RF_FILE_MISSING || file->status == RF_FILE_READ_ERROR)
                return; /* who asked for the file stops, or reports it */
        if (!sums_find((const char *)sums.hpa, sums.bytes, file->name, &entry))
                stop("If the file is as you want it: make ringfence.sums anew (boot/ipxe/README.md).",
                     "ringfence.sums has no line for %s", file->name);
        expected = entry.bytes;
        if (file->status == RF_FILE_MISSING)
                stop("Fetch it in the iPXE script, or correct its name in ringfence.conf.",
                     "%s was not fetched; ringfence.sums expects %llu bytes", file->name, expected);
        if (bytes != expected)
                stop("Copy it to the server again; after a change: make ringfence.sums anew.",
                     "%s is %s: %llu bytes, ringfence.sums says %llu", file->name,
                     bytes < expected ? "truncated" : "too long", bytes, expected);
        if (file->status != RF_FILE_LOADED)
                return;
        crc = sums_crc((const void *)file->hpa, bytes);
        if (crc != entry.crc)
                stop("Copy it to the server again; after a change: make ringfence.sums anew.",
                     "%s is damaged or was changed: checksum %u, ringfence.sums says %u", file->name, crc,
                     entry.crc);
}

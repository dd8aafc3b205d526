/* SPDX-License-Identifier: MIT
 * Places a checked ELF image in memory. */
#include "loader.h"

#include "elf_check.h"
#include "rf_string.h"

static void place_segment(const char *file, const struct elf_part *part, struct rf_boot_seg *seg,
                          const char *name)
{
        seg->hpa = memory_keep_or_stop(seg->pages, name);
        memcpy((char *)seg->hpa + part->lead, file + part->offset, part->bytes);
}

void image_load(const char *name, struct rf_boot_image *out)
{
        struct rf_boot_file file;
        struct elf_plan plan;
        const char *wrong;

        file_load(name, &file);
        file_report(&file);
        check_file(&file);
        if (file.status == RF_FILE_MISSING)
                stop("Copy it to \\ringfence on this volume, or write the stick again.",
                     "%s is not on this volume (neither \\%s nor \\ringfence\\%s)", name, name, name);
        if (file.status != RF_FILE_LOADED)
                stop("Write the stick again; if that does not help, take another one.", "%s cannot be loaded",
                     name);
        wrong = elf_check((const void *)file.hpa, file.bytes, &plan);
        if (wrong != NULL)
                stop("Build it again and copy it whole.", "%s is malformed: %s", name, wrong);
        *out = plan.image;
        for (uint32_t i = 0; i < out->nsegs; i++)
                place_segment((const char *)file.hpa, &plan.part[i], &out->seg[i], name);
        file_free(&file);
}

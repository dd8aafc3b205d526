/* SPDX-License-Identifier: MIT
 * libFuzzer harness of both readers of ELF images: root's for guests, the loader's for kernel and root. What
 * they accept must lie in the file, in its address range, in pages of its own, and never be both writable and
 * executable. */
#include <stdlib.h>
#include <string.h>

#include "../../boot/loader/elf_check.h"
#include "../../hv/root/elf.h"
#include "rf/layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool holds)
{
        if (!holds)
                abort();
}

static void check_segment(const struct elf_image *image, unsigned i)
{
        const struct elf_segment *s = &image->segment[i];

        must(s->file_bytes <= s->bytes && s->offset <= image->size &&
             s->file_bytes <= image->size - s->offset);
        must(s->va >= RF_GUEST_LO && s->va + s->bytes <= RF_GUEST_HI && s->va + s->bytes > s->va);
        must((s->flags & (RF_SEG_W | RF_SEG_X)) != (RF_SEG_W | RF_SEG_X));
        for (unsigned k = 0; k < i; k++)
                must(elf_end_page(&image->segment[k]) <= elf_first_page(s) ||
                     elf_end_page(s) <= elf_first_page(&image->segment[k]));
}

static bool in_code(const struct elf_image *image, uint64_t va)
{
        for (unsigned i = 0; i < image->nsegments; i++)
                if ((image->segment[i].flags & RF_SEG_X) != 0 &&
                    va - image->segment[i].va < image->segment[i].bytes)
                        return true;
        return false;
}

static void check_guest(const void *file, size_t n)
{
        struct elf_image image;
        const char *why = NULL;
        uint64_t *entries;
        char name[40];
        size_t count;

        if (elf_parse(&image, file, n, &why) != 0) {
                must(why != NULL && strlen(why) < 200);
                return;
        }
        must(image.nsegments <= ELF_MAX_SEGMENTS && in_code(&image, image.entry));
        for (unsigned i = 0; i < image.nsegments; i++)
                check_segment(&image, i);
        entries = calloc(elf_entry_bound(&image) + 1, sizeof(*entries));
        count = elf_entries(&image, entries);
        must(count >= 1 && count <= elf_entry_bound(&image));
        for (size_t i = 0; i < count; i++)
                must(in_code(&image, entries[i]) && (i == 0 || entries[i - 1] < entries[i]));
        elf_nearest(&image, image.entry, name, sizeof(name));
        must(memchr(name, 0, sizeof(name)) != NULL);
        free(entries);
}

static void check_loader(const void *file, size_t n)
{
        struct elf_plan plan;
        const char *wrong = elf_check(file, n, &plan);

        if (wrong != NULL)
                return;
        must(plan.image.nsegs >= 1 && plan.image.nsegs <= RF_BOOT_MAX_SEGS);
        for (uint32_t i = 0; i < plan.image.nsegs; i++) {
                const struct rf_boot_seg *s = &plan.image.seg[i];
                const struct elf_part *p = &plan.part[i];

                must(p->offset <= n && p->bytes <= n - p->offset);
                must(p->lead < RF_PAGE_SIZE && p->lead + p->bytes <= s->pages * RF_PAGE_SIZE);
                must(s->va % RF_PAGE_SIZE == 0 && s->pages > 0 && s->pages <= 64 << 8);
                must((s->flags & (RF_SEG_W | RF_SEG_X)) != (RF_SEG_W | RF_SEG_X));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
        void *file = malloc(n > 0 ? n : 1); /* of its own, so that reading behind it is seen */

        memcpy(file, data, n);
        check_guest(file, n);
        check_loader(file, n);
        free(file);
        return 0;
}

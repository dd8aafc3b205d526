/* SPDX-License-Identifier: MIT
 * The symbol table of a guest image: entries for the DBOS engine, names for crash reports. The table is the
 * guest's own word: wrong symbols spoil the guest's code or its reports, nothing else. */
#include "elf.h"
#include "elf_format.h"
#include "rf_format.h"
#include "rf_string.h"

static struct elf64_symbol read_symbol(const struct elf_image *image, uint64_t i)
{
        struct elf64_symbol s;

        memcpy(&s, image->file + image->symbols + i * sizeof(s), sizeof(s));
        return s;
}

static bool is_code(const struct elf_image *image, uint64_t va)
{
        for (unsigned i = 0; i < image->nsegments; i++) {
                const struct elf_segment *s = &image->segment[i];

                if ((s->flags & RF_SEG_X) != 0 && va >= s->va && va - s->va < s->bytes)
                        return true;
        }
        return false;
}

/* ---- entries: heap sort, because its worst case is as good as any and it needs no memory ----- */

static void sift_down(uint64_t *a, size_t root, size_t n)
{
        uint64_t value = a[root];

        for (size_t child; (child = 2 * root + 1) < n; root = child) {
                if (child + 1 < n && a[child + 1] > a[child])
                        child++;
                if (a[child] <= value)
                        break;
                a[root] = a[child];
        }
        a[root] = value;
}

static void sort(uint64_t *a, size_t n)
{
        for (size_t i = n / 2; i > 0; i--)
                sift_down(a, i - 1, n);
        for (size_t end = n; end > 1; end--) {
                uint64_t largest = a[0];

                a[0] = a[end - 1];
                a[end - 1] = largest;
                sift_down(a, 0, end - 1);
        }
}

uint64_t elf_entry_bound(const struct elf_image *image)
{
        return image->nsymbols + 1;
}

size_t elf_entries(const struct elf_image *image, uint64_t *out)
{
        size_t n = 0, kept = 1;

        out[n++] = image->entry;
        for (uint64_t i = 0; i < image->nsymbols; i++) {
                struct elf64_symbol s = read_symbol(image, i);

                if ((s.info & STT_MASK) == STT_FUNC && s.size > 0 && is_code(image, s.value))
                        out[n++] = s.value;
        }
        sort(out, n);
        for (size_t i = 1; i < n; i++)
                if (out[i] != out[kept - 1])
                        out[kept++] = out[i];
        return kept;
}

/* ---- names ----------------------------------------------------------------------------------- */

static void copy_name(const struct elf_image *image, uint32_t at, char *out, size_t n)
{
        size_t i = 0;

        for (; i + 1 < n && at + i < image->strings_bytes; i++) {
                char c = (char)image->file[image->strings + at + i];

                if (c == '\0')
                        break;
                out[i] = c > 0x20 && c < 0x7f ? c : '?';
        }
        out[i] = '\0';
}

void elf_nearest(const struct elf_image *image, uint64_t va, char *out, size_t n)
{
        struct elf64_symbol best = {0};
        char name[48];

        out[0] = '\0';
        if (!is_code(image, va))
                return;
        for (uint64_t i = 0; i < image->nsymbols; i++) {
                struct elf64_symbol s = read_symbol(image, i);
                unsigned type = s.info & STT_MASK;

                if (s.name != 0 && (type == STT_FUNC || type == STT_NOTYPE) && s.value <= va &&
                    s.value >= best.value && is_code(image, s.value))
                        best = s;
        }
        if (best.name == 0)
                return;
        copy_name(image, best.name, name, sizeof(name));
        rf_snprintf(out, n, "%s+0x%lx", name, va - best.value);
}

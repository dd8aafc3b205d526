/* SPDX-License-Identifier: MIT
 * Checks an ELF64 file. Names and numbers: System V ABI, "Object Files"; AMD64 supplement. */
#include "elf_check.h"

#include <elf.h>
#include <stdbool.h>

#include "rf_string.h"

#define MAX_SEGMENT_BYTES (64ull << 20) /* more is a broken header, not a kernel */

static const char *check_header(const Elf64_Ehdr *eh, uint64_t bytes)
{
        if (bytes < sizeof(*eh))
                return "truncated: the file is shorter than an ELF header";
        if (memcmp(eh->e_ident, ELFMAG, SELFMAG) != 0)
                return "not an ELF file";
        if (eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_ident[EI_DATA] != ELFDATA2LSB ||
            eh->e_machine != EM_X86_64)
                return "wrong machine: not a 64-bit x86-64 ELF file";
        if (eh->e_type != ET_EXEC)
                return "not linked at a fixed address (ELF type is not EXEC)";
        if (eh->e_phentsize != sizeof(Elf64_Phdr))
                return "program headers have an unknown size";
        if (eh->e_phoff > bytes || eh->e_phnum > (bytes - eh->e_phoff) / sizeof(Elf64_Phdr))
                return "truncated: the program headers lie past the end of the file";
        return NULL;
}

static bool canonical(uint64_t va)
{
        return (uint64_t)((int64_t)(va << 16) >> 16) == va;
}

static const char *check_segment(const Elf64_Phdr *ph, uint64_t bytes)
{
        if (ph->p_offset > bytes || ph->p_filesz > bytes - ph->p_offset)
                return "truncated: a segment lies past the end of the file";
        if (ph->p_filesz > ph->p_memsz)
                return "a segment is larger in the file than in memory";
        if (ph->p_memsz > MAX_SEGMENT_BYTES)
                return "a segment is larger than 64 MiB";
        /* memsz is bounded, so that only a segment in the last page can pass the end of the space */
        if (ph->p_vaddr > UINT64_MAX - ph->p_memsz - RF_PAGE_SIZE || !canonical(ph->p_vaddr) ||
            !canonical(ph->p_vaddr + ph->p_memsz - 1))
                return "a segment has an address the CPU does not have";
        if ((ph->p_flags & PF_W) && (ph->p_flags & PF_X))
                return "a segment is both writable and executable";
        return NULL;
}

static bool shares_page(const struct rf_boot_image *image, const struct rf_boot_seg *seg)
{
        for (uint32_t i = 0; i < image->nsegs; i++) {
                const struct rf_boot_seg *other = &image->seg[i];

                if (seg->va < other->va + other->pages * RF_PAGE_SIZE &&
                    other->va < seg->va + seg->pages * RF_PAGE_SIZE)
                        return true;
        }
        return false;
}

static const char *add_segment(const Elf64_Phdr *ph, struct elf_plan *plan)
{
        struct rf_boot_image *image = &plan->image;
        uint64_t lead = ph->p_vaddr % RF_PAGE_SIZE;
        struct rf_boot_seg seg = {
            .va = ph->p_vaddr - lead,
            .pages = (lead + ph->p_memsz + RF_PAGE_SIZE - 1) >> RF_PAGE_SHIFT,
            .flags = ph->p_flags & (RF_SEG_R | RF_SEG_W | RF_SEG_X),
        };

        if (image->nsegs == RF_BOOT_MAX_SEGS)
                return "more than 8 segments";
        if (shares_page(image, &seg))
                return "two segments overlap or share a page (link with -z separate-code)";
        plan->part[image->nsegs] = (struct elf_part){ph->p_offset, ph->p_filesz, lead};
        image->seg[image->nsegs++] = seg;
        return NULL;
}

static bool entry_is_code(const struct rf_boot_image *image)
{
        for (uint32_t i = 0; i < image->nsegs; i++) {
                const struct rf_boot_seg *seg = &image->seg[i];

                if ((seg->flags & RF_SEG_X) && image->entry >= seg->va &&
                    image->entry - seg->va < seg->pages * RF_PAGE_SIZE)
                        return true;
        }
        return false;
}

const char *elf_check(const void *file, uint64_t bytes, struct elf_plan *plan)
{
        Elf64_Ehdr eh;
        Elf64_Phdr ph;
        const char *wrong = check_header(file, bytes);

        if (wrong != NULL)
                return wrong;
        memcpy(&eh, file, sizeof(eh));
        *plan = (struct elf_plan){.image.entry = eh.e_entry};
        for (unsigned i = 0; i < eh.e_phnum && wrong == NULL; i++) {
                /* e_phoff need not be aligned */
                memcpy(&ph, (const char *)file + eh.e_phoff + i * sizeof(ph), sizeof(ph));
                if (ph.p_type != PT_LOAD || ph.p_memsz == 0)
                        continue;
                wrong = check_segment(&ph, bytes);
                if (wrong == NULL)
                        wrong = add_segment(&ph, plan);
        }
        if (wrong == NULL && plan->image.nsegs == 0)
                wrong = "there is nothing to load in it (no PT_LOAD segment)";
        if (wrong == NULL && !entry_is_code(&plan->image))
                wrong = "the entry point is not inside an executable segment";
        return wrong;
}

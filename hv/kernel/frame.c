/* SPDX-License-Identifier: MIT
 * Frames: who owns each page of RAM, and the allocator. See frame.h. */
#include "frame.h"

#include "rf_string.h"
#include "vcpu.h"

static struct frame *frames;
static uint64_t nframes, nfree;
static uint32_t free_head, kernel_head, root_head;

struct frame *frame_of(uint64_t hpa)
{
        uint64_t i = hpa / PAGE_SIZE;

        return i < nframes && frames[i].kind != FRAME_NONE ? &frames[i] : NULL;
}

static uint32_t *list_of(const struct frame *f)
{
        if (f->kind == FRAME_FREE)
                return &free_head;
        if (f->owner == OWNER_KERNEL)
                return &kernel_head;
        if (f->owner == OWNER_ROOT)
                return &root_head;
        return &guest_get((uint64_t)f->owner)->frames;
}

static void list_add(struct frame *f)
{
        uint32_t *head = list_of(f), i = (uint32_t)(f - frames);

        f->prev = 0;
        f->next = *head;
        if (*head != 0)
                frames[*head].prev = i;
        *head = i;
}

static void list_remove(struct frame *f)
{
        if (f->prev != 0)
                frames[f->prev].next = f->next;
        else
                *list_of(f) = f->next;
        if (f->next != 0)
                frames[f->next].prev = f->prev;
}

static bool charge(int owner, uint64_t pages)
{
        struct guest *g;

        if (owner < 0)
                return true;
        g = guest_get((uint64_t)owner);
        if (g->quota - g->charged < pages)
                return false;
        g->charged += pages;
        return true;
}

static void take(struct frame *f, enum frame_kind kind, int owner)
{
        list_remove(f);
        *f = (struct frame){.kind = (uint8_t)kind, .owner = (int16_t)owner};
        list_add(f);
        nfree--;
        memset(phys((uint64_t)(f - frames) * PAGE_SIZE), 0, PAGE_SIZE);
}

int64_t frame_alloc(enum frame_kind kind, int owner)
{
        struct frame *f = &frames[free_head];

        if (free_head == 0 || !charge(owner, 1))
                return -RF_ENOMEM;
        take(f, kind, owner);
        return (int64_t)((uint64_t)(f - frames) * PAGE_SIZE);
}

static uint64_t find_run(uint64_t pages)
{
        uint64_t run = 0;

        for (uint64_t i = 1; i < nframes; i++) {
                run = frames[i].kind == FRAME_FREE ? run + 1 : 0;
                if (run == pages)
                        return i + 1 - pages;
        }
        return 0;
}

int64_t frame_alloc_contiguous(enum frame_kind kind, int owner, uint64_t pages)
{
        uint64_t first = pages == 0 ? 0 : find_run(pages);

        if (first == 0 || !charge(owner, pages))
                return -RF_ENOMEM;
        for (uint64_t i = first; i < first + pages; i++)
                take(&frames[i], kind, owner);
        return (int64_t)(first * PAGE_SIZE);
}

void frame_free(uint64_t hpa)
{
        struct frame *f = frame_of(hpa);

        ASSERT(f != NULL && f->kind != FRAME_FREE && f->kind != FRAME_QUARANTINE && f->pins == 0);
        list_remove(f);
        if (f->owner >= 0)
                guest_get((uint64_t)f->owner)->charged--;
        if (f->executable)
                physmap_set_writable(hpa, true);
        *f = (struct frame){.kind = FRAME_FREE};
        list_add(f);
        nfree++;
}

/* Frames that a device may still write stay out of circulation for ever (P9). */
static void quarantine(struct frame *f)
{
        list_remove(f);
        guest_get((uint64_t)f->owner)->charged--;
        f->kind = FRAME_QUARANTINE;
        f->owner = OWNER_KERNEL;
        list_add(f);
}

void frame_free_owner(int owner)
{
        struct guest *g = guest_get((uint64_t)owner);

        while (g->frames != 0) {
                struct frame *f = &frames[g->frames];

                if (f->pins > 0)
                        quarantine(f);
                else
                        frame_free((uint64_t)(f - frames) * PAGE_SIZE);
        }
}

void frame_set_kind(uint64_t hpa, enum frame_kind kind)
{
        struct frame *f = frame_of(hpa);

        ASSERT(f != NULL && f->kind != FRAME_FREE && kind != FRAME_FREE);
        f->kind = (uint8_t)kind;
}

uint64_t frame_free_count(void)
{
        return nfree;
}

/* ---- start-up -------------------------------------------------------------------------- */

static bool is_ram(const struct rf_boot_mem *m)
{
        return m->type == RF_MEM_FREE || m->type == RF_MEM_LOADER;
}

/* The table of all frames needs a place of its own before there is an allocator. */
static uint64_t place_table(uint64_t bytes)
{
        for (uint32_t i = 0; i < boot_info->nmem; i++) {
                const struct rf_boot_mem *m = &boot_info->mem[i];

                if (m->type == RF_MEM_FREE && m->base >= 0x100000 && m->pages * PAGE_SIZE >= bytes)
                        return m->base;
        }
        panic("no %llu KiB of contiguous memory for the frame table", (unsigned long long)bytes / 1024);
}

static void add_region(const struct rf_boot_mem *m, uint64_t table, uint64_t table_end)
{
        for (uint64_t n = m->pages; n > 0; n--) { /* downwards: low frames are handed out first */
                uint64_t hpa = m->base + (n - 1) * PAGE_SIZE;
                struct frame *f = &frames[hpa / PAGE_SIZE];
                bool in_use = m->type == RF_MEM_LOADER || (hpa >= table && hpa < table_end);

                if (hpa < 0x100000 && !in_use)
                        continue; /* firmware's playground: left alone */
                *f = (struct frame){.kind = in_use ? FRAME_KERNEL : FRAME_FREE, .owner = OWNER_KERNEL};
                list_add(f);
                nfree += in_use ? 0 : 1;
        }
}

void frame_init(void)
{
        uint64_t end = 0, table, bytes;

        for (uint32_t i = 0; i < boot_info->nmem; i++)
                if (is_ram(&boot_info->mem[i]))
                        end = boot_info->mem[i].base + boot_info->mem[i].pages * PAGE_SIZE;
        nframes = end / PAGE_SIZE;
        bytes = (nframes * sizeof(struct frame) + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
        table = place_table(bytes);
        frames = phys(table);
        memset(frames, 0, bytes);
        free_head = kernel_head = root_head = 0;
        nfree = 0;
        for (uint32_t i = boot_info->nmem; i > 0; i--)
                if (is_ram(&boot_info->mem[i - 1]))
                        add_region(&boot_info->mem[i - 1], table, table + bytes);
}

/* SPDX-License-Identifier: MIT
 * The host's own tables: ring 0's physmap, image and devices above, root below. One PML4 for every CPU.
 * W^X holds here too: what is executable anywhere is read-only in the physmap. */
#include "cpu.h"
#include "frame.h"
#include "paging.h"
#include "smp.h"
#include "x86.h"

#define DEVICE_BASE 0xffffc00000000000ull
#define STACK_BASE  0xffffd00000000000ull
#define LARGE       0x200000ull

struct table host_table = {.format = &format_host, .top = 4, .owner = OWNER_KERNEL};
static uint64_t device_next = DEVICE_BASE;
static uint64_t host_epoch = 1;

/* Until our own tables stand, the loader's identity map doubles as the physmap: its PML4 entries are copied
 * up. */
void host_map_early(void)
{
        uint64_t *pml4 = (uint64_t *)(read_cr3() & ENTRY_HPA);

        for (unsigned i = 0; i < 64; i++)
                pml4[256 + i] = pml4[i];
        write_cr3(read_cr3());
}

static void must(int error)
{
        if (error < 0)
                panic("no memory for the host's page tables");
}

static void map_ram(uint64_t base, uint64_t pages)
{
        uint64_t end = base + pages * PAGE_SIZE;

        while (base < end) {
                if (base % LARGE == 0 && end - base >= LARGE) {
                        must(table_map_large(&host_table, PHYSMAP_BASE + base, base, PERM_RW));
                        base += LARGE;
                } else {
                        must(table_map(&host_table, PHYSMAP_BASE + base, base, PERM_RW));
                        base += PAGE_SIZE;
                }
        }
}

static void map_segment(const struct rf_boot_seg *s, unsigned user, enum frame_kind text,
                        enum frame_kind data)
{
        unsigned perm = PERM_R | user;

        perm |= s->flags & RF_SEG_W ? PERM_W : 0;
        perm |= s->flags & RF_SEG_X ? PERM_X : 0;
        if ((perm & PERM_W) != 0 && (perm & PERM_X) != 0)
                panic("the loader hands over a segment at %llx both writable and executable",
                      (unsigned long long)s->va);
        for (uint64_t i = 0; i < s->pages; i++) {
                uint64_t hpa = s->hpa + i * PAGE_SIZE;

                must(table_map(&host_table, s->va + i * PAGE_SIZE, hpa, perm));
                if (frame_of(hpa) == NULL)
                        panic("the loader placed a segment outside RAM");
                frame_set_kind(hpa, perm & PERM_X ? text : perm & PERM_W ? data : FRAME_FILE);
                if ((perm & PERM_W) == 0)
                        physmap_set_writable(hpa, false);
        }
}

void host_map_image(const struct rf_boot_image *image, bool user)
{
        for (uint32_t i = 0; i < image->nsegs; i++)
                map_segment(&image->seg[i], user ? PERM_U : 0, user ? FRAME_ROOT_TEXT : FRAME_KERNEL_TEXT,
                            user ? FRAME_ROOT : FRAME_KERNEL);
}

void host_map_init(void)
{
        int64_t root = frame_alloc(FRAME_TABLE, OWNER_KERNEL);

        must((int)root);
        host_table.root = (uint64_t)root;
        for (uint32_t i = 0; i < boot_info->nmem; i++)
                if (boot_info->mem[i].type == RF_MEM_FREE || boot_info->mem[i].type == RF_MEM_LOADER)
                        map_ram(boot_info->mem[i].base, boot_info->mem[i].pages);
        host_map_image(&boot_info->kernel, false);
        write_cr3(host_table.root);
}

void *host_map_device(uint64_t hpa, uint64_t bytes, unsigned perm_type)
{
        uint64_t first = hpa & ~(PAGE_SIZE - 1), end = hpa + bytes, va = device_next;

        for (uint64_t at = first; at < end; at += PAGE_SIZE, device_next += PAGE_SIZE)
                must(table_map(&host_table, device_next, at, PERM_RW | perm_type));
        device_next += PAGE_SIZE; /* an unmapped page between devices */
        return (void *)(va + (hpa - first));
}

/* A stack with unmapped pages around it: an overflow is a double fault, not corruption. Returns its top. */
uint64_t host_map_stack(uint32_t number)
{
        uint64_t va = STACK_BASE + number * 16ull * CPU_STACK_BYTES;

        for (uint64_t i = 0; i < CPU_STACK_BYTES; i += PAGE_SIZE) {
                int64_t hpa = frame_alloc(FRAME_KERNEL, OWNER_KERNEL);

                must((int)(hpa < 0 ? hpa : 0));
                must(table_map(&host_table, va + i, (uint64_t)hpa, PERM_RW));
        }
        return va + CPU_STACK_BYTES;
}

/* From here on physmap_set_writable() cannot fail for this frame: it has a small leaf. */
int physmap_split(uint64_t hpa)
{
        if (table_leaf(&host_table, PHYSMAP_BASE + hpa) != NULL)
                return 0;
        return table_map(&host_table, PHYSMAP_BASE + hpa, hpa, PERM_RW);
}

void physmap_set_writable(uint64_t hpa, bool writable)
{
        must(table_map(&host_table, PHYSMAP_BASE + hpa, hpa, writable ? PERM_RW : PERM_R));
        host_epoch++;
        invlpg(phys(hpa));
}

/* Called with the lock just taken: other CPUs' changes are seen before any physmap access. */
void host_map_refresh(struct cpu *cpu)
{
        if (cpu->host_epoch == host_epoch)
                return;
        cpu->host_epoch = host_epoch;
        write_cr3(host_table.root);
}

void host_flush(void)
{
        host_epoch++;
        host_map_refresh(this_cpu());
        smp_interrupt_outside(OUTSIDE_ROOT);
}

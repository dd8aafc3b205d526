/* SPDX-License-Identifier: MIT
 * A test image for the loader: checks every promise of rf/boot.h from the other side of the jump and
 * prints what it was given on COM1. Its last line is `probe: N checks, M failed`. */
#include <stdbool.h>

#include "rf/boot.h"
#include "rf_format.h"
#include "rf_string.h"

void probe_main(const struct rf_boot_info *info, uint64_t rflags);

static unsigned checks, failures;
static volatile uint64_t in_bss[1024];                    /* zero-filled past the file's bytes */
static volatile uint64_t in_data = 0x5052424544415441ull; /* comes from the file */

static void serial_put(char c)
{
        uint8_t status = 0;

        do
                __asm__ volatile("inb %1, %0" : "=a"(status) : "Nd"((uint16_t)0x3fd));
        while (!(status & 0x20));
        __asm__ volatile("outb %0, %1" : : "a"(c), "Nd"((uint16_t)0x3f8));
}

static void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void print(const char *format, ...)
{
        char text[200];
        va_list args;

        va_start(args, format);
        rf_vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        for (const char *p = text; *p != '\0'; p++)
                serial_put(*p);
        serial_put('\r');
        serial_put('\n');
}

static void check(bool good, const char *what)
{
        checks++;
        if (good)
                return;
        failures++;
        print("probe: FAILED: %s", what);
}

/* Is all of [hpa, hpa + bytes) typed `type`? */
static bool is_typed(const struct rf_boot_info *info, uint64_t hpa, uint64_t bytes, uint32_t type)
{
        for (uint32_t i = 0; i < info->nmem; i++) {
                const struct rf_boot_mem *m = &info->mem[i];

                if (hpa >= m->base && hpa - m->base + bytes <= m->pages * RF_PAGE_SIZE)
                        return m->type == type;
        }
        return false;
}

static uint64_t read_register(char which)
{
        uint64_t value = 0;
        uint32_t lo, hi;

        if (which == '3') {
                __asm__ volatile("mov %%cr3, %0" : "=r"(value));
        } else if (which == '4') {
                __asm__ volatile("mov %%cr4, %0" : "=r"(value));
        } else {
                __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(0xc0000080)); /* EFER */
                value = (uint64_t)hi << 32 | lo;
        }
        return value;
}

static void check_state(uint64_t rflags)
{
        const uint64_t lme_lma_nxe = 0xd00;

        check((rflags & 0x600) == 0, "RFLAGS.IF and DF are clear");
        check((read_register('E') & lme_lma_nxe) == lme_lma_nxe, "EFER has LME, LMA and NXE");
        check((read_register('4') & 1u << 12) == 0, "paging has 4 levels");
        for (unsigned i = 0; i < 1024; i++) {
                if (in_bss[i] != 0)
                        check(false, "bss is zero");
        }
        in_bss[0] = 1;
        check(in_data == 0x5052424544415441ull, "data comes from the file");
}

static void check_memory(const struct rf_boot_info *info)
{
        uint64_t end = 0, free_pages = 0;

        for (uint32_t i = 0; i < info->nmem; i++) {
                const struct rf_boot_mem *m = &info->mem[i];

                print("probe: memory %012llx %8llu pages type %u", (unsigned long long)m->base,
                      (unsigned long long)m->pages, m->type);
                check(m->base >= end && m->base % RF_PAGE_SIZE == 0 && m->pages > 0,
                      "the map is sorted, without overlap");
                check(m->type >= RF_MEM_FREE && m->type <= RF_MEM_MMIO, "the memory type is known");
                end = m->base + m->pages * RF_PAGE_SIZE;
                if (m->type != RF_MEM_FREE)
                        continue;
                free_pages += m->pages;
                /* free memory is mapped, writable, at its own address: first and last word of each region */
                *(volatile uint64_t *)(m->base == 0 ? 8 : m->base) = end;
                *(volatile uint64_t *)(end - 8) = m->base;
                check(*(volatile uint64_t *)(m->base == 0 ? 8 : m->base) == end,
                      "free memory can be written");
        }
        print("probe: %llu MiB free", (unsigned long long)free_pages >> 8);
        check(is_typed(info, (uint64_t)info, sizeof(*info), RF_MEM_LOADER), "boot info is loader memory");
        check(is_typed(info, read_register('3') & ~0xfffull, 4096, RF_MEM_LOADER),
              "page tables are loader memory");
        check(info->trampoline > 0 && info->trampoline < 0xa0000 && info->trampoline % RF_PAGE_SIZE == 0 &&
                  is_typed(info, info->trampoline, RF_PAGE_SIZE, RF_MEM_LOADER),
              "the start-up page is loader memory below 640 KiB");
}

static void check_segments(const struct rf_boot_info *info, const struct rf_boot_image *image,
                           const char *name)
{
        print("probe: image %s entry %llx, %u segments", name, (unsigned long long)image->entry,
              image->nsegs);
        for (uint32_t i = 0; i < image->nsegs; i++) {
                const struct rf_boot_seg *s = &image->seg[i];

                print("probe: segment va %llx hpa %llx pages %llu flags %u", (unsigned long long)s->va,
                      (unsigned long long)s->hpa, (unsigned long long)s->pages, s->flags);
                check(s->va % RF_PAGE_SIZE == 0 && s->hpa % RF_PAGE_SIZE == 0, "segments are page aligned");
                check(is_typed(info, s->hpa, s->pages * RF_PAGE_SIZE, RF_MEM_LOADER),
                      "segments are loader memory");
        }
}

static void check_own_mapping(const struct rf_boot_info *info)
{
        for (uint32_t i = 0; i < info->kernel.nsegs; i++) {
                const struct rf_boot_seg *s = &info->kernel.seg[i];
                bool writable = s->flags & RF_SEG_W;

                check(memcmp((const void *)s->va, (const void *)s->hpa, s->pages * RF_PAGE_SIZE) == 0 ||
                          writable,
                      "a segment's bytes are seen at its va");
                check(*(volatile uint8_t *)(s->va + s->pages * RF_PAGE_SIZE - 1) == 0,
                      "the last page is zero-filled");
        }
}

static uint32_t sum_of(const uint8_t *data, uint64_t bytes)
{
        uint32_t hash = 0x811c9dc5; /* FNV-1a, 32 bits */

        for (uint64_t i = 0; i < bytes; i++)
                hash = (hash ^ data[i]) * 0x01000193;
        return hash;
}

static void check_files(const struct rf_boot_info *info)
{
        check(strcmp(info->file[0].name, "ringfence.conf") == 0, "the first file is ringfence.conf");
        for (uint32_t i = 0; i < info->nfiles; i++) {
                const struct rf_boot_file *f = &info->file[i];

                print("probe: file %s status %u bytes %llu sum %08x", f->name, f->status,
                      (unsigned long long)f->bytes,
                      f->status == RF_FILE_LOADED ? sum_of((const uint8_t *)f->hpa, f->bytes) : 0);
                check((f->status == RF_FILE_LOADED) == (f->hpa != 0),
                      "a file has an address if it is loaded");
                if (f->status == RF_FILE_LOADED)
                        check(f->hpa % RF_PAGE_SIZE == 0 && is_typed(info, f->hpa, f->bytes, RF_MEM_LOADER),
                              "a file is loader memory");
        }
}

static void check_cpus(const struct rf_boot_info *info)
{
        uint32_t eax = 1, ebx, ecx = 0, edx, bsps = 0;

        __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
        for (uint32_t i = 0; i < info->ncpus; i++) {
                print("probe: cpu apic %u bsp %u", info->cpu[i].apic_id, info->cpu[i].bsp);
                bsps += info->cpu[i].bsp;
                if (info->cpu[i].bsp)
                        check(info->cpu[i].apic_id == ebx >> 24, "this is the BSP's APIC id");
                for (uint32_t k = 0; k < i; k++)
                        check(info->cpu[k].apic_id != info->cpu[i].apic_id, "APIC ids differ");
        }
        check(bsps == 1, "there is one BSP");
}

static void check_platform(const struct rf_boot_info *info)
{
        uint8_t sum = 0;

        check(info->magic == RF_BOOT_MAGIC && info->version == RF_BOOT_VERSION &&
                  info->bytes == sizeof(*info),
              "magic, version and size");
        for (unsigned i = 0; info->rsdp != 0 && i < 20; i++)
                sum = (uint8_t)(sum + ((const uint8_t *)info->rsdp)[i]);
        check(info->rsdp == 0 || (memcmp((const void *)info->rsdp, "RSD PTR ", 8) == 0 && sum == 0),
              "the RSDP is one");
        print("probe: rsdp %s, serial %u, trampoline %llx", info->rsdp != 0 ? "found" : "absent",
              info->serial, (unsigned long long)info->trampoline);
}

/* A coloured frame around the screen: a wrong stride or size shows in a screen dump. */
static void draw_frame(const struct rf_boot_fb *fb)
{
        volatile uint32_t *pixel = (volatile uint32_t *)fb->hpa;
        uint32_t red = fb->bgr ? 0xff0000 : 0xff;

        print("probe: screen %ux%u stride %u bgr %u bytes %llu", fb->width, fb->height, fb->stride, fb->bgr,
              (unsigned long long)fb->bytes);
        if (fb->hpa == 0)
                return;
        check((uint64_t)fb->stride * fb->height * 4 <= fb->bytes && fb->width <= fb->stride,
              "the screen fits its memory");
        for (uint32_t x = 0; x < fb->width; x++)
                pixel[x] = pixel[(fb->height - 1) * fb->stride + x] = red;
        for (uint32_t y = 0; y < fb->height; y++)
                pixel[y * fb->stride] = pixel[y * fb->stride + fb->width - 1] = red;
}

void probe_main(const struct rf_boot_info *info, uint64_t rflags)
{
        check_platform(info);
        check_state(rflags);
        check_own_mapping(info);
        check_segments(info, &info->kernel, "kernel");
        check_segments(info, &info->root, "root");
        check_files(info);
        check_cpus(info);
        check_memory(info);
        draw_frame(&info->fb);
        print("probe: %u checks, %u failed", checks, failures);
}

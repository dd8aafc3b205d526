/* SPDX-License-Identifier: MIT
 *
 * What the UEFI loader (boot/) hands to the kernel (hv/kernel) or to a bare image.
 *
 * Entry contract. The loader MUST jump to rf_boot_image.entry of the kernel with
 *   - RDI = address of struct rf_boot_info, RFLAGS.IF = 0, EFER.LME|LMA|NXE, 4-level paging;
 *   - tables that map, readable, writable and executable: every byte of RAM and the first
 *     4 GiB at VA = HPA, and each segment of the entered image at its own VA;
 *   - boot services exited; the BSP running; the APs where firmware left them.
 * The entered image MUST replace the tables before it trusts W^X, and MUST NOT assume a stack.
 * All addresses are host-physical (HPA) unless a name says va. All memory the loader allocated
 * (this structure, images, files, tables) is typed RF_MEM_LOADER in the map.
 */
#ifndef RF_BOOT_H
#define RF_BOOT_H

#include <stdint.h>

#define RF_BOOT_MAGIC   0x544f4f4245434652ull /* "RFCEBOOT" */
#define RF_BOOT_VERSION 1u

#define RF_PAGE_SIZE  4096ull
#define RF_PAGE_SHIFT 12

enum {
        RF_BOOT_MAX_MEM = 512,
        RF_BOOT_MAX_CPUS = 64,
        RF_BOOT_MAX_FILES = 40,
        RF_BOOT_MAX_SEGS = 8,
        RF_BOOT_NAME = 64,
};

enum rf_mem_type {
        RF_MEM_FREE = 1,     /* usable RAM, boot-services memory included */
        RF_MEM_LOADER = 2,   /* RAM in use by what the loader hands over */
        RF_MEM_ACPI = 3,     /* ACPI reclaim and NVS: RAM, left alone */
        RF_MEM_RESERVED = 4, /* runtime services, firmware: left alone */
        RF_MEM_MMIO = 5,
};

struct rf_boot_mem { /* sorted by base, no overlap */
        uint64_t base;
        uint64_t pages; /* of 4 KiB */
        uint32_t type;  /* enum rf_mem_type */
        uint32_t reserved;
};

enum { RF_SEG_X = 1, RF_SEG_W = 2, RF_SEG_R = 4 }; /* ELF's PF_ values */

struct rf_boot_seg {
        uint64_t va;  /* page aligned */
        uint64_t hpa; /* page aligned, contiguous, zero-filled past the file's bytes */
        uint64_t pages;
        uint32_t flags; /* RF_SEG_ */
        uint32_t reserved;
};

/* An ELF64 image that the loader has placed: the kernel, or root. Segments never share a page. */
struct rf_boot_image {
        uint64_t entry; /* va */
        uint32_t nsegs;
        uint32_t reserved;
        struct rf_boot_seg seg[RF_BOOT_MAX_SEGS];
};

enum rf_file_status {
        RF_FILE_LOADED = 0,
        RF_FILE_MISSING = 1,   /* on no path that was tried */
        RF_FILE_TOO_LARGE = 2, /* over 64 MiB, or no memory for it */
        RF_FILE_READ_ERROR = 3,
};

/* ringfence.conf is always files[0]; then one entry for each distinct image= value in it. */
struct rf_boot_file {
        char name[RF_BOOT_NAME]; /* as the config writes it, NUL-terminated */
        uint64_t hpa;            /* page aligned; 0 unless status is RF_FILE_LOADED */
        uint64_t bytes;
        uint32_t status; /* enum rf_file_status */
        uint32_t reserved;
};

struct rf_boot_cpu {
        uint32_t apic_id;
        uint32_t bsp; /* 1 for the CPU that runs the loader */
};

/* 32 bits a pixel. hpa = 0: no framebuffer. */
struct rf_boot_fb {
        uint64_t hpa;
        uint64_t bytes;
        uint32_t width, height; /* pixels */
        uint32_t stride;        /* pixels per line */
        uint32_t bgr;           /* 1: blue in bits 7:0 (the common case), 0: red in bits 7:0 */
};

struct rf_boot_info {
        uint64_t magic;
        uint32_t version;
        uint32_t bytes;      /* sizeof(struct rf_boot_info) */
        uint64_t rsdp;       /* 0: firmware has no ACPI */
        uint64_t trampoline; /* one page below 1 MiB for AP start-up, typed RF_MEM_LOADER */
        struct rf_boot_fb fb;
        uint32_t nmem, ncpus, nfiles;
        uint32_t serial;                   /* 1: COM1 (0x3F8) answered the loader's loop-back test */
        struct rf_boot_image kernel, root; /* root.entry = 0 for a bare image */
        struct rf_boot_mem mem[RF_BOOT_MAX_MEM];
        struct rf_boot_cpu cpu[RF_BOOT_MAX_CPUS];
        struct rf_boot_file file[RF_BOOT_MAX_FILES];
};

_Static_assert(sizeof(struct rf_boot_mem) == 24, "ABI");
_Static_assert(sizeof(struct rf_boot_seg) == 32, "ABI");
_Static_assert(sizeof(struct rf_boot_image) == 272, "ABI");
_Static_assert(sizeof(struct rf_boot_file) == 88, "ABI");
_Static_assert(sizeof(struct rf_boot_fb) == 32, "ABI");

#endif

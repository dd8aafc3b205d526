/* SPDX-License-Identifier: MIT
 * What the parts of the UEFI loader share. Section numbers: UEFI specification 2.10. */
#ifndef LOADER_H
#define LOADER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdnoreturn.h>

#include <efi.h>

#include "rf/boot.h"

extern EFI_HANDLE loader_image;
extern EFI_SYSTEM_TABLE *loader_st;
extern EFI_BOOT_SERVICES *loader_bs;

/* ---- console.c: the firmware's console, and COM1 where that console does not go there ------- */
void console_open(void);
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints what is wrong and what to do about it, waits for a key, returns to the firmware. */
noreturn void stop(const char *todo, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- serial.c: COM1 ------------------------------------------------------------------------- */
bool serial_present(void);
bool serial_is_firmware_console(void);
void serial_open(void);
void serial_write(const char *text);

/* ---- memory.c ------------------------------------------------------------------------------- */
/* Zeroed pages that the kernel finds typed RF_MEM_LOADER; 0 when there are none left. */
uint64_t memory_keep(uint64_t pages);
/* The same, or the loader stops. */
uint64_t memory_keep_or_stop(uint64_t pages, const char *what);
/* One page below 640 KiB, and not page 0. */
uint64_t memory_trampoline(void);
/* Fills info->mem from the firmware's map. */
void memory_map(struct rf_boot_info *info);
/* Ends boot services and fills info->mem with what is true from then on. */
void memory_leave_firmware(struct rf_boot_info *info);

/* ---- file.c --------------------------------------------------------------------------------- */
void file_open_volume(void);
/* Looks for \NAME, then \ringfence\NAME. Fills all of *out but nothing is printed. */
void file_load(const char *name, struct rf_boot_file *out);
/* One line about the file, whatever came of it. */
void file_report(const struct rf_boot_file *file);
void file_free(const struct rf_boot_file *file);

/* ---- check.c: files against ringfence.sums, if there is one ---------------------------------- */
/* Loads ringfence.sums. Stops if it is there and damaged. */
void check_open(void);
/* Stops if the file is not what ringfence.sums says. */
void check_file(const struct rf_boot_file *file);

/* ---- image.c -------------------------------------------------------------------------------- */
/* Loads the ELF file, places its segments. Stops if it is missing or malformed. */
void image_load(const char *name, struct rf_boot_image *out);

/* ---- machine.c: what the firmware knows ------------------------------------------------------ */
void machine_describe(struct rf_boot_info *info);
void machine_secure_boot(void);

/* ---- cpu.c ---------------------------------------------------------------------------------- */
uint32_t cpu_apic_id(void);
/* What any image needs; stops if it is not there. */
void cpu_check_entry(void);
/* What the hypervisor needs; stops if it is not there, or if the firmware has it switched off. */
void cpu_check_virtualization(void);
void cpu_enable_nx(void);
noreturn void cpu_jump(uint64_t cr3, uint64_t entry, const struct rf_boot_info *info);

/* ---- paging.c ------------------------------------------------------------------------------- */
/* The entry tables of the contract in rf/boot.h. Returns CR3. */
uint64_t paging_build(const struct rf_boot_info *info);

#endif

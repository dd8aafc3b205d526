/* SPDX-License-Identifier: MIT
 *
 * The bare machine under a network function: bare-NAME.elf, which the loader starts in the kernel's place. It
 * plays ring 0 and root for one guest: finds memory and the NIC, sets the NIC up with the shared igb code,
 * and builds the info page that the SDK starts from. No interrupts, one CPU, the loader's page tables.
 */
#ifndef BARE_H
#define BARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rf/boot.h"
#include "ringfence.h"

static inline void out8(uint16_t port, uint8_t v)
{
        __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint8_t in8(uint16_t port)
{
        uint8_t v;

        __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
        return v;
}

static inline void out32(uint16_t port, uint32_t v)
{
        __asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint32_t in32(uint16_t port)
{
        uint32_t v;

        __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
        return v;
}

/* start.S */
void bare_main(const struct rf_boot_info *boot);
void bare_hypercall_entry(void); /* register convention of ringfence.h */
_Noreturn void bare_halt(void);
extern const uint64_t bare_trap_entries[32];

/* serial.c: COM1, if the loader found one */
void bare_serial_start(bool present);
void bare_put(const char *text, size_t n);
void bare_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void bare_panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* trap.c */
void bare_trap_start(void);

/* tsc.c: ticks per second, by the PIT; 0 if the PIT does not count */
uint64_t bare_tsc_hz(void);

/* memory.c */
/* Zeroed, page aligned, below 4 GiB, at VA = bus address. Does not return without memory. */
void *bare_pages(const struct rf_boot_info *boot, uint64_t pages);
/* Maps `bytes` (at most 2 MiB, naturally aligned) of device memory uncached; one device only. */
volatile uint8_t *bare_map_device(const struct rf_boot_info *boot, uint64_t hpa, uint64_t bytes);

/* pci.c: switches memory decoding and bus mastering of the first such device on and returns its BAR 0; 0:
 * none */
uint64_t bare_pci_find(uint16_t vendor, uint16_t device);

/* conf.c: pure. What ringfence.conf says about the one guest that runs here. The file is scanned, not
 * checked: under the hypervisor root reports its errors. */
struct bare_conf {
        char name[32];
        char arguments[RF_ARGUMENTS];
        uint8_t mac[6];
        bool has_mac;
};
/* 0, or -RF_ENOENT: no bare= in [host], or -RF_EFORMAT: a value is too long or not a MAC. */
int bare_conf_read(const char *text, size_t bytes, struct bare_conf *c);

/* nic.c: brings the NIC up and fills in queue slot 0 */
void bare_nic_start(const struct rf_boot_info *boot, const struct bare_conf *c, struct rf_info *info);

/* calls.c */
void bare_calls_start(const struct rf_info *info);
int64_t bare_hypercall(uint64_t number, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                       uint64_t a5);
uint64_t bare_commit(uint32_t ring, uint32_t tail);

#endif

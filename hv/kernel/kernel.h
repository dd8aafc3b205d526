/* SPDX-License-Identifier: MIT
 *
 * What all of ring 0 uses: logging, panic, the one lock, test controls.
 *
 * Ring 0 runs with interrupts off, on one stack a CPU, under one lock. It holds no state on a stack
 * across a guest entry: each CPU is a loop of pick, run, handle (loop.c).
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rf/boot.h"
#include "rf/error.h"
#include "rf/layout.h"
#include "rf/root.h"

#define PAGE_SIZE       4096ull
#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* One line on serial and screen, '\n' added. Takes no lock that a fatal path could dead-lock on. */
void klog(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Registers, backtrace, halt of every CPU. For broken invariants of ring 0 only, never for what a guest
 * or root did. */
void panic(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
#define ASSERT(condition)                                                                                    \
        do {                                                                                                 \
                if (!(condition))                                                                            \
                        panic("%s:%d: %s", __FILE__, __LINE__, #condition);                                  \
        } while (0)

/* The one lock of ring 0. Taking it also brings this CPU's view of the host tables up to date. */
void kernel_lock(void);
void kernel_unlock(void);

/* Positive controls (rf/root.h). In a release the condition is constant false and the code is gone. */
#ifndef RF_TEST_CONTROLS
#define RF_TEST_CONTROLS 0
#endif
extern uint32_t active_controls;
static inline bool control_on(uint32_t control)
{
        return RF_TEST_CONTROLS && (active_controls & control) != 0;
}

extern const struct rf_boot_info *boot_info; /* a kernel mapping, read-only after start-up */
extern struct rf_host *host_page;            /* root sees it read-only */

#endif

/* SPDX-License-Identifier: MIT
 *
 * Ringfence SDK runtime: what a network function is written against, besides ringfence.h.
 *
 * Life. The runtime starts vCPU 0 in rf_main and every other vCPU in rf_secondary. A program MUST
 * define rf_main; what it returns becomes the guest's exit code. It MAY define rf_secondary; the
 * default one waits for ever. All vCPUs share code, data and heap; each has its own stack, its own
 * info page and its own queues. There are no interrupts, no threads, no signals.
 *
 * Time is in nanoseconds since this guest was started, on one clock for all its vCPUs.
 * RF_FOREVER as a deadline means that it never passes.
 *
 * The same program runs on a bare machine (bare-NAME.elf): then the runtime is all there is.
 */
#ifndef RINGFENCE_SDK_H
#define RINGFENCE_SDK_H

#include <stddef.h>
#include <stdint.h>

#include "ringfence.h"

#define RF_FOREVER    UINT64_MAX
#define RF_NS_PER_SEC 1000000000ull

enum {
        RF_SDK_VCPUS = 8,   /* vCPUs of one guest, at most */
        RF_MAX_ARGS = 64,   /* argv[0], the guest's name, included */
        RF_EXIT_USAGE = 2,  /* exit code for arguments that cannot be used */
        RF_EXIT_ABI = 3,    /* exit code when the hypervisor speaks another ABI version */
        RF_LINE_BYTES = 240 /* longer console lines are split */
};

/* The program. argv[0] is the guest's name; argv[1..argc-1] its arguments, split on spaces; "..." keeps
 * spaces together. argv strings MAY be changed by the program. */
int rf_main(const struct rf_info *info, int argc, char **argv);
void rf_secondary(const struct rf_info *info);

/* The info page of the vCPU that calls. */
const struct rf_info *rf_self(void);

/* Hypercall as ringfence.h describes it. Returns its result. */
int64_t rf_hypercall(uint64_t number, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                     uint64_t a5);
/* Commit as ringfence.h describes it: enum rf_commit_reason << 32 | tail reached. */
uint64_t rf_commit(uint32_t ring, uint32_t tail);

/* Console. Output is kept until its line is complete (or too long) and then sent as one piece. */
void rf_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void rf_flush(void);

/* Time. */
static inline uint64_t rf_rdtsc(void)
{
        uint32_t lo, hi;

        __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
        return (uint64_t)hi << 32 | lo;
}
uint64_t rf_now_ns(void);
uint64_t rf_tsc_to_ns(uint64_t ticks); /* a duration */
uint64_t rf_ns_to_tsc(uint64_t ns);    /* a duration; saturates */

/* Gives the CPU away until slot `next` of queue slot `queue` has a frame (1), or until `deadline_ns` (0), or
 * for no reason (2: MAY happen). queue = UINT32_MAX: time only. -RF_ENOENT: no such queue. */
int64_t rf_wait(uint32_t queue, uint32_t next, uint64_t deadline_ns);
void rf_sleep_until(uint64_t deadline_ns);
void rf_yield(void);

/* In a polling loop, between two looks. */
static inline void rf_relax(void)
{
        __asm__ volatile("pause");
}

/* Ends the guest, all vCPUs. 0 is success. */
_Noreturn void rf_exit(int code);

/* Zeroed memory from the guest's heap, or NULL when there is no more. It is never given back.
 * `align` MUST be a power of two. Any vCPU MAY call it. */
void *rf_alloc(size_t bytes, size_t align);

#endif

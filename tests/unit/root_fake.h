/* SPDX-License-Identifier: MIT
 * A ring 0 that keeps books and checks nothing but what hv/root promises: root's files run above it on this
 * machine, at the addresses of rf/root.h. */
#ifndef ROOT_FAKE_H
#define ROOT_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rf/root.h"

enum { FAKE_PAGES = 8192 };

struct fake_page {
        uint64_t va;
        enum rf_map_kind kind;
        bool accepted;
};

extern struct fake {
        /* to set */
        int fail_at; /* the how-manieth call from now on fails, 0: none */
        int fail_with;
        bool dies_early;    /* its first vCPU ends the guest before the second one is started */
        uint64_t hard_page; /* acceptance of this page finds a hard opcode */
        uint64_t commit_result;
        /* to look at */
        int calls;
        bool guest, started, queue, enabled, open_mac;
        uint64_t quota, start_rip, start_rsp;
        int resumed; /* how often */
        uint64_t resume_rip, set[16];
        uint64_t stage_va, stage_value, stage_bytes;
        int commits, accepts, opens;
        uint64_t frames;
        unsigned npages;
        struct fake_page page[FAKE_PAGES];
        char log[16384]; /* what root printed */
} fake;

void fake_reset(void);                          /* a fresh machine: one file, one NIC */
struct rf_vcpu_report *fake_report(void);       /* of the only vCPU */
const struct fake_page *fake_page(uint64_t va); /* NULL: not mapped */
/* Makes file[1] an image: `code` at RF_IMAGE_BASE (entry, one function symbol `start`), data at + 0x10000. */
void fake_image(const void *code, size_t bytes);
void fake_file(const void *bytes, size_t n); /* file[1] is this */

#endif

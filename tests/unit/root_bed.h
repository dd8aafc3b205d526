/* SPDX-License-Identifier: MIT
 * One guest "a" on one NIC above the fake ring 0: what the tests of hv/root start from. */
#ifndef ROOT_BED_H
#define ROOT_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../hv/root/console.h"
#include "../../hv/root/guest.h"
#include "rf/igb_desc.h"
#include "root_fake.h"

extern struct config config;

/* Up to the point where guests are started; `extra` goes into its section of ringfence.conf. */
void boot(const char *extra, const void *code, size_t bytes);
void start(const char *extra, const void *code, size_t bytes);
int stop(void **state); /* a teardown: nothing may be left */
void printed(const char *text);
struct rf_vcpu_report *request(enum rf_request what, uint64_t rip, uint64_t fault_va);
void serve(void);
const uint8_t *code_of(uint64_t va);

#define BOOT(extra, ...)  boot(extra, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))
#define START(extra, ...) start(extra, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))
#define TEST(f)           cmocka_unit_test_teardown(f, stop)

#endif

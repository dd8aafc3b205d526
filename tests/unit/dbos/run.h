/* SPDX-License-Identifier: MIT
 * run.c's symbols. */
#ifndef TEST_DBOS_RUN_H
#define TEST_DBOS_RUN_H

#include "world.h"

extern struct state run_state;
extern uint64_t run_target, run_saved_rsp;
void run_enter(void);
void run_leave(void);
extern const uint8_t guard_stubs[], guard_stubs_end[], guard_on_commit[], guard_on_hypercall[], guard_stack[];

#endif

/* SPDX-License-Identifier: MIT
 *
 * The guard, for the rest of ring 0: its page, where it is, and commit on behalf of a vCPU.
 */
#ifndef GUARD_H
#define GUARD_H

#include "guard_state.h"
#include "kernel.h"

struct vcpu;

/* A new frame of kind FRAME_GUARD with the guard for this CPU: its HPA, to be mapped read-execute at
 * RF_GUARD_VA and writable nowhere. Again after a change of controls: they are part of the page. -RF_ENOMEM;
 * -RF_EHARD: it has a WRPKRU too many or too few. */
int64_t guard_install(void);
bool guard_contains(uint64_t rip);
uint64_t guard_revoked_rip(void); /* where a vCPU goes on whose window was taken away: PKRU closed first */

/* RF_HC_COMMIT and RF_SYS_COMMIT. v MUST have made this hypercall, or wait in RF_VCPU_REQUEST: stopped with
 * its window open it would finish in the guard with indices that are old by then (P6). */
uint64_t commit_hypercall(struct vcpu *v, uint32_t ring, uint32_t tail);
/* RF_SYS_STAGE_STORE: into v's staging, at the address its ring has. Crosses no page. */
int64_t commit_stage_store(struct vcpu *v, uint64_t ring_va, uint64_t value, uint64_t bytes);

/* ---- inside guard/ and for its tests (guard_build.c) ------------------------------------- */
bool guard_build(uint8_t *page, bool keys, const uint8_t opcode[3]); /* false: WRPKRU not where expected */
extern const uint8_t guard_page[], guard_page_end[], guard_nokeys_page[];
extern const uint8_t guard_open[], guard_close[], guard_revoked[];

#endif

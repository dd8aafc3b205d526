/* SPDX-License-Identifier: MIT
 * What guest.c needs of root's shared pages (root.c). */
#ifndef GUEST_H
#define GUEST_H

#include "vcpu.h"

extern uint64_t guard_hpa; /* the guard's one frame, mapped into every ring space */

struct rf_vcpu_report *root_report(uint32_t vcpu);
struct rf_console *root_console(uint32_t guest);
void root_forget(const struct vcpu *v); /* drops its request */

#endif

/* SPDX-License-Identifier: MIT
 * Between guest.c, space.c and root.c. */
#ifndef GUEST_H
#define GUEST_H

#include "vcpu.h"

extern uint64_t guard_hpa; /* the guard's one frame, mapped into every ring space */

int space_new_table(struct guest *g, struct table *t); /* an empty PDPT of a ring space */
int space_build(struct vcpu *v);                       /* -RF_ENOMEM: root frees the guest */

/* root's shared pages */
struct rf_vcpu_report *root_report(uint32_t vcpu);
struct rf_console *root_console(uint32_t guest);
void root_forget(const struct vcpu *v); /* drops its request */

#endif

/* SPDX-License-Identifier: MIT
 *
 * Inside the SVM back end. What the rest of ring 0 sees is svm_ops in vm.h.
 */
#ifndef SVM_H
#define SVM_H

#include "../vm.h"
#include "vmcb.h"

extern const struct table_format format_npt; /* npt.c */

/* run.S: one VMRUN. gpr is struct vcpu's, of which RAX and RSP travel in the VMCB. Interrupts are off before
 * and after. */
void svm_run(uint64_t *gpr, uint64_t vmcb_hpa, uint64_t host_hpa);

void svm_init_vmcb(struct vmcb *c, const struct vcpu *v, uint64_t deny_map); /* vmcb.c */
void svm_set_intercepts(struct vmcb *c);
void svm_decode_exit(const struct vmcb *c, struct vm_exit *exit); /* exits.c */

#endif

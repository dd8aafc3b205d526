/* SPDX-License-Identifier: MIT
 * Other CPUs: starting them, interrupting them, stopping them. And what cpu.c sets up on each. */
#ifndef SMP_H
#define SMP_H

#include "cpu.h"

enum { VECTOR_TIMER = 0x20, VECTOR_IPI = 0x21, VECTOR_NIC = 0x40, VECTOR_SPURIOUS = 0xff };

void smp_start(void); /* all CPUs of boot_info; ncpus says how many came */
/* Interrupts every other CPU whose `outside` is `what` and waits until it is back in ring 0. Needs the lock:
 * no CPU can go outside meanwhile. */
void smp_interrupt_outside(void *what);
void smp_kick(struct cpu *cpu); /* an IPI that only makes it leave what it runs or sleeps in */
void smp_halt_others(void);     /* NMI; for panic and shutdown */

void cpu_setup(struct cpu *cpu); /* GDT, TSS, IDT, control registers, MSRs, this CPU */
struct cpu_tables {              /* addresses */
        uint64_t gdt, tss, idt;
};
struct cpu_tables cpu_tables(const struct cpu *cpu);
void cpu_load_tables(struct cpu *cpu); /* GDTR, IDTR and TR again, limits and all */
void cpu_set_user_stack(struct cpu *cpu, uint64_t rsp);
extern uint64_t cpu_xcr0; /* for guests; keys excluded */
extern bool cpu_has_keys, cpu_has_smep;

void apic_init(void); /* this CPU */
void apic_eoi(void);
void apic_timer_arm(uint64_t tsc_deadline);
uint32_t apic_id(void);
void apic_send(uint32_t apic_id, uint32_t icr_low);
void time_init(void); /* TSC and APIC timer rates; BSP, once */
extern uint64_t tsc_hz;
void delay_us(uint64_t us);

/* ioapic.c */
bool ioapic_has(uint32_t pin);
void ioapic_set(uint32_t pin, uint32_t vector);   /* level, active high, fixed; masked */
void ioapic_open(uint32_t pin, uint32_t apic_id); /* to that CPU, no longer masked */
void ioapic_mask(uint32_t pin);

/* host_map.c */
void host_map_early(void);
void host_map_image(const struct rf_boot_image *image, bool user);
uint64_t host_map_stack(uint32_t number);
void host_map_refresh(struct cpu *cpu);

/* isr.S, trap.c */
struct trap {
        uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rdx, rcx, rbx, rax;
        uint64_t vector, error, rip, cs, rflags, rsp, ss;
};
void interrupt_take(uint64_t vector); /* acknowledge and note; no lock, no work */
extern uint32_t nic_pending;          /* bit per NIC vector that arrived; loop.c takes them */
extern volatile bool halting;         /* every CPU that sees it stops */
void cpu_park(void) __attribute__((noreturn));
void trap_init(void);
void trap_load(void);
uint64_t trap_idt(void);

void cpu_loop(struct cpu *cpu) __attribute__((noreturn)); /* loop.c */

#endif

/* SPDX-License-Identifier: MIT
 * Interrupts and exceptions of the host. In ring 0 an interrupt is only noted: the CPU's loop acts on it. An
 * exception in ring 0 is a bug: panic. */
#include "nic.h"
#include "panic.h"
#include "smp.h"
#include "x86.h"

struct gate {
        uint16_t offset0, selector;
        uint8_t ist, type;
        uint16_t offset1;
        uint32_t offset2, reserved;
};
_Static_assert(sizeof(struct gate) == 16, "APM 2, 8.2");

extern const uint8_t isr_stubs[256][16];
static struct gate idt[256];
volatile bool halting;
uint32_t nic_pending;

void trap_init(void)
{
        for (unsigned i = 0; i < 256; i++) {
                uint64_t entry = (uint64_t)isr_stubs[i];

                idt[i] = (struct gate){.offset0 = (uint16_t)entry,
                                       .selector = 0x08,
                                       .type = 0x8e,
                                       .offset1 = (uint16_t)(entry >> 16),
                                       .offset2 = (uint32_t)(entry >> 32)};
        }
        idt[VECTOR_NMI].ist = 1;
        idt[VECTOR_DF].ist = 2;
        idt[VECTOR_MC].ist = 3;
}

void trap_load(void)
{
        struct {
                uint16_t limit;
                uint64_t base;
        } __attribute__((packed)) idtr = {sizeof(idt) - 1, (uint64_t)idt};

        __asm__ volatile("lidt %0" : : "m"(idtr) : "memory");
}

uint64_t trap_idt(void)
{
        return (uint64_t)idt;
}

void interrupt_take(uint64_t vector)
{
        if (vector == VECTOR_SPURIOUS)
                return;
        if (vector == VECTOR_TIMER)
                this_cpu()->tick = 1;
        if (vector >= VECTOR_NIC && vector < VECTOR_NIC + RF_NIC_QUEUES) {
                nic_quiet((unsigned)vector);
                __atomic_fetch_or(&nic_pending, 1u << (vector - VECTOR_NIC), __ATOMIC_RELEASE);
        }
        apic_eoi();
}

void trap_handle(struct trap *t);
void trap_handle(struct trap *t)
{
        if (t->vector == VECTOR_NMI) {
                if (halting)
                        cpu_park();
                return;
        }
        if (t->vector >= 32) {
                interrupt_take(t->vector);
                return;
        }
        panic_trap(t);
}

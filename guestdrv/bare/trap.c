/* SPDX-License-Identifier: MIT
 * Exceptions: each one ends the run with a line that says where. Interrupts stay off. */
#include "bare.h"

struct trap_frame { /* as start.S and the CPU push it; SDM 3, 6.14.2 */
        uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

struct gate { /* SDM 3, 6.14.1 */
        uint16_t offset_15_0, selector;
        uint8_t ist, type;
        uint16_t offset_31_16;
        uint32_t offset_63_32, reserved;
};
_Static_assert(sizeof(struct gate) == 16, "hardware");

enum { PRESENT_INTERRUPT_GATE = 0x8e };

static struct gate idt[32];

_Noreturn void bare_trap(const struct trap_frame *f);

_Noreturn void bare_trap(const struct trap_frame *f)
{
        uint64_t cr2;

        __asm__ volatile("movq %%cr2, %0" : "=r"(cr2));
        bare_panic("exception %lu, error %lx, rip %lx, rsp %lx, cr2 %lx", f->vector, f->error, f->rip, f->rsp,
                   cr2);
}

void bare_trap_start(void)
{
        struct __attribute__((packed)) {
                uint16_t limit;
                uint64_t base;
        } idtr = {sizeof(idt) - 1, (uint64_t)(uintptr_t)idt};
        uint16_t cs;

        __asm__ volatile("movw %%cs, %0" : "=r"(cs));
        for (unsigned i = 0; i < 32; i++) {
                uint64_t a = bare_trap_entries[i];

                idt[i] = (struct gate){.offset_15_0 = (uint16_t)a,
                                       .selector = cs,
                                       .type = PRESENT_INTERRUPT_GATE,
                                       .offset_31_16 = (uint16_t)(a >> 16),
                                       .offset_63_32 = (uint32_t)(a >> 32)};
        }
        __asm__ volatile("lidt %0" : : "m"(idtr));
}

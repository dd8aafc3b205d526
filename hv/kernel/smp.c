/* SPDX-License-Identifier: MIT
 * Starting, interrupting and stopping the other CPUs. Source: Intel SDM volume 3, 9.4.4 (INIT-SIPI-SIPI). */
#include "smp.h"

#include "frame.h"
#include "paging.h"
#include "rf_string.h"
#include "vm.h"
#include "x86.h"

enum {
        ICR_NMI = 0x400,
        ICR_INIT = 0x500,
        ICR_STARTUP = 0x600,
        ICR_ASSERT = 0x4000,
        ICR_ALL_BUT_SELF = 0xc0000,
        AP_TIMEOUT_US = 2000000,
};

struct ap_params { /* ap.S */
        uint64_t cr3, stack, cpu, main;
        uint32_t jump;
        uint16_t jump_cs, pad;
        uint16_t gdt_limit;
        uint32_t gdt_base;
        uint16_t pad2;
        uint64_t long_offset, gdt_offset;
} __attribute__((packed));
_Static_assert(sizeof(struct ap_params) == 64, "ap.S");

extern const uint8_t ap_page[], ap_params[];

static void ap_main(struct cpu *cpu)
{
        write_cr3(host_table.root);
        cpu_setup(cpu);
        apic_init();
        if (vm->cpu_enable(cpu) < 0)
                panic("CPU %u: virtualization cannot be switched on, though the boot CPU could", cpu->id);
        cpu->online = true;
        cpu_loop(cpu);
}

/* Tables for the few instructions at the AP's low address: the trampoline page, and ring 0 as everywhere. */
static uint64_t trampoline_tables(uint64_t page)
{
        struct table low = {.format = &format_host, .top = 4, .owner = OWNER_KERNEL};
        int64_t root = frame_alloc(FRAME_TABLE, OWNER_KERNEL);
        uint64_t *from = phys(host_table.root), *to;

        if (root < 0 || root >= 1ll << 32)
                panic("no frame below 4 GiB for the start of other CPUs");
        low.root = (uint64_t)root;
        to = phys(low.root);
        for (unsigned i = 256; i < 512; i++)
                to[i] = from[i];
        if (table_map(&low, page, page, PERM_RX) < 0)
                panic("no memory for the start of other CPUs");
        return low.root;
}

static struct ap_params *prepare_page(uint64_t page, uint64_t cr3)
{
        struct ap_params *p = phys(page + ((uint64_t)ap_params - (uint64_t)ap_page));

        memcpy(phys(page), ap_page, PAGE_SIZE);
        p->cr3 = cr3;
        p->main = (uint64_t)ap_main;
        p->jump = (uint32_t)(page + p->long_offset);
        p->gdt_base = (uint32_t)(page + p->gdt_offset);
        return p;
}

static bool start(struct cpu *cpu, struct ap_params *p, uint64_t page)
{
        cpu->stack_top = host_map_stack(cpu->id);
        p->stack = cpu->stack_top;
        p->cpu = (uint64_t)cpu;
        apic_send(cpu->apic_id, ICR_INIT | ICR_ASSERT);
        delay_us(10000);
        for (int i = 0; i < 2 && !cpu->online; i++) {
                apic_send(cpu->apic_id, ICR_STARTUP | ICR_ASSERT | (uint32_t)(page >> 12));
                delay_us(i == 0 ? 1000 : 200);
        }
        for (unsigned us = 0; us < AP_TIMEOUT_US && !cpu->online; us += 100)
                delay_us(100);
        return cpu->online;
}

/* The lock is held: an AP that comes up waits in its loop until the boot CPU lets go. */
void smp_start(void)
{
        uint64_t page = boot_info->trampoline, cr3;
        struct ap_params *p;

        if (boot_info->ncpus < 2 || page == 0)
                return;
        cr3 = trampoline_tables(page);
        p = prepare_page(page, cr3);
        for (uint32_t i = 0; i < boot_info->ncpus && ncpus < RF_BOOT_MAX_CPUS; i++) {
                struct cpu *cpu = &cpus[ncpus];

                if (boot_info->cpu[i].bsp)
                        continue;
                *cpu = (struct cpu){.self = cpu, .id = ncpus, .apic_id = boot_info->cpu[i].apic_id};
                if (start(cpu, p, page)) {
                        ncpus++;
                        continue;
                }
                apic_send(cpu->apic_id,
                          ICR_INIT | ICR_ASSERT); /* must not wake up late, on another's stack */
                klog("warning: CPU with APIC id %u did not start; going on without it", cpu->apic_id);
        }
        frame_free(cr3);
}

void smp_kick(struct cpu *cpu)
{
        if (cpu != this_cpu())
                apic_send(cpu->apic_id, ICR_ASSERT | VECTOR_IPI);
}

void smp_interrupt_outside(void *what)
{
        struct cpu *me = this_cpu();

        for (uint32_t i = 0; i < ncpus; i++)
                if (&cpus[i] != me && cpus[i].outside == what)
                        smp_kick(&cpus[i]);
        for (uint32_t i = 0; i < ncpus; i++)
                while (&cpus[i] != me && cpus[i].outside == what)
                        cpu_pause(); /* it clears this before it can wait for our lock */
}

void smp_halt_others(void)
{
        halting = true;
        if (ncpus > 1)
                apic_send(0, ICR_NMI | ICR_ASSERT | ICR_ALL_BUT_SELF);
}

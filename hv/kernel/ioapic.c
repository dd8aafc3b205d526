/* SPDX-License-Identifier: MIT
 *
 * The I/O APIC, for interrupts of NICs that cannot send messages. Without ACPI nobody says where it is and
 * how its pins are connected: it is looked for where PC chipsets have it, and line n of PCI's interrupt line
 * register is taken for pin n, active high, as PIIX3 and ICH9 pass what they route to an ISA interrupt.
 * Everything here needs the lock. Source: 82093AA datasheet, 3.2.
 */
#include "paging.h"
#include "smp.h"

enum { SELECT = 0, WINDOW = 0x10, VERSION = 1, ENTRY0 = 0x10, MASKED = 1 << 16, LEVEL = 1 << 15 };
#define IOAPIC_BASE 0xfec00000u

static volatile uint32_t *ioapic;

static uint32_t get(uint32_t index)
{
        ioapic[SELECT / 4] = index;
        return ioapic[WINDOW / 4];
}

static void put(uint32_t index, uint32_t value)
{
        ioapic[SELECT / 4] = index;
        ioapic[WINDOW / 4] = value;
}

bool ioapic_has(uint32_t pin)
{
        if (ioapic == NULL)
                ioapic = host_map_device(IOAPIC_BASE, PAGE_SIZE, PERM_UC);
        /* entries - 1 in 23:16; where there is nothing all bits read 1 */
        return get(VERSION) != ~0u && pin <= (get(VERSION) >> 16 & 0xff);
}

void ioapic_set(uint32_t pin, uint32_t vector)
{
        put(ENTRY0 + 2 * pin, vector | LEVEL | MASKED);
}

/* The entry keeps its vector: an EOI finds it by that, and one may still be due. */
void ioapic_mask(uint32_t pin)
{
        put(ENTRY0 + 2 * pin, get(ENTRY0 + 2 * pin) | MASKED);
}

void ioapic_open(uint32_t pin, uint32_t apic_id)
{
        ioapic_mask(pin); /* the destination is written while it is masked */
        put(ENTRY0 + 2 * pin + 1, apic_id << 24);
        put(ENTRY0 + 2 * pin, get(ENTRY0 + 2 * pin) & ~(uint32_t)MASKED);
}

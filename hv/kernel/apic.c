/* SPDX-License-Identifier: MIT
 * The local APIC, in x2APIC mode where the CPU has it, and time: TSC and APIC timer rates measured against
 * the PIT. Sources: Intel SDM volume 3, chapter 11; APM volume 2, chapter 16; 8254 datasheet. */
#include "paging.h"
#include "smp.h"
#include "x86.h"

enum {
        APIC_ID = 0x20,
        APIC_EOI = 0xb0,
        APIC_SVR = 0xf0,
        APIC_ICR_LOW = 0x300,
        APIC_ICR_HIGH = 0x310,
        APIC_LVT_TIMER = 0x320,
        APIC_LVT_LINT0 = 0x350,
        APIC_LVT_LINT1 = 0x360,
        APIC_TIMER_INITIAL = 0x380,
        APIC_TIMER_CURRENT = 0x390,
        APIC_TIMER_DIVIDE = 0x3e0,
        LVT_MASKED = 1 << 16,
        SVR_ENABLE = 1 << 8,
        ICR_PENDING = 1 << 12,
        DIVIDE_BY_16 = 3,
        MSR_X2APIC = 0x800, /* register r at + r / 16 */
        BASE_ENABLE = 1 << 11,
        BASE_X2APIC = 1 << 10,
        CPUID_1_ECX_X2APIC = 1 << 21,
        CALIBRATION_MS = 30,
        PIT_HZ = 1193182,
};

static volatile uint8_t *apic; /* xAPIC mode only */
static bool x2apic;            /* as the first CPU, so all */
uint64_t tsc_hz;
static uint64_t apic_hz; /* after the divider */

static uint32_t apic_read(uint32_t reg)
{
        if (x2apic)
                return (uint32_t)rdmsr(MSR_X2APIC + reg / 16);
        return *(volatile uint32_t *)(apic + reg);
}

static void apic_write(uint32_t reg, uint32_t value)
{
        if (x2apic)
                wrmsr(MSR_X2APIC + reg / 16, value);
        else
                *(volatile uint32_t *)(apic + reg) = value;
}

void apic_init(void)
{
        uint64_t base = rdmsr(MSR_APIC_BASE);

        x2apic = (cpuid(1, 0).ecx & CPUID_1_ECX_X2APIC) != 0;
        if (!x2apic && apic == NULL)
                apic = host_map_device(base & ENTRY_HPA, PAGE_SIZE, PERM_UC);
        wrmsr(MSR_APIC_BASE, base | BASE_ENABLE); /* a CPU cannot go from off to x2APIC in one step */
        if (x2apic)
                wrmsr(MSR_APIC_BASE, base | BASE_ENABLE | BASE_X2APIC);
        apic_write(APIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
        apic_write(APIC_LVT_LINT0, LVT_MASKED); /* the 8259 is never used */
        apic_write(APIC_LVT_LINT1, LVT_MASKED);
        apic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_16);
        apic_write(APIC_LVT_TIMER, VECTOR_TIMER); /* one-shot */
        outb(0x21, 0xff);                         /* 8259: everything masked */
        outb(0xa1, 0xff);
}

uint32_t apic_id(void)
{
        if (x2apic)
                return apic_read(APIC_ID);
        return apic == NULL ? 0 : apic_read(APIC_ID) >> 24;
}

void apic_eoi(void)
{
        apic_write(APIC_EOI, 0);
}

/* x2APIC: one register, no waiting, and no ordering either: what the receiver is to see is stored before. */
void apic_send(uint32_t to, uint32_t icr_low)
{
        if (x2apic) {
                __asm__ volatile("mfence; lfence" : : : "memory");
                wrmsr(MSR_X2APIC + APIC_ICR_LOW / 16, (uint64_t)to << 32 | icr_low);
                return;
        }
        while (apic_read(APIC_ICR_LOW) & ICR_PENDING)
                cpu_pause();
        apic_write(APIC_ICR_HIGH, to << 24);
        apic_write(APIC_ICR_LOW, icr_low);
        while (apic_read(APIC_ICR_LOW) & ICR_PENDING)
                cpu_pause();
}

void apic_timer_arm(uint64_t deadline)
{
        uint64_t now = rdtsc(), ticks;

        ticks = deadline <= now ? 1 : (deadline - now) / 1024 * apic_hz / (tsc_hz / 1024) + 1;
        apic_write(APIC_TIMER_INITIAL, ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks);
}

/* One look at three clocks. Of several the quickest counts: on a busy host a look may be interrupted. */
struct look {
        uint64_t tsc, width;
        uint32_t pit, apic;
};

static struct look look_once(void)
{
        struct look l = {.tsc = rdtsc()};

        outb(0x43, 0x80); /* latch channel 2 */
        l.pit = inb(0x42);
        l.pit |= (uint32_t)inb(0x42) << 8;
        l.apic = apic_read(APIC_TIMER_CURRENT);
        l.width = rdtsc() - l.tsc;
        return l;
}

static struct look look(void)
{
        struct look best = look_once();

        for (unsigned i = 0; i < 15; i++) {
                struct look l = look_once();

                best = l.width < best.width ? l : best;
        }
        return best;
}

/* PIT channel 2 counts down once from 65536 (55 ms), gated by port 61h; bit 5 there says it has ended. */
static bool measure(void)
{
        struct look first, last;
        uint64_t passed;

        outb(0x61, (uint8_t)((inb(0x61) & 0xfc) | 1));
        outb(0x43, 0xb0);
        outb(0x42, 0xff);
        outb(0x42, 0xff);
        apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
        first = look();
        do
                last = look();
        while (first.pit - last.pit < PIT_HZ / 1000 * CALIBRATION_MS && (inb(0x61) & 0x20) == 0);
        if ((inb(0x61) & 0x20) != 0 || last.pit >= first.pit)
                return false; /* we were away too long: it has wrapped */
        passed = first.pit - last.pit;
        tsc_hz = (last.tsc - first.tsc) * PIT_HZ / passed;
        apic_hz = (uint64_t)(first.apic - last.apic) * PIT_HZ / passed;
        return true;
}

void time_init(void)
{
        bool done = false;

        apic_write(APIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
        for (unsigned i = 0; i < 20 && !done; i++)
                done = measure();
        apic_write(APIC_TIMER_INITIAL, 0);
        apic_write(APIC_LVT_TIMER, VECTOR_TIMER);
        if (!done || tsc_hz < 1000000 || apic_hz < 10000)
                panic("time: the TSC makes %llu Hz, the APIC timer %llu Hz against the PIT: not believable",
                      (unsigned long long)tsc_hz, (unsigned long long)apic_hz);
}

void delay_us(uint64_t us)
{
        uint64_t end = rdtsc() + us * (tsc_hz / 1000000 + 1);

        while (rdtsc() < end)
                cpu_pause();
}

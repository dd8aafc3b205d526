/* SPDX-License-Identifier: MIT
 * klog and panic: serial and screen. */
#include "panic.h"
#include "rf_format.h"
#include "x86.h"

enum { COM1 = 0x3f8, LSR_THRE = 0x20 };

bool log_to_screen = true;

/* Bounded: a UART that never empties must not hang the host. */
static void serial_put(char c)
{
        for (unsigned i = 0; i < 1000000 && (inb(COM1 + 5) & LSR_THRE) == 0; i++)
                cpu_pause();
        outb(COM1, (uint8_t)c);
}

static void serial_write(const char *text, size_t length)
{
        for (size_t i = 0; i < length; i++) {
                if (text[i] == '\n')
                        serial_put('\r');
                serial_put(text[i]);
        }
}

void log_write(const char *text, size_t length)
{
        if (boot_info != NULL && boot_info->serial)
                serial_write(text, length);
        if (log_to_screen)
                screen_write(text, length);
}

static void log_line(const char *prefix, const char *format, va_list args)
{
        char line[256];
        size_t n = rf_snprintf(line, sizeof(line), "%s", prefix);

        n += rf_vsnprintf(line + n, sizeof(line) - n - 1, format, args);
        if (n > sizeof(line) - 2)
                n = sizeof(line) - 2;
        line[n++] = '\n';
        log_write(line, n);
}

void klog(const char *format, ...)
{
        va_list args;

        va_start(args, format);
        log_line("ringfence: ", format, args);
        va_end(args);
}

/* Frame pointers, as long as they climb within one stack's reach. */
static void backtrace(uint64_t rbp)
{
        char line[64];

        for (unsigned depth = 0; depth < 24; depth++) {
                const uint64_t *frame = (const uint64_t *)rbp;

                if (rbp < 0xffff800000000000ull || (rbp & 7) != 0)
                        return;
                log_write(line, rf_snprintf(line, sizeof(line), "  called from %016llx\n",
                                            (unsigned long long)frame[1]));
                if (frame[0] <= rbp || frame[0] - rbp > CPU_STACK_BYTES)
                        return;
                rbp = frame[0];
        }
}

static void begin(void)
{
        interrupts_off();
        if (__atomic_exchange_n(&halting, true, __ATOMIC_SEQ_CST))
                cpu_park(); /* a second panic, here or on another CPU */
        smp_halt_others();
        log_to_screen = true;
        screen_clear();
}

static void finish(uint64_t rbp)
{
        backtrace(rbp);
        log_write("ringfence: stopped by panic\n", 28);
        cpu_park();
}

void panic(const char *format, ...)
{
        va_list args;

        begin();
        va_start(args, format);
        log_line("ringfence: PANIC: ", format, args);
        va_end(args);
        finish((uint64_t)__builtin_frame_address(0));
        __builtin_unreachable();
}

static void print_registers(const struct trap *t)
{
        const uint64_t value[] = {t->rax, t->rbx, t->rcx, t->rdx, t->rsi,     t->rdi,
                                  t->rbp, t->rsp, t->r8,  t->r9,  t->r10,     t->r11,
                                  t->r12, t->r13, t->r14, t->r15, read_cr2(), read_cr3()};
        static const char name[][4] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8",
                                       "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "cr2", "cr3"};
        char line[64];

        for (unsigned i = 0; i < ARRAY_LENGTH(value); i++)
                log_write(line, rf_snprintf(line, sizeof(line), "  %-3s %016llx%s", name[i],
                                            (unsigned long long)value[i], i % 3 == 2 ? "\n" : ""));
}

void panic_trap(const struct trap *t)
{
        char line[96];

        begin();
        log_write(line,
                  rf_snprintf(line, sizeof(line),
                              "ringfence: PANIC: exception %llu, error %llx, in ring 0 at %016llx, APIC %u\n",
                              (unsigned long long)t->vector, (unsigned long long)t->error,
                              (unsigned long long)t->rip, apic_id()));
        print_registers(t);
        finish(t->rbp);
        __builtin_unreachable();
}

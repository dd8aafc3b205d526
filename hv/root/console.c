/* SPDX-License-Identifier: MIT
 * Text out on serial and screen, keys in: see console.h. */
#include "console.h"

#include "log.h"
#include "rf_format.h"
#include "rf_string.h"
#include "screen.h"
#include "serial.h"
#include "sys.h"

/* All guests together stay below what 115200 baud carries: root waits for the UART. */
enum { BYTES_PER_SECOND = 8192, GUEST_BURST = 16384, LINE_COST = 16 };

static struct {
        bool serial, screen;
        struct console_table table;
        bool shown; /* on serial, below the last line */
} out;

static struct speaker {
        uint64_t tail; /* of the guest's ring */
        char line[CONSOLE_COLUMNS - CONFIG_NAME - 4];
        size_t n;
        uint64_t budget, budget_tsc, dropped;
} speakers[RF_MAX_GUESTS];

bool log_verbose;

/* ---- out ------------------------------------------------------------------------------------- */

void console_start(void)
{
        out.serial = BOOT->serial != 0;
        out.screen = screen_start();
}

void console_configure(const struct config_host *h)
{
        out.serial = out.serial && h->serial;
        out.screen = out.screen && h->screen;
        log_verbose = h->verbose;
}

/* The table goes from under the log by moving up over it: no need to know how high the terminal is. */
static void hide_table(void)
{
        char sequence[24];

        if (!out.shown)
                return;
        rf_snprintf(sequence, sizeof(sequence), "\x1b[%uA\r\x1b[J", out.table.n);
        serial_text(sequence);
        out.shown = false;
}

static void show_table(void)
{
        serial_text("\x1b[?7l"); /* lines too long for the terminal are cut, not wrapped */
        for (unsigned i = 0; i < out.table.n; i++) {
                serial_text(out.table.line[i]);
                serial_text("\r\n");
        }
        serial_text("\x1b[?7h");
        out.shown = true;
}

void console_line(const char *text)
{
        if (out.serial) {
                hide_table();
                serial_text(text);
                serial_text("\r\n");
        }
        if (out.screen)
                screen_line(text);
}

void console_show(const struct console_table *t)
{
        if (out.serial)
                hide_table();
        out.table = *t;
        if (out.screen)
                screen_table(t);
        console_refresh();
}

void console_refresh(void)
{
        if (out.serial && out.table.n > 0 && !out.shown)
                show_table();
        if (out.screen)
                screen_flush();
}

int console_key(void)
{
        return out.serial ? serial_key() : -1;
}

void log_line(const char *format, ...)
{
        char text[512] = "ringfence: ";
        size_t n = strlen(text);
        va_list args;

        va_start(args, format);
        rf_vsnprintf(text + n, sizeof(text) - n, format, args);
        va_end(args);
        for (char *c = text; *c != '\0'; c++)
                if (*c < 0x20 || *c == 0x7f) /* names and values of files and guests may be in it */
                        *c = '?';
        console_line(text);
        if (out.table.n == 0)
                console_refresh();
}

const char *error_name(int64_t error)
{
        static const char *const names[] = {
            "no error",
            "a bad argument",
            "no memory, or its quota is used up",
            "not its owner",
            "no such thing",
            "busy",
            "refused by the register table",
            "a hard opcode",
            "not supported",
            "timed out",
            "revoked",
            "full",
            "malformed",
        };
        uint64_t n = (uint64_t)-error;

        return n < sizeof(names) / sizeof(names[0]) ? names[n] : "an unknown error";
}

/* ---- guests ---------------------------------------------------------------------------------- */

static void speak(struct guest *g, struct speaker *p)
{
        char text[CONSOLE_COLUMNS];

        p->line[p->n] = '\0';
        rf_snprintf(text, sizeof(text), "[%s] %s", g->config->name, p->line);
        p->n = 0;
        console_line(text);
}

static bool allowed(struct speaker *p, char c)
{
        uint64_t now = tsc_now(), ms = (now - p->budget_tsc) / tsc_of_ms(1), cost = c == '\n' ? LINE_COST : 1;

        if (ms > 0) {
                p->budget_tsc = now;
                p->budget += ms * (BYTES_PER_SECOND / nguests) / 1000;
                p->budget = p->budget < GUEST_BURST ? p->budget : GUEST_BURST;
        }
        if (p->budget < cost) {
                p->dropped++;
                return false;
        }
        p->budget -= cost;
        return true;
}

static void report_dropped(struct guest *g, struct speaker *p)
{
        if (p->dropped == 0)
                return;
        log_line("guest %s: %lu characters of its console dropped: more than %u a second", g->config->name,
                 p->dropped, BYTES_PER_SECOND / nguests);
        p->dropped = 0;
}

void console_guest_begin(struct guest *g)
{
        struct speaker *p = &speakers[g->number - 1];

        p->tail = CONSOLE[g->id].head;
        p->n = 0;
}

void console_guest_put(struct guest *g, char c)
{
        struct speaker *p = &speakers[g->number - 1];

        if (!allowed(p, c) || c == '\r')
                return;
        if (c == '\n') {
                report_dropped(g, p);
                speak(g, p);
                return;
        }
        p->line[p->n++] = c == '\t' ? ' ' : c >= 0x20 && c < 0x7f ? c : '?';
        if (p->n == sizeof(p->line) - 1)
                speak(g, p);
}

static void drain(struct guest *g)
{
        const volatile struct rf_console *ring = &CONSOLE[g->id];
        struct speaker *p = &speakers[g->number - 1];
        uint64_t head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);

        if (head - p->tail > sizeof(ring->data)) { /* it wrote more than the ring holds since we looked */
                p->dropped += head - p->tail - sizeof(ring->data);
                p->tail = head - sizeof(ring->data);
        }
        for (; p->tail != head; p->tail++)
                console_guest_put(g, ring->data[p->tail % sizeof(ring->data)]);
}

void console_guest_flush(struct guest *g)
{
        struct speaker *p = &speakers[g->number - 1];

        if (g->id >= 0)
                drain(g);
        report_dropped(g, p);
        if (p->n > 0)
                speak(g, p);
}

void console_drain(void)
{
        for (unsigned i = 0; i < nguests; i++)
                if (guests[i].state == GUEST_RUNNING)
                        drain(&guests[i]);
}

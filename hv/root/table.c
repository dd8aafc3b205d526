/* SPDX-License-Identifier: MIT
 * The live table. What guests cause stands apart from what the host does to itself: timer ticks and other
 * host interrupts have their own columns, right of the bar, and count in no `ex/frm`. */
#include "table.h"

#include "console.h"
#include "nic.h"
#include "rf_format.h"
#include "rf_string.h"
#include "stat.h"
#include "sys.h"

enum mode { MODE_RATES, MODE_TOTALS, MODE_PLAIN, MODE_OFF, MODES };

static struct {
        enum mode mode;
        const char *host;
        unsigned seconds;
        uint64_t started, last;             /* TSC */
        struct tally before[RF_MAX_GUESTS]; /* at `last` */
        uint64_t cpu_exits, cpu_idle;       /* of all CPUs, at `last` */
        struct console_table out;
} t;

/* What happened between two looks, and how long that was. */
struct interval {
        uint64_t ms;
        uint64_t cpu_percent; /* of all CPUs */
        uint64_t exits;
};

/* Exits in the order of the columns: first the guest's own, then the host's. */
static const struct {
        enum rf_exit kind;
        const char *head;
} columns[] = {
    {RF_EXIT_HYPERCALL, "hcall"}, {RF_EXIT_WAIT, "wait"},      {RF_EXIT_COMMIT, "comit"},
    {RF_EXIT_WINDOW, "windw"},    {RF_EXIT_CODE, "code"},      {RF_EXIT_PRIVILEGED, "priv"},
    {RF_EXIT_EXCEPTION, "exc"},   {RF_EXIT_NESTED, "nest"},    {RF_EXIT_OTHER, "other"},
    {RF_EXIT_TIMER, "timer"},     {RF_EXIT_INTERRUPT, "intr"},
};
enum { COLUMNS = sizeof(columns) / sizeof(columns[0]), GUEST_COLUMNS = COLUMNS - 2 };

void table_configure(const struct config_host *h)
{
        static const enum mode modes[] = {
            [TABLE_LIVE] = MODE_RATES, [TABLE_PLAIN] = MODE_PLAIN, [TABLE_OFF] = MODE_OFF};

        t.host = h->name;
        t.mode = modes[h->table];
        t.seconds = h->table_seconds;
        t.started = t.last = tsc_now();
}

void table_next_mode(void)
{
        static const char *const names[MODES] = {"per second", "totals", "plain", "off"};
        char text[64];

        t.mode = (t.mode + 1) % MODES;
        rf_snprintf(text, sizeof(text), "ringfence: table: %s", names[t.mode]);
        t.out.n = 0;
        console_show(&t.out);
        console_line(text);
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* At most five characters: 99999, 123k, 12M. */
static const char *short_number(char out[8], uint64_t n)
{
        static const char units[] = " kMGTPE";
        unsigned unit = 0;

        if (n <= 99999) {
                rf_snprintf(out, 8, "%lu", n);
                return out;
        }
        for (; n >= 10000; n /= 1000)
                unit++;
        rf_snprintf(out, 8, "%lu%c", n, units[unit]);
        return out;
}

static struct tally difference(const struct tally *a, const struct tally *b)
{
        struct tally d = *a;

        d.rx_frames -= b->rx_frames;
        d.tx_frames -= b->tx_frames;
        d.rx_bytes -= b->rx_bytes;
        d.tx_bytes -= b->tx_bytes;
        d.drops -= b->drops;
        d.run_tsc -= b->run_tsc;
        for (int i = 0; i < RF_EXIT_COUNT; i++)
                d.exits[i] -= b->exits[i];
        return d;
}

/* "0.03", or "-" without frames. */
static void exits_per_frame(char *out, size_t n, const struct tally *d)
{
        uint64_t frames = d->rx_frames + d->tx_frames, hundredths;

        rf_strlcpy(out, "-", n);
        if (frames == 0)
                return;
        hundredths = (tally_guest_exits(d) * 100 + frames / 2) / frames;
        rf_snprintf(out, n, "%lu.%02lu", hundredths / 100, hundredths % 100);
}

static struct interval host_interval(uint64_t now)
{
        uint64_t exits = 0, idle = 0, tsc = now - t.last;
        struct interval i = {.ms = tsc / tsc_of_ms(1)};

        for (uint32_t cpu = 0; cpu < HOST->ncpus && cpu < RF_BOOT_MAX_CPUS; cpu++) {
                exits += HOST->cpu_exits[cpu];
                idle += HOST->cpu_idle_tsc[cpu];
        }
        i.exits = exits - t.cpu_exits;
        tsc *= HOST->ncpus;
        /* a CPU that idles now has not counted that yet, and then counts it at once */
        i.cpu_percent = idle - t.cpu_idle < tsc ? 100 - (idle - t.cpu_idle) / (tsc / 100 + 1) : 0;
        t.cpu_exits = exits;
        t.cpu_idle = idle;
        return i;
}

static uint64_t rate(uint64_t n, uint64_t ms)
{
        return ms == 0 ? 0 : n * 1000 / ms;
}

static uint64_t cpu_percent(const struct tally *d, uint64_t ms)
{
        return ms == 0 ? 0 : d->run_tsc / (tsc_of_ms(1) * ms / 100 + 1);
}

/* ---- in place -------------------------------------------------------------------------------- */

static void add_line(const char *text)
{
        if (t.out.n < CONSOLE_TABLE_LINES)
                rf_strlcpy(t.out.line[t.out.n++], text, CONSOLE_COLUMNS);
}

static void add_header(const struct interval *i, uint64_t now)
{
        uint64_t seconds = (now - t.started) / tsc_of_ms(1000);
        char text[CONSOLE_COLUMNS];
        size_t n;

        rf_snprintf(text, sizeof(text),
                    "--- %s: up %lu:%02lu:%02lu, %u CPUs %lu%% busy, %lu MiB free, %lu exits/s, %s (h: help)",
                    t.host, seconds / 3600, seconds / 60 % 60, seconds % 60, HOST->ncpus, i->cpu_percent,
                    HOST->free_pages / 256, rate(i->exits, i->ms),
                    t.mode == MODE_RATES ? "per second" : "totals");
        add_line(text);
        n = rf_snprintf(text, sizeof(text), " # %-12s %-7s %4s %5s %5s %5s %5s %5s %6s", "guest", "state",
                        "cpu%", "rx", "tx", "rxB", "txB", "drop", "ex/frm");
        for (int c = 0; c < COLUMNS; c++)
                n += rf_snprintf(text + n, sizeof(text) - n, "%s%5s", c == GUEST_COLUMNS ? " | " : " ",
                                 columns[c].head);
        add_line(text);
}

/* `show`: the numbers, divided by ms / 1000 unless that is 0. */
static void add_guest(const struct guest *g, const struct tally *show, uint64_t cpu, uint64_t ms)
{
        const uint64_t numbers[] = {show->rx_frames, show->tx_frames, show->rx_bytes, show->tx_bytes,
                                    show->drops};
        char text[CONSOLE_COLUMNS], cell[8], ratio[16];
        size_t n = rf_snprintf(text, sizeof(text), "%2u %-12.12s %-7s %4lu", g->number, g->config->name,
                               stat_state_names[g->state], cpu);

        for (int i = 0; i < 5; i++)
                n += rf_snprintf(text + n, sizeof(text) - n, " %5s",
                                 short_number(cell, ms == 0 ? numbers[i] : rate(numbers[i], ms)));
        exits_per_frame(ratio, sizeof(ratio), show);
        n += rf_snprintf(text + n, sizeof(text) - n, " %6s", ratio);
        for (int c = 0; c < COLUMNS; c++) {
                uint64_t exits = show->exits[columns[c].kind];

                n += rf_snprintf(text + n, sizeof(text) - n, "%s%5s", c == GUEST_COLUMNS ? " | " : " ",
                                 short_number(cell, ms == 0 ? exits : rate(exits, ms)));
        }
        add_line(text);
        if (g->state == GUEST_DOWN) {
                rf_snprintf(text, sizeof(text), "   ^ %s", g->why);
                add_line(text);
        }
}

/* ---- plain ----------------------------------------------------------------------------------- */

static void print_plain(const struct guest *g, const struct tally *d, uint64_t ms)
{
        char text[512], ratio[16];
        size_t n;

        exits_per_frame(ratio, sizeof(ratio), d);
        n = rf_snprintf(
            text, sizeof(text),
            "table: guest=%s state=%s cpu=%lu rx_frames=%lu tx_frames=%lu rx_bytes=%lu tx_bytes=%lu "
            "drops=%lu exits_per_frame=%s",
            g->config->name, stat_state_names[g->state], cpu_percent(d, ms), rate(d->rx_frames, ms),
            rate(d->tx_frames, ms), rate(d->rx_bytes, ms), rate(d->tx_bytes, ms), d->drops, ratio);
        for (int c = 0; c < COLUMNS; c++)
                n += rf_snprintf(text + n, sizeof(text) - n, " %s=%lu", stat_exit_names[columns[c].kind],
                                 rate(d->exits[columns[c].kind], ms));
        console_line(text);
}

static void draw(const struct interval *i, uint64_t now)
{
        t.out.n = 0;
        if (t.mode <= MODE_TOTALS)
                add_header(i, now);
        for (unsigned n = 0; n < nguests; n++) {
                struct tally total = tally_now(&guests[n]), d = difference(&total, &t.before[n]);

                if (t.mode == MODE_PLAIN)
                        print_plain(&guests[n], &d, i->ms);
                else if (t.mode == MODE_RATES)
                        add_guest(&guests[n], &d, cpu_percent(&d, i->ms), i->ms);
                else if (t.mode == MODE_TOTALS)
                        add_guest(&guests[n], &total, cpu_percent(&d, i->ms), 0);
                t.before[n] = total;
        }
        console_show(&t.out);
}

void table_tick(uint64_t now)
{
        struct interval i;

        if (now - t.last < tsc_of_ms(1000) * t.seconds || t.mode == MODE_OFF)
                return;
        i = host_interval(now);
        draw(&i, now);
        t.last = now;
}

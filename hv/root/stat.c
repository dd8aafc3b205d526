/* SPDX-License-Identifier: MIT
 * Totals of a guest: what earlier lives used, plus the reports of its vCPUs, plus the counters of its pool in
 * the NIC. Nothing comes from guest memory. */
#include "stat.h"

#include "console.h"
#include "nic.h"
#include "rf_format.h"
#include "switch.h"
#include "sys.h"

const char *const stat_exit_names[RF_EXIT_COUNT] = {
    [RF_EXIT_TIMER] = "timer",   [RF_EXIT_INTERRUPT] = "interrupt",   [RF_EXIT_HYPERCALL] = "hypercall",
    [RF_EXIT_WAIT] = "wait",     [RF_EXIT_COMMIT] = "commit",         [RF_EXIT_WINDOW] = "window",
    [RF_EXIT_CODE] = "code",     [RF_EXIT_PRIVILEGED] = "privileged", [RF_EXIT_EXCEPTION] = "exception",
    [RF_EXIT_NESTED] = "nested", [RF_EXIT_OTHER] = "other",
};

const char *const stat_state_names[GUEST_STATES] = {
    [GUEST_DOWN] = "down",
    [GUEST_RUNNING] = "running",
    [GUEST_BACKOFF] = "restart",
    [GUEST_ENDED] = "ended",
};

static void add_vcpu(struct tally *t, uint32_t vcpu)
{
        const volatile struct rf_vcpu_report *r = &REPORTS[vcpu];

        for (int i = 0; i < RF_EXIT_COUNT; i++)
                t->exits[i] += r->exits[i];
        t->entries += r->entries;
        t->run_tsc += r->run_tsc;
}

struct tally tally_now(const struct guest *g)
{
        struct tally t = g->past;

        if (g->id < 0)
                return t;
        for (uint32_t i = 0; i < g->nvcpus; i++)
                add_vcpu(&t, g->vcpu[i]);
        if (g->queue >= 0) {
                struct nic_counters s = nic_stats(g);

                t.rx_frames += s.rx_frames;
                t.tx_frames += s.tx_frames;
                t.rx_bytes += s.rx_bytes;
                t.tx_bytes += s.tx_bytes;
                t.drops += s.rx_drops;
                if (g->soft) {
                        t.spoofed += switch_dropped(g, SWITCH_SPOOFED);
                        t.refused += switch_dropped(g, SWITCH_BAD) + switch_dropped(g, SWITCH_STRAY);
                }
        }
        return t;
}

uint64_t tally_guest_exits(const struct tally *t)
{
        uint64_t sum = 0;

        for (int i = 0; i < RF_EXIT_COUNT; i++)
                if (i != RF_EXIT_TIMER && i != RF_EXIT_INTERRUPT)
                        sum += t->exits[i];
        return sum;
}

static void print_one(const struct guest *g)
{
        struct tally t = tally_now(g);
        char line[704];
        size_t n = rf_snprintf(
            line, sizeof(line),
            "stat: guest=%s state=%s rx_frames=%lu tx_frames=%lu rx_bytes=%lu tx_bytes=%lu drops=%lu "
            "spoofed=%lu refused=%lu",
            g->config->name, stat_state_names[g->state], t.rx_frames, t.tx_frames, t.rx_bytes, t.tx_bytes,
            t.drops, t.spoofed, t.refused);

        for (int i = 0; i < RF_EXIT_COUNT; i++)
                n += rf_snprintf(line + n, sizeof(line) - n, " exits_%s=%lu", stat_exit_names[i], t.exits[i]);
        rf_snprintf(line + n, sizeof(line) - n, " restarts=%u entries=%lu run_us=%lu", g->restarts, t.entries,
                    t.run_tsc / (HOST->tsc_hz / 1000000));
        console_line(line);
}

void stat_print(void)
{
        char line[128];

        for (unsigned i = 0; i < nguests; i++)
                print_one(&guests[i]);
        if (switch_used()) {
                rf_snprintf(line, sizeof(line), "stat: switch strays=%lu reflected=%lu ticks=%lu",
                            switch_strays(), switch_reflected(), switch_ticks());
                console_line(line);
        }
        rf_snprintf(line, sizeof(line), "stat: end free_pages=%lu", HOST->free_pages);
        console_line(line);
}

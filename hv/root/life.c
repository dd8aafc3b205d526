/* SPDX-License-Identifier: MIT
 * When guests start, end and start again. */
#include "console.h"
#include "guest.h"
#include "log.h"
#include "rf_format.h"
#include "nic.h"
#include "sys.h"

enum { BACKOFF_FIRST_MS = 100, BACKOFF_MAX_MS = 5000, MINUTE_MS = 60000 };

struct guest guests[RF_MAX_GUESTS];
unsigned nguests;

struct guest *guest_of_id(uint32_t id)
{
        for (unsigned i = 0; i < nguests; i++)
                if (guests[i].id == (int)id && guests[i].state == GUEST_RUNNING)
                        return &guests[i];
        return NULL;
}

/* ---- starting -------------------------------------------------------------------------------- */

static void log_built(const struct guest *g)
{
        const struct dbos_summary *s = &g->summary;
        uint64_t code = g->trampolines.n;
        char queue[24] = "no queue";
        const uint8_t *m = g->config->mac;

        for (unsigned i = 0; i < g->layout.n; i++)
                code += g->layout.range[i].kind == RF_MAP_CODE ? g->layout.range[i].pages : 0;
        if (g->queue >= 0)
                rf_snprintf(queue, sizeof(queue), "%squeue %d", g->soft ? "soft " : "", g->queue);
        log_line("guest %s: %s, mac %02x:%02x:%02x:%02x:%02x:%02x, %u vCPU, %lu MiB", g->config->name, queue,
                 m[0], m[1], m[2], m[3], m[4], m[5], g->config->cpus, g->config->memory >> 20);
        log_line("guest %s: dbos: %lu pages of code, %u rewritten, %u emulated, %u refused, %u removed",
                 g->config->name, code, s->rewritten, s->emulated, s->refused, s->kills);
}

static bool start(struct guest *g)
{
        g->why[0] = '\0';
        if (guest_build(g) != 0 || guest_start(g) != 0) {
                g->state = GUEST_DOWN;
                log_line("error: guest %s: %s", g->config->name, g->why);
                return false;
        }
        if (g->restarts == 0 || log_verbose)
                log_built(g);
        return true;
}

void guests_start_all(struct config *c)
{
        unsigned running = 0;

        nguests = c->nguests;
        for (unsigned i = 0; i < nguests; i++) {
                struct guest *g = &guests[i];

                *g = (struct guest){.config = &c->guest[i], .number = i + 1, .id = -1, .queue = -1};
                if (g->config->bad)
                        guest_why(g, "errors in ringfence.conf");
                else
                        running += start(g);
        }
        log_line("ready, %u of %u guests running", running, nguests + c->lost);
}

/* ---- ending ---------------------------------------------------------------------------------- */

/* How often it was restarted within the last minute. The ring holds as many as are allowed. */
static unsigned recent_restarts(const struct guest *g, uint64_t now)
{
        unsigned n = 0;

        for (unsigned i = 0; i < GUEST_HISTORY; i++)
                n += g->history[i] != 0 && now - g->history[i] < tsc_of_ms(MINUTE_MS);
        return n;
}

static void schedule_restart(struct guest *g)
{
        uint64_t now = tsc_now(), delay = BACKOFF_FIRST_MS;
        unsigned recent = recent_restarts(g, now);

        if (recent == GUEST_HISTORY) {
                log_line("guest %s: stays down: %u restarts within a minute", g->config->name, recent);
                return;
        }
        for (unsigned i = 0; i < recent && delay < BACKOFF_MAX_MS; i++)
                delay *= 2;
        delay = delay < BACKOFF_MAX_MS ? delay : BACKOFF_MAX_MS;
        g->state = GUEST_BACKOFF;
        g->restart_tsc = now + tsc_of_ms(delay);
        log_line("guest %s: restarts in %lu ms", g->config->name, delay);
}

void guest_ended(struct guest *g, bool failure)
{
        console_guest_flush(g);
        log_line("guest %s: %s%s", g->config->name, failure ? "died: " : "", g->why);
        guest_tear_down(g);
        if (g->config->restart == RESTART_ALWAYS || (failure && g->config->restart == RESTART_ON_FAILURE))
                schedule_restart(g);
        else if (!failure)
                g->state = GUEST_ENDED;
}

void guest_restart(struct guest *g)
{
        if (g->config->bad) {
                log_line("guest %s: %s", g->config->name, g->why);
                return;
        }
        if (g->state == GUEST_RUNNING) {
                console_guest_flush(g);
                guest_tear_down(g);
        }
        g->restarts++;
        g->history[g->restarts % GUEST_HISTORY] = tsc_now();
        if (start(g))
                log_line("guest %s: restarted, restart %u", g->config->name, g->restarts);
}

void guest_kill(struct guest *g)
{
        if (g->state == GUEST_RUNNING) {
                guest_why(g, "killed from the console");
                guest_ended(g, true);
        } else if (g->state == GUEST_BACKOFF) {
                g->state = GUEST_DOWN;
                log_line("guest %s: stays down", g->config->name);
        }
}

void guests_tick(uint64_t now)
{
        for (unsigned i = 0; i < nguests; i++)
                if (guests[i].state == GUEST_BACKOFF && now >= guests[i].restart_tsc)
                        guest_restart(&guests[i]);
}

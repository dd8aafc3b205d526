/* SPDX-License-Identifier: MIT
 *
 * The loop that `make bench` puts in the place of net_app_run (linker option --wrap), so that a network
 * function is measured as it ships: same code, same driver, another loop around net_app_round.
 *
 * A frame of an EtherType that the stack does not know starts and ends a measurement; the stack counts it as
 * dropped, and so no instruction is added to the path of the others. In between the loop polls, takes frames
 * when `burst` of them are there, and reads the TSC before and after. Under QEMU's -icount the difference is
 * the number of instructions that the CPU executed.
 */
#include "../../guestdrv/net/app.h"
#include "../../guestdrv/ring/net.h"
#include "bench.h"

int __wrap_net_app_run(struct net_app *app);

enum { PATIENCE = 1000000 }; /* looks at a ring with fewer frames than a burst: then take what is there */

static const unsigned bursts[] = {1, 8, RF_NET_BURST};

/* Of rounds with a whole burst, by how many hand-overs (commits or doorbell stores) they made: a round that
 * also refills the receive ring costs more. The last takes what is more. */
enum { HAND_OVERS = 8 };
static struct sample round_of[HAND_OVERS + 1], partial;

static uint64_t controls(const struct net_app *app)
{
        return app->stack.drops[NET_TYPE];
}

/* Are `count` frames there? The ring driver's own test, `count - 1` slots further on. */
static bool there(struct rf_net *n, unsigned count)
{
        struct ring ahead = {
            .desc = n->rx.desc, .dd = n->rx.dd, .entries = n->rx.entries, .handed = n->rx.handed};

        ahead.cleaned = n->rx.cleaned + count - 1;
        return n->rx.handed - n->rx.cleaned >= count && ring_done(&ahead);
}

static void wait_control(struct net_app *app)
{
        uint64_t before = controls(app), next;

        while (controls(app) == before && rf_net_error(app->net) == 0)
                if (net_app_round(app, &next) == 0)
                        rf_net_wait(app->net, next);
}

static void one_round(struct net_app *app, unsigned burst)
{
        uint64_t before = rf_net_stats(app->net)->commits, made, next, start = rf_rdtsc(), ticks;
        unsigned got = net_app_round(app, &next);

        ticks = rf_rdtsc() - start;
        made = rf_net_stats(app->net)->commits - before;
        sample_add(got == burst ? &round_of[made < HAND_OVERS ? made : HAND_OVERS] : &partial, ticks);
}

static void measure(struct net_app *app, unsigned burst)
{
        uint64_t before = controls(app);
        unsigned looks = 0;

        while (controls(app) == before && rf_net_error(app->net) == 0) {
                if (!there(app->net, burst) && ++looks < PATIENCE)
                        continue;
                looks = 0;
                one_round(app, burst);
        }
}

static void print_rounds(void)
{
        for (unsigned i = 0; i <= HAND_OVERS; i++)
                if (round_of[i].n != 0)
                        sample_print(&round_of[i], "round", i);
        if (partial.n != 0)
                sample_print(&partial, "partial", 0);
}

static void clear(void)
{
        partial.n = 0;
        for (unsigned i = 0; i <= HAND_OVERS; i++)
                round_of[i].n = 0;
}

int __wrap_net_app_run(struct net_app *app)
{
        sample_start();
        for (unsigned i = 0; rf_net_error(app->net) == 0; i++) {
                unsigned burst = bursts[i % (sizeof(bursts) / sizeof(bursts[0]))];

                wait_control(app);
                clear();
                rf_printf("bench: start burst=%u\n", burst);
                measure(app, burst);
                print_rounds();
                rf_printf("bench: end\n");
        }
        return 1;
}

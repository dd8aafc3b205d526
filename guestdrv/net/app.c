/* SPDX-License-Identifier: MIT
 * The loop: receive a burst, answer it, send the answers, and wait when there is nothing to do. */
#include "app.h"

void net_app_send(struct net_app *app, struct rf_frame *frames, unsigned count)
{
        unsigned sent = rf_net_tx_burst(app->net, frames, count);

        for (; sent < count; sent++) {
                rf_net_free(app->net, &frames[sent]);
                app->tx_dropped++;
        }
}

void net_app_resolve(struct net_app *app, struct net_neighbour *n, uint64_t now_ns)
{
        struct rf_frame f;

        if (!net_should_ask(&app->stack, n, now_ns) || rf_net_alloc(app->net, &f) != 0)
                return;
        net_arp_request(&app->stack, &f, n->ip);
        net_app_send(app, &f, 1);
}

/* One burst in, its answers out. Returns the number of frames received. */
static unsigned serve(struct net_app *app)
{
        struct rf_frame in[RF_NET_BURST], out[RF_NET_BURST];
        unsigned got = rf_net_rx_burst(app->net, in, RF_NET_BURST), answers = 0;

        for (unsigned i = 0; i < got; i++) {
                if (net_input(&app->stack, &in[i]) == NET_SEND)
                        out[answers++] = in[i];
                else
                        rf_net_free(app->net, &in[i]);
        }
        if (answers > 0)
                net_app_send(app, out, answers);
        return got;
}

/* Everything that time, not a frame, causes. Returns when to come back at the latest. */
static uint64_t on_time(struct net_app *app)
{
        uint64_t now = 0, next = RF_FOREVER;

        if (app->stats_ns != 0 || app->tick != NULL)
                now = rf_now_ns();
        if (app->stats_ns != 0) {
                if (app->next_stats_ns == 0)
                        app->next_stats_ns = now + app->stats_ns;
                if (now >= app->next_stats_ns) {
                        net_app_statistics(app);
                        app->next_stats_ns = now + app->stats_ns;
                }
                next = app->next_stats_ns;
        }
        if (app->tick != NULL) {
                uint64_t t = app->tick(app, now);

                next = t < next ? t : next;
        }
        return next;
}

unsigned net_app_round(struct net_app *app, uint64_t *next)
{
        *next = on_time(app);
        return serve(app);
}

int net_app_run(struct net_app *app)
{
        uint64_t empty = 0, next;
        int error = 0;

        while (error == 0 && !app->done) {
                empty = net_app_round(app, &next) > 0 ? 0 : empty + 1;
                error = rf_net_error(app->net);
                if (empty == 0 || error != 0)
                        continue;
                if (app->poll || empty < app->idle)
                        rf_relax();
                else
                        rf_net_wait(app->net, next);
        }
        if (error == 0)
                return app->status;
        rf_printf("queue lost: %s\n", error == -RF_EREVOKED ? "taken away" : "a descriptor was refused");
        return 1;
}

/* SPDX-License-Identifier: MIT
 * Common arguments, start and statistics of a network function. */
#include "app.h"

#include "rf_string.h"

/* A wait costs an exit and a wake-up; a hundred looks at an empty ring cost less than either. */
enum { DEFAULT_IDLE = 100 };

static int set_ip(void *ctx, const char *value)
{
        return args_ipv4(value, &((struct net_app *)ctx)->stack.ip);
}

static int set_poll(void *ctx, const char *value)
{
        ((struct net_app *)ctx)->poll = true;
        return 0;
}

static int set_idle(void *ctx, const char *value)
{
        return args_number(value, 0, 1000000000, &((struct net_app *)ctx)->idle);
}

static int set_stats(void *ctx, const char *value)
{
        uint64_t seconds;
        int error = args_number(value, 1, 86400, &seconds);

        ((struct net_app *)ctx)->stats_ns = seconds * RF_NS_PER_SEC;
        return error;
}

static int parse(struct net_app *app, const struct args_option *own, size_t count, int argc, char **argv)
{
        struct args_option all[NET_APP_MAX_OPTIONS] = {
            {"ip", "A.B.C.D, this guest's address", true, false, set_ip, app},
            {"poll", NULL, false, false, set_poll, app},
            {"idle", "N, empty rounds before waiting", false, false, set_idle, app},
            {"stats", "SECONDS, 1 to 86400", false, false, set_stats, app},
        };
        char text[RF_LINE_BYTES];

        for (size_t i = 0; i < count && NET_APP_OPTIONS + i < NET_APP_MAX_OPTIONS; i++)
                all[NET_APP_OPTIONS + i] = own[i];
        app->idle = DEFAULT_IDLE;
        if (args_parse(all, NET_APP_OPTIONS + count, argc, argv, text, sizeof(text)) == 0)
                return 0;
        rf_printf("%s\n", text);
        return RF_EXIT_USAGE;
}

static const char *open_error(int error)
{
        switch (error) {
        case -RF_ENOENT:
                return "no queue was given to this vCPU";
        case -RF_ENOTSUP:
                return "this image has no driver for the NIC model";
        case -RF_ENOMEM:
                return "the heap is too small";
        case -RF_EREVOKED:
                return "it was taken away";
        default:
                return "ring or pool has an impossible size, or a descriptor was refused";
        }
}

int net_app_start(struct net_app *app, const struct args_option *own, size_t count, int argc, char **argv)
{
        const uint8_t *m, *ip = (const uint8_t *)&app->stack.ip;
        int error = parse(app, own, count, argc, argv);

        if (error != 0)
                return error;
        error = rf_net_open(&app->net, 0);
        if (error != 0) {
                rf_printf("queue 0: %s\n", open_error(error));
                return 1;
        }
        m = rf_net_mac(app->net);
        memcpy(app->stack.mac, m, 6);
        rf_printf("ready: ip %u.%u.%u.%u mac %02x:%02x:%02x:%02x:%02x:%02x, %s driver\n", ip[3], ip[2], ip[1],
                  ip[0], m[0], m[1], m[2], m[3], m[4], m[5], rf_net_form());
        return 0;
}

void net_app_statistics(struct net_app *app)
{
        const struct rf_net_stats *s = rf_net_stats(app->net);
        uint64_t bad = s->rx_errors + s->rx_oversize + s->rx_runts;

        rf_printf("stats: rx %lu frames %lu bytes %lu bad, tx %lu frames %lu bytes %lu dropped, %lu commits, "
                  "%lu waits\n",
                  s->rx_frames, s->rx_bytes, bad, s->tx_frames, s->tx_bytes, app->tx_dropped + s->tx_refused,
                  s->commits, s->waits);
        for (unsigned i = 1; i < NET_REASONS; i++)
                if (app->stack.drops[i] != 0)
                        rf_printf("stats: not answered: %s %lu\n", net_reason_name(i), app->stack.drops[i]);
        if (app->report != NULL)
                app->report(app);
}

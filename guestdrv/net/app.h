/* SPDX-License-Identifier: MIT
 * What every network function here has in common: one queue, one address, one loop, and the arguments
 * ip= poll idle= stats=. */
#ifndef NET_APP_H
#define NET_APP_H

#include "args.h"
#include "stack.h"

struct net_app {
        struct rf_net *net;
        struct net_stack stack;
        bool poll;         /* never wait */
        uint64_t idle;     /* empty rounds before a wait */
        uint64_t stats_ns; /* print statistics this often; 0: never */
        uint64_t next_stats_ns;
        uint64_t tx_dropped;              /* the transmit ring was full */
        bool cost;                        /* measure rounds; printed with the statistics */
        uint64_t least[RF_NET_BURST + 1]; /* fewest TSC ticks of a round of so many frames; 0: none yet */
        bool done;                        /* set by a hook: leave net_app_run with `status` */
        int status;
        /* Called once a round, may be NULL: sends by itself, returns when it wants to be called again at the
         * latest. */
        uint64_t (*tick)(struct net_app *app, uint64_t now_ns);
        /* More lines after the common statistics line, may be NULL. */
        void (*report)(struct net_app *app);
};

enum { NET_APP_OPTIONS = 4, NET_APP_MAX_OPTIONS = 24 };

/* Parses the common arguments and `own`, opens queue slot 0, says it is ready. 0, or the exit code after
 * printing what is wrong. */
int net_app_start(struct net_app *app, const struct args_option *own, size_t count, int argc, char **argv);

/* One round: what is due, then one burst. Returns the frames received, and in *next when time wants another
 * round. */
unsigned net_app_round(struct net_app *app, uint64_t *next);
/* Serves until a hook sets `done` or the queue is lost; returns the exit code. */
int net_app_run(struct net_app *app);

/* Sends frames of the program's own; what the ring does not take is dropped and counted. */
void net_app_send(struct net_app *app, struct rf_frame *frames, unsigned count);
/* Sends an ARP request for n if it is time for one. */
void net_app_resolve(struct net_app *app, struct net_neighbour *n, uint64_t now_ns);

void net_app_statistics(struct net_app *app);

#endif

/* SPDX-License-Identifier: MIT
 * talker: a guest that says what it should not, in plain Ethernet frames of EtherType 0x88b5 (local
 * experiments). forge=MAC     sends ROUNDS frames from that source address and as many from its own, in turn,
 * then ends flood=MAC     sends as fast as it can, for ever, and never reads what it gets scribble=MAC  the
 * same, and while frames are under way it writes 0xee over its whole pool, again and again to=MAC: where they
 * go (default: to all). Each frame carries its mode, and its number.
 */
#include "../../guestdrv/net/args.h"
#include "rf_string.h"
#include "ringfence_net.h"

enum { ROUNDS = 200, BYTES = 400, HEADER = 14, TYPE = 0x88b5 };

static struct {
        uint8_t from[6], to[6];
        char mode; /* the option's first letter */
        struct rf_net *net;
        uint64_t number;
} t = {.to = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

static int set_from(const char *v, char mode)
{
        t.mode = mode;
        return args_mac(v, t.from);
}

static int set_forge(void *ctx, const char *v)
{
        return set_from(v, 'f');
}

static int set_flood(void *ctx, const char *v)
{
        return set_from(v, 'F');
}

static int set_scribble(void *ctx, const char *v)
{
        return set_from(v, 's');
}

static int set_to(void *ctx, const char *v)
{
        return args_mac(v, t.to);
}

static bool send(const uint8_t from[6])
{
        struct rf_frame f;

        if (rf_net_alloc(t.net, &f) != 0)
                return false;
        memcpy(f.data, t.to, 6);
        memcpy(f.data + 6, from, 6);
        f.data[12] = TYPE >> 8;
        f.data[13] = TYPE & 0xff;
        f.data[HEADER] = (uint8_t)t.mode;
        memset(f.data + HEADER + 1, 0x55, BYTES - HEADER - 1);
        memcpy(f.data + HEADER + 1, &t.number, sizeof(t.number));
        f.length = BYTES;
        if (rf_net_tx_burst(t.net, &f, 1) == 1)
                return true;
        rf_net_free(t.net, &f);
        return false;
}

/* A frame that finds no buffer or no slot is tried again. */
static void forge(void)
{
        const uint8_t *own = rf_net_mac(t.net);

        while (t.number < 2 * ROUNDS && rf_net_error(t.net) == 0)
                if (send(t.number % 2 == 0 ? t.from : own))
                        t.number++;
}

static void scribble(const struct rf_queue *q)
{
        for (uint64_t at = 0; at < q->pool_bytes; at += RF_NET_BUFFER)
                memset((void *)(uintptr_t)(q->pool + at), 0xee, BYTES);
}

int rf_main(const struct rf_info *info, int argc, char **argv)
{
        static const struct args_option options[] = {
            {"forge", "MAC", false, false, set_forge, NULL},
            {"flood", "MAC", false, false, set_flood, NULL},
            {"scribble", "MAC", false, false, set_scribble, NULL},
            {"to", "MAC", false, false, set_to, NULL},
        };
        char text[RF_LINE_BYTES];
        int error = args_parse(options, sizeof(options) / sizeof(options[0]), argc, argv, text, sizeof(text));

        if (error != 0 || t.mode == 0 || (error = rf_net_open(&t.net, 0)) != 0) {
                rf_printf("talker: %s, %d\n", text, error);
                return RF_EXIT_USAGE;
        }
        rf_sleep_until(RF_NS_PER_SEC); /* the link */
        rf_printf("talker: starts\n");
        if (t.mode == 'f')
                forge();
        while (t.mode != 'f' && rf_net_error(t.net) == 0) {
                t.number += send(t.from);
                if (t.mode == 's')
                        scribble(&info->queue[0]);
        }
        rf_printf("talker: %lu frames, error %d\n", t.number, rf_net_error(t.net));
        rf_sleep_until(rf_now_ns() + RF_NS_PER_SEC); /* what it has handed over leaves */
        return 0;
}

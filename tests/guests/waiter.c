/* SPDX-License-Identifier: MIT
 * waiter: tests rf_net_wait. First that time alone ends a wait, and not before its deadline; then it answers
 * as echo does, but waits before every single frame. A wait that lasts until its deadline though a frame has
 * come is a lost wake-up. Arguments: ip=A.B.C.D [frames=N: end after N, exit code 0 if no wake-up was lost].
 */
#include "../../guestdrv/net/app.h"

enum { TIMER_ROUNDS = 20, TIMER_NS = 5000000, PATIENCE_SECONDS = 2 };

static struct {
        struct net_app app;
        uint64_t frames, seen, lost, woken, spurious, timeouts;
} w;

static int test_timer(void)
{
        uint64_t worst = 0;

        for (unsigned i = 0; i < TIMER_ROUNDS; i++) {
                uint64_t start = rf_now_ns(), late;
                int64_t why = rf_wait(UINT32_MAX, 0, start + TIMER_NS);

                late = rf_now_ns() - start;
                if (why != 2 && late < TIMER_NS) {
                        rf_printf("waiter: FAILED: woke after %lu ns of %u, result %ld\n", late, TIMER_NS,
                                  why);
                        return 1;
                }
                worst = late > worst ? late : worst;
        }
        rf_printf("waiter: timer ok, longest of %u waits for %u ns: %lu ns\n", TIMER_ROUNDS, TIMER_NS, worst);
        return 0;
}

static int test_errors(void)
{
        int64_t none = rf_wait(RF_MAX_QUEUES, 0, 0), huge = rf_wait(0x7fffffff, 0, 0);

        if (none == -RF_ENOENT && huge == -RF_ENOENT)
                return 0;
        rf_printf("waiter: FAILED: a wait on no queue gave %ld and %ld\n", none, huge);
        return 1;
}

static void answer(struct rf_frame *f)
{
        w.seen++;
        if (net_input(&w.app.stack, f) == NET_SEND)
                net_app_send(&w.app, f, 1);
        else
                rf_net_free(w.app.net, f);
}

static void wait_for_one(void)
{
        int64_t why = rf_net_wait(w.app.net, rf_now_ns() + PATIENCE_SECONDS * RF_NS_PER_SEC);
        struct rf_frame f;
        bool got = rf_net_rx_burst(w.app.net, &f, 1) == 1;

        w.woken += why == 1;
        w.spurious += why == 2 && !got;
        w.timeouts += why == 0;
        if (why == 0 && got) {
                w.lost++;
                rf_printf("waiter: LOST WAKE-UP at frame %lu\n", w.seen);
        }
        if (got)
                answer(&f);
}

static int set_frames(void *ctx, const char *v)
{
        return args_number(v, 1, 1000000000, &w.frames);
}

int rf_main(const struct rf_info *info, int argc, char **argv)
{
        static const struct args_option options[] = {{"frames", "N", false, false, set_frames, NULL}};
        int status = net_app_start(&w.app, options, 1, argc, argv);

        if (status != 0 || test_timer() != 0 || test_errors() != 0)
                return status != 0 ? status : 1;
        while ((w.frames == 0 || w.seen < w.frames) && rf_net_error(w.app.net) == 0)
                wait_for_one();
        rf_printf("waiter: %lu frames, %lu woken, %lu spurious, %lu timeouts, %lu lost wake-ups\n", w.seen,
                  w.woken, w.spurious, w.timeouts, w.lost);
        return w.lost == 0 ? 0 : 1;
}

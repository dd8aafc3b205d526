/* SPDX-License-Identifier: MIT
 * meter: sends UDP frames to an echo and reports rate, loss, duplicates, corruption and latency.
 *   ip=A.B.C.D [to=A.B.C.D:PORT] [size=60..1514|mix] [count=N] [rate=N] [window=N] [timeout=MS] [port=N]
 * [once] [sink] Without to= it only answers, as echo does. With sink it takes datagrams without echoing them
 * and counts them. rate=0 (the default) sends as fast as the window lets it; count=0 (the default) has no
 * end. With once the guest exits after count frames: 0 if every frame came back once and intact, else 1. */
#include "../net/app.h"
#include "rf_string.h"
#include "stream.h"

enum { SIZE_MIX = 0, DEFAULT_PORT = 7007 };

static struct meter {
        struct net_app app;
        struct stream stream;
        struct net_flow flow;
        struct net_neighbour *target; /* NULL: answer only */
        uint64_t size, count, rate, window, timeout_ns;
        uint64_t next_send_ns;
        bool once, sink, reported;
        uint64_t sunk_frames, sunk_bytes, sunk_first_ns, sunk_last_ns;
} m;

/* Frame sizes of size=mix: every one from 60 to 1514, scattered by a multiplicative hash of the number. */
static uint32_t frame_size(uint64_t seq)
{
        uint64_t hash = (seq + 1) * 0x9e3779b97f4a7c15ull >> 32;

        return m.size != SIZE_MIX ? (uint32_t)m.size
                                  : FRAME_MIN + (uint32_t)(hash % (FRAME_MAX - FRAME_MIN + 1));
}

static void report(struct net_app *app)
{
        const struct stream *s = &m.stream;
        uint64_t sunk_us = (m.sunk_last_ns - m.sunk_first_ns) / 1000;

        if (m.sink)
                rf_printf("sink: %lu frames %lu bytes, %lu frames/s\n", m.sunk_frames, m.sunk_bytes,
                          sunk_us != 0 ? m.sunk_frames * 1000000 / sunk_us : 0);
        if (m.target == NULL)
                return;
        rf_printf("meter: sent %lu received %lu lost %lu duplicate %lu corrupt %lu stray %lu late %lu\n",
                  s->next, s->received, s->lost, s->duplicates, s->corrupt, s->stray, s->late);
        rf_printf("meter: %lu frames/s, latency ns: 50%% %lu 99%% %lu max %lu\n", stream_rate(s),
                  histogram_percentile(&s->latency, 50), histogram_percentile(&s->latency, 99),
                  s->latency.max);
}

static bool complete(void)
{
        return m.count != 0 && m.stream.next == m.count && m.stream.oldest == m.count;
}

static void finish(void)
{
        const struct stream *s = &m.stream;

        report(&m.app);
        m.reported = true;
        m.app.done = m.once;
        m.app.status = s->received == m.count && s->duplicates == 0 && s->corrupt == 0 ? 0 : 1;
}

static bool may_send(uint64_t now)
{
        return m.target->known && (m.count == 0 || m.stream.next < m.count) &&
               stream_may_send(&m.stream, (uint32_t)m.window) && (m.rate == 0 || now >= m.next_send_ns);
}

/* A rate is kept on average: time lost is made up for, but not more than a burst of it. */
static void pace(uint64_t now)
{
        uint64_t step, behind;

        if (m.rate == 0)
                return;
        step = RF_NS_PER_SEC / m.rate;
        behind = RF_NET_BURST * step;
        if (m.next_send_ns == 0) /* the first frame */
                m.next_send_ns = now;
        if (m.next_send_ns + behind < now)
                m.next_send_ns = now - behind;
        m.next_send_ns += step;
}

static void send_burst(uint64_t now)
{
        struct rf_frame f[RF_NET_BURST];
        unsigned n = 0, room = rf_net_tx_room(m.app.net);

        while (n < RF_NET_BURST && n < room && may_send(now) && rf_net_alloc(m.app.net, &f[n]) == 0) {
                uint32_t bytes = frame_size(m.stream.next) - NET_UDP_DATA;

                stream_send(&m.stream, f[n].data + NET_UDP_DATA, bytes, now);
                net_build_udp(&f[n++], &m.flow, bytes);
                pace(now);
        }
        if (n > 0)
                net_app_send(&m.app, f, n);
}

static uint64_t tick(struct net_app *app, uint64_t now)
{
        uint64_t expires = stream_expire(&m.stream, now, m.timeout_ns), next;

        if (m.reported)
                return RF_FOREVER;
        net_app_resolve(app, m.target, now);
        memcpy(m.flow.dst_mac, m.target->mac, 6);
        send_burst(now);
        if (complete())
                finish();
        if (may_send(now))
                return now;
        next = net_next_ask(m.target);
        next = expires < next ? expires : next;
        return m.rate != 0 && m.next_send_ns > now && m.next_send_ns < next ? m.next_send_ns : next;
}

static enum net_verdict sink(struct rf_frame *f, uint64_t now)
{
        if (m.sunk_frames++ == 0)
                m.sunk_first_ns = now;
        m.sunk_last_ns = now;
        m.sunk_bytes += f->length;
        return NET_FREE;
}

static enum net_verdict receive(void *ctx, struct rf_frame *f, struct net_ipv4 *ip, struct net_udp *u)
{
        bool ours = m.target != NULL && ip->src == m.flow.dst_ip && u->src == m.flow.dst_port &&
                    u->dst == m.flow.src_port;

        if (!ours && !m.sink)
                return NET_PASS;
        if (!net_udp_checksum_ok(ip, u)) {
                m.stream.corrupt += ours;
                return net_drop(&m.app.stack, NET_L4_CHECKSUM);
        }
        if (!ours)
                return sink(f, rf_now_ns());
        stream_receive(&m.stream, u->data, u->data_bytes, rf_now_ns());
        return NET_FREE;
}

static int set_to(void *ctx, const char *v)
{
        return args_endpoint(v, &m.flow.dst_ip, &m.flow.dst_port);
}

static int set_size(void *ctx, const char *v)
{
        if (strcmp(v, "mix") != 0)
                return args_number(v, FRAME_MIN, FRAME_MAX, &m.size);
        m.size = SIZE_MIX;
        return 0;
}

static int set_count(void *ctx, const char *v)
{
        return args_number(v, 0, UINT64_MAX / 2, &m.count);
}

static int set_rate(void *ctx, const char *v)
{
        return args_number(v, 0, 100000000, &m.rate);
}

static int set_window(void *ctx, const char *v)
{
        return args_number(v, 1, STREAM_MAX_WINDOW, &m.window);
}

static int set_timeout(void *ctx, const char *v)
{
        uint64_t ms;
        int error = args_number(v, 1, 60000, &ms);

        m.timeout_ns = ms * 1000000;
        return error;
}

static int set_port(void *ctx, const char *v)
{
        uint64_t n;
        int error = args_number(v, 1, 65535, &n);

        m.flow.src_port = (uint16_t)n;
        return error;
}

static int set_once(void *ctx, const char *v)
{
        m.once = true;
        return 0;
}

static int set_sink(void *ctx, const char *v)
{
        m.sink = true;
        return 0;
}

static const struct args_option options[] = {
    {"to", "A.B.C.D:PORT, where an echo is", false, false, set_to, NULL},
    {"size", "60..1514 bytes without FCS, or mix", false, false, set_size, NULL},
    {"count", "N, frames to send; 0: no end", false, false, set_count, NULL},
    {"rate", "N, frames per second; 0: as the window allows", false, false, set_rate, NULL},
    {"window", "N, frames outstanding, 1 to 1024", false, false, set_window, NULL},
    {"timeout", "MS, when a frame is lost, 1 to 60000", false, false, set_timeout, NULL},
    {"port", "N, our own UDP port, 1 to 65535", false, false, set_port, NULL},
    {"once", NULL, false, false, set_once, NULL},
    {"sink", NULL, false, false, set_sink, NULL},
};

static void start_stream(const struct rf_info *info)
{
        m.stream.run = (uint16_t)(info->boot_tsc >> 10 ^ info->restarts);
        m.target = net_neighbour(&m.app.stack, m.flow.dst_ip);
        m.target->keep = true;
        m.flow.src_ip = m.app.stack.ip;
        memcpy(m.flow.src_mac, m.app.stack.mac, 6);
        m.app.tick = tick;
}

int rf_main(const struct rf_info *info, int argc, char **argv)
{
        int status;

        m.size = FRAME_MIN;
        m.window = 128;
        m.timeout_ns = RF_NS_PER_SEC;
        m.flow.src_port = DEFAULT_PORT;
        status = net_app_start(&m.app, options, sizeof(options) / sizeof(options[0]), argc, argv);

        if (status != 0)
                return status;
        if (m.flow.dst_ip == m.app.stack.ip) {
                rf_printf("bad argument: to= must be another address than ip=\n");
                return RF_EXIT_USAGE;
        }
        m.app.stack.udp = receive;
        m.app.report = report;
        if (m.flow.dst_ip != 0)
                start_stream(info);
        return net_app_run(&m.app);
}

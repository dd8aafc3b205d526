/* SPDX-License-Identifier: MIT
 * firewall: forwards IPv4 between its neighbours and a next hop, by stateless rules, without copying.
 *   ip=A.B.C.D next=A.B.C.D [next-mac=MAC] [back=A.B.C.D] [rule=...]... [default=pass|drop] [control=PORT]
 * A packet sent to our MAC for another address is judged by the first rule that matches, else by
 * default= (drop). A passed one goes to the next hop; what comes from the next hop goes to back=, or, without
 * it, to its destination directly. Fragments and IP options are dropped. Counters: stats=SECONDS on the
 * console, and a datagram to control=PORT is answered with them. */
#include "../net/app.h"
#include "rf_format.h"
#include "rf_string.h"
#include "rules.h"

enum { MAX_RULES = 32, REPORT_BYTES = FRAME_MAX - ETH_BYTES - IPV4_BYTES - UDP_BYTES };

static struct firewall {
        struct net_app app;
        struct rule rule[MAX_RULES + 1]; /* the one behind the last is the default */
        unsigned rules;
        uint32_t next_ip, back_ip;
        struct net_neighbour *next;
        uint8_t next_mac[6];
        bool next_fixed;
        uint16_t control;
        uint64_t forwarded;
} fw;

static struct rule *find_rule(const struct rule_key *k)
{
        struct rule *r = fw.rule;

        while (r < fw.rule + fw.rules && !rule_matches(r, k))
                r++;
        return r;
}

/* The answer will go where the packet came from, until ARP knows better. */
static void remember_way_back(const struct rf_frame *f, const struct net_ipv4 *ip)
{
        struct net_neighbour *n = net_neighbour(&fw.app.stack, ip->src);

        if (n->known)
                return;
        memcpy(n->mac, f->data + ETH_SRC, 6);
        n->known = true;
}

/* To whom a passed packet goes. */
static struct net_neighbour *route(const struct rf_frame *f, const struct net_ipv4 *ip)
{
        bool from_next = fw.next->known && memcmp(f->data + ETH_SRC, fw.next->mac, 6) == 0;

        if (from_next)
                return net_neighbour(&fw.app.stack, fw.back_ip != 0 ? fw.back_ip : ip->dst);
        if (fw.back_ip == 0)
                remember_way_back(f, ip);
        return fw.next;
}

static void decrement_ttl(struct net_ipv4 *ip)
{
        uint8_t *word = ip->header + IP_TTL; /* TTL and protocol make one word */
        uint16_t was = get16(word), is = (uint16_t)(was - 0x100);

        put16(word, is);
        net_checksum_change(ip->header + IP_SUM, was, is);
}

static enum net_verdict send_to(struct rf_frame *f, struct net_ipv4 *ip, struct net_neighbour *n)
{
        if (!n->known) {
                net_app_resolve(&fw.app, n, rf_now_ns());
                return net_drop(&fw.app.stack, NET_UNRESOLVED);
        }
        decrement_ttl(ip);
        memcpy(f->data + ETH_DST, n->mac, 6);
        memcpy(f->data + ETH_SRC, fw.app.stack.mac, 6);
        f->length = ETH_BYTES + IPV4_BYTES + ip->payload_bytes; /* what trails the packet stays behind */
        fw.forwarded++;
        return NET_SEND;
}

static enum net_verdict forward(void *ctx, struct rf_frame *f, struct net_ipv4 *ip)
{
        struct rule_key k;
        enum net_reason why = rule_key_of(ip, &k);
        struct rule *r;

        if (why == NET_OK && !ip_is_host(ip->dst))
                why = NET_OTHER_IP;
        if (why == NET_OK && ip->ttl <= 1)
                why = NET_TTL;
        if (why != NET_OK)
                return net_drop(&fw.app.stack, why);
        r = find_rule(&k);
        r->frames++;
        r->bytes += f->length;
        if (!r->pass)
                return net_drop(&fw.app.stack, NET_RULE);
        return send_to(f, ip, route(f, ip));
}

static size_t print_rules(char *text, size_t size)
{
        size_t n = rf_snprintf(text, size, "forwarded %lu\n", fw.forwarded);

        for (unsigned i = 0; i <= fw.rules && n < size; i++)
                n += rf_snprintf(text + n, size - n, "%s%s %lu frames %lu bytes\n",
                                 i < fw.rules ? "rule=" : "default=", fw.rule[i].text, fw.rule[i].frames,
                                 fw.rule[i].bytes);
        return n < size ? n : size - 1;
}

static enum net_verdict control(void *ctx, struct rf_frame *f, struct net_ipv4 *ip, struct net_udp *u)
{
        struct net_flow back = {.src_ip = ip->dst, .dst_ip = ip->src, .src_port = u->dst, .dst_port = u->src};

        if (fw.control == 0 || u->dst != fw.control)
                return NET_PASS;
        if (!net_udp_checksum_ok(ip, u))
                return net_drop(&fw.app.stack, NET_L4_CHECKSUM);
        memcpy(back.src_mac, fw.app.stack.mac, 6);
        memcpy(back.dst_mac, f->data + ETH_SRC, 6);
        net_build_udp(f, &back, (uint32_t)print_rules((char *)f->data + NET_UDP_DATA, REPORT_BYTES));
        return NET_SEND;
}

static void report(struct net_app *app)
{
        rf_printf("stats: forwarded %lu\n", fw.forwarded);
        for (unsigned i = 0; i <= fw.rules; i++)
                rf_printf("stats: %s%s %lu frames %lu bytes\n",
                          i < fw.rules ? "rule=" : "default=", fw.rule[i].text, fw.rule[i].frames,
                          fw.rule[i].bytes);
}

static uint64_t tick(struct net_app *app, uint64_t now)
{
        net_app_resolve(app, fw.next, now);
        return net_next_ask(fw.next);
}

static int set_next(void *ctx, const char *v)
{
        return args_ipv4(v, &fw.next_ip);
}

static int set_back(void *ctx, const char *v)
{
        return args_ipv4(v, &fw.back_ip);
}

static int set_next_mac(void *ctx, const char *v)
{
        fw.next_fixed = true;
        return args_mac(v, fw.next_mac);
}

static int set_rule(void *ctx, const char *v)
{
        return fw.rules < MAX_RULES ? rule_parse(v, &fw.rule[fw.rules++]) : -RF_EINVAL;
}

static int set_default(void *ctx, const char *v)
{
        if (strcmp(v, "pass") != 0 && strcmp(v, "drop") != 0)
                return -RF_EINVAL;
        return rule_parse(v, &fw.rule[MAX_RULES]);
}

static int set_control(void *ctx, const char *v)
{
        uint64_t n;
        int error = args_number(v, 1, 65535, &n);

        fw.control = (uint16_t)n;
        return error;
}

static const struct args_option options[] = {
    {"next", "A.B.C.D, the next hop", true, false, set_next, NULL},
    {"next-mac", "xx:xx:xx:xx:xx:xx, a station's address", false, false, set_next_mac, NULL},
    {"back", "A.B.C.D, where packets from the next hop go", false, false, set_back, NULL},
    {"rule", RULE_FORM ", at most 32 rules", false, true, set_rule, NULL},
    {"default", "pass|drop", false, false, set_default, NULL},
    {"control", "PORT, 1 to 65535", false, false, set_control, NULL},
};

static void start_next_hop(void)
{
        fw.next = net_neighbour(&fw.app.stack, fw.next_ip);
        fw.next->keep = true;
        fw.next->fixed = fw.next->known = fw.next_fixed;
        memcpy(fw.next->mac, fw.next_mac, 6);
}

static int start(int argc, char **argv)
{
        int status;

        rule_parse("drop", &fw.rule[MAX_RULES]);
        status = net_app_start(&fw.app, options, sizeof(options) / sizeof(options[0]), argc, argv);
        if (status != 0)
                return status;
        if (fw.next_ip == fw.app.stack.ip || fw.back_ip == fw.app.stack.ip) {
                rf_printf("bad argument: next= and back= must be other addresses than ip=\n");
                return RF_EXIT_USAGE;
        }
        fw.rule[fw.rules] = fw.rule[MAX_RULES]; /* find_rule ends here */
        fw.app.stack.forward = forward;
        fw.app.stack.udp = control;
        fw.app.report = report;
        fw.app.tick = tick;
        start_next_hop();
        return 0;
}

int rf_main(const struct rf_info *info, int argc, char **argv)
{
        int status = start(argc, argv);

        return status != 0 ? status : net_app_run(&fw.app);
}

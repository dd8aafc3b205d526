/* SPDX-License-Identifier: MIT
 * The small stack: input and replies. */
#include "stack.h"

#include "rf_string.h"

enum net_verdict net_drop(struct net_stack *s, enum net_reason why)
{
        s->drops[why]++;
        return NET_FREE;
}

void net_reply_eth(struct net_stack *s, struct rf_frame *f)
{
        memcpy(f->data + ETH_DST, f->data + ETH_SRC, 6);
        memcpy(f->data + ETH_SRC, s->mac, 6);
}

static void reply_ipv4(struct net_stack *s, struct rf_frame *f, struct net_ipv4 *ip, uint8_t ttl)
{
        net_reply_eth(s, f);
        put32(ip->header + IP_SRC, ip->dst);
        put32(ip->header + IP_DST, ip->src);
        ip->header[IP_TTL] = ttl;
        net_ipv4_set_checksum(ip->header);
        f->length = ETH_BYTES + IPV4_BYTES + ip->payload_bytes;
}

void net_reply_udp(struct net_stack *s, struct rf_frame *f, struct net_ipv4 *ip, struct net_udp *u)
{
        reply_ipv4(s, f, ip, (uint8_t)(ip->ttl - 1));
        put16(u->header + UDP_SRC, u->dst);
        put16(u->header + UDP_DST, u->src);
}

static enum net_verdict input_udp(struct net_stack *s, struct rf_frame *f, struct net_ipv4 *ip)
{
        enum net_verdict v = NET_PASS;
        struct net_udp u;
        enum net_reason why = net_parse_udp(ip, &u);

        if (why != NET_OK)
                return net_drop(s, why);
        if (ip->ttl <= 1)
                return net_drop(s, NET_TTL);
        if (s->udp != NULL)
                v = s->udp(s->ctx, f, ip, &u);
        if (v != NET_PASS)
                return v;
        net_reply_udp(s, f, ip, &u);
        s->udp_echoes++;
        return NET_SEND;
}

static enum net_verdict input_icmp(struct net_stack *s, struct rf_frame *f, struct net_ipv4 *ip)
{
        uint8_t *p = ip->payload;

        if (ip->fragment)
                return net_drop(s, NET_FRAGMENT);
        if (ip->payload_bytes < ICMP_BYTES)
                return net_drop(s, NET_L4_LENGTH);
        if (p[ICMP_TYPE] != ICMP_ECHO || p[ICMP_CODE] != 0)
                return net_drop(s, NET_PROTOCOL);
        p[ICMP_TYPE] = ICMP_ECHO_REPLY;
        net_checksum_change(p + ICMP_SUM, ICMP_ECHO << 8, ICMP_ECHO_REPLY << 8);
        reply_ipv4(s, f, ip, IPV4_TTL);
        s->pings++;
        return NET_SEND;
}

static enum net_verdict input_ipv4(struct net_stack *s, struct rf_frame *f)
{
        struct net_ipv4 ip;
        enum net_reason why = net_parse_ipv4(f->data, f->length, &ip);

        if (why != NET_OK)
                return net_drop(s, why);
        /* A group address never gets an answer: with a forged source it would multiply. */
        if (mac_is_group(f->data + ETH_DST))
                return net_drop(s, NET_OTHER_MAC);
        if (ip.dst != s->ip)
                return s->forward != NULL ? s->forward(s->ctx, f, &ip) : net_drop(s, NET_OTHER_IP);
        if (ip.src == s->ip)
                return net_drop(s, NET_SOURCE);
        if (ip.protocol == IP_UDP)
                return input_udp(s, f, &ip);
        if (ip.protocol == IP_ICMP)
                return input_icmp(s, f, &ip);
        return net_drop(s, NET_PROTOCOL);
}

/* RFC 826: a request for us, or an answer to us, also tells the sender's address. */
static void learn(struct net_stack *s, const struct net_arp *a)
{
        struct net_neighbour *n;

        if (!ip_is_host(a->sender_ip) || a->sender_ip == s->ip)
                return;
        n = net_neighbour(s, a->sender_ip);
        if (n->fixed)
                return;
        memcpy(n->mac, a->sender_mac, sizeof(n->mac));
        n->known = true;
}

static enum net_verdict input_arp(struct net_stack *s, struct rf_frame *f)
{
        uint8_t *p = f->data + ETH_BYTES;
        struct net_arp a;
        enum net_reason why = net_parse_arp(f->data, f->length, &a);

        if (why != NET_OK)
                return net_drop(s, why);
        if (a.target_ip != s->ip || (a.op != ARP_REQUEST && a.op != ARP_REPLY))
                return net_drop(s, NET_ARP);
        learn(s, &a);
        if (a.op == ARP_REPLY)
                return NET_FREE;
        net_reply_eth(s, f);
        put16(p + ARP_OP, ARP_REPLY);
        memcpy(p + ARP_THA, p + ARP_SHA, 10); /* hardware and protocol address */
        memcpy(p + ARP_SHA, s->mac, 6);
        put32(p + ARP_SPA, s->ip);
        f->length = ETH_BYTES + ARP_BYTES;
        s->arp_replies++;
        return NET_SEND;
}

enum net_verdict net_input(struct net_stack *s, struct rf_frame *f)
{
        const uint8_t *dst = f->data + ETH_DST, *src = f->data + ETH_SRC;

        if (f->length < ETH_BYTES)
                return net_drop(s, NET_SHORT);
        if (mac_is_group(src))
                return net_drop(s, NET_SOURCE);
        if (memcmp(src, s->mac, 6) == 0 || (!mac_is_group(dst) && memcmp(dst, s->mac, 6) != 0))
                return net_drop(s, NET_OTHER_MAC);
        switch (get16(f->data + ETH_TYPE)) {
        case ETH_TYPE_ARP:
                return input_arp(s, f);
        case ETH_TYPE_IPV4:
                return input_ipv4(s, f);
        default:
                return net_drop(s, NET_TYPE);
        }
}

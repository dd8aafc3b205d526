/* SPDX-License-Identifier: MIT
 * Parsers for received frames. Every length is checked against the bytes that are really there. */
#include "wire.h"

const char *net_reason_name(enum net_reason r)
{
        static const char *const names[NET_REASONS] = {
            [NET_OK] = "ok",
            [NET_SHORT] = "short",
            [NET_OTHER_MAC] = "other-mac",
            [NET_SOURCE] = "source",
            [NET_TYPE] = "ethertype",
            [NET_ARP] = "arp",
            [NET_IP_HEADER] = "ip-header",
            [NET_IP_CHECKSUM] = "ip-checksum",
            [NET_IP_OPTIONS] = "ip-options",
            [NET_FRAGMENT] = "fragment",
            [NET_OTHER_IP] = "other-ip",
            [NET_PROTOCOL] = "protocol",
            [NET_L4_LENGTH] = "l4-length",
            [NET_L4_CHECKSUM] = "l4-checksum",
            [NET_TTL] = "ttl",
            [NET_RULE] = "rule",
            [NET_UNRESOLVED] = "unresolved",
        };

        return r < NET_REASONS ? names[r] : "?";
}

enum net_reason net_parse_arp(const uint8_t *frame, uint32_t length, struct net_arp *a)
{
        static const uint8_t ethernet_ipv4[] = {0, 1, 8, 0, 6, 4}; /* htype, ptype, hlen, plen */
        const uint8_t *p = frame + ETH_BYTES;

        if (length < ETH_BYTES + ARP_BYTES)
                return NET_SHORT;
        for (size_t i = 0; i < sizeof(ethernet_ipv4); i++)
                if (p[i] != ethernet_ipv4[i])
                        return NET_ARP;
        a->op = get16(p + ARP_OP);
        a->sender_mac = p + ARP_SHA;
        a->sender_ip = get32(p + ARP_SPA);
        a->target_ip = get32(p + ARP_TPA);
        return mac_is_group(a->sender_mac) ? NET_SOURCE : NET_OK;
}

enum net_reason net_parse_ipv4(uint8_t *frame, uint32_t length, struct net_ipv4 *ip)
{
        uint8_t *h = frame + ETH_BYTES;
        uint32_t total;

        if (length < ETH_BYTES + IPV4_BYTES)
                return NET_SHORT;
        total = get16(h + IP_TOTAL);
        if (h[0] >> 4 != 4 || (h[0] & 15) < IPV4_BYTES / 4 || total < IPV4_BYTES)
                return NET_IP_HEADER;
        if (total > length - ETH_BYTES)
                return NET_SHORT;
        if ((h[0] & 15) != IPV4_BYTES / 4)
                return NET_IP_OPTIONS;
        if (net_fold(net_sum(h, IPV4_BYTES, 0)) != 0)
                return NET_IP_CHECKSUM;
        *ip = (struct net_ipv4){
            .header = h,
            .payload = h + IPV4_BYTES,
            .payload_bytes = total - IPV4_BYTES,
            .src = get32(h + IP_SRC),
            .dst = get32(h + IP_DST),
            .protocol = h[IP_PROTO],
            .ttl = h[IP_TTL],
            .fragment = (get16(h + IP_FRAG) & IPV4_FRAGMENT) != 0,
        };
        return ip_is_host(ip->src) ? NET_OK : NET_SOURCE;
}

enum net_reason net_parse_udp(const struct net_ipv4 *ip, struct net_udp *u)
{
        uint32_t bytes;

        if (ip->fragment)
                return NET_FRAGMENT;
        if (ip->payload_bytes < UDP_BYTES)
                return NET_L4_LENGTH;
        bytes = get16(ip->payload + UDP_LEN);
        if (bytes < UDP_BYTES || bytes > ip->payload_bytes)
                return NET_L4_LENGTH;
        *u = (struct net_udp){
            .header = ip->payload,
            .data = ip->payload + UDP_BYTES,
            .data_bytes = bytes - UDP_BYTES,
            .src = get16(ip->payload + UDP_SRC),
            .dst = get16(ip->payload + UDP_DST),
        };
        return NET_OK;
}

/* SPDX-License-Identifier: MIT
 * UDP frames of our own. */
#include "rf_string.h"
#include "stack.h"

static void build_ipv4(uint8_t *h, const struct net_flow *flow, uint32_t payload_bytes)
{
        memset(h, 0, IPV4_BYTES);
        h[0] = 4 << 4 | IPV4_BYTES / 4;
        put16(h + IP_TOTAL, (uint16_t)(IPV4_BYTES + payload_bytes));
        put16(h + IP_FRAG, IPV4_DF);
        h[IP_TTL] = IPV4_TTL;
        h[IP_PROTO] = IP_UDP;
        put32(h + IP_SRC, flow->src_ip);
        put32(h + IP_DST, flow->dst_ip);
        net_ipv4_set_checksum(h);
}

void net_build_udp(struct rf_frame *f, const struct net_flow *flow, uint32_t bytes)
{
        uint8_t *ip = f->data + ETH_BYTES, *udp = ip + IPV4_BYTES;

        memcpy(f->data + ETH_DST, flow->dst_mac, 6);
        memcpy(f->data + ETH_SRC, flow->src_mac, 6);
        put16(f->data + ETH_TYPE, ETH_TYPE_IPV4);
        build_ipv4(ip, flow, UDP_BYTES + bytes);
        put16(udp + UDP_SRC, flow->src_port);
        put16(udp + UDP_DST, flow->dst_port);
        put16(udp + UDP_LEN, (uint16_t)(UDP_BYTES + bytes));
        net_udp_set_checksum(ip, udp, UDP_BYTES + bytes);
        f->length = NET_UDP_DATA + bytes;
}

/* SPDX-License-Identifier: MIT
 * Internet checksums (RFC 1071, RFC 1624). */
#include "wire.h"

uint64_t net_sum(const uint8_t *p, size_t n, uint64_t sum)
{
        for (; n >= 4; n -= 4, p += 4)
                sum += get32(p); /* two words at once: 2^16 = 1 modulo 2^16 - 1 */
        if (n >= 2) {
                sum += get16(p);
                p += 2;
                n -= 2;
        }
        return n == 1 ? sum + ((uint64_t)*p << 8) : sum;
}

uint16_t net_fold(uint64_t sum)
{
        while (sum >> 16 != 0)
                sum = (sum & 0xffff) + (sum >> 16);
        return (uint16_t)~sum;
}

void net_ipv4_set_checksum(uint8_t *header)
{
        put16(header + IP_SUM, 0);
        put16(header + IP_SUM, net_fold(net_sum(header, IPV4_BYTES, 0)));
}

/* Pseudo header of RFC 768: both addresses, the protocol, the UDP length. */
static uint64_t pseudo(const uint8_t *ip_header, uint32_t udp_bytes)
{
        return net_sum(ip_header + IP_SRC, 8, (uint64_t)IP_UDP + udp_bytes);
}

bool net_udp_checksum_ok(const struct net_ipv4 *ip, const struct net_udp *u)
{
        uint32_t bytes = u->data_bytes + UDP_BYTES;

        if (get16(u->header + UDP_SUM) == 0)
                return true; /* the sender made none */
        return net_fold(net_sum(u->header, bytes, pseudo(ip->header, bytes))) == 0;
}

void net_udp_set_checksum(const uint8_t *ip_header, uint8_t *udp, uint32_t udp_bytes)
{
        uint16_t sum;

        put16(udp + UDP_SUM, 0);
        sum = net_fold(net_sum(udp, udp_bytes, pseudo(ip_header, udp_bytes)));
        put16(udp + UDP_SUM, sum != 0 ? sum : 0xffff); /* 0 would mean: none */
}

void net_checksum_change(uint8_t *field, uint16_t was, uint16_t is)
{
        uint64_t sum = (uint64_t)(uint16_t)~get16(field) + (uint16_t)~was + is;

        put16(field, net_fold(sum));
}

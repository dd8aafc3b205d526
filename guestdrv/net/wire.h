/* SPDX-License-Identifier: MIT
 * Ethernet, ARP, IPv4, ICMP and UDP: formats, and the only code that looks into received bytes.
 * A parser gets a frame and its true length, checks everything it later relies on, and says why it refuses.
 * Sources: RFC 791, 768, 792, 826, 894, 1071, 1624. */
#ifndef NET_WIRE_H
#define NET_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        ETH_BYTES = 14,
        ETH_TYPE_IPV4 = 0x0800,
        ETH_TYPE_ARP = 0x0806,
        ARP_BYTES = 28, /* for Ethernet and IPv4 */
        ARP_REQUEST = 1,
        ARP_REPLY = 2,
        IPV4_BYTES = 20, /* without options */
        IPV4_TTL = 64,   /* what we send with */
        IPV4_DF = 0x4000,
        IPV4_FRAGMENT = 0x3fff, /* MF and the offset */
        IP_ICMP = 1,
        IP_TCP = 6,
        IP_UDP = 17,
        ICMP_BYTES = 8,
        ICMP_ECHO_REPLY = 0,
        ICMP_ECHO = 8,
        UDP_BYTES = 8,
        FRAME_MIN = 60, /* without FCS */
        FRAME_MAX = 1514,
};

/* Why a frame goes no further. */
enum net_reason {
        NET_OK = 0,
        NET_SHORT,     /* ends before the header it promises */
        NET_OTHER_MAC, /* not for us: other address, or sent by us */
        NET_SOURCE,    /* a source address nobody can have */
        NET_TYPE,      /* neither ARP nor IPv4 */
        NET_ARP,       /* ARP of another kind, or not for us */
        NET_IP_HEADER, /* version, header length or total length */
        NET_IP_CHECKSUM,
        NET_IP_OPTIONS,
        NET_FRAGMENT,
        NET_OTHER_IP,  /* destination is not ours */
        NET_PROTOCOL,  /* neither ICMP echo nor UDP */
        NET_L4_LENGTH, /* ICMP or UDP length beyond the packet */
        NET_L4_CHECKSUM,
        NET_TTL,        /* used up */
        NET_RULE,       /* a rule said so */
        NET_UNRESOLVED, /* next hop's MAC not known yet */
        NET_REASONS
};
const char *net_reason_name(enum net_reason r);

/* ---- big-endian access, any alignment ------------------------------------------------------------- */

static inline uint16_t get16(const uint8_t *p)
{
        return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get32(const uint8_t *p)
{
        return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static inline uint64_t get64(const uint8_t *p)
{
        return (uint64_t)get32(p) << 32 | get32(p + 4);
}

static inline void put16(uint8_t *p, uint16_t v)
{
        p[0] = (uint8_t)(v >> 8);
        p[1] = (uint8_t)v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
        put16(p, (uint16_t)(v >> 16));
        put16(p + 2, (uint16_t)v);
}

static inline void put64(uint8_t *p, uint64_t v)
{
        put32(p, (uint32_t)(v >> 32));
        put32(p + 4, (uint32_t)v);
}

/* ---- offsets in a frame --------------------------------------------------------------------------- */

enum { ETH_DST = 0, ETH_SRC = 6, ETH_TYPE = 12 };
enum { ARP_OP = 6, ARP_SHA = 8, ARP_SPA = 14, ARP_THA = 18, ARP_TPA = 24 };
enum {
        IP_TOTAL = 2,
        IP_ID = 4,
        IP_FRAG = 6,
        IP_TTL = 8,
        IP_PROTO = 9,
        IP_SUM = 10,
        IP_SRC = 12,
        IP_DST = 16
};
enum { UDP_SRC = 0, UDP_DST = 2, UDP_LEN = 4, UDP_SUM = 6 };
enum { ICMP_TYPE = 0, ICMP_CODE = 1, ICMP_SUM = 2 };

/* ---- parsers ---------------------------------------------------------------------------------------- */

struct net_ipv4 {
        uint8_t *header;  /* IPV4_BYTES, checksum verified, no options */
        uint8_t *payload; /* payload_bytes, inside the frame */
        uint32_t payload_bytes;
        uint32_t src, dst;
        uint8_t protocol, ttl;
        bool fragment; /* any but a whole packet */
};

struct net_udp {
        uint8_t *header;
        uint8_t *data; /* data_bytes, inside the packet */
        uint32_t data_bytes;
        uint16_t src, dst; /* ports */
};

struct net_arp {
        uint16_t op;
        uint32_t sender_ip, target_ip;
        const uint8_t *sender_mac;
};

enum net_reason net_parse_arp(const uint8_t *frame, uint32_t length, struct net_arp *a);
/* A fragment is parsed like any packet and marked: whoever looks at ports or lengths above IP MUST refuse it.
 */
enum net_reason net_parse_ipv4(uint8_t *frame, uint32_t length, struct net_ipv4 *ip);
/* Length only; the checksum is net_udp_checksum_ok's. */
enum net_reason net_parse_udp(const struct net_ipv4 *ip, struct net_udp *u);

/* ---- checksums -------------------------------------------------------------------------------------- */

/* Ones' complement sum of n bytes as big-endian 16-bit words, continuing `sum`; not folded, not inverted. */
uint64_t net_sum(const uint8_t *p, size_t n, uint64_t sum);
/* Folded and inverted: what a checksum field holds; 0 over data that contains a right checksum. */
uint16_t net_fold(uint64_t sum);
void net_ipv4_set_checksum(uint8_t *header);
bool net_udp_checksum_ok(const struct net_ipv4 *ip, const struct net_udp *u);
void net_udp_set_checksum(const uint8_t *ip_header, uint8_t *udp, uint32_t udp_bytes);
/* A 16-bit word of checksummed data changes from `was` to `is` (RFC 1624, equation 3). */
void net_checksum_change(uint8_t *field, uint16_t was, uint16_t is);

/* ---- addresses ---------------------------------------------------------------------------------------- */

static inline bool mac_is_group(const uint8_t *mac)
{
        return (mac[0] & 1) != 0;
}

/* Can `ip` be one host's address on a wire? Not 0/8, 127/8, 224/4 and above. */
static inline bool ip_is_host(uint32_t ip)
{
        uint32_t top = ip >> 24;

        return top != 0 && top != 127 && top < 224;
}

#endif

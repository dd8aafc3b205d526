/* SPDX-License-Identifier: MIT
 * A host on the wire, small: answers ARP, ICMP echo and UDP (echo) for one IPv4 address, in the received
 * buffer itself. What is not answered is counted by reason. Replies go to the MAC the frame came from.
 *
 * Two echoes pointed at each other by a forged frame would bounce it for ever, so a UDP echo goes out with
 * the TTL it came with less one; at 1 it is not answered. The UDP and ICMP checksum of an echoed packet is
 * not verified but carried along: swapping addresses and ports keeps it as right or as wrong as it was, and
 * the one who asked finds out. So an echo costs the same for any length. */
#ifndef NET_STACK_H
#define NET_STACK_H

#include "ringfence_net.h"
#include "wire.h"

enum net_verdict {
        NET_FREE, /* done with the frame */
        NET_SEND, /* the buffer now holds a frame to send */
        NET_PASS, /* from a hook: as if there were no hook */
};

enum { NET_NEIGHBOURS = 8 };

struct net_neighbour {
        uint32_t ip; /* 0: free entry */
        uint8_t mac[6];
        bool known;        /* mac is valid */
        bool fixed;        /* mac comes from the arguments: ARP does not change it */
        bool keep;         /* never given up for another address */
        uint64_t asked_ns; /* when we last asked; 0: never */
};

struct net_stack {
        uint32_t ip;
        uint8_t mac[6];
        struct net_neighbour neighbour[NET_NEIGHBOURS];
        uint32_t next_victim;
        uint64_t asked_ns; /* last ARP request of ours, for any address */
        uint64_t drops[NET_REASONS];
        uint64_t arp_replies, pings, udp_echoes;
        /* Hooks, may be NULL. `udp`: a datagram for our address, checksum not verified. `forward`: an IPv4
         * packet for another address that was sent to our MAC. */
        void *ctx;
        enum net_verdict (*udp)(void *ctx, struct rf_frame *f, struct net_ipv4 *ip, struct net_udp *u);
        enum net_verdict (*forward)(void *ctx, struct rf_frame *f, struct net_ipv4 *ip);
};

enum net_verdict net_input(struct net_stack *s, struct rf_frame *f);

/* Counts the frame as dropped. */
enum net_verdict net_drop(struct net_stack *s, enum net_reason why);

/* Turns a frame round: to whom it came from. The UDP form also swaps addresses and ports. */
void net_reply_eth(struct net_stack *s, struct rf_frame *f);
void net_reply_udp(struct net_stack *s, struct rf_frame *f, struct net_ipv4 *ip, struct net_udp *u);

/* The neighbour entry for ip; made if there is none. */
struct net_neighbour *net_neighbour(struct net_stack *s, uint32_t ip);
/* May `n` be asked now (again)? Marks it asked. Ten times a second while unknown, every 30 s to notice
 * changes; and at most 100 requests a second in all, whatever addresses strangers make us ask for. */
bool net_should_ask(struct net_stack *s, struct net_neighbour *n, uint64_t now_ns);
/* When net_should_ask will say yes for n at the latest, if it said no now. */
uint64_t net_next_ask(const struct net_neighbour *n);
/* Writes an ARP request for ip into f. */
void net_arp_request(const struct net_stack *s, struct rf_frame *f, uint32_t ip);

enum { NET_UDP_DATA = ETH_BYTES + IPV4_BYTES + UDP_BYTES }; /* offset of a datagram's data in a frame */

struct net_flow {
        uint8_t src_mac[6], dst_mac[6];
        uint32_t src_ip, dst_ip;
        uint16_t src_port, dst_port;
};
/* Puts all headers before `bytes` of data that the caller has written at NET_UDP_DATA, checksums included,
 * and sets the length. */
void net_build_udp(struct rf_frame *f, const struct net_flow *flow, uint32_t bytes);

#endif

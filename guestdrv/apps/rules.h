/* SPDX-License-Identifier: MIT
 * Stateless firewall rules. A rule reads
 *   pass|drop[,udp|tcp|icmp|proto=N][,src=A.B.C.D/N][,dst=A.B.C.D/N][,sport=N[-M]][,dport=N[-M]]
 * What is not named matches anything. Ports need udp or tcp. Pure functions. */
#ifndef APPS_RULES_H
#define APPS_RULES_H

#include "../net/wire.h"

#define RULE_FORM                                                                                            \
        "pass|drop[,udp|tcp|icmp|proto=N][,src=IP/N][,dst=IP/N][,sport=N[-M]][,dport=N[-M]], ports with udp or tcp"

struct rule {
        bool pass, any_protocol, ports;
        uint8_t protocol;
        uint32_t src, src_mask, dst, dst_mask;
        uint16_t sport[2], dport[2]; /* first, last */
        const char *text;            /* as given */
        uint64_t frames, bytes;      /* what it matched */
};

/* What rules look at. */
struct rule_key {
        uint32_t src, dst;
        uint8_t protocol;
        uint16_t sport, dport; /* udp and tcp, else 0 */
};

/* 0, or -RF_EINVAL. `text` MUST stay where it is. */
int rule_parse(const char *text, struct rule *r);
bool rule_matches(const struct rule *r, const struct rule_key *k);
/* NET_OK; fragments and packets too short for the header their protocol promises are refused: they have no
 * ports that a stateless rule could trust. */
enum net_reason rule_key_of(const struct net_ipv4 *ip, struct rule_key *k);

#endif

/* SPDX-License-Identifier: MIT
 * Firewall rules: parsing and matching. */
#include "rules.h"

#include "../net/args.h"
#include "rf/error.h"
#include "rf_string.h"

enum { WORD = 40, TCP_BYTES = 20 };

static int set_protocol(struct rule *r, uint8_t protocol)
{
        if (!r->any_protocol)
                return -RF_EINVAL; /* a second one */
        r->any_protocol = false;
        r->protocol = protocol;
        return 0;
}

static int parse_number_protocol(struct rule *r, const char *value)
{
        uint64_t n;

        return args_number(value, 0, 255, &n) == 0 ? set_protocol(r, (uint8_t)n) : -RF_EINVAL;
}

static int parse_ports(struct rule *r, const char *value, uint16_t range[2])
{
        r->ports = true;
        return args_range(value, &range[0], &range[1]);
}

static int parse_word(struct rule *r, const char *w)
{
        if (strcmp(w, "udp") == 0)
                return set_protocol(r, IP_UDP);
        if (strcmp(w, "tcp") == 0)
                return set_protocol(r, IP_TCP);
        if (strcmp(w, "icmp") == 0)
                return set_protocol(r, IP_ICMP);
        if (strncmp(w, "proto=", 6) == 0)
                return parse_number_protocol(r, w + 6);
        if (strncmp(w, "src=", 4) == 0)
                return args_prefix(w + 4, &r->src, &r->src_mask);
        if (strncmp(w, "dst=", 4) == 0)
                return args_prefix(w + 4, &r->dst, &r->dst_mask);
        if (strncmp(w, "sport=", 6) == 0)
                return parse_ports(r, w + 6, r->sport);
        if (strncmp(w, "dport=", 6) == 0)
                return parse_ports(r, w + 6, r->dport);
        return -RF_EINVAL;
}

static int parse_action(struct rule *r, const char *w)
{
        r->pass = strcmp(w, "pass") == 0;
        return r->pass || strcmp(w, "drop") == 0 ? 0 : -RF_EINVAL;
}

/* Copies up to the next comma. Returns what follows the comma, NULL after the last word, or `text` itself for
 * a word that is too long. */
static const char *next_word(const char *text, char word[WORD])
{
        size_t n = 0;

        while (text[n] != '\0' && text[n] != ',')
                n++;
        if (n >= WORD)
                return text;
        memcpy(word, text, n);
        word[n] = '\0';
        return text[n] == ',' ? text + n + 1 : NULL;
}

int rule_parse(const char *text, struct rule *r)
{
        char word[WORD];
        bool first = true;

        *r = (struct rule){.any_protocol = true, .sport = {0, 65535}, .dport = {0, 65535}, .text = text};
        while (text != NULL) {
                const char *next = next_word(text, word);

                if (next == text || (first ? parse_action(r, word) : parse_word(r, word)) != 0)
                        return -RF_EINVAL;
                first = false;
                text = next;
        }
        if (r->ports && (r->any_protocol || (r->protocol != IP_UDP && r->protocol != IP_TCP)))
                return -RF_EINVAL;
        return 0;
}

static bool in_range(const uint16_t range[2], uint16_t v)
{
        return v >= range[0] && v <= range[1];
}

bool rule_matches(const struct rule *r, const struct rule_key *k)
{
        return (r->any_protocol || r->protocol == k->protocol) && (k->src & r->src_mask) == r->src &&
               (k->dst & r->dst_mask) == r->dst && in_range(r->sport, k->sport) &&
               in_range(r->dport, k->dport);
}

enum net_reason rule_key_of(const struct net_ipv4 *ip, struct rule_key *k)
{
        bool tcp = ip->protocol == IP_TCP, udp = ip->protocol == IP_UDP;
        struct net_udp u;

        if (ip->fragment)
                return NET_FRAGMENT;
        if ((tcp && ip->payload_bytes < TCP_BYTES) || (udp && net_parse_udp(ip, &u) != NET_OK))
                return NET_L4_LENGTH;
        *k = (struct rule_key){.src = ip->src, .dst = ip->dst, .protocol = ip->protocol};
        if (tcp || udp) { /* both start with the two ports */
                k->sport = get16(ip->payload);
                k->dport = get16(ip->payload + 2);
        }
        return NET_OK;
}

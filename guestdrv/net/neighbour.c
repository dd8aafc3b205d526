/* SPDX-License-Identifier: MIT
 * The few neighbours a network function sends to on its own. */
#include "rf_string.h"
#include "stack.h"

static const uint64_t ask_unknown_ns = RF_NS_PER_SEC / 10, ask_known_ns = 30 * RF_NS_PER_SEC;
static const uint64_t ask_any_ns = RF_NS_PER_SEC / 100;

/* The table is small and its entries are cheap to find again, so a full one gives up its oldest. At most one
 * entry is marked `keep`. */
static struct net_neighbour *evict(struct net_stack *s)
{
        struct net_neighbour *n = &s->neighbour[s->next_victim++ % NET_NEIGHBOURS];

        return n->keep ? &s->neighbour[s->next_victim++ % NET_NEIGHBOURS] : n;
}

struct net_neighbour *net_neighbour(struct net_stack *s, uint32_t ip)
{
        struct net_neighbour *n;

        for (n = s->neighbour; n < s->neighbour + NET_NEIGHBOURS; n++)
                if (n->ip == ip)
                        return n;
        n = evict(s);
        *n = (struct net_neighbour){.ip = ip};
        return n;
}

static uint64_t period(const struct net_neighbour *n)
{
        return n->known ? ask_known_ns : ask_unknown_ns;
}

uint64_t net_next_ask(const struct net_neighbour *n)
{
        return n->fixed ? RF_FOREVER : n->asked_ns + period(n);
}

static bool passed(uint64_t now_ns, uint64_t since_ns, uint64_t period_ns)
{
        return since_ns == 0 || now_ns - since_ns >= period_ns;
}

bool net_should_ask(struct net_stack *s, struct net_neighbour *n, uint64_t now_ns)
{
        if (n->fixed || !passed(now_ns, n->asked_ns, period(n)) || !passed(now_ns, s->asked_ns, ask_any_ns))
                return false;
        s->asked_ns = n->asked_ns = now_ns != 0 ? now_ns : 1;
        return true;
}

void net_arp_request(const struct net_stack *s, struct rf_frame *f, uint32_t ip)
{
        static const uint8_t start[] = {0, 1, 8, 0, 6, 4, 0, ARP_REQUEST};
        uint8_t *p = f->data + ETH_BYTES;

        memset(f->data + ETH_DST, 0xff, 6);
        memcpy(f->data + ETH_SRC, s->mac, 6);
        put16(f->data + ETH_TYPE, ETH_TYPE_ARP);
        memcpy(p, start, sizeof(start));
        memcpy(p + ARP_SHA, s->mac, 6);
        put32(p + ARP_SPA, s->ip);
        memset(p + ARP_THA, 0, 6);
        put32(p + ARP_TPA, ip);
        f->length = ETH_BYTES + ARP_BYTES;
}

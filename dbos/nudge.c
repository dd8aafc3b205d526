/* SPDX-License-Identifier: MIT
 *
 * Back-to-back short sites: where the next instruction already is a punned jump, this site's displacement
 * is made of that jump's bytes and may point where no trampoline can be. The next jump then gets another
 * landing place, which changes the bytes. Each such move stands on its own.
 */
#include "engine.h"
#include "rf_string.h"

/* The tagged jump behind the site, under at most three prefixes; 0 if there is none. */
static unsigned follower(const struct site *site, uint64_t *target, unsigned *free_bytes)
{
        unsigned at = WINDOW_BEFORE + site->length;

        for (unsigned e = at; e < at + 3; e++)
                if (pun_tagged(site->s, &site->w, e, target, free_bytes))
                        return e;
        return 0;
}

/* The second displacement byte decides where a two- or three-byte site before it can point. */
bool site_nudge(struct site *site, unsigned step)
{
        uint64_t target, lo, hi, landing;
        unsigned free_bytes, e = follower(site, &target, &free_bytes);
        uint32_t d;

        if (!e || free_bytes < 2)
                return false;
        memcpy(&d, site->w.old + e + 1, 4);
        d = (d & ~0xffffu) + step * 0x2000;
        lo = site->w.base + e + 5 + (uint64_t)(int64_t)(int32_t)d;
        hi = lo + 0xff;
        if (lo < PAGE || hi >> 47)
                return false;
        landing = pun_hop(site->s, site->w.base + e, free_bytes, lo, hi, target);
        if (!landing)
                return false;
        memcpy(site->w.now, site->w.old, WINDOW_BYTES);
        d = (uint32_t)(landing - (site->w.base + e + 5));
        memcpy(site->w.now + e + 1, &d, free_bytes);
        return pun_repair(site->s, &site->w, site->w.base + e) && window_clean(&site->w) && site_flush(site);
}

/* SPDX-License-Identifier: MIT
 * Latency histogram. Values below 16 have a bucket each; above, the leading bit chooses a group of 16 and the
 * four bits behind it the bucket. */
#include "histogram.h"

static unsigned bucket_of(uint64_t v)
{
        unsigned top;

        if (v < HISTOGRAM_STEPS)
                return (unsigned)v;
        top = 63 - (unsigned)__builtin_clzll(v); /* >= 4 */
        return (top - 3) * HISTOGRAM_STEPS + (unsigned)(v >> (top - 4) & (HISTOGRAM_STEPS - 1));
}

static uint64_t last_of(unsigned bucket)
{
        unsigned shift;

        if (bucket < HISTOGRAM_STEPS)
                return bucket;
        shift = bucket / HISTOGRAM_STEPS - 1;
        return (((uint64_t)HISTOGRAM_STEPS + bucket % HISTOGRAM_STEPS + 1) << shift) -
               1; /* wraps to 2^64 - 1 */
}

void histogram_add(struct histogram *h, uint64_t value)
{
        h->bucket[bucket_of(value)]++;
        h->count++;
        if (value > h->max)
                h->max = value;
}

uint64_t histogram_percentile(const struct histogram *h, unsigned percent)
{
        uint64_t wanted = h->count / 100 * percent + (h->count % 100 * percent + 99) / 100, seen = 0;

        for (unsigned i = 0; i < HISTOGRAM_BUCKETS && h->count > 0; i++) {
                seen += h->bucket[i];
                if (seen >= wanted && seen > 0)
                        return last_of(i) < h->max ? last_of(i) : h->max;
        }
        return 0;
}

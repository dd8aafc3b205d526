/* SPDX-License-Identifier: MIT
 * Latency histogram: 16 steps to each power of two, so a percentile is right within 1/16. Pure functions. */
#ifndef APPS_HISTOGRAM_H
#define APPS_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_STEPS = 16, HISTOGRAM_BUCKETS = 61 * HISTOGRAM_STEPS };

struct histogram {
        uint64_t count, max;
        uint64_t bucket[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, uint64_t value);
/* The smallest bucket's upper end that at least `percent` of the values do not exceed; 0 if there is no
 * value. */
uint64_t histogram_percentile(const struct histogram *h, unsigned percent);

#endif

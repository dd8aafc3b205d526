/* SPDX-License-Identifier: MIT
 * See bench.h. */
#include "bench.h"

enum { WORDS = 12 }; /* of a line: it must not get longer than RF_LINE_BYTES */

static uint64_t overhead;

void sample_start(void)
{
        overhead = UINT64_MAX;
        for (unsigned i = 0; i < 64; i++) {
                uint64_t start = rf_rdtsc(), ticks = rf_rdtsc() - start;

                overhead = ticks < overhead ? ticks : overhead;
        }
}

void sample_add(struct sample *s, uint64_t ticks)
{
        uint64_t own = ticks > overhead ? ticks - overhead : 0;

        if (s->n < SAMPLES)
                s->v[s->n++] = own > UINT32_MAX ? UINT32_MAX : (uint32_t)own;
}

static void sift_down(uint32_t *v, unsigned root, unsigned n)
{
        for (unsigned child; (child = 2 * root + 1) < n; root = child) {
                uint32_t swap = v[root];

                child += child + 1 < n && v[child + 1] > v[child];
                if (v[root] >= v[child])
                        return;
                v[root] = v[child];
                v[child] = swap;
        }
}

static void sort(uint32_t *v, unsigned n)
{
        for (unsigned i = n / 2; i-- > 0;)
                sift_down(v, i, n);
        while (n-- > 1) {
                uint32_t swap = v[0];

                v[0] = v[n];
                v[n] = swap;
                sift_down(v, 0, n);
        }
}

static unsigned equal_values(const struct sample *s, unsigned from)
{
        unsigned n = 1;

        while (from + n < s->n && s->v[from + n] == s->v[from])
                n++;
        return n;
}

void sample_print(struct sample *s, const char *name, unsigned number)
{
        unsigned run, words = 0;

        sort(s->v, s->n);
        for (unsigned i = 0; i < s->n; i += run, words++) {
                run = equal_values(s, i);
                if (words % WORDS == 0)
                        rf_printf("%sbench: %s %u:", words != 0 ? "\n" : "", name, number);
                rf_printf(" %ux%u", s->v[i], run);
        }
        rf_printf("\n");
}

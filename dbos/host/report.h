/* SPDX-License-Identifier: MIT
 * Findings for people and for programs: text like a compiler's, or one JSON object. */
#ifndef DBOS_HOST_REPORT_H
#define DBOS_HOST_REPORT_H

#include "image.h"

struct output {
        struct image *im;
        bool json, quiet; /* quiet: the summary alone */
        unsigned printed;
        unsigned by_action[DBOS_REFUSED + 1];
        unsigned by_rule[DBOS_RULE_WINDOW + 1];
};

void output_begin(struct output *o);
void output_finding(struct output *o, const struct dbos_finding *f);
/* `verdict` in one or two words, the exit code that goes with it. */
void output_end(struct output *o, const struct dbos_summary *sum, const char *verdict, int code);
/* The instructions of a trampoline, up to its jump back. */
void output_trampoline(const struct output *o, const struct dbos_space *s, uint64_t va);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What the page is made from, shared by the files that make it. */
#ifndef EVOLVE_REPORT_INTERNAL_H
#define EVOLVE_REPORT_INTERNAL_H

#include "evolve/report.h"

enum { REPORT_FITTEST = 5 };

/* Best, mean and test of best, a value a generation. */
struct history {
    double *best;
    double *mean;
    double *test;
    size_t count;
    size_t capacity;
};

struct report {
    const struct run *run;
    const struct bars *bars;
    size_t split;
    struct champion champion;
    struct metrics hold_train;
    struct metrics hold_test;
    struct champion fittest[REPORT_FITTEST];
    size_t fittest_count;
    struct history history;
    double *equity; /* of the best, over all bars, the test part going on where train ended */
    double *hold;
    double *drawdown;
    double *hold_drawdown;
};

/* report_text.c: the parts in words. */
void report_add_head(const struct report *report, struct text *html);
void report_add_assumptions(const struct report *report, struct text *html);
void report_add_verdict(const struct report *report, struct text *html);
void report_add_metrics(const struct report *report, struct text *html);
void report_add_fittest(const struct report *report, struct text *html);
void report_add_reproduce(const struct report *report, struct text *html);

#endif

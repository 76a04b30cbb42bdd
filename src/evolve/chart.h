/* SPDX-License-Identifier: Apache-2.0 */
/* Line charts as inline SVG, coloured by the page's own CSS (classes c0, c1, ...). */
#ifndef EVOLVE_CHART_H
#define EVOLVE_CHART_H

#include "base/text.h"

enum { CHART_LINES_MAX = 4, CHART_BUCKETS = 480 };

struct chart_line {
    const char *label;
    const double *values;
};

struct chart {
    const char *title;
    struct chart_line lines[CHART_LINES_MAX];
    size_t line_count;
    size_t count;          /* values of each line */
    size_t mark;           /* a vertical line before this index; 0 for none */
    const char *mark_left; /* what lies left and right of it */
    const char *mark_right;
    const char *first; /* labels of the ends of the x axis */
    const char *last;
    bool percent; /* y labels times 100 with % */
};

/* Add text with the five characters that mean something to HTML replaced. */
void html_escape(struct text *html, const char *text);

/*
 * Add the chart as a figure with a legend. A line of more than CHART_BUCKETS values is drawn by the
 * smallest and largest of each bucket, so that no extreme is lost. Values must be finite.
 */
void chart_add(const struct chart *chart, struct text *html);

#endif

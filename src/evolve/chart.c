/* SPDX-License-Identifier: Apache-2.0 */
#include "evolve/chart.h"

#include <float.h>
#include <math.h>

/* The picture's units; the page scales it to its own width. */
#define WIDTH 960.0
#define HEIGHT 300.0
#define LEFT 70.0
#define RIGHT 12.0
#define TOP 12.0
#define BOTTOM 28.0

struct scale {
    double low;
    double high;
    double step; /* between grid lines */
    size_t count;
};

void html_escape(struct text *html, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        switch (*at) {
        case '&':
            text_add(html, "&amp;");
            break;
        case '<':
            text_add(html, "&lt;");
            break;
        case '>':
            text_add(html, "&gt;");
            break;
        case '"':
            text_add(html, "&quot;");
            break;
        case '\'':
            text_add(html, "&#39;");
            break;
        default:
            text_add_char(html, *at);
        }
    }
}

/* A step of 1, 2 or 5 times a power of ten that parts the span into at most six. */
static double nice_step(double span)
{
    double power = pow(10.0, floor(log10(span / 6.0)));
    static const double factors[] = {1.0, 2.0, 5.0, 10.0};
    for (size_t i = 0; i < 4; i++) {
        if (span / (factors[i] * power) <= 6.0) {
            return factors[i] * power;
        }
    }
    return 10.0 * power;
}

static struct scale scale_of(const struct chart *chart)
{
    struct scale scale = {.low = DBL_MAX, .high = -DBL_MAX, .count = chart->count};
    for (size_t line = 0; line < chart->line_count; line++) {
        for (size_t i = 0; i < chart->count; i++) {
            scale.low = fmin(scale.low, chart->lines[line].values[i]);
            scale.high = fmax(scale.high, chart->lines[line].values[i]);
        }
    }
    double least = fmax(fabs(scale.low), fabs(scale.high)) * 1e-9 + 1e-12;
    if (scale.high - scale.low < least) { /* a flat line still needs an axis */
        scale.low -= fmax(least, 0.5);
        scale.high += fmax(least, 0.5);
    }
    scale.step = nice_step(scale.high - scale.low);
    return scale;
}

static double x_of(const struct scale *scale, double index)
{
    double last = scale->count > 1 ? (double)(scale->count - 1) : 1.0;
    return LEFT + (WIDTH - LEFT - RIGHT) * index / last;
}

static double y_of(const struct scale *scale, double value)
{
    return TOP + (HEIGHT - TOP - BOTTOM) * (scale->high - value) / (scale->high - scale->low);
}

static void add_grid(const struct chart *chart, const struct scale *scale, struct text *html)
{
    double first = ceil(scale->low / scale->step);
    for (int i = 0; i < 8 && (first + i) * scale->step <= scale->high; i++) {
        double value = (first + i) * scale->step;
        double y = y_of(scale, value);
        text_addf(html, "<line class=\"grid\" x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\"/>",
                  LEFT, WIDTH - RIGHT, y, y);
        text_addf(html, "<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">%.6g%s</text>\n",
                  LEFT - 6.0, y + 4.0, (chart->percent ? 100.0 : 1.0) * value + 0.0,
                  chart->percent ? "%" : "");
    }
}

static void add_point(struct text *html, const struct scale *scale, size_t index, double value)
{
    text_addf(html, "%.1f,%.1f ", x_of(scale, (double)index), y_of(scale, value));
}

/* The extremes of values[begin, end) in their order. */
static void add_bucket(struct text *html, const struct scale *scale, const double *values,
                       size_t begin, size_t end)
{
    size_t low = begin;
    size_t high = begin;
    for (size_t i = begin; i < end; i++) {
        low = values[i] < values[low] ? i : low;
        high = values[i] > values[high] ? i : high;
    }
    size_t first = low < high ? low : high;
    size_t second = low < high ? high : low;
    add_point(html, scale, first, values[first]);
    if (second != first) {
        add_point(html, scale, second, values[second]);
    }
}

static void add_line(const struct chart *chart, const struct scale *scale, size_t line,
                     struct text *html)
{
    size_t buckets = chart->count < CHART_BUCKETS ? chart->count : CHART_BUCKETS;
    text_addf(html, "<polyline class=\"line c%zu\" points=\"", line);
    for (size_t bucket = 0; bucket < buckets; bucket++) {
        add_bucket(html, scale, chart->lines[line].values, bucket * chart->count / buckets,
                   (bucket + 1) * chart->count / buckets);
    }
    text_add(html, "\"/>\n");
}

static void add_label(struct text *html, double x, double y, const char *anchor, const char *label)
{
    text_addf(html, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
    html_escape(html, label);
    text_add(html, "</text>\n");
}

static void add_mark(const struct chart *chart, const struct scale *scale, struct text *html)
{
    double x = x_of(scale, (double)chart->mark - 0.5);
    text_addf(html, "<line class=\"mark\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" y2=\"%.0f\"/>\n", x,
              x, TOP, HEIGHT - BOTTOM);
    add_label(html, x - 6.0, TOP + 12.0, "end", chart->mark_left);
    add_label(html, x + 6.0, TOP + 12.0, "start", chart->mark_right);
}

void chart_add(const struct chart *chart, struct text *html)
{
    if (chart->count == 0) {
        return;
    }
    struct scale scale = scale_of(chart);
    text_add(html, "<figure>\n<figcaption>");
    html_escape(html, chart->title);
    for (size_t i = 0; i < chart->line_count; i++) {
        text_addf(html, " <span class=\"key k%zu\">", i);
        html_escape(html, chart->lines[i].label);
        text_add(html, "</span>");
    }
    text_addf(html, "</figcaption>\n<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"",
              WIDTH, HEIGHT);
    html_escape(html, chart->title);
    text_add(html, "\">\n");
    add_grid(chart, &scale, html);
    for (size_t i = 0; i < chart->line_count; i++) {
        add_line(chart, &scale, i, html);
    }
    if (chart->mark > 0) {
        add_mark(chart, &scale, html);
    }
    add_label(html, LEFT, HEIGHT - 8.0, "start", chart->first);
    add_label(html, WIDTH - RIGHT, HEIGHT - 8.0, "end", chart->last);
    text_add(html, "</svg>\n</figure>\n");
}

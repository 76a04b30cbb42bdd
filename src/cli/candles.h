/* SPDX-License-Identifier: Apache-2.0 */
/* Candles: bars as a picture, in a terminal's characters, as SVG, or as one HTML page. */
#ifndef CLI_CANDLES_H
#define CLI_CANDLES_H

#include "local/indicators.h"
#include "market/zone.h"

enum { CANDLE_LINES_MAX = 24, CANDLE_PANES_MAX = 6 };

struct candle {
    int64_t time_us;
    double open;
    double high;
    double low;
    double close;
    double volume; /* NaN where there is none */
    size_t last;   /* the bar whose indicator values stand for it */
};

/* An indicator's column. */
struct candle_line {
    char label[INDICATOR_LABEL_BYTES];
    const double *values; /* of the bars */
    size_t color;         /* lines over the candles have that of their indicator */
    size_t pane;          /* 0: over the candles; else the pane below them */
};

struct candles {
    const char *symbol;
    const struct interval *interval;
    const struct zone *zone; /* of the times that are shown; NULL: UTC */
    struct candle *candles;  /* owned */
    size_t count;
    size_t group; /* bars a candle */
    struct candle_line lines[CANDLE_LINES_MAX];
    size_t line_count;
    size_t pane_count; /* panes below the candles */
};

/*
 * Make candles of the table's bars from its first on, at most most of them: where there are more
 * bars, each candle holds as many as it takes. Bars without prices are passed over. The table must
 * outlive them. The caller resets *candles. Fails with OUT_OF_MEMORY, LIMIT (too many lines).
 */
iso_status candles_make(const struct indicator_table *table, const struct indicator_call *calls,
                        size_t call_count, size_t most, struct candles *candles,
                        struct iso_error *err);
void candles_reset(struct candles *candles);

/* The smallest and largest of what the pane shows; false where it shows nothing. */
struct scale {
    double low;
    double high;
};
bool candles_scale(const struct candles *candles, size_t pane, struct scale *scale);
double candles_volume_max(const struct candles *candles);
/* A step of 1, 2 or 5 times a power of ten that parts the span into at most so many. */
double scale_step(double span, double parts);
/* A number with as many decimals as a step shows, in target. */
enum { SCALE_LABEL_BYTES = 32 };
void scale_label(double value, double step, char target[SCALE_LABEL_BYTES]);
/* The time of a candle as short as its interval allows. */
void candle_time(const struct candles *candles, size_t index, char target[SCALE_LABEL_BYTES]);

/* What the picture is of, in a line. */
void candles_title(const struct candles *candles, struct text *target);

/* In a terminal of that width, prices in height lines. */
void candles_add_text(const struct candles *candles, size_t width, size_t height, bool color,
                      struct text *target);
void candles_add_svg(const struct candles *candles, struct text *target);
/* The SVG in a page of its own that shows the values under the pointer. */
void candles_add_html(const struct candles *candles, struct text *target);

#endif

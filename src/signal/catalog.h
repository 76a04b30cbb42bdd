/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Indicators by name: one table for the command line, SQL, C and charts. A call is written as
 * "sma", "sma:20", "macd:12,26,9" or "macd:slow=30,signal=5"; what is left out has its preset.
 */
#ifndef SIGNAL_CATALOG_H
#define SIGNAL_CATALOG_H

#include "base/status.h"
#include "signal/combined.h"

enum { INDICATOR_PARAMETERS_MAX = 4, INDICATOR_OUTPUTS_MAX = 3, INDICATOR_LABEL_BYTES = 64 };

struct indicator_parameter {
    const char *name;
    double preset;
    double min;
    double max;
    bool is_whole;
};

struct indicator {
    const char *name;
    const char *help;
    struct indicator_parameter parameters[INDICATOR_PARAMETERS_MAX]; /* ends with a NULL name */
    const char *outputs[INDICATOR_OUTPUTS_MAX];                      /* ends with NULL */
    bool needs_range;  /* high and low, beside the close */
    bool needs_volume; /* volume as well */
    bool on_price;     /* its values lie among prices, so it can be drawn over candles */
    void (*compute)(const struct signal_bars *bars, const double *parameters,
                    double *const *targets);
};

/* Rows of the table; NULL past the last. */
const struct indicator *indicator_row(size_t index);

struct indicator_call {
    const struct indicator *row;
    double parameters[INDICATOR_PARAMETERS_MAX];
};

/* Fails with BAD_ARGUMENT, naming what would be right. */
iso_status indicator_parse(const char *text, struct indicator_call *call, struct iso_error *err);

size_t indicator_outputs(const struct indicator_call *call);
/* The name of a column of values: "sma_20", "macd_signal_12_26_9". */
void indicator_label(const struct indicator_call *call, size_t output,
                     char target[INDICATOR_LABEL_BYTES]);

/*
 * Compute all outputs, bars->count values each. Bars in which a needed column is absent or infinite
 * are passed over and have no value. targets must not overlap the bars. Fails with OUT_OF_MEMORY.
 */
iso_status indicator_compute(const struct indicator_call *call, const struct signal_bars *bars,
                             double *const *targets, struct iso_error *err);

#endif

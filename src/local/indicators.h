/* SPDX-License-Identifier: Apache-2.0 */
/* Indicators and summaries of a series of the store. */
#ifndef LOCAL_INDICATORS_H
#define LOCAL_INDICATORS_H

#include "local/bar_stream.h"
#include "signal/catalog.h"
#include "signal/summary.h"

enum { INDICATOR_CALLS_MAX = 64 };

/* Bars with columns of values beside them. */
struct indicator_table {
    struct series series; /* as bar_stream_series */
    struct bars bars;     /* from the series' first bar on */
    size_t first;         /* of the bars that were asked for; those before only warm up */
    size_t column_count;
    double **columns; /* bars.count values each; NULL where a column was not wanted */
    struct coverage coverage;
};

/*
 * Read what the request asks for and compute the calls' outputs, in order. Values are those of the
 * whole series, wherever the range begins. wanted[i] false leaves column i out (NULL: all are
 * wanted). Fails as bar_stream_open and with OUT_OF_MEMORY. The caller resets *table, also then.
 */
iso_status indicator_table_load(struct view *view, const struct bar_request *request,
                                const struct indicator_call *calls, size_t call_count,
                                const bool *wanted, struct indicator_table *table,
                                struct iso_error *err);
void indicator_table_reset(struct indicator_table *table);

/* The summary of a range of a series; *coverage as by cursor_open. */
iso_status series_summary(struct view *view, const struct series *series, struct range range,
                          struct market_summary *summary, struct coverage *coverage,
                          struct iso_error *err);

/* A view of bars as indicators take them. */
struct signal_bars signal_bars_of(const struct bars *bars);

#endif

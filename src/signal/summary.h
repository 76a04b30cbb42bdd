/* SPDX-License-Identifier: Apache-2.0 */
/* A market in a few numbers, gathered as its bars come. */
#ifndef SIGNAL_SUMMARY_H
#define SIGNAL_SUMMARY_H

#include "market/bars.h"

/*
 * open of the first bar, highest high, lowest low, close of the last bar, sum of volumes; change =
 * close / open - 1; volatility = standard deviation of log returns times the root of bars a year;
 * max_drawdown = the deepest fall of the close below its highest before, 0..1; and indicators at
 * the last bar, from the newest SUMMARY_RECENT_BARS.
 */
/* clang-format off */
#define MARKET_SUMMARY_TABLE(X) \
    X(open) X(high) X(low) X(close) X(volume) X(change) X(volatility) X(max_drawdown) \
    X(sma_20) X(ema_20) X(rsi_14) X(atr_14)
/* clang-format on */
enum {
#define X(name) MARKET_SUMMARY_##name,
    MARKET_SUMMARY_TABLE(X)
#undef X
        MARKET_SUMMARY_COUNT
};

/* What is absent is NaN. Returns are of closes, bar to bar; bars without a close are passed over.
 */
struct market_summary {
    size_t bars;
    int64_t first_us; /* open times of the first and the last bar; 0 where there is none */
    int64_t last_us;
#define X(name) double name;
    MARKET_SUMMARY_TABLE(X)
#undef X
};

/* So many bars stand for the whole in EMA, RSI and ATR: what is before weighs less than 2^-200. */
enum { SUMMARY_RECENT_BARS = 4096 };

struct summary_state {
    struct market_summary summary;
    double close; /* the last that was present */
    double top;   /* the highest close */
    size_t returns;
    double mean;   /* of the log returns (Welford) */
    double square; /* sum of squared distances from it */
    struct bars recent;
};

/* All zero but what this sets is a state without bars. */
void summary_begin(struct summary_state *state);
/* Bars must follow those before in time. Fails with OUT_OF_MEMORY. */
iso_status summary_add(struct summary_state *state, const struct bars *bars, struct iso_error *err);
/* Complete state->summary. Fails with OUT_OF_MEMORY. */
iso_status summary_end(struct summary_state *state, struct iso_error *err);
void summary_reset(struct summary_state *state);

#endif

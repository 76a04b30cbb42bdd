/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: one strategy's positions traded on one range of bars, one bar a step.
 *
 * Execution. The position wished at the close of bar i is traded at the open of bar i + 1; a wish
 * of the last bar never trades. A range begins flat, and nothing trades on its first bar. A buy
 * fills at open * (1 + slippage), a sale at open * (1 - slippage). The fee is a fraction of the
 * traded value, each side. The whole equity goes in or out: units = cash / (1 + fee) / fill. The
 * equity of a bar is cash + units * close. A position open at the end is valued at the last close
 * without exit costs. From long to short (or back) is two fills at the same open.
 *
 * Shorts mirror that: units = cash / (1 + fee) / fill are sold, so that as much equity stands
 * behind the position as it is worth when opened; cash grows by the proceeds less the fee, units
 * count negative. No borrowing cost and no margin call; but equity at or below 0, seen at a close
 * or at a fill, is ruin: the position ends there with reason "ruin", equity is 0 from then on, and
 * the strategy trades no more. (A debt beyond the account is not carried.)
 *
 * Metrics are exact in the sense that they do not depend on the order in which bars are summed:
 * returns per bar, clamped to [-8, 8], are added as integers of 2^-50 and their squares as integers
 * of 2^-54, in 128 bits.
 */
#ifndef EVOLVE_BACKTEST_H
#define EVOLVE_BACKTEST_H

#include "market/bars.h"

#define BACKTEST_CASH_PRESET 10000.0
/* A Julian year, the unit of annualisation. */
#define BACKTEST_YEAR_US INT64_C(31557600000000)

/* clang-format off */
/* name, what it is */
#define METRIC_TABLE(X)                                                                          \
    X(total_return, "last equity / first - 1")                                                   \
    X(sharpe,       "mean / sample deviation of the returns per bar, times the root of bars a year; 0 without deviation") \
    X(sharpe_bar,   "the same per bar, not annualised")                                          \
    X(max_drawdown, "largest loss from a peak of the equity at closes, as a fraction of the peak") \
    X(win_rate,     "share of trades that gained, one still open included; 0 without trades")    \
    X(trades,       "number of trades, one still open included")                                 \
    X(turnover,     "sum over fills of traded value / equity at the fill; about 2 a trade")      \
    X(bars,         "number of bars in the range")                                               \
    X(exposure,     "share of bars with a position at their close")
/* clang-format on */

/* All are finite, and none is -0. */
struct metrics {
#define X(name, help) double name;
    METRIC_TABLE(X)
#undef X
};

struct trade {
    int64_t entry_us;
    int64_t exit_us; /* for one still open: the last bar */
    int side;        /* +1 long, -1 short */
    double entry_price;
    double exit_price;
    double size;        /* units, positive */
    double pnl;         /* after all costs */
    double ratio;       /* pnl / equity at entry: the return of the trade */
    const char *reason; /* "signal", "open", "ruin" */
};

/* Owns its trades. All zero is the empty one. */
struct trade_list {
    struct trade *trades;
    size_t count;
    size_t capacity;
};

void trade_list_reset(struct trade_list *list);

struct backtest {
    const struct bars *bars; /* open and close finite and positive: bars_check */
    size_t first;            /* the range [first, last), not empty */
    size_t last;
    const int8_t *positions; /* by index of the bars; only [first, last) is read */
    double cash;             /* equity to begin with, > 0 */
    double fee;              /* fraction in [0, 1) */
    double slippage;         /* fraction in [0, 1) */
};

/*
 * Run it. *metrics is set; trades (may be NULL) is appended to; equity (may be NULL) gets one value
 * for each bar of the range, equity[0] being that of bar first. Fails with OUT_OF_MEMORY, and never
 * where trades is NULL.
 */
iso_status backtest_run(const struct backtest *backtest, struct metrics *metrics,
                        struct trade_list *trades, double *equity, struct iso_error *err);

/* Buy at the open of the second bar and hold: what a strategy must beat. Fills positions[first ..
 * last). */
void backtest_hold(size_t first, size_t last, int8_t *positions);

/* Bars in a year, measured over the range: (bars - 1) / its span. 0 where there is no span. */
double backtest_bars_per_year(const struct bars *bars, size_t first, size_t last);

/* Whether the engine can trade on the bars: every open and close finite and positive. Fails with
 * PARTIAL, naming the bar. */
iso_status backtest_check(const struct bars *bars, struct iso_error *err);

/* The value of a metric by its name; false where there is none. */
bool metric_get(const struct metrics *metrics, const char *name, double *value);

#endif

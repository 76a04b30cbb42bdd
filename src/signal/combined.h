/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Indicators made of others, and those that look at volume. The rules of indicator.h hold: count
 * values to each target, NaN before the first valid index, nothing depends on later bars.
 */
#ifndef SIGNAL_COMBINED_H
#define SIGNAL_COMBINED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct macd_periods {
    size_t fast; /* < slow */
    size_t slow;
    size_t signal;
    bool sma_seed; /* TA-Lib's seeds (ta_MACD.c); else every average starts at its first value */
};

/*
 * Moving average convergence/divergence: line = EMA(fast) - EMA(slow), signal = EMA of the line,
 * histogram = line - signal. First valid index slow - 1 (line), slow + signal - 2 (the others).
 */
void signal_macd(const double *source, size_t count, struct macd_periods periods, double *line,
                 double *signal, double *histogram);

/* High, low, close and volume of count bars, all finite. */
struct signal_bars {
    size_t count;
    const int64_t *time_us;
    const double *high;
    const double *low;
    const double *close;
    const double *volume;
};

/* Donchian channel: upper and lower as signal_max and signal_min, middle = their mean. First valid
 * index period - 1. */
void signal_donchian(const double *high, const double *low, size_t count, size_t period,
                     double *lower, double *middle, double *upper);

/*
 * Stochastic oscillator, 0..100 (ta_STOCH.c with simple means): where the close lies between the
 * lowest low and the highest high of the last period bars (0 where they are equal), its mean of
 * smooth values (k), and the mean of d values of that. First valid index period + smooth - 2 and
 * period + smooth + d - 3.
 */
struct stochastic_periods {
    size_t period;
    size_t smooth;
    size_t d;
};
void signal_stochastic(const struct signal_bars *bars, struct stochastic_periods periods, double *k,
                       double *d);

/*
 * Volume-weighted mean of the typical price (high + low + close) / 3 of the last period bars (first
 * valid index period - 1), or of the bars since midnight UTC. NaN where nothing was traded.
 */
void signal_vwap(const struct signal_bars *bars, size_t period, double *target);
void signal_vwap_day(const struct signal_bars *bars, double *target);

#endif

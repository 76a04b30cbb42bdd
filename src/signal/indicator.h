/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Indicators: pure functions from columns of bars to columns of values.
 *
 * Every function writes count values to target, which must not overlap its sources. Values before
 * the first valid index are NaN; a source shorter than that gives NaN only. period >= 1; sources
 * must be finite.
 *
 * A value depends only on bars up to its own, and its bits neither on how many bars follow nor on
 * what is computed beside it: sums over a window are taken afresh for each window, oldest bar
 * first, so that nothing drifts over a long series; recursive ones (EMA, RSI, ATR) follow one fixed
 * order from the first bar.
 *
 * Definitions are those of TA-Lib 0.6 (ta_EMA.c, ta_RSI.c, ta_ATR.c, ta_BBANDS.c, ta_MAX.c), but
 * for the seed of signal_ema and the two-pass deviation, which are said below.
 */
#ifndef SIGNAL_INDICATOR_H
#define SIGNAL_INDICATOR_H

#include <stddef.h>

/*
 * Exponential moving average, y += 2/(period+1) * (x - y), started at the first value (pandas
 * ewm(span=period, adjust=False)). First valid index period - 1.
 */
void signal_ema(const double *source, size_t count, size_t period, double *target);

/* As signal_ema, started at index period - 1 with the mean of the first period values (TA-Lib's
 * own). */
void signal_ema_sma_seed(const double *source, size_t count, size_t period, double *target);

enum { SIGNAL_EMA_LANES = 8 };

/*
 * signal_ema for lane_count <= SIGNAL_EMA_LANES periods in one pass: the same bits, several times
 * faster, because one average alone waits for its own previous value.
 */
void signal_ema_lanes(const double *source, size_t count, const size_t *periods,
                      double *const *targets, size_t lane_count);

/* Mean of the last period values. First valid index period - 1. */
void signal_sma(const double *source, size_t count, size_t period, double *target);

/*
 * Population standard deviation (divisor period) of the last period values about their mean, as in
 * TA-Lib's Bollinger bands; taken as the root of the mean squared distance, which loses no digits
 * where prices are far from zero (TA-Lib subtracts squares). First valid index period - 1.
 */
void signal_deviation(const double *source, size_t count, size_t period, double *target);

/*
 * Bollinger bands: middle = signal_sma, upper and lower = middle +/- width * signal_deviation.
 * First valid index period - 1.
 */
void signal_bollinger(const double *source, size_t count, size_t period, double width,
                      double *lower, double *middle, double *upper);

/*
 * Wilder's relative strength index, 0..100: mean gain and loss of the first period changes, then
 * y = (y * (period - 1) + x) / period. 0 where neither a gain nor a loss is left (TA-Lib's rule).
 * First valid index period.
 */
void signal_rsi(const double *source, size_t count, size_t period, double *target);

/*
 * Wilder's average true range: mean of the true ranges of bars 1..period, then
 * y = (y * (period - 1) + x) / period. First valid index period.
 */
void signal_atr(const double *high, const double *low, const double *close, size_t count,
                size_t period, double *target);

/* Largest and smallest of the last period values (Donchian channel). First valid index period - 1.
 */
void signal_max(const double *source, size_t count, size_t period, double *target);
void signal_min(const double *source, size_t count, size_t period, double *target);

#endif

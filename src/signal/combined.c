/* SPDX-License-Identifier: Apache-2.0 */
#include "signal/combined.h"

#include "base/status.h"
#include "signal/indicator.h"

#include <math.h>

static void set_absent(double *target, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        target[i] = (double)NAN;
    }
}

/* Both averages and the line; fast's average is written where the signal comes later. */
static void macd_line(const double *source, size_t count, struct macd_periods periods,
                      double *scratch, double *line)
{
    if (!periods.sma_seed) {
        const size_t lanes[] = {periods.fast, periods.slow};
        double *const targets[] = {scratch, line};
        signal_ema_lanes(source, count, lanes, targets, 2);
    } else {
        /* TA-Lib lets the fast average begin where the slow one has its first value. */
        size_t late = periods.slow - periods.fast;
        signal_ema_sma_seed(source + late, count - late, periods.fast, scratch + late);
        signal_ema_sma_seed(source, count, periods.slow, line);
    }
    for (size_t i = periods.slow - 1; i < count; i++) {
        line[i] = scratch[i] - line[i];
    }
}

/* The line's average. Without a mean for a seed it starts with the first bar, where both averages
 * are the price and the line is 0; what the line did before it is valid counts. */
static void macd_signal(const double *source, size_t count, struct macd_periods periods,
                        const double *line, double *signal)
{
    size_t first = periods.slow - 1;
    if (periods.sma_seed) {
        set_absent(signal, 0, first);
        signal_ema_sma_seed(line + first, count - first, periods.signal, signal + first);
        return;
    }
    double alpha_fast = 2.0 / ((double)periods.fast + 1.0);
    double alpha_slow = 2.0 / ((double)periods.slow + 1.0);
    double alpha = 2.0 / ((double)periods.signal + 1.0);
    double fast = source[0];
    double slow = source[0];
    double value = 0.0;
    for (size_t i = 0; i < count; i++) {
        fast += alpha_fast * (source[i] - fast);
        slow += alpha_slow * (source[i] - slow);
        value += alpha * ((fast - slow) - value);
        signal[i] = value;
    }
}

void signal_macd(const double *source, size_t count, struct macd_periods periods, double *line,
                 double *signal, double *histogram)
{
    ISO_ASSERT(periods.fast >= 1 && periods.fast < periods.slow && periods.signal >= 1);
    size_t last_seed = periods.slow + periods.signal - 2;
    size_t absent = last_seed < count ? last_seed : count;
    if (count < periods.slow) {
        set_absent(line, 0, count);
        set_absent(signal, 0, count);
        set_absent(histogram, 0, count);
        return;
    }
    macd_line(source, count, periods, histogram, line);
    macd_signal(source, count, periods, line, signal);
    set_absent(signal, 0, absent);
    for (size_t i = 0; i < count; i++) {
        histogram[i] = line[i] - signal[i];
    }
    set_absent(histogram, 0, absent); /* one NaN, whatever the machine makes of a difference */
}

void signal_donchian(const double *high, const double *low, size_t count, size_t period,
                     double *lower, double *middle, double *upper)
{
    signal_max(high, count, period, upper);
    signal_min(low, count, period, lower);
    set_absent(middle, 0, period - 1 < count ? period - 1 : count);
    for (size_t i = period - 1; i < count; i++) {
        middle[i] = (upper[i] + lower[i]) / 2.0;
    }
}

/* The mean of the last period values of target itself, from first on; newest first, so that what
 * is needed is still there. */
static void smooth(double *target, size_t count, size_t first, size_t period)
{
    for (size_t i = count; i-- > first;) {
        double sum = 0.0;
        for (size_t k = 0; i - first + 1 >= period && k < period; k++) {
            sum += target[i - (period - 1) + k];
        }
        target[i] = i - first + 1 >= period ? sum / (double)period : (double)NAN;
    }
}

void signal_stochastic(const struct signal_bars *bars, struct stochastic_periods periods, double *k,
                       double *d)
{
    size_t count = bars->count;
    size_t first = periods.period - 1;
    signal_max(bars->high, count, periods.period, k);
    signal_min(bars->low, count, periods.period, d);
    for (size_t i = first; i < count; i++) {
        double width = (k[i] - d[i]) / 100.0;
        k[i] = width != 0.0 ? (bars->close[i] - d[i]) / width : 0.0;
    }
    smooth(k, count, first, periods.smooth);
    size_t from = first + periods.smooth - 1;
    set_absent(d, 0, from < count ? from : count);
    for (size_t i = from; i < count; i++) {
        d[i] = k[i];
    }
    smooth(d, count, from, periods.d);
}

static double typical(const struct signal_bars *bars, size_t index)
{
    return (bars->high[index] + bars->low[index] + bars->close[index]) / 3.0;
}

/* Sums are taken afresh for each window, so that nothing drifts. */
static double vwap_of(const struct signal_bars *bars, size_t begin, size_t end)
{
    double value = 0.0;
    double volume = 0.0;
    for (size_t i = begin; i < end; i++) {
        value += typical(bars, i) * bars->volume[i];
        volume += bars->volume[i];
    }
    return volume > 0.0 ? value / volume : (double)NAN;
}

static int64_t day_of(int64_t time_us)
{
    const int64_t day_us = INT64_C(86400000000);
    return time_us / day_us - (time_us % day_us < 0);
}

void signal_vwap_day(const struct signal_bars *bars, double *target)
{
    double value = 0.0;
    double volume = 0.0;
    for (size_t i = 0; i < bars->count; i++) {
        if (i > 0 && day_of(bars->time_us[i]) != day_of(bars->time_us[i - 1])) {
            value = 0.0;
            volume = 0.0;
        }
        value += typical(bars, i) * bars->volume[i];
        volume += bars->volume[i];
        target[i] = volume > 0.0 ? value / volume : (double)NAN;
    }
}

void signal_vwap(const struct signal_bars *bars, size_t period, double *target)
{
    ISO_ASSERT(period >= 1);
    for (size_t i = 0; i < bars->count; i++) {
        target[i] = i + 1 < period ? (double)NAN : vwap_of(bars, i + 1 - period, i + 1);
    }
}

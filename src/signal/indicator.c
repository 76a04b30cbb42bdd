/* SPDX-License-Identifier: Apache-2.0 */
#include "signal/indicator.h"

#include "base/status.h"

#include <math.h>
#include <string.h>

/* Set target[0 .. valid_index) to NaN; false where nothing is left to compute. */
static bool begin(double *target, size_t count, size_t valid_index)
{
    for (size_t i = 0; i < count && i < valid_index; i++) {
        target[i] = (double)NAN;
    }
    return valid_index < count;
}

/*
 * One chain of sub, mul, add takes about 12 cycles a bar; eight of them side by side take hardly
 * longer. Each lane does exactly what it would do alone.
 */
void signal_ema_lanes(const double *source, size_t count, const size_t *periods,
                      double *const *targets, size_t lane_count)
{
    ISO_ASSERT(lane_count >= 1 && lane_count <= SIGNAL_EMA_LANES);
    double alpha[SIGNAL_EMA_LANES];
    double value[SIGNAL_EMA_LANES];
    double *column[SIGNAL_EMA_LANES];
    for (size_t lane = 0; lane < SIGNAL_EMA_LANES; lane++) {
        size_t used = lane < lane_count ? lane : 0; /* spare lanes repeat the first */
        alpha[lane] = 2.0 / ((double)periods[used] + 1.0);
        column[lane] = targets[used];
        value[lane] = count > 0 ? source[0] : 0.0;
    }
    for (size_t i = 0; i < count; i++) {
        double x = source[i];
        for (size_t lane = 0; lane < SIGNAL_EMA_LANES; lane++) {
            value[lane] += alpha[lane] * (x - value[lane]);
            column[lane][i] = value[lane];
        }
    }
    for (size_t lane = 0; lane < lane_count; lane++) {
        ISO_ASSERT(periods[lane] >= 1);
        (void)begin(targets[lane], count, periods[lane] - 1);
    }
}

void signal_ema(const double *source, size_t count, size_t period, double *target)
{
    ISO_ASSERT(period >= 1);
    double alpha = 2.0 / ((double)period + 1.0);
    double value = count > 0 ? source[0] : 0.0;
    for (size_t i = 0; i < count; i++) {
        value += alpha * (source[i] - value);
        target[i] = value;
    }
    (void)begin(target, count, period - 1);
}

void signal_ema_sma_seed(const double *source, size_t count, size_t period, double *target)
{
    ISO_ASSERT(period >= 1);
    if (!begin(target, count, period - 1)) {
        return;
    }
    double alpha = 2.0 / ((double)period + 1.0);
    double value = 0.0;
    for (size_t i = 0; i < period; i++) {
        value += source[i];
    }
    value /= (double)period;
    target[period - 1] = value;
    for (size_t i = period; i < count; i++) {
        value += alpha * (source[i] - value);
        target[i] = value;
    }
}

/* Windows summed side by side, so that the sums stay in registers and the compiler makes vectors.
 */
enum { WINDOW_LANES = 16 };

/*
 * Sum WINDOW_LANES windows of period values, the first beginning at source, the next one value
 * later.
 */
static void sum_windows(const double *source, size_t period, double *sums)
{
    double lanes[WINDOW_LANES] = {0};
    for (size_t k = 0; k < period; k++) {
        for (size_t lane = 0; lane < WINDOW_LANES; lane++) {
            lanes[lane] += source[k + lane];
        }
    }
    memcpy(sums, lanes, sizeof lanes);
}

/* The same of squared distances from a mean each. */
static void sum_squares(const double *source, size_t period, const double *means, double *sums)
{
    double lanes[WINDOW_LANES] = {0};
    for (size_t k = 0; k < period; k++) {
        for (size_t lane = 0; lane < WINDOW_LANES; lane++) {
            double distance = source[k + lane] - means[lane];
            lanes[lane] += distance * distance;
        }
    }
    memcpy(sums, lanes, sizeof lanes);
}

/* The last values of a column do not fill all lanes: one window alone, in the same order. */
static double sum_window(const double *source, size_t period)
{
    double sum = 0.0;
    for (size_t k = 0; k < period; k++) {
        sum += source[k];
    }
    return sum;
}

static double sum_square(const double *source, size_t period, double mean)
{
    double sum = 0.0;
    for (size_t k = 0; k < period; k++) {
        double distance = source[k] - mean;
        sum += distance * distance;
    }
    return sum;
}

void signal_sma(const double *source, size_t count, size_t period, double *target)
{
    ISO_ASSERT(period >= 1);
    if (!begin(target, count, period - 1)) {
        return;
    }
    size_t i = period - 1;
    for (; count - i >= WINDOW_LANES; i += WINDOW_LANES) {
        sum_windows(source + (i - (period - 1)), period, &target[i]);
        for (size_t lane = 0; lane < WINDOW_LANES; lane++) {
            target[i + lane] /= (double)period;
        }
    }
    for (; i < count; i++) {
        target[i] = sum_window(source + (i - (period - 1)), period) / (double)period;
    }
}

void signal_deviation(const double *source, size_t count, size_t period, double *target)
{
    ISO_ASSERT(period >= 1);
    if (!begin(target, count, period - 1)) {
        return;
    }
    double means[WINDOW_LANES];
    size_t i = period - 1;
    for (; count - i >= WINDOW_LANES; i += WINDOW_LANES) {
        const double *window = source + (i - (period - 1));
        sum_windows(window, period, means);
        for (size_t lane = 0; lane < WINDOW_LANES; lane++) {
            means[lane] /= (double)period;
        }
        sum_squares(window, period, means, &target[i]);
        for (size_t lane = 0; lane < WINDOW_LANES; lane++) {
            target[i + lane] = sqrt(target[i + lane] / (double)period);
        }
    }
    for (; i < count; i++) {
        const double *window = source + (i - (period - 1));
        double mean = sum_window(window, period) / (double)period;
        target[i] = sqrt(sum_square(window, period, mean) / (double)period);
    }
}

void signal_bollinger(const double *source, size_t count, size_t period, double width,
                      double *lower, double *middle, double *upper)
{
    signal_sma(source, count, period, middle);
    signal_deviation(source, count, period, upper);
    for (size_t i = 0; i < count; i++) {
        double distance = width * upper[i];
        lower[i] = middle[i] - distance;
        upper[i] = middle[i] + distance;
    }
}

/* TA-Lib's TA_IS_ZERO (ta_utility.h). */
static bool is_zero(double value)
{
    return value > -1e-14 && value < 1e-14;
}

static double rsi_of(double gain, double loss)
{
    double both = gain + loss;
    return is_zero(both) ? 0.0 : 100.0 * (gain / both);
}

void signal_rsi(const double *source, size_t count, size_t period, double *target)
{
    ISO_ASSERT(period >= 1);
    if (!begin(target, count, period)) {
        return;
    }
    double gain = 0.0;
    double loss = 0.0;
    for (size_t i = 1; i <= period; i++) {
        double change = source[i] - source[i - 1];
        gain += change > 0.0 ? change : 0.0;
        loss += change < 0.0 ? -change : 0.0;
    }
    double n = (double)period;
    gain /= n;
    loss /= n;
    target[period] = rsi_of(gain, loss);
    for (size_t i = period + 1; i < count; i++) {
        double change = source[i] - source[i - 1];
        gain = (gain * (n - 1.0) + (change > 0.0 ? change : 0.0)) / n;
        loss = (loss * (n - 1.0) + (change < 0.0 ? -change : 0.0)) / n;
        target[i] = rsi_of(gain, loss);
    }
}

/* The bar's own range, stretched to the close before it. */
static double true_range(double high, double low, double close_before)
{
    double range = high - low;
    double above = fabs(high - close_before);
    double below = fabs(low - close_before);
    range = above > range ? above : range;
    return below > range ? below : range;
}

void signal_atr(const double *high, const double *low, const double *close, size_t count,
                size_t period, double *target)
{
    ISO_ASSERT(period >= 1);
    if (!begin(target, count, period)) {
        return;
    }
    double value = 0.0;
    for (size_t i = 1; i <= period; i++) {
        value += true_range(high[i], low[i], close[i - 1]);
    }
    double n = (double)period;
    value /= n;
    target[period] = value;
    for (size_t i = period + 1; i < count; i++) {
        value = (value * (n - 1.0) + true_range(high[i], low[i], close[i - 1])) / n;
        target[i] = value;
    }
}

/*
 * Widen windows by doubling: after the passes with steps 1, 2, 4, ... a value is the extreme of the
 * last 1, 2, 4, ... values, and two overlapping windows make any width. Descending, so that
 * target[i - step] is still that of the pass before.
 */
static void widen(double *target, size_t count, size_t step, bool largest)
{
    for (size_t i = count; i-- > step;) {
        double here = target[i];
        double before = target[i - step];
        bool keep = largest ? here > before : here < before;
        target[i] = keep ? here : before;
    }
}

static void rolling_extreme(const double *source, size_t count, size_t period, bool largest,
                            double *target)
{
    ISO_ASSERT(period >= 1);
    if (!begin(target, count, period - 1)) {
        return;
    }
    memcpy(target, source, count * sizeof *target);
    size_t width = 1;
    while (width * 2 <= period) {
        widen(target, count, width, largest);
        width *= 2;
    }
    if (width < period) {
        widen(target, count, period - width, largest);
    }
    (void)begin(target, count, period - 1);
}

void signal_max(const double *source, size_t count, size_t period, double *target)
{
    rolling_extreme(source, count, period, true, target);
}

void signal_min(const double *source, size_t count, size_t period, double *target)
{
    rolling_extreme(source, count, period, false, target);
}

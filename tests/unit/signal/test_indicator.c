/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include "base/rng.h"
#include "signal/indicator.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { COUNT = 700 };

static const size_t periods[] = {1, 2, 3, 5, 14, 31, 32, 33, 64, 200, 699, 700, 701};
enum { PERIOD_COUNT = sizeof periods / sizeof periods[0] };

static void assert_column(const double *column, const double *expected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (isnan(expected[i])) {
            assert_true(isnan(column[i]));
        } else {
            assert_true(fabs(column[i] - expected[i]) <= 1e-9);
        }
    }
}

static void make_walk(uint64_t seed, double *close)
{
    struct rng rng = rng_stream(seed, 0, 0, RNG_TEST);
    double price = 100.0;
    for (size_t i = 0; i < COUNT; i++) {
        if (rng_below(&rng, 5) != 0) { /* now and then the price stands still */
            price *= 1.0 + 0.01 * rng_normal(&rng);
        }
        close[i] = price;
    }
}

/* -- vectors worked out by hand ---------------------------------------------------------------- */

static void ema_of_period_3_starts_at_the_first_close(void **state)
{
    (void)state;
    double close[] = {2, 4, 8, 16, 0};
    double expected[] = {NAN, NAN, 5.5, 10.75, 5.375}; /* 2, 3, 5.5, ... by halves */
    double column[5];
    signal_ema(close, 5, 3, column);
    assert_column(column, expected, 5);
}

static void ema_of_period_3_seeded_by_the_mean_starts_at_index_2(void **state)
{
    (void)state;
    double close[] = {2, 4, 9, 16, 0};
    double expected[] = {NAN, NAN, 5, 10.5, 5.25};
    double column[5];
    signal_ema_sma_seed(close, 5, 3, column);
    assert_column(column, expected, 5);
}

static void rsi_of_period_2_is_first_valid_at_index_2(void **state)
{
    (void)state;
    /* changes +2 -1 +3 -4: means of the first two 1, 0.5; then (1+3)/2, 0.25; then 1, 2.125 */
    double close[] = {10, 12, 11, 14, 10};
    double expected[] = {NAN, NAN, 100.0 * 1.0 / 1.5, 100.0 * 2.0 / 2.25, 100.0 * 1.0 / 3.125};
    double column[5];
    signal_rsi(close, 5, 2, column);
    assert_column(column, expected, 5);
}

static void rsi_of_a_price_that_stands_still_is_0(void **state)
{
    (void)state;
    double close[] = {7, 7, 7, 7};
    double expected[] = {NAN, NAN, 0, 0};
    double column[4];
    signal_rsi(close, 4, 2, column);
    assert_column(column, expected, 4);
}

static void atr_of_period_2_is_first_valid_at_index_2(void **state)
{
    (void)state;
    double high[] = {10, 12, 11, 20};
    double low[] = {9, 11, 8, 19};
    double close[] = {9.5, 11.5, 9, 19.5};
    /* true ranges 2.5, 3.5, 11: mean 3, then (3 + 11) / 2 */
    double expected[] = {NAN, NAN, 3, 7};
    double column[4];
    signal_atr(high, low, close, 4, 2, column);
    assert_column(column, expected, 4);
}

static void bollinger_uses_the_population_deviation(void **state)
{
    (void)state;
    double close[] = {1, 3, 5, 5};
    double lower[4];
    double middle[4];
    double upper[4];
    double expected_middle[] = {NAN, 2, 4, 5};
    double expected_lower[] = {NAN, 0, 2, 5};
    double expected_upper[] = {NAN, 4, 6, 5};
    signal_bollinger(close, 4, 2, 2.0, lower, middle, upper);
    assert_column(lower, expected_lower, 4);
    assert_column(middle, expected_middle, 4);
    assert_column(upper, expected_upper, 4);
}

/* -- the textbook, one window at a time -------------------------------------------------------- */

enum extreme { SLOW_SMA, SLOW_DEVIATION, SLOW_MAX, SLOW_MIN };

static double slow_window(enum extreme what, const double *window, size_t period)
{
    double sum = 0.0;
    double largest = -DBL_MAX;
    double smallest = DBL_MAX;
    for (size_t k = 0; k < period; k++) {
        sum += window[k];
        largest = fmax(largest, window[k]);
        smallest = fmin(smallest, window[k]);
    }
    double mean = sum / (double)period;
    double squares = 0.0;
    for (size_t k = 0; k < period; k++) {
        squares += pow(window[k] - mean, 2.0);
    }
    double answers[] = {mean, sqrt(squares / (double)period), largest, smallest};
    return answers[what];
}

static void slow_windows(enum extreme what, const double *close, size_t period, double *target)
{
    for (size_t i = 0; i < COUNT; i++) {
        target[i] =
            i + 1 < period ? (double)NAN : slow_window(what, &close[i + 1 - period], period);
    }
}

/* The weighted sum that the recursion stands for. */
static void slow_ema(const double *close, size_t period, double *target)
{
    double alpha = 2.0 / ((double)period + 1.0);
    for (size_t i = 0; i < COUNT; i++) {
        double sum = pow(1.0 - alpha, (double)i) * close[0];
        for (size_t k = 1; k <= i; k++) {
            sum += alpha * pow(1.0 - alpha, (double)(i - k)) * close[k];
        }
        target[i] = i + 1 < period ? (double)NAN : sum;
    }
}

/* Wilder's average of values[1 ..], seeded by the mean of the first period of them. */
static void slow_wilder(const double *values, size_t period, double *target)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (i < period) {
            target[i] = NAN;
            continue;
        }
        double keep = 1.0 - 1.0 / (double)period;
        double sum = 0.0;
        for (size_t k = 1; k <= i; k++) {
            double weight =
                k <= period ? pow(keep, (double)(i - period)) : pow(keep, (double)(i - k));
            sum += weight * values[k] / (double)period;
        }
        target[i] = sum;
    }
}

static void windows_agree_with_the_textbook(void **state)
{
    (void)state;
    double close[COUNT];
    double column[COUNT];
    double slow[COUNT];
    typedef void compute(const double *, size_t, size_t, double *);
    compute *computes[] = {signal_sma, signal_deviation, signal_max, signal_min};
    make_walk(1, close);
    for (size_t p = 0; p < PERIOD_COUNT; p++) {
        for (int what = SLOW_SMA; what <= SLOW_MIN; what++) {
            computes[what](close, COUNT, periods[p], column);
            slow_windows((enum extreme)what, close, periods[p], slow);
            assert_column(column, slow, COUNT);
        }
    }
}

static void ema_agrees_with_the_weighted_sum(void **state)
{
    (void)state;
    double close[COUNT];
    double column[COUNT];
    double slow[COUNT];
    make_walk(2, close);
    for (size_t p = 0; p < PERIOD_COUNT; p++) {
        signal_ema(close, COUNT, periods[p], column);
        slow_ema(close, periods[p], slow);
        assert_column(column, slow, COUNT);
    }
}

static void rsi_agrees_with_the_weighted_sum(void **state)
{
    (void)state;
    double close[COUNT];
    double column[COUNT];
    double gains[COUNT] = {0};
    double losses[COUNT] = {0};
    double gain[COUNT];
    double loss[COUNT];
    make_walk(3, close);
    for (size_t i = 1; i < COUNT; i++) {
        gains[i] = fmax(close[i] - close[i - 1], 0.0);
        losses[i] = fmax(close[i - 1] - close[i], 0.0);
    }
    for (size_t p = 1; p < PERIOD_COUNT; p++) {
        signal_rsi(close, COUNT, periods[p], column);
        slow_wilder(gains, periods[p], gain);
        slow_wilder(losses, periods[p], loss);
        for (size_t i = 0; i < COUNT; i++) {
            double both = gain[i] + loss[i];
            gain[i] = both == 0.0 ? 0.0 : 100.0 * gain[i] / both;
        }
        assert_column(column, gain, COUNT);
    }
}

static void atr_agrees_with_the_weighted_sum(void **state)
{
    (void)state;
    double high[COUNT];
    double low[COUNT];
    double close[COUNT];
    double ranges[COUNT] = {0};
    double column[COUNT];
    double slow[COUNT];
    struct rng rng = rng_stream(4, 0, 0, RNG_TEST);
    make_walk(4, close);
    for (size_t i = 0; i < COUNT; i++) {
        high[i] = close[i] + rng_unit(&rng);
        low[i] = close[i] - rng_unit(&rng);
        if (i > 0) {
            ranges[i] = fmax(high[i], close[i - 1]) - fmin(low[i], close[i - 1]);
        }
    }
    for (size_t p = 0; p < PERIOD_COUNT; p++) {
        signal_atr(high, low, close, COUNT, periods[p], column);
        slow_wilder(ranges, periods[p], slow);
        assert_column(column, slow, COUNT);
    }
}

/* -- bits -------------------------------------------------------------------------------------- */

static void averages_in_lanes_have_the_bits_of_one_alone(void **state)
{
    (void)state;
    static const size_t lane_periods[] = {2, 3, 5, 9, 26, 100, 400, 1000};
    double close[COUNT];
    double alone[COUNT];
    static double columns[SIGNAL_EMA_LANES][COUNT];
    double *targets[SIGNAL_EMA_LANES];
    make_walk(5, close);
    for (size_t lanes = 1; lanes <= SIGNAL_EMA_LANES; lanes++) {
        for (size_t i = 0; i < lanes; i++) {
            targets[i] = columns[i];
        }
        signal_ema_lanes(close, COUNT, lane_periods, targets, lanes);
        for (size_t i = 0; i < lanes; i++) {
            signal_ema(close, COUNT, lane_periods[i], alone);
            for (size_t k = lane_periods[i] - 1; k < COUNT; k++) {
                assert_memory_equal(&columns[i][k], &alone[k], sizeof alone[k]);
            }
        }
    }
}

/* Neither what came long before (windows) nor what follows changes a bit. */
static void windows_do_not_drift_and_prefixes_agree(void **state)
{
    (void)state;
    double close[COUNT];
    double whole[COUNT];
    double part[COUNT];
    typedef void compute(const double *, size_t, size_t, double *);
    compute *computes[] = {signal_sma, signal_deviation, signal_max,
                           signal_min, signal_ema,       signal_rsi};
    make_walk(6, close);
    close[3] = 1e12; /* a running sum would never forget this */
    for (size_t c = 0; c < 6; c++) {
        computes[c](close, COUNT, 20, whole);
        computes[c](close, 321, 20, part);
        assert_memory_equal(&part[20], &whole[20], 301 * sizeof *part);
        if (c < 4) {
            computes[c](close + 100, COUNT - 100, 20, part);
            assert_memory_equal(&part[19], &whole[119], (COUNT - 119) * sizeof *part);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ema_of_period_3_starts_at_the_first_close),
        cmocka_unit_test(ema_of_period_3_seeded_by_the_mean_starts_at_index_2),
        cmocka_unit_test(rsi_of_period_2_is_first_valid_at_index_2),
        cmocka_unit_test(rsi_of_a_price_that_stands_still_is_0),
        cmocka_unit_test(atr_of_period_2_is_first_valid_at_index_2),
        cmocka_unit_test(bollinger_uses_the_population_deviation),
        cmocka_unit_test(windows_agree_with_the_textbook),
        cmocka_unit_test(ema_agrees_with_the_weighted_sum),
        cmocka_unit_test(rsi_agrees_with_the_weighted_sum),
        cmocka_unit_test(atr_agrees_with_the_weighted_sum),
        cmocka_unit_test(averages_in_lanes_have_the_bits_of_one_alone),
        cmocka_unit_test(windows_do_not_drift_and_prefixes_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

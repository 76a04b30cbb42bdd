/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include "signal/summary.h"

#include <math.h>

static struct iso_error err;

static void add(struct bars *bars, int64_t day, double open, double close, double volume)
{
    double high = open > close ? open : close;
    struct bar bar = {.time_us = day * INT64_C(86400000000),
                      .value = {open, high, open + close - high, close, volume, BAR_ABSENT},
                      .trade_count = BAR_COUNT_ABSENT};
    assert_ok(bars_append(bars, &bar, &err));
}

static void assert_near(double value, double expected)
{
    assert_true(fabs(value - expected) <= 1e-12 * fabs(expected));
}

static void a_market_of_four_days_by_hand(void **state)
{
    (void)state;
    struct bars bars = {0};
    struct summary_state summing;
    summary_begin(&summing);
    add(&bars, 0, 100, 110, 5);
    add(&bars, 1, 110, 88, BAR_ABSENT);
    add(&bars, 2, 88, BAR_ABSENT, 1);
    add(&bars, 3, 90, 121, 2);
    struct bars first = bars_slice(&bars, 0, 1);
    struct bars rest = bars_slice(&bars, 1, 3);
    assert_ok(summary_add(&summing, &first, &err));
    assert_ok(summary_add(&summing, &rest, &err));
    assert_ok(summary_end(&summing, &err));
    const struct market_summary *summary = &summing.summary;
    assert_int_equal(summary->bars, 4);
    assert_int_equal(summary->last_us - summary->first_us, 3 * INT64_C(86400000000));
    assert_near(summary->open, 100);
    assert_near(summary->close, 121);
    assert_near(summary->high, 121);
    assert_near(summary->low, 88);
    assert_near(summary->volume, 8);
    assert_near(summary->change, 0.21);
    assert_near(summary->max_drawdown, 0.2);
    /* two returns, ln 0.8 and ln 1.375: their distance over root two is the deviation */
    double deviation = (log(1.375) - log(0.8)) / sqrt(2.0);
    assert_near(summary->volatility, deviation * sqrt(2.0 * 365.25 / 3.0));
    assert_true(isnan(summary->sma_20) && isnan(summary->rsi_14));
    summary_reset(&summing);
    bars_reset(&bars);
}

static void no_bars_give_no_numbers(void **state)
{
    (void)state;
    struct summary_state summing;
    summary_begin(&summing);
    assert_ok(summary_end(&summing, &err));
    assert_int_equal(summing.summary.bars, 0);
    assert_true(isnan(summing.summary.open) && isnan(summing.summary.change));
    summary_reset(&summing);
}

static void pieces_of_any_size_give_the_same_numbers(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 7, 4096, 5000, 20000};
    struct bars bars = {0};
    struct market_summary first = {0};
    for (int64_t i = 0; i < 20000; i++) {
        add(&bars, i, 100 + (double)(i * 7919 % 101), 100 + (double)(i * 104729 % 97), 1);
    }
    for (size_t p = 0; p < sizeof pieces / sizeof pieces[0]; p++) {
        struct summary_state summing;
        summary_begin(&summing);
        for (size_t i = 0; i < bars.count; i += pieces[p]) {
            size_t left = bars.count - i;
            struct bars piece = bars_slice(&bars, i, left < pieces[p] ? left : pieces[p]);
            assert_ok(summary_add(&summing, &piece, &err));
        }
        assert_ok(summary_end(&summing, &err));
        first = p == 0 ? summing.summary : first;
        assert_near(summing.summary.volatility, first.volatility);
        assert_near(summing.summary.rsi_14, first.rsi_14);
        assert_near(summing.summary.ema_20, first.ema_20);
        assert_near(summing.summary.atr_14, first.atr_14);
        summary_reset(&summing);
    }
    bars_reset(&bars);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_market_of_four_days_by_hand),
        cmocka_unit_test(no_bars_give_no_numbers),
        cmocka_unit_test(pieces_of_any_size_give_the_same_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

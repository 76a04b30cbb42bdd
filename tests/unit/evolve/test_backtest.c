/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "evolve/backtest.h"

#include <string.h>

static void assert_near(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-9 * fmax(1.0, fabs(expected)))) {
        fail_msg("%.17g is not %.17g", value, expected);
    }
}

struct outcome {
    struct metrics metrics;
    struct trade_list trades;
    double equity[16];
};

/* Run positions on bars with cash 1000, fee 1 % and slippage 2 %. */
static void run(const struct bars *bars, const int8_t *positions, struct outcome *outcome)
{
    struct iso_error err;
    struct backtest backtest = {.bars = bars,
                                .last = bars->count,
                                .positions = positions,
                                .cash = 1000.0,
                                .fee = 0.01,
                                .slippage = 0.02};
    assert_ok(backtest_run(&backtest, &outcome->metrics, &outcome->trades, outcome->equity, &err));
}

static void make_five(struct bars *bars)
{
    add_bar(bars, 10, 11);
    add_bar(bars, 12, 13);
    add_bar(bars, 14, 15);
    add_bar(bars, 16, 17);
    add_bar(bars, 18, 19);
}

static void a_long_buys_the_next_open_and_pays_fee_and_slippage(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    make_five(&bars);
    struct outcome o = {0};
    run(&bars, (int8_t[]){1, 1, 0, 0, 0}, &o);
    double size = 1000.0 / 1.01 / (12 * 1.02);
    double back = size * (16 * 0.98) * 0.99;
    assert_int_equal(o.trades.count, 1);
    struct trade *trade = &o.trades.trades[0];
    assert_int_equal(trade->entry_us, 1 * TIME_HOUR_US);
    assert_int_equal(trade->exit_us, 3 * TIME_HOUR_US);
    assert_int_equal(trade->side, 1);
    assert_near(trade->entry_price, 12.24);
    assert_near(trade->exit_price, 15.68);
    assert_near(trade->size, size);
    assert_near(trade->pnl, back - 1000.0);
    assert_near(trade->ratio, back / 1000.0 - 1.0);
    assert_string_equal(trade->reason, "signal");
    double expected[] = {1000.0, size * 13, size * 15, back, back};
    for (size_t i = 0; i < 5; i++) {
        assert_near(o.equity[i], expected[i]);
    }
    assert_near(o.metrics.total_return, back / 1000.0 - 1.0);
    assert_near(o.metrics.exposure, 0.4);
    assert_near(o.metrics.win_rate, 1.0);
    assert_near(o.metrics.turnover, 1.0 / 1.01 + 1.0);
    assert_int_equal((int)o.metrics.bars, 5);
    trade_list_reset(&o.trades);
}

static void a_short_sells_the_next_open_and_buys_back(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    make_five(&bars);
    struct outcome o = {0};
    run(&bars, (int8_t[]){-1, 0, 0, 0, 0}, &o);
    double size = 1000.0 / 1.01 / (12 * 0.98);
    double cash = 1000.0 + size * (12 * 0.98) * 0.99;
    double after = cash - size * (14 * 1.02) * 1.01;
    assert_int_equal(o.trades.count, 1);
    assert_int_equal(o.trades.trades[0].side, -1);
    assert_near(o.trades.trades[0].entry_price, 11.76);
    assert_near(o.trades.trades[0].exit_price, 14.28);
    assert_near(o.trades.trades[0].pnl, after - 1000.0);
    assert_near(o.equity[1], cash - size * 13);
    assert_near(o.equity[2], after);
    assert_near(o.metrics.win_rate, 0.0);
    trade_list_reset(&o.trades);
}

static void a_position_open_at_the_end_pays_no_exit_costs(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    make_five(&bars);
    struct outcome o = {0};
    run(&bars, (int8_t[]){0, 0, 0, 1, 1}, &o);
    double size = 1000.0 / 1.01 / (18 * 1.02);
    assert_int_equal(o.trades.count, 1);
    assert_string_equal(o.trades.trades[0].reason, "open");
    assert_int_equal(o.trades.trades[0].exit_us, 4 * TIME_HOUR_US);
    assert_near(o.trades.trades[0].exit_price, 19.0);
    assert_near(o.trades.trades[0].pnl, size * 19 - 1000.0);
    assert_near(o.equity[4], size * 19);
    assert_int_equal((int)o.metrics.trades, 1);
    trade_list_reset(&o.trades);
}

static void a_signal_on_the_last_bar_never_trades(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    make_five(&bars);
    struct outcome o = {0};
    run(&bars, (int8_t[]){0, 0, 0, 0, 1}, &o);
    assert_int_equal(o.trades.count, 0);
    assert_near(o.equity[4], 1000.0);
    assert_true(o.metrics.sharpe == 0.0 && o.metrics.total_return == 0.0);
    assert_true(o.metrics.max_drawdown == 0.0 && o.metrics.win_rate == 0.0);
}

static void turning_from_long_to_short_fills_twice_at_one_open(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    make_five(&bars);
    struct outcome o = {0};
    run(&bars, (int8_t[]){1, -1, 0, 0, 0}, &o);
    assert_int_equal(o.trades.count, 2);
    assert_int_equal(o.trades.trades[0].exit_us, 2 * TIME_HOUR_US);
    assert_int_equal(o.trades.trades[1].entry_us, 2 * TIME_HOUR_US);
    assert_near(o.trades.trades[0].exit_price, o.trades.trades[1].entry_price);
    double between = 1000.0 + o.trades.trades[0].pnl;
    assert_near(o.trades.trades[1].size, between / 1.01 / (14 * 0.98));
    assert_near(between + o.trades.trades[1].pnl, o.equity[4]);
    trade_list_reset(&o.trades);
}

static void a_short_that_loses_everything_is_ruined_and_stays_so(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    add_bar(&bars, 10, 10);
    add_bar(&bars, 10, 10);
    add_bar(&bars, 10, 30);
    add_bar(&bars, 1, 1);
    struct outcome o = {0};
    run(&bars, (int8_t[]){-1, -1, -1, 1}, &o);
    assert_int_equal(o.trades.count, 1);
    assert_string_equal(o.trades.trades[0].reason, "ruin");
    assert_int_equal(o.trades.trades[0].exit_us, 2 * TIME_HOUR_US);
    assert_near(o.trades.trades[0].ratio, -1.0);
    assert_true(o.equity[2] == 0.0 && o.equity[3] == 0.0);
    assert_true(o.metrics.total_return == -1.0 && o.metrics.max_drawdown == 1.0);
    trade_list_reset(&o.trades);
}

static void a_short_bought_back_above_its_account_is_ruined_at_the_open(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    add_bar(&bars, 10, 10);
    add_bar(&bars, 10, 10);
    add_bar(&bars, 50, 10);
    add_bar(&bars, 10, 10);
    struct outcome o = {0};
    run(&bars, (int8_t[]){-1, 1, 1, 1}, &o);
    assert_int_equal(o.trades.count, 1);
    assert_string_equal(o.trades.trades[0].reason, "ruin");
    assert_true(o.metrics.total_return == -1.0);
    trade_list_reset(&o.trades);
}

/* The textbook over the equity column: means, sample deviation, running peak. */
static void metrics_agree_with_the_equity_column(void **state)
{
    (void)state;
    enum { BARS = 3000 };
    struct iso_error err;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    add_walk(&bars, BARS, 11);
    struct rng rng = rng_stream(12, 0, 0, RNG_TEST);
    static int8_t positions[BARS];
    static double equity[BARS];
    for (size_t i = 0; i < BARS; i++) {
        bool turn = rng_below(&rng, 10) == 0;
        positions[i] = (int8_t)(turn || i == 0 ? (int)rng_below(&rng, 3) - 1 : positions[i - 1]);
    }
    struct backtest backtest = {.bars = &bars,
                                .first = 500,
                                .last = BARS,
                                .positions = positions,
                                .cash = 1.0,
                                .fee = 0.001,
                                .slippage = 0.0005};
    struct metrics m;
    struct trade_list trades = {0};
    assert_ok(backtest_run(&backtest, &m, &trades, equity, &err));
    size_t count = BARS - 500;
    double sum = 0.0;
    double squares = 0.0;
    double peak = 1.0;
    double drawdown = 0.0;
    for (size_t i = 1; i < count; i++) {
        sum += equity[i] / equity[i - 1] - 1.0;
        peak = fmax(peak, equity[i]);
        drawdown = fmax(drawdown, 1.0 - equity[i] / peak);
    }
    double mean = sum / (double)(count - 1);
    for (size_t i = 1; i < count; i++) {
        squares += pow(equity[i] / equity[i - 1] - 1.0 - mean, 2.0);
    }
    double sharpe = mean / sqrt(squares / (double)(count - 2));
    assert_near(m.sharpe_bar, sharpe);
    assert_near(m.sharpe, sharpe * sqrt(365.25 * 24));
    assert_near(m.max_drawdown, drawdown);
    assert_near(m.total_return, equity[count - 1] - 1.0);
    double product = 1.0;
    for (size_t i = 0; i < trades.count; i++) {
        product *= 1.0 + trades.trades[i].ratio;
    }
    assert_near(product, equity[count - 1]);
    assert_int_equal(trades.count, (size_t)m.trades);
    struct metrics without_trades;
    assert_ok(backtest_run(&backtest, &without_trades, NULL, NULL, &err));
    assert_memory_equal(&without_trades, &m, sizeof m);
    trade_list_reset(&trades);
}

/* What a bar does after its open cannot change what was traded at that open. */
static void a_trade_does_not_see_the_bar_it_trades_on(void **state)
{
    (void)state;
    for (int after = 0; after < 2; after++) {
        ISO_DEFER(bars_reset) struct bars bars = {0};
        add_bar(&bars, 10, 11);
        add_bar(&bars, 12, after == 0 ? 13 : 1);
        add_bar(&bars, 14, 15);
        struct outcome o = {0};
        run(&bars, (int8_t[]){1, 1, 1}, &o);
        assert_near(o.trades.trades[0].entry_price, 12.24);
        assert_near(o.trades.trades[0].size, 1000.0 / 1.01 / 12.24);
        trade_list_reset(&o.trades);
    }
}

static void bars_without_a_price_are_refused(void **state)
{
    (void)state;
    struct iso_error err;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    add_bar(&bars, 10, 11);
    assert_ok(backtest_check(&bars, &err));
    add_bar(&bars, 10, 0);
    assert_fails(backtest_check(&bars, &err), PARTIAL);
    bars.value[BAR_close][1] = BAR_ABSENT;
    assert_fails(backtest_check(&bars, &err), PARTIAL);
    assert_non_null(strstr(err.text, "1970-01-01T01:00:00Z"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_buys_the_next_open_and_pays_fee_and_slippage),
        cmocka_unit_test(a_short_sells_the_next_open_and_buys_back),
        cmocka_unit_test(a_position_open_at_the_end_pays_no_exit_costs),
        cmocka_unit_test(a_signal_on_the_last_bar_never_trades),
        cmocka_unit_test(turning_from_long_to_short_fills_twice_at_one_open),
        cmocka_unit_test(a_short_that_loses_everything_is_ruined_and_stays_so),
        cmocka_unit_test(a_short_bought_back_above_its_account_is_ruined_at_the_open),
        cmocka_unit_test(metrics_agree_with_the_equity_column),
        cmocka_unit_test(a_trade_does_not_see_the_bar_it_trades_on),
        cmocka_unit_test(bars_without_a_price_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

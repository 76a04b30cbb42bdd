/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/evolving.h"
#include "evolve/arena.h"
#include "market/time.h"

#include <stdio.h>

/* All that one backtest works on and leaves behind. */
struct trial {
    struct series series;
    struct genome genome;
    struct bars bars;
    struct coverage coverage;
    struct metrics metrics;
    struct trade_list trades;
    double *equity;
};

static void trial_reset(struct trial *trial)
{
    bars_reset(&trial->bars);
    coverage_reset(&trial->coverage);
    trade_list_reset(&trial->trades);
    free(trial->equity);
}

static iso_status load(const struct call *call, struct trial *trial, struct iso_error *err)
{
    struct range range;
    ISO_DEFER(store_close) struct store *store = NULL;
    ISO_TRY(call_range(call, &range, err));
    ISO_TRY(call_store(call, STORE_READ, &store, err));
    ISO_TRY(store_read(store, &trial->series, range, &trial->bars, &trial->coverage, err));
    ISO_TRY(require_complete(call, &trial->coverage, err));
    if (trial->bars.count == 0) {
        ISO_FAIL(NOT_FOUND, err, "no bars of %s %s in that range", trial->series.symbol,
                 trial->series.interval->name);
    }
    return ISO_OK;
}

static iso_status compute(const struct call *call, struct trial *trial, struct iso_error *err)
{
    ISO_DEFER(arena_free) struct arena *arena = NULL;
    struct arena_terms terms = {.bars = &trial->bars,
                                .fee = call_number(call, OPTION_fee),
                                .slippage = call_number(call, OPTION_slippage),
                                .cash = BACKTEST_CASH_PRESET,
                                .allow_short = call_flag(call, OPTION_shorts),
                                .ema_sma_seed = call_flag(call, OPTION_ema_sma_seed),
                                .thread_count = 1};
    ISO_NEW(trial->equity, trial->bars.count, err);
    ISO_TRY(arena_new(&terms, &arena, err));
    return arena_backtest(arena, &trial->genome, 0, trial->bars.count, &trial->metrics,
                          &trial->trades, trial->equity, err);
}

static void add_time(struct text *text, int64_t time_us)
{
    char target[TIME_TEXT_BYTES];
    text_append(text, target, time_format(time_us, target));
    text_add_char(text, ',');
}

static iso_status write_trades(const struct trial *trial, const char *path, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text text = {0};
    text_add(&text, "entry_time,exit_time,side,entry_price,exit_price,size,pnl,return,reason\n");
    for (size_t i = 0; i < trial->trades.count; i++) {
        const struct trade *trade = &trial->trades.trades[i];
        add_time(&text, trade->entry_us);
        add_time(&text, trade->exit_us);
        text_add(&text, trade->side > 0 ? "long" : "short");
        const double values[] = {trade->entry_price, trade->exit_price, trade->size, trade->pnl,
                                 trade->ratio};
        for (size_t k = 0; k < sizeof values / sizeof values[0]; k++) {
            text_add_char(&text, ',');
            text_add_number(&text, values[k]);
        }
        text_addf(&text, ",%s\n", trade->reason);
    }
    return output_write(path, &text, err);
}

static iso_status write_equity(const struct trial *trial, const char *path, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text text = {0};
    text_add(&text, "timestamp,equity\n");
    for (size_t i = 0; i < trial->bars.count; i++) {
        add_time(&text, trial->bars.time_us[i]);
        text_add_number(&text, trial->equity[i]);
        text_add_char(&text, '\n');
    }
    return output_write(path, &text, err);
}

static iso_status print_json(const struct call *call, const struct trial *trial,
                             struct iso_error *err)
{
    char time[TIME_TEXT_BYTES];
    ISO_DEFER(text_reset) struct text text = {0};
    ISO_DEFER(text_reset) struct text genome = {0};
    struct json json = {.text = &text};
    genome_format(&trial->genome, &genome);
    result_json_begin(&json);
    json_string(&json, "strategy", text_get(&genome));
    json_string(&json, "symbol", trial->series.symbol);
    json_string(&json, "interval", trial->series.interval->name);
    (void)time_format(trial->bars.time_us[0], time);
    json_string(&json, "first", time);
    (void)time_format(trial->bars.time_us[trial->bars.count - 1], time);
    json_string(&json, "last", time);
    json_number(&json, "fee", call_number(call, OPTION_fee));
    json_number(&json, "slippage", call_number(call, OPTION_slippage));
    json_bool(&json, "shorts", call_flag(call, OPTION_shorts));
    json_number(&json, "cash", BACKTEST_CASH_PRESET);
    json_number(&json, "final_equity", trial->equity[trial->bars.count - 1]);
    result_json_metrics(&json, &trial->metrics);
    result_json_coverage(&json, &trial->coverage);
    return result_json_end(&json, err);
}

static iso_status print_text(const struct call *call, const struct trial *trial,
                             struct iso_error *err)
{
    static const char *const heads[] = {"metric", ">value"};
    const struct metrics *sets[] = {&trial->metrics};
    ISO_DEFER(text_reset) struct text text = {0};
    genome_describe(&trial->genome, call_flag(call, OPTION_shorts), &text);
    text_addf(&text,
              "\nA signal at a close trades at the next open; slippage %g, fee %g each side; "
              "whole equity in or out.\n\n",
              call_number(call, OPTION_slippage), call_number(call, OPTION_fee));
    result_table_metrics(heads, sets, 1, &text);
    return result_write(&text, err);
}

iso_status command_backtest(struct call *call, struct iso_error *err)
{
    const char *strategy = NULL;
    ISO_DEFER(trial_reset) struct trial trial = {0};
    ISO_TRY(call_require(call, OPTION_strategy, &strategy, err));
    ISO_TRY(call_series(call, &trial.series, err));
    ISO_TRY(genome_read(strategy, &trial.genome, err));
    ISO_TRY(load(call, &trial, err));
    ISO_TRY(compute(call, &trial, err));
    if (call_has(call, OPTION_trades)) {
        ISO_TRY(write_trades(&trial, call_text(call, OPTION_trades), err));
    }
    if (call_has(call, OPTION_equity)) {
        ISO_TRY(write_equity(&trial, call_text(call, OPTION_equity), err));
    }
    if (!trial.coverage.complete) {
        call->exit_code = ISO_CLASS_PROBLEM;
    }
    return call_flag(call, OPTION_json) ? print_json(call, &trial, err)
                                        : print_text(call, &trial, err);
}

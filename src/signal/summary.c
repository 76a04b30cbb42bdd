/* SPDX-License-Identifier: Apache-2.0 */
#include "signal/summary.h"

#include "signal/catalog.h"

#include <math.h>
#include <string.h>

void summary_begin(struct summary_state *state)
{
    double none = (double)NAN;
    *state = (struct summary_state){
        .summary = {.open = none,
                    .high = none,
                    .low = none,
                    .close = none,
                    .volume = none,
                    .change = none,
                    .volatility = none,
                    .max_drawdown = none,
                    .sma_20 = none,
                    .ema_20 = none,
                    .rsi_14 = none,
                    .atr_14 = none},
        .close = none,
        .top = none,
    };
}

void summary_reset(struct summary_state *state)
{
    bars_reset(&state->recent);
}

static void add_close(struct summary_state *state, double close)
{
    struct market_summary *summary = &state->summary;
    if (!isfinite(close)) {
        return;
    }
    if (state->close > 0.0 && close > 0.0) {
        double change = log(close / state->close);
        double distance = change - state->mean;
        state->returns++;
        state->mean += distance / (double)state->returns;
        state->square += distance * (change - state->mean);
    }
    state->top = state->top >= close ? state->top : close;
    double fall = state->top > 0.0 ? (state->top - close) / state->top : 0.0;
    summary->max_drawdown = summary->max_drawdown >= fall ? summary->max_drawdown : fall;
    summary->close = close;
    state->close = close;
}

static void add_bar(struct summary_state *state, const struct bars *bars, size_t index)
{
    struct market_summary *summary = &state->summary;
    double high = bars->value[BAR_high][index];
    double low = bars->value[BAR_low][index];
    double volume = bars->value[BAR_volume][index];
    if (summary->bars == 0) {
        summary->first_us = bars->time_us[index];
        summary->open = bars->value[BAR_open][index];
    }
    summary->bars++;
    summary->last_us = bars->time_us[index];
    summary->high = isnan(high) || summary->high >= high ? summary->high : high;
    summary->low = isnan(low) || summary->low <= low ? summary->low : low;
    if (!isnan(volume)) {
        summary->volume = isnan(summary->volume) ? volume : summary->volume + volume;
    }
    add_close(state, bars->value[BAR_close][index]);
}

/* Keep at most twice the recent bars, so that moving them is rare. */
static iso_status keep_recent(struct summary_state *state, const struct bars *bars,
                              struct iso_error *err)
{
    struct bars *recent = &state->recent;
    size_t taken = bars->count < SUMMARY_RECENT_BARS ? bars->count : SUMMARY_RECENT_BARS;
    struct bars newest = bars_slice(bars, bars->count - taken, taken);
    if (recent->count + taken > (size_t)2 * SUMMARY_RECENT_BARS) {
        struct bars kept = {0};
        struct bars end =
            bars_slice(recent, recent->count - SUMMARY_RECENT_BARS, SUMMARY_RECENT_BARS);
        ISO_TRY(bars_append_all(&kept, &end, err));
        bars_reset(recent);
        *recent = kept;
    }
    return bars_append_all(recent, &newest, err);
}

iso_status summary_add(struct summary_state *state, const struct bars *bars, struct iso_error *err)
{
    for (size_t i = 0; i < bars->count; i++) {
        add_bar(state, bars, i);
    }
    return keep_recent(state, bars, err);
}

/* The last value of an indicator's only output. */
static iso_status last_value(const struct bars *bars, const char *name, double *column,
                             double *value, struct iso_error *err)
{
    struct indicator_call call;
    double *const targets[] = {column};
    struct signal_bars source = {
        bars->count,          bars->time_us,          bars->value[BAR_high],
        bars->value[BAR_low], bars->value[BAR_close], bars->value[BAR_volume]};
    ISO_TRY(indicator_parse(name, &call, err));
    ISO_TRY(indicator_compute(&call, &source, targets, err));
    *value = column[bars->count - 1];
    return ISO_OK;
}

iso_status summary_end(struct summary_state *state, struct iso_error *err)
{
    ISO_DEFER(mem_defer_free) double *column = NULL;
    struct market_summary *summary = &state->summary;
    if (summary->bars == 0) {
        return ISO_OK;
    }
    summary->change = summary->close / summary->open - 1.0;
    double years = (double)(summary->last_us - summary->first_us) / (365.25 * 86400e6);
    if (state->returns > 1 && years > 0.0) {
        double variance = state->square / (double)(state->returns - 1);
        summary->volatility = sqrt(variance * (double)state->returns / years);
    }
    ISO_NEW(column, state->recent.count, err);
    ISO_TRY(last_value(&state->recent, "sma:20", column, &summary->sma_20, err));
    ISO_TRY(last_value(&state->recent, "ema:20", column, &summary->ema_20, err));
    ISO_TRY(last_value(&state->recent, "rsi:14", column, &summary->rsi_14, err));
    return last_value(&state->recent, "atr:14", column, &summary->atr_14, err);
}

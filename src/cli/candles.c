/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/candles.h"

#include "market/time.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool is_whole(const struct bars *bars, size_t index)
{
    return isfinite(bars->value[BAR_open][index]) && isfinite(bars->value[BAR_high][index]) &&
           isfinite(bars->value[BAR_low][index]) && isfinite(bars->value[BAR_close][index]);
}

static void add_bar(struct candle *candle, const struct bars *bars, size_t index, bool first)
{
    double volume = bars->value[BAR_volume][index];
    if (first) {
        *candle = (struct candle){.time_us = bars->time_us[index],
                                  .open = bars->value[BAR_open][index],
                                  .high = bars->value[BAR_high][index],
                                  .low = bars->value[BAR_low][index],
                                  .volume = (double)NAN};
    }
    candle->high = fmax(candle->high, bars->value[BAR_high][index]);
    candle->low = fmin(candle->low, bars->value[BAR_low][index]);
    candle->close = bars->value[BAR_close][index];
    candle->last = index;
    if (isfinite(volume)) {
        candle->volume = isfinite(candle->volume) ? candle->volume + volume : volume;
    }
}

static iso_status add_lines(const struct indicator_table *table, const struct indicator_call *calls,
                            size_t call_count, struct candles *candles, struct iso_error *err)
{
    size_t column = 0;
    for (size_t i = 0; i < call_count; i++) {
        bool below = !calls[i].row->on_price;
        candles->pane_count += below;
        if (candles->pane_count > CANDLE_PANES_MAX) {
            ISO_FAIL(LIMIT, err, "a chart has room for %d panes below the candles",
                     CANDLE_PANES_MAX);
        }
        for (size_t j = 0; j < indicator_outputs(&calls[i]); j++) {
            if (candles->line_count == CANDLE_LINES_MAX) {
                ISO_FAIL(LIMIT, err, "a chart has room for %d lines", CANDLE_LINES_MAX);
            }
            struct candle_line *line = &candles->lines[candles->line_count++];
            indicator_label(&calls[i], j, line->label);
            line->values = table->columns[column++];
            line->color = below ? j : i;
            line->pane = below ? candles->pane_count : 0;
        }
    }
    return ISO_OK;
}

iso_status candles_make(const struct indicator_table *table, const struct indicator_call *calls,
                        size_t call_count, size_t most, struct candles *candles,
                        struct iso_error *err)
{
    const struct bars *bars = &table->bars;
    size_t count = bars->count - table->first;
    candles->symbol = table->series.symbol;
    candles->interval = table->series.interval;
    candles->group = count > most ? (count + most - 1) / most : 1;
    ISO_NEW(candles->candles, count / candles->group + 1, err);
    size_t taken = 0;
    for (size_t i = table->first; i < bars->count; i++) {
        if (is_whole(bars, i)) {
            size_t index = taken++ / candles->group;
            add_bar(&candles->candles[index], bars, i, index == candles->count);
            candles->count = index + 1;
        }
    }
    return add_lines(table, calls, call_count, candles, err);
}

void candles_reset(struct candles *candles)
{
    free(candles->candles);
}

static void widen(struct scale *scale, double low, double high)
{
    scale->low = isnan(scale->low) || low < scale->low ? low : scale->low;
    scale->high = isnan(scale->high) || high > scale->high ? high : scale->high;
}

bool candles_scale(const struct candles *candles, size_t pane, struct scale *scale)
{
    *scale = (struct scale){(double)NAN, (double)NAN};
    for (size_t i = 0; i < candles->count; i++) {
        if (pane == 0) {
            widen(scale, candles->candles[i].low, candles->candles[i].high);
        }
        for (size_t j = 0; j < candles->line_count; j++) {
            double value = candles->lines[j].values[candles->candles[i].last];
            if (candles->lines[j].pane == pane && isfinite(value)) {
                widen(scale, value, value);
            }
        }
    }
    double least = fmax(fabs(scale->low), fabs(scale->high)) * 1e-9 + 1e-12;
    if (scale->high - scale->low < least) { /* a flat line needs an axis too */
        scale->low -= fmax(least, fabs(scale->low) * 0.005);
        scale->high += fmax(least, fabs(scale->high) * 0.005);
    }
    return !isnan(scale->low);
}

double candles_volume_max(const struct candles *candles)
{
    double most = 0.0;
    for (size_t i = 0; i < candles->count; i++) {
        double volume = candles->candles[i].volume;
        most = volume > most ? volume : most;
    }
    return most;
}

double scale_step(double span, double parts)
{
    static const double factors[] = {1.0, 2.0, 5.0, 10.0};
    double power = pow(10.0, floor(log10(span / parts)));
    for (size_t i = 0; i < 3; i++) {
        if (span / (factors[i] * power) <= parts) {
            return factors[i] * power;
        }
    }
    return factors[3] * power;
}

void scale_label(double value, double step, char target[SCALE_LABEL_BYTES])
{
    int decimals = step < 1.0 ? (int)ceil(-log10(step) - 1e-9) : 0;
    bool is_zero = fabs(value) < step / 2.0;
    double shown = is_zero ? 0.0 : value;
    static const char *const units[] = {"", "k", "M", "G", "T"};
    size_t unit = 0;
    while (step >= 1000.0 && !is_zero && unit + 1 < sizeof units / sizeof units[0]) {
        step /= 1000.0;
        shown /= 1000.0;
        unit++;
    }
    (void)snprintf(target, SCALE_LABEL_BYTES, "%.*f%s", decimals < 12 ? decimals : 12, shown,
                   units[unit]);
}

void candle_time(const struct candles *candles, size_t index, char target[SCALE_LABEL_BYTES])
{
    char text[TIME_TEXT_BYTES];
    int64_t time_us = candles->candles[index].time_us;
    int64_t wall_us = candles->zone != NULL ? zone_to_wall(candles->zone, time_us) : time_us;
    (void)time_format(wall_us < TIME_MIN_US || wall_us >= TIME_MAX_US ? time_us : wall_us, text);
    bool has_clock = candles->interval->step_us > 0 && candles->interval->step_us < TIME_DAY_US;
    bool has_seconds = has_clock && candles->interval->step_us < TIME_MINUTE_US;
    size_t day = strlen("2024-01-31");
    size_t clock = has_seconds ? strlen("23:59:00") : strlen("23:59");
    (void)snprintf(target, SCALE_LABEL_BYTES, "%.*s%s%.*s", (int)day, text, has_clock ? " " : "",
                   has_clock ? (int)clock : 0, text + day + 1);
}

void candles_title(const struct candles *candles, struct text *target)
{
    char first[SCALE_LABEL_BYTES];
    char last[SCALE_LABEL_BYTES];
    text_addf(target, "%s %s", candles->symbol, candles->interval->name);
    if (candles->count == 0) {
        text_add(target, ": no bars");
        return;
    }
    candle_time(candles, 0, first);
    candle_time(candles, candles->count - 1, last);
    text_addf(target, "  %s to %s %s", first, last,
              candles->zone != NULL ? zone_name(candles->zone) : "UTC");
    if (candles->group > 1) {
        text_addf(target, ", %zu bars a candle", candles->group);
    }
}

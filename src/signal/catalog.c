/* SPDX-License-Identifier: Apache-2.0 */
#include "signal/catalog.h"

#include "base/text.h"
#include "signal/indicator.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void compute_sma(const struct signal_bars *bars, const double *parameters,
                        double *const *targets)
{
    signal_sma(bars->close, bars->count, (size_t)parameters[0], targets[0]);
}

static void compute_ema(const struct signal_bars *bars, const double *parameters,
                        double *const *targets)
{
    if (parameters[1] != 0.0) {
        signal_ema_sma_seed(bars->close, bars->count, (size_t)parameters[0], targets[0]);
    } else {
        signal_ema(bars->close, bars->count, (size_t)parameters[0], targets[0]);
    }
}

static void compute_rsi(const struct signal_bars *bars, const double *parameters,
                        double *const *targets)
{
    signal_rsi(bars->close, bars->count, (size_t)parameters[0], targets[0]);
}

static void compute_macd(const struct signal_bars *bars, const double *parameters,
                         double *const *targets)
{
    struct macd_periods periods = {(size_t)parameters[0], (size_t)parameters[1],
                                   (size_t)parameters[2], parameters[3] != 0.0};
    signal_macd(bars->close, bars->count, periods, targets[0], targets[1], targets[2]);
}

static void compute_bollinger(const struct signal_bars *bars, const double *parameters,
                              double *const *targets)
{
    signal_bollinger(bars->close, bars->count, (size_t)parameters[0], parameters[1], targets[0],
                     targets[1], targets[2]);
}

static void compute_atr(const struct signal_bars *bars, const double *parameters,
                        double *const *targets)
{
    signal_atr(bars->high, bars->low, bars->close, bars->count, (size_t)parameters[0], targets[0]);
}

static void compute_vwap(const struct signal_bars *bars, const double *parameters,
                         double *const *targets)
{
    signal_vwap(bars, (size_t)parameters[0], targets[0]);
}

static void compute_vwap_day(const struct signal_bars *bars, const double *parameters,
                             double *const *targets)
{
    (void)parameters;
    signal_vwap_day(bars, targets[0]);
}

static void compute_donchian(const struct signal_bars *bars, const double *parameters,
                             double *const *targets)
{
    signal_donchian(bars->high, bars->low, bars->count, (size_t)parameters[0], targets[0],
                    targets[1], targets[2]);
}

static void compute_stochastic(const struct signal_bars *bars, const double *parameters,
                               double *const *targets)
{
    struct stochastic_periods periods = {(size_t)parameters[0], (size_t)parameters[1],
                                         (size_t)parameters[2]};
    signal_stochastic(bars, periods, targets[0], targets[1]);
}

#define PERIOD(preset) {"period", preset, 1, 100000, true}
#define SEED {"sma_seed", 0, 0, 1, true}

/* clang-format off */
static const struct indicator rows[] = {
    {"sma", "Simple moving average of the close.", {PERIOD(20)}, {"sma"}, false, false, true, compute_sma},
    {"ema", "Exponential moving average; starts at the first close, or at the mean of the first ones (sma_seed=1).",
     {PERIOD(20), SEED}, {"ema"}, false, false, true, compute_ema},
    {"rsi", "Wilder's relative strength index, 0 to 100.", {PERIOD(14)}, {"rsi"}, false, false, false, compute_rsi},
    {"macd", "Distance of two EMAs, its EMA, and their distance.",
     {{"fast", 12, 1, 100000, true}, {"slow", 26, 2, 100000, true}, {"signal", 9, 1, 100000, true}, SEED},
     {"macd", "macd_signal", "macd_histogram"}, false, false, false, compute_macd},
    {"bollinger", "Simple moving average, and as many standard deviations around it.",
     {PERIOD(20), {"width", 2, 0.1, 100, false}}, {"bollinger_lower", "bollinger_middle", "bollinger_upper"},
     false, false, true, compute_bollinger},
    {"atr", "Wilder's average true range.", {PERIOD(14)}, {"atr"}, true, false, false, compute_atr},
    {"vwap", "Volume-weighted mean of (high + low + close) / 3 over the last bars.", {PERIOD(20)}, {"vwap"},
     true, true, true, compute_vwap},
    {"vwap_day", "The same over the bars since midnight UTC.", {{NULL, 0, 0, 0, false}}, {"vwap_day"}, true, true, true,
     compute_vwap_day},
    {"donchian", "Lowest low and highest high of the last bars, and their mean.", {PERIOD(20)},
     {"donchian_lower", "donchian_middle", "donchian_upper"}, true, false, true, compute_donchian},
    {"stochastic", "Where the close lies in the range of the last bars, 0 to 100: smoothed, and its mean.",
     {PERIOD(14), {"smooth", 3, 1, 1000, true}, {"d", 3, 1, 1000, true}}, {"stochastic_k", "stochastic_d"},
     true, false, false, compute_stochastic},
};
/* clang-format on */
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

const struct indicator *indicator_row(size_t index)
{
    return index < ROW_COUNT ? &rows[index] : NULL;
}

static iso_status find_row(const char *text, size_t length, const struct indicator **row,
                           struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text known = {0};
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (strlen(rows[i].name) == length && strncmp(rows[i].name, text, length) == 0) {
            *row = &rows[i];
            return ISO_OK;
        }
        text_addf(&known, " %s", rows[i].name);
    }
    ISO_FAIL(BAD_ARGUMENT, err, "there is no indicator \"%.*s\"; there are:%s",
             (int)(length < 40 ? length : 40), text, text_get(&known));
}

static size_t parameter_count(const struct indicator *row)
{
    size_t count = 0;
    while (count < INDICATOR_PARAMETERS_MAX && row->parameters[count].name != NULL) {
        count++;
    }
    return count;
}

/* How the indicator is called, for messages. */
static void add_usage(struct text *target, const struct indicator *row)
{
    text_add(target, row->name);
    for (size_t i = 0; i < parameter_count(row); i++) {
        text_addf(target, "%s%s=", i == 0 ? ":" : ",", row->parameters[i].name);
        text_addf(target, "%g", row->parameters[i].preset);
    }
}

static iso_status refuse(const struct indicator *row, const char *begin, const char *end,
                         const char *why, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text usage = {0};
    add_usage(&usage, row);
    ISO_FAIL(BAD_ARGUMENT, err, "%s: \"%.*s\" %s; it is called as %s", row->name,
             (int)(end - begin < 40 ? end - begin : 40), begin, why, text_get(&usage));
}

/* "20" for the parameter at that place, or "period=20". */
static iso_status take_parameter(struct indicator_call *call, const char *begin, const char *end,
                                 size_t place, struct iso_error *err)
{
    const struct indicator *row = call->row;
    const char *equals = memchr(begin, '=', (size_t)(end - begin));
    const char *value = equals != NULL ? equals + 1 : begin;
    size_t count = parameter_count(row);
    size_t index = equals != NULL ? 0 : place;
    while (equals != NULL && index < count &&
           (strlen(row->parameters[index].name) != (size_t)(equals - begin) ||
            strncmp(row->parameters[index].name, begin, (size_t)(equals - begin)) != 0)) {
        index++;
    }
    if (index >= count) {
        return refuse(row, begin, end, "is a parameter too many", err);
    }
    double number;
    const struct indicator_parameter *parameter = &row->parameters[index];
    if (!number_parse(value, end, &number) || number < parameter->min || number > parameter->max ||
        (parameter->is_whole && number != floor(number))) {
        char why[96];
        (void)snprintf(why, sizeof why, "is no %snumber from %g to %g",
                       parameter->is_whole ? "whole " : "", parameter->min, parameter->max);
        return refuse(row, begin, end, why, err);
    }
    call->parameters[index] = number;
    return ISO_OK;
}

iso_status indicator_parse(const char *text, struct indicator_call *call, struct iso_error *err)
{
    struct indicator_call parsed = {0};
    size_t name_length = strcspn(text, ":");
    ISO_TRY(find_row(text, name_length, &parsed.row, err));
    for (size_t i = 0; i < INDICATOR_PARAMETERS_MAX; i++) {
        parsed.parameters[i] = parsed.row->parameters[i].preset;
    }
    const char *at = text + name_length;
    for (size_t place = 0; *at != '\0'; place++) {
        const char *begin = at + 1;
        at = begin + strcspn(begin, ",");
        ISO_TRY(take_parameter(&parsed, begin, at, place, err));
    }
    if (strcmp(parsed.row->name, "macd") == 0 && parsed.parameters[0] >= parsed.parameters[1]) {
        return refuse(parsed.row, text, text + strlen(text), "has a fast period not below the slow",
                      err);
    }
    *call = parsed;
    return ISO_OK;
}

size_t indicator_outputs(const struct indicator_call *call)
{
    size_t count = 0;
    while (count < INDICATOR_OUTPUTS_MAX && call->row->outputs[count] != NULL) {
        count++;
    }
    return count;
}

void indicator_label(const struct indicator_call *call, size_t output,
                     char target[INDICATOR_LABEL_BYTES])
{
    const struct indicator *row = call->row;
    size_t used = (size_t)snprintf(target, INDICATOR_LABEL_BYTES, "%s", row->outputs[output]);
    for (size_t i = 0; i < parameter_count(row) && used < INDICATOR_LABEL_BYTES; i++) {
        const struct indicator_parameter *parameter = &row->parameters[i];
        double value = call->parameters[i];
        bool is_switch = parameter->min == 0.0;
        if (is_switch && value == 0.0) {
            continue;
        }
        used += (size_t)(is_switch
                             ? snprintf(target + used, INDICATOR_LABEL_BYTES - used, "_%s",
                                        parameter->name)
                             : snprintf(target + used, INDICATOR_LABEL_BYTES - used, "_%g", value));
    }
}

static bool is_usable(const struct indicator *row, const struct signal_bars *bars, size_t index)
{
    return isfinite(bars->close[index]) &&
           (!row->needs_range || (isfinite(bars->high[index]) && isfinite(bars->low[index]))) &&
           (!row->needs_volume || isfinite(bars->volume[index]));
}

/* The usable bars alone, in memory of their own, and room for their values. */
struct usable {
    double *memory;
    int64_t *time_us;
    size_t *indices; /* where they come from */
    struct signal_bars bars;
    double *targets[INDICATOR_OUTPUTS_MAX];
};

static void usable_reset(struct usable *usable)
{
    free(usable->memory);
    free(usable->time_us);
    free(usable->indices);
}

static iso_status usable_init(struct usable *usable, const struct indicator *row,
                              const struct signal_bars *bars, struct iso_error *err)
{
    enum { COLUMNS = 4 };
    size_t capacity = bars->count;
    const double *const sources[COLUMNS] = {bars->high, bars->low, bars->close, bars->volume};
    double *columns[COLUMNS + INDICATOR_OUTPUTS_MAX];
    size_t count = 0;
    ISO_NEW(usable->memory, capacity * (COLUMNS + INDICATOR_OUTPUTS_MAX), err);
    ISO_NEW(usable->time_us, capacity, err);
    ISO_NEW(usable->indices, capacity, err);
    for (size_t j = 0; j < COLUMNS + INDICATOR_OUTPUTS_MAX; j++) {
        columns[j] = usable->memory + j * capacity;
    }
    for (size_t i = 0; i < bars->count; i++) {
        if (is_usable(row, bars, i)) {
            for (size_t j = 0; j < COLUMNS; j++) {
                columns[j][count] = sources[j][i];
            }
            usable->time_us[count] = bars->time_us[i];
            usable->indices[count++] = i;
        }
    }
    usable->bars = (struct signal_bars){count,      usable->time_us, columns[0],
                                        columns[1], columns[2],      columns[3]};
    memcpy(usable->targets, &columns[COLUMNS], sizeof usable->targets);
    return ISO_OK;
}

iso_status indicator_compute(const struct indicator_call *call, const struct signal_bars *bars,
                             double *const *targets, struct iso_error *err)
{
    ISO_DEFER(usable_reset) struct usable usable = {0};
    bool all = true;
    for (size_t i = 0; i < bars->count && all; i++) {
        all = is_usable(call->row, bars, i);
    }
    if (all) {
        call->row->compute(bars, call->parameters, targets);
        return ISO_OK;
    }
    ISO_TRY(usable_init(&usable, call->row, bars, err));
    call->row->compute(&usable.bars, call->parameters, usable.targets);
    for (size_t j = 0; j < indicator_outputs(call); j++) {
        for (size_t i = 0; i < bars->count; i++) {
            targets[j][i] = (double)NAN;
        }
        for (size_t i = 0; i < usable.bars.count; i++) {
            targets[j][usable.indices[i]] = usable.targets[j][i];
        }
    }
    return ISO_OK;
}

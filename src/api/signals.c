/* SPDX-License-Identifier: Apache-2.0 */
/* Indicators and summaries, behind include/isobar.h. */
#include "signal/catalog.h"
#include "signal/summary.h"

#include <stdio.h>
#include <string.h>

_Static_assert(ISO_INDICATOR_OUTPUTS_MAX == INDICATOR_OUTPUTS_MAX, "one limit");

static iso_status parse(const char *indicator, struct indicator_call *call, struct iso_error *err)
{
    if (indicator == NULL) {
        ISO_FAIL(BAD_ARGUMENT, err, "indicator must not be NULL");
    }
    return indicator_parse(indicator, call, err);
}

iso_status iso_indicator_outputs(const char *indicator, size_t *output_count, struct iso_error *err)
{
    struct indicator_call call;
    if (output_count == NULL) {
        ISO_FAIL(BAD_ARGUMENT, err, "output_count must not be NULL");
    }
    ISO_TRY(parse(indicator, &call, err));
    *output_count = indicator_outputs(&call);
    return ISO_OK;
}

iso_status iso_indicator_label(const char *indicator, size_t output, char *target,
                               size_t target_bytes, struct iso_error *err)
{
    struct indicator_call call;
    char label[INDICATOR_LABEL_BYTES];
    ISO_TRY(parse(indicator, &call, err));
    if (target == NULL || output >= indicator_outputs(&call)) {
        ISO_FAIL(BAD_ARGUMENT, err, "%.40s has %zu outputs, and target must not be NULL", indicator,
                 indicator_outputs(&call));
    }
    indicator_label(&call, output, label);
    if (strlen(label) >= target_bytes) {
        ISO_FAIL(BUFFER_SHORT, err, "the name %s wants %zu bytes, there are %zu", label,
                 strlen(label) + 1, target_bytes);
    }
    (void)snprintf(target, target_bytes, "%s", label);
    return ISO_OK;
}

static iso_status check_bars(const struct iso_bars *bars, struct iso_error *err)
{
    if (bars == NULL || (bars->count > 0 && (!bars->time_us || !bars->high || !bars->low ||
                                             !bars->close || !bars->volume))) {
        ISO_FAIL(BAD_ARGUMENT, err, "bars and their times, high, low, close, volume must be set");
    }
    return ISO_OK;
}

iso_status iso_indicator_compute(const char *indicator, const struct iso_bars *bars,
                                 double *const *targets, size_t output_count, struct iso_error *err)
{
    struct indicator_call call;
    ISO_TRY(parse(indicator, &call, err));
    ISO_TRY(check_bars(bars, err));
    bool whole = targets != NULL && output_count == indicator_outputs(&call);
    for (size_t i = 0; whole && i < output_count; i++) {
        whole = targets[i] != NULL;
    }
    if (!whole) {
        ISO_FAIL(BAD_ARGUMENT, err, "%.40s fills %zu columns, each of which must be set", indicator,
                 indicator_outputs(&call));
    }
    struct signal_bars source = {bars->count, bars->time_us, bars->high,
                                 bars->low,   bars->close,   bars->volume};
    return indicator_compute(&call, &source, targets, err);
}

/* A piece at a time, so that no whole copy is needed. */
static iso_status add_piece(const struct iso_bars *bars, size_t first, size_t count,
                            struct bars *piece, struct summary_state *state, struct iso_error *err)
{
    piece->count = 0;
    for (size_t i = first; i < first + count; i++) {
        struct bar bar = {
            .time_us = bars->time_us[i],
            .value = {bars->open[i], bars->high[i], bars->low[i], bars->close[i], bars->volume[i],
                      BAR_ABSENT},
            .trade_count = BAR_COUNT_ABSENT,
        };
        ISO_TRY(bars_append(piece, &bar, err));
    }
    return summary_add(state, piece, err);
}

iso_status iso_bars_summary(const struct iso_bars *bars, struct iso_summary *summary,
                            struct iso_error *err)
{
    enum { PIECE_BARS = 4096 };
    ISO_DEFER(bars_reset) struct bars piece = {0};
    ISO_DEFER(summary_reset) struct summary_state state;
    summary_begin(&state);
    ISO_TRY(check_bars(bars, err));
    if (summary == NULL || (bars->count > 0 && bars->open == NULL)) {
        ISO_FAIL(BAD_ARGUMENT, err, "summary and bars->open must not be NULL");
    }
    for (size_t i = 0; i < bars->count; i += PIECE_BARS) {
        size_t count = bars->count - i < PIECE_BARS ? bars->count - i : PIECE_BARS;
        ISO_TRY(add_piece(bars, i, count, &piece, &state, err));
    }
    ISO_TRY(summary_end(&state, err));
    *summary = (struct iso_summary){.bars = state.summary.bars,
                                    .first_us = state.summary.first_us,
                                    .last_us = state.summary.last_us,
#define X(name) .name = state.summary.name,
                                    MARKET_SUMMARY_TABLE(X)
#undef X
    };
    return ISO_OK;
}

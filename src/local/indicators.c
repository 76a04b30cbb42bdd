/* SPDX-License-Identifier: Apache-2.0 */
#include "local/indicators.h"

#include "market/time.h"

struct signal_bars signal_bars_of(const struct bars *bars)
{
    return (struct signal_bars){
        bars->count,          bars->time_us,          bars->value[BAR_high],
        bars->value[BAR_low], bars->value[BAR_close], bars->value[BAR_volume]};
}

static iso_status read_bars(struct view *view, const struct bar_request *request,
                            struct indicator_table *table, struct iso_error *err)
{
    ISO_DEFER(bar_stream_close) struct bar_stream *stream = NULL;
    struct bar_request whole = *request;
    whole.range.from_us = TIME_MIN_US;
    whole.last = 0;
    ISO_TRY(bar_stream_open(view, &whole, &stream, err));
    ISO_TRY(bar_stream_read(stream, &table->bars, err));
    const struct coverage *met = bar_stream_coverage(stream);
    for (size_t i = 0; i < met->range_count; i++) {
        const struct missing_range *range = &met->ranges[i];
        ISO_TRY(coverage_add(&table->coverage, range->range, range->hole, range->reason, err));
    }
    table->series = *bar_stream_series(stream);
    table->first = bars_find(&table->bars, request->range.from_us);
    if (request->last > 0 && table->bars.count - table->first > request->last) {
        table->first = table->bars.count - request->last;
    }
    return ISO_OK;
}

static bool is_wanted(const bool *wanted, size_t first, size_t count)
{
    bool any = wanted == NULL;
    for (size_t i = 0; i < count && !any; i++) {
        any = wanted[first + i];
    }
    return any;
}

iso_status indicator_table_load(struct view *view, const struct bar_request *request,
                                const struct indicator_call *calls, size_t call_count,
                                const bool *wanted, struct indicator_table *table,
                                struct iso_error *err)
{
    table->coverage.complete = true;
    ISO_TRY(read_bars(view, request, table, err));
    struct signal_bars bars = signal_bars_of(&table->bars);
    ISO_NEW(table->columns, call_count * INDICATOR_OUTPUTS_MAX, err);
    for (size_t i = 0; i < call_count; i++) {
        size_t outputs = indicator_outputs(&calls[i]);
        double **columns = &table->columns[table->column_count];
        bool computed = is_wanted(wanted, table->column_count, outputs);
        table->column_count += outputs;
        for (size_t j = 0; computed && j < outputs; j++) {
            ISO_NEW(columns[j], table->bars.count, err);
        }
        ISO_TRY(computed ? indicator_compute(&calls[i], &bars, columns, err) : ISO_OK);
    }
    return ISO_OK;
}

void indicator_table_reset(struct indicator_table *table)
{
    for (size_t i = 0; i < table->column_count; i++) {
        free(table->columns[i]);
    }
    free(table->columns);
    bars_reset(&table->bars);
    coverage_reset(&table->coverage);
}

iso_status series_summary(struct view *view, const struct series *series, struct range range,
                          struct market_summary *summary, struct coverage *coverage,
                          struct iso_error *err)
{
    ISO_DEFER(bars_reset) struct bars part = {0};
    ISO_DEFER(cursor_close) struct cursor *cursor = NULL;
    ISO_DEFER(summary_reset) struct summary_state state;
    summary_begin(&state);
    ISO_TRY(cursor_open(view, series, range, coverage, &cursor, err));
    do {
        ISO_TRY(cursor_next(cursor, &part, err));
        ISO_TRY(summary_add(&state, &part, err));
    } while (part.count > 0);
    ISO_TRY(summary_end(&state, err));
    *summary = state.summary;
    return ISO_OK;
}

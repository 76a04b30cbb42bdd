/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"
#include "local/bars_csv.h"
#include "market/time.h"

#include <string.h>

enum { FLUSH_BYTES = 1 << 20 };

static void add_absent_integer(struct json *json, const char *key, int64_t value)
{
    if (value == BAR_COUNT_ABSENT) {
        json_add_null(json, key);
    } else {
        json_add_integer(json, key, value);
    }
}

static iso_status print_json(const struct series *series, const struct bars *bars,
                             const struct coverage *coverage, struct iso_error *err)
{
    static const char *const names[] = {
#define X(name) #name,
        BAR_VALUE_TABLE(X)
#undef X
    };
    ISO_DEFER(text_reset) struct text text = {0};
    struct json json = {.text = &text};
    result_json_begin(&json);
    json_add_string(&json, "symbol", series->symbol);
    json_add_string(&json, "interval", series->interval->name);
    result_json_coverage(&json, coverage);
    json_begin_array(&json, "bars");
    for (size_t i = 0; i < bars->count; i++) {
        char time[TIME_TEXT_BYTES];
        (void)time_format(bars->time_us[i], time);
        json_begin_object(&json, NULL);
        json_add_string(&json, "timestamp", time);
        for (size_t j = 0; j < BAR_VALUE_COUNT; j++) {
            json_add_number(&json, names[j], bars->value[j][i]);
        }
        add_absent_integer(&json, "trade_count", bars->trade_count[i]);
        json_end_object(&json);
        if (text.length >= FLUSH_BYTES) {
            ISO_TRY(result_write(&text, err));
            text_clear(&text);
        }
    }
    json_end_array(&json);
    return result_json_end(&json, err);
}

static iso_status print_csv(const struct series *series, const struct bars *bars,
                            struct iso_error *err)
{
    enum { ROWS_AT_ONCE = 8192 };
    ISO_DEFER(text_reset) struct text text = {0};
    bars_csv_head(&text);
    for (size_t at = 0; at < bars->count; at += ROWS_AT_ONCE) {
        size_t count = bars->count - at < ROWS_AT_ONCE ? bars->count - at : ROWS_AT_ONCE;
        struct bars part = bars_slice(bars, at, count);
        bars_csv_rows(&text, series, &part);
        ISO_TRY(result_write(&text, err));
        text_clear(&text);
    }
    return result_write(&text, err);
}

static void table_number(struct table *table, double value)
{
    char number[NUMBER_TEXT_BYTES] = "";
    if (!isnan(value)) {
        (void)number_format(value, number);
    }
    table_cell(table, "%s", number);
}

static iso_status print_table(const struct bars *bars, struct iso_error *err)
{
    static const char *const heads[] = {"timestamp", ">open",   ">high", ">low",
                                        ">close",    ">volume", ">vwap", ">trades"};
    ISO_DEFER(text_reset) struct text text = {0};
    struct table table;
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    for (size_t i = 0; i < bars->count; i++) {
        char time[TIME_TEXT_BYTES];
        (void)time_format(bars->time_us[i], time);
        table_cell(&table, "%s", time);
        for (size_t j = 0; j < BAR_VALUE_COUNT; j++) {
            table_number(&table, bars->value[j][i]);
        }
        if (bars->trade_count[i] == BAR_COUNT_ABSENT) {
            table_cell(&table, "%s", "");
        } else {
            table_cell(&table, "%lld", (long long)bars->trade_count[i]);
        }
    }
    table_end(&table, &text);
    return result_write(&text, err);
}

iso_status command_get(struct call *call, struct iso_error *err)
{
    struct series series;
    struct range range;
    ISO_DEFER(store_close) struct store *store = NULL;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    const char *format = call_text(call, OPTION_format);
    ISO_TRY(series_make(call->arguments[0], call->arguments[1], &series, err));
    ISO_TRY(call_range(call, &range, err));
    ISO_TRY(call_store(call, STORE_READ, &store, err));
    ISO_TRY(call_has(call, OPTION_last)
                ? store_read_last(store, &series, range, (size_t)call_integer(call, OPTION_last),
                                  &bars, &coverage, err)
                : store_read(store, &series, range, &bars, &coverage, err));
    call->exit_code = coverage.complete ? ISO_CLASS_OK : ISO_CLASS_PROBLEM;
    result_say_coverage(call, &coverage);
    if (call_flag(call, OPTION_json) || strcmp(format, "json") == 0) {
        return print_json(&series, &bars, &coverage, err);
    }
    return strcmp(format, "csv") == 0 ? print_csv(&series, &bars, err) : print_table(&bars, err);
}

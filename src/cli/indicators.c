/* SPDX-License-Identifier: Apache-2.0 */
#include "local/indicators.h"

#include "cli/sql_print.h"

/* What can be asked for, from the table of indicators. */
static iso_status list_indicators(struct call *call, struct iso_error *err)
{
    static const char *const heads[] = {"indicator", "presets", "columns", "what it is"};
    ISO_DEFER(text_reset) struct text text = {0};
    struct listing listing;
    listing_begin(&listing, call, &text, "indicators", heads, 4);
    for (size_t i = 0; indicator_row(i) != NULL; i++) {
        const struct indicator *row = indicator_row(i);
        ISO_DEFER(text_reset) struct text presets = {0};
        ISO_DEFER(text_reset) struct text outputs = {0};
        for (size_t j = 0; j < INDICATOR_PARAMETERS_MAX && row->parameters[j].name != NULL; j++) {
            text_addf(&presets, "%s%s=%g", j > 0 ? "," : "", row->parameters[j].name,
                      row->parameters[j].preset);
        }
        for (size_t j = 0; j < INDICATOR_OUTPUTS_MAX && row->outputs[j] != NULL; j++) {
            text_addf(&outputs, "%s%s", j > 0 ? " " : "", row->outputs[j]);
        }
        if (listing.is_json) {
            json_begin_object(&listing.json, NULL);
            json_add_string(&listing.json, "name", row->name);
            json_add_string(&listing.json, "presets", text_get(&presets));
            json_add_string(&listing.json, "columns", text_get(&outputs));
            json_add_string(&listing.json, "help", row->help);
            json_end_object(&listing.json);
        } else {
            table_add(&listing.table, row->name);
            table_add(&listing.table, text_get(&presets));
            table_add(&listing.table, text_get(&outputs));
            table_add(&listing.table, row->help);
        }
    }
    listing_end(&listing);
    return result_write(&text, err);
}

/* The command is a query: what it prints is what SQL gives. */
static iso_status make_query(const struct call *call, struct text *query, struct iso_error *err)
{
    struct indicator_call parsed;
    text_add(query, "SELECT timestamp, close, COLUMNS(* EXCLUDE (symbol, interval, timestamp, open,"
                    " high, low, close, volume, vwap, trade_count)) FROM indicators(");
    query_add_string(query, call->arguments[0]);
    text_add(query, ", ");
    query_add_string(query, call->arguments[1]);
    for (int i = 2; i < call->argument_count; i++) {
        ISO_TRY(indicator_parse(call->arguments[i], &parsed, err));
        text_add(query, i == 2 ? ", [" : ", ");
        query_add_string(query, call->arguments[i]);
    }
    text_add(query, "]");
    static const enum option_id options[] = {OPTION_from, OPTION_to, OPTION_last, OPTION_resample};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        query_add_option(query, call, options[i]);
    }
    text_add(query, ")");
    return text_check(query, err);
}

iso_status command_indicators(struct call *call, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text query = {0};
    struct bar_request request;
    if (call->argument_count == 0) {
        return list_indicators(call, err);
    }
    if (call->argument_count < 3) {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "isobar indicators wants SYMBOL INTERVAL NAME[:ARGS]..., as BTCUSDT 1h sma:20; "
                 "without any it lists the names");
    }
    ISO_TRY(call_bars(call, &request, err));
    ISO_TRY(make_query(call, &query, err));
    return query_print(call, text_get(&query), true, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sql_print.h"
#include "market/series.h"

#include <string.h>

/* The command is a query: what it prints is what SQL gives. */
static iso_status make_query(const struct call *call, struct text *query, struct iso_error *err)
{
    text_add(query, "SELECT * FROM market_summary(symbols := ");
    for (int i = 0; i < call->argument_count; i++) {
        text_add(query, i == 0 ? "[" : ", ");
        query_add_string(query, call->arguments[i]);
    }
    text_add(query, call->argument_count > 0 ? "]" : "NULL");
    query_add_option(query, call, OPTION_interval);
    query_add_option(query, call, OPTION_from);
    query_add_option(query, call, OPTION_to);
    text_add(query, ") ORDER BY symbol, last - first DESC");
    return text_check(query, err);
}

struct wanted {
    const char *symbol;
    bool found;
};

static iso_status note_symbol(void *context, const struct series_row *row, struct iso_error *err)
{
    struct wanted *wanted = context;
    (void)err;
    wanted->found = wanted->found || strcmp(wanted->symbol, row->series.symbol) == 0;
    return ISO_OK;
}

/* A typing error is no empty answer. */
static iso_status check_symbols(const struct call *call, struct iso_error *err)
{
    ISO_DEFER(view_close) struct view *view = NULL;
    ISO_TRY(call_view(call, &view, err));
    for (int i = 0; i < call->argument_count; i++) {
        struct wanted wanted = {call->arguments[i], false};
        ISO_TRY(view_each_series(view, note_symbol, &wanted, err));
        if (!wanted.found) {
            ISO_FAIL(NOT_FOUND, err, "the store has no series %.64s; see isobar ls", wanted.symbol);
        }
    }
    return ISO_OK;
}

iso_status command_summary(struct call *call, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text query = {0};
    struct range range;
    struct series series;
    ISO_TRY(call_range(call, &range, err)); /* said in the command's words, not in SQL's */
    if (call_has(call, OPTION_interval)) {
        ISO_TRY(series_make("X", call_text(call, OPTION_interval), &series, err));
    }
    ISO_TRY(check_symbols(call, err));
    ISO_TRY(make_query(call, &query, err));
    return query_print(call, text_get(&query), true, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/evolving.h"

#include "base/file.h"

#include <stdio.h>
#include <string.h>

iso_status call_series(const struct call *call, struct series *series, struct iso_error *err)
{
    const char *symbol = NULL;
    const char *interval = NULL;
    ISO_TRY(call_require(call, OPTION_symbol, &symbol, err));
    ISO_TRY(call_require(call, OPTION_interval, &interval, err));
    return series_make(symbol, interval, series, err);
}

iso_status call_board(const struct call *call, enum board_mode mode, struct board **board,
                      struct iso_error *err)
{
    ISO_DEFER(store_close) struct store *store = NULL;
    ISO_DEFER(text_reset) struct text path = {0};
    ISO_TRY(call_store(call, STORE_READ, &store, err));
    text_addf(&path, "%s/board.db", store_directory(store));
    ISO_TRY(text_check(&path, err));
    iso_status status = board_open(store_os(store), text_get(&path), mode, board, err);
    if (iso_status_code(status) == ISO_ERROR_NOT_FOUND) {
        ISO_FAIL(NOT_FOUND, err, "this store has no runs yet; isobar evolve makes one");
    }
    return status;
}

iso_status require_complete(const struct call *call, const struct coverage *coverage,
                            struct iso_error *err)
{
    result_say_coverage(call, coverage);
    if (!coverage->complete && !call_flag(call, OPTION_allow_partial)) {
        ISO_FAIL(PARTIAL, err,
                 "stored bars cannot be read (%s); \"isobar verify\" lists the damage, "
                 "--allow-partial goes on without them",
                 coverage_reason(coverage));
    }
    return ISO_OK;
}

void result_json_metrics(struct json *json, const struct metrics *metrics)
{
#define X(name, help)                                                 \
    if (strcmp(#name, "trades") == 0 || strcmp(#name, "bars") == 0) { \
        json_add_integer(json, #name, (int64_t)metrics->name);        \
    } else {                                                          \
        json_add_number(json, #name, metrics->name);                  \
    }
    METRIC_TABLE(X)
#undef X
}

static void add_row(struct table *table, const char *name, const struct metrics *const *sets,
                    size_t set_count)
{
    table_cell(table, "%s", name);
    for (size_t i = 0; i < set_count; i++) {
        double value = 0.0;
        (void)metric_get(sets[i], name, &value);
        table_cell(table, "%.6g", value);
    }
}

void result_table_metrics(const char *const *heads, const struct metrics *const *sets,
                          size_t set_count, struct text *target)
{
    struct table table;
    table_begin(&table, heads, set_count + 1);
#define X(name, help) add_row(&table, #name, sets, set_count);
    METRIC_TABLE(X)
#undef X
    table_end(&table, target);
}

iso_status output_write(const char *path, const struct text *text, struct iso_error *err)
{
    ISO_TRY(text_check(text, err));
    if (strcmp(path, "-") == 0) {
        return result_write(text, err);
    }
    return file_write(os_system(), path, text->data, text->length, err);
}

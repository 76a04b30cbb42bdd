/* SPDX-License-Identifier: Apache-2.0 */
/* indicators(symbol, interval, names): the bars of a series with columns of indicators. */
#include "local/indicators.h"
#include "local/sql_tables.h"
#include "local/sql_vector.h"

#include <string.h>

enum { COLUMNS_MAX = SQL_BARS_COLUMNS + INDICATOR_CALLS_MAX * INDICATOR_OUTPUTS_MAX };

struct binding {
    struct sql_state *state;
    struct bar_request request;
    struct indicator_call calls[INDICATOR_CALLS_MAX];
    size_t call_count;
};

struct scan {
    struct indicator_table table;
    idx_t projection[COLUMNS_MAX];
    idx_t projection_count;
    size_t next_bar;
};

static void scan_free(void *pointer)
{
    struct scan *scan = pointer;
    indicator_table_reset(&scan->table);
    free(scan);
}

static void scan_defer(struct scan **scan)
{
    if (*scan != NULL) {
        scan_free(*scan);
    }
}

static char *positional(duckdb_bind_info info, idx_t index)
{
    duckdb_value value = duckdb_bind_get_parameter(info, index);
    char *text = duckdb_is_null_value(value) ? NULL : duckdb_get_varchar(value);
    duckdb_destroy_value(&value);
    return text;
}

static iso_status read_series(duckdb_bind_info info, struct series *series, struct iso_error *err)
{
    char *symbol = positional(info, 0);
    char *interval = positional(info, 1);
    iso_status status =
        series_make(symbol != NULL ? symbol : "", interval != NULL ? interval : "", series, err);
    duckdb_free(symbol);
    duckdb_free(interval);
    return status;
}

static iso_status read_calls(duckdb_bind_info info, struct binding *binding, struct iso_error *err)
{
    iso_status status = ISO_OK;
    duckdb_value list = duckdb_bind_get_parameter(info, 2);
    idx_t count = duckdb_is_null_value(list) ? 0 : duckdb_get_list_size(list);
    for (idx_t i = 0; i < count && i < INDICATOR_CALLS_MAX && !iso_failed(status); i++) {
        duckdb_value child = duckdb_get_list_child(list, i);
        char *text = duckdb_get_varchar(child);
        status =
            indicator_parse(text != NULL ? text : "", &binding->calls[binding->call_count++], err);
        duckdb_free(text);
        duckdb_destroy_value(&child);
    }
    duckdb_destroy_value(&list);
    if (count == 0) {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "names lists no indicator; as in indicators('BTC', '1h', ['sma:20'])");
    }
    if (count > INDICATOR_CALLS_MAX) {
        ISO_FAIL(LIMIT, err, "at most %d indicators at once", INDICATOR_CALLS_MAX);
    }
    return status;
}

static void add_value_columns(duckdb_bind_info info, const struct binding *binding)
{
    for (size_t i = 0; i < binding->call_count; i++) {
        for (size_t j = 0; j < indicator_outputs(&binding->calls[i]); j++) {
            char label[INDICATOR_LABEL_BYTES];
            indicator_label(&binding->calls[i], j, label);
            struct sql_table_column column = {label, DUCKDB_TYPE_DOUBLE};
            sql_add_columns(info, &column, 1);
        }
    }
}

static void indicators_bind(duckdb_bind_info info)
{
    struct iso_error error = {0};
    ISO_DEFER(mem_defer_free) struct binding *binding = calloc(1, sizeof *binding);
    if (binding == NULL) {
        duckdb_bind_set_error(info, "no memory");
        return;
    }
    binding->state = duckdb_bind_get_extra_info(info);
    if (iso_failed(read_series(info, &binding->request.series, &error)) ||
        iso_failed(sql_read_range(info, &binding->request.range, &error)) ||
        iso_failed(sql_read_interval(info, "resample", &binding->request.resample, &error)) ||
        iso_failed(sql_read_last(info, &binding->request.last, &error)) ||
        iso_failed(read_calls(info, binding, &error))) {
        duckdb_bind_set_error(info, error.text);
        return;
    }
    sql_add_columns(info, sql_bars_columns, SQL_BARS_COLUMNS);
    add_value_columns(info, binding);
    duckdb_bind_set_bind_data(info, binding, free);
    binding = NULL;
}

static iso_status load(const struct binding *binding, struct scan *scan, struct iso_error *err)
{
    bool wanted[COLUMNS_MAX] = {false};
    for (idx_t i = 0; i < scan->projection_count; i++) {
        idx_t column = scan->projection[i];
        if (column >= SQL_BARS_COLUMNS && column < COLUMNS_MAX) {
            wanted[column - SQL_BARS_COLUMNS] = true;
        }
    }
    ISO_TRY(indicator_table_load(binding->state->view, &binding->request, binding->calls,
                                 binding->call_count, wanted, &scan->table, err));
    scan->next_bar = scan->table.first;
    return sql_state_note(binding->state, &binding->request.series, &scan->table.coverage, err);
}

static void indicators_init(duckdb_init_info info)
{
    struct iso_error error = {0};
    ISO_DEFER(scan_defer) struct scan *scan = calloc(1, sizeof *scan);
    if (scan == NULL) {
        duckdb_init_set_error(info, "no memory");
        return;
    }
    scan->projection_count = duckdb_init_get_column_count(info);
    ISO_ASSERT(scan->projection_count <= COLUMNS_MAX);
    for (idx_t i = 0; i < scan->projection_count; i++) {
        scan->projection[i] = duckdb_init_get_column_index(info, i);
    }
    if (iso_failed(load(duckdb_init_get_bind_data(info), scan, &error))) {
        duckdb_init_set_error(info, error.text);
        return;
    }
    duckdb_init_set_max_threads(info, 1);
    duckdb_init_set_init_data(info, scan, scan_free);
    scan = NULL;
}

static void indicators_scan(duckdb_function_info info, duckdb_data_chunk output)
{
    struct scan *scan = duckdb_function_get_init_data(info);
    const struct indicator_table *table = &scan->table;
    idx_t count = table->bars.count - scan->next_bar;
    count = count < duckdb_vector_size() ? count : duckdb_vector_size();
    struct bars part = bars_slice(&table->bars, scan->next_bar, count);
    for (idx_t i = 0; count > 0 && i < scan->projection_count; i++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(output, i);
        idx_t column = scan->projection[i];
        if (column < SQL_BARS_COLUMNS) {
            sql_fill_bars(vector, column, &table->series, &part);
        } else if (column - SQL_BARS_COLUMNS < table->column_count) {
            sql_fill_numbers(vector, table->columns[column - SQL_BARS_COLUMNS] + scan->next_bar,
                             count);
        }
    }
    scan->next_bar += count;
    duckdb_data_chunk_set_size(output, count);
}

iso_status sql_indicators_register(duckdb_connection connection, struct sql_state *state,
                                   struct iso_error *err)
{
    static const char *const names[] = {"from", "to", "resample"};
    static const char *const last = "last";
    duckdb_table_function function = duckdb_create_table_function();
    duckdb_logical_type text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    duckdb_logical_type list = duckdb_create_list_type(text);
    duckdb_table_function_add_parameter(function, text);
    duckdb_table_function_add_parameter(function, text);
    duckdb_table_function_add_parameter(function, list);
    duckdb_destroy_logical_type(&list);
    duckdb_destroy_logical_type(&text);
    sql_add_parameters(function, names, sizeof names / sizeof names[0], DUCKDB_TYPE_VARCHAR);
    sql_add_parameters(function, &last, 1, DUCKDB_TYPE_BIGINT);
    duckdb_table_function_set_extra_info(function, state, NULL);
    duckdb_table_function_set_bind(function, indicators_bind);
    duckdb_table_function_set_init(function, indicators_init);
    duckdb_table_function_set_function(function, indicators_scan);
    duckdb_table_function_supports_projection_pushdown(function, true);
    return sql_register_function(connection, &function, "indicators", err);
}

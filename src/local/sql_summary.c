/* SPDX-License-Identifier: Apache-2.0 */
/* market_summary(...): each series in a few numbers, one at a time. */
#include "local/indicators.h"
#include "local/sql_choice.h"
#include "local/sql_tables.h"
#include "local/sql_vector.h"

enum { KEY_COLUMNS = 5, COLUMN_COUNT = KEY_COLUMNS + MARKET_SUMMARY_COUNT };

/* clang-format off */
static const struct sql_table_column columns[COLUMN_COUNT] = {
    {"symbol", DUCKDB_TYPE_VARCHAR}, {"interval", DUCKDB_TYPE_VARCHAR}, {"bars", DUCKDB_TYPE_BIGINT},
    {"first", DUCKDB_TYPE_TIMESTAMP}, {"last", DUCKDB_TYPE_TIMESTAMP},
#define X(name) {#name, DUCKDB_TYPE_DOUBLE},
    MARKET_SUMMARY_TABLE(X)
#undef X
};
/* clang-format on */

struct binding {
    struct sql_state *state;
    struct sql_choice choice;
};

struct scan {
    const struct binding *binding;
    struct sql_series chosen;
    size_t series_index;
};

static void binding_free(void *pointer)
{
    struct binding *binding = pointer;
    sql_choice_reset(&binding->choice);
    free(binding);
}

static void scan_free(void *pointer)
{
    struct scan *scan = pointer;
    sql_series_reset(&scan->chosen);
    free(scan);
}

static void summary_bind(duckdb_bind_info info)
{
    struct iso_error error = {0};
    struct binding *binding = calloc(1, sizeof *binding);
    if (binding == NULL) {
        duckdb_bind_set_error(info, "no memory");
        return;
    }
    duckdb_bind_set_bind_data(info, binding, binding_free);
    binding->state = duckdb_bind_get_extra_info(info);
    sql_add_columns(info, columns, COLUMN_COUNT);
    if (iso_failed(sql_choice_read(info, &binding->choice, &error))) {
        duckdb_bind_set_error(info, error.text);
    }
}

static void summary_init(duckdb_init_info info)
{
    struct iso_error error = {0};
    struct scan *scan = calloc(1, sizeof *scan);
    if (scan == NULL) {
        duckdb_init_set_error(info, "no memory");
        return;
    }
    duckdb_init_set_init_data(info, scan, scan_free);
    duckdb_init_set_max_threads(info, 1);
    scan->binding = duckdb_init_get_bind_data(info);
    if (iso_failed(sql_choice_list(&scan->binding->choice, scan->binding->state->view,
                                   &scan->chosen, &error))) {
        duckdb_init_set_error(info, error.text);
    }
}

static void fill_row(duckdb_data_chunk output, const struct series *series,
                     const struct market_summary *summary)
{
    const double numbers[] = {
#define X(name) summary->name,
        MARKET_SUMMARY_TABLE(X)
#undef X
    };
    const int64_t integers[] = {(int64_t)summary->bars, summary->first_us, summary->last_us};
    sql_fill_text(duckdb_data_chunk_get_vector(output, 0), 1, series->symbol);
    sql_fill_text(duckdb_data_chunk_get_vector(output, 1), 1, series->interval->name);
    for (idx_t i = 2; i < KEY_COLUMNS; i++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(output, i);
        *(int64_t *)duckdb_vector_get_data(vector) = integers[i - 2];
    }
    for (idx_t i = 0; i < MARKET_SUMMARY_COUNT; i++) {
        sql_fill_numbers(duckdb_data_chunk_get_vector(output, KEY_COLUMNS + i), &numbers[i], 1);
    }
}

/* The next series that has bars in the range. */
static iso_status next_row(struct scan *scan, duckdb_data_chunk output, struct iso_error *err)
{
    struct sql_state *state = scan->binding->state;
    idx_t rows = 0;
    while (rows == 0 && scan->series_index < scan->chosen.count) {
        const struct series *series = &scan->chosen.series[scan->series_index++];
        ISO_DEFER(coverage_reset) struct coverage coverage = {0};
        struct market_summary summary;
        ISO_TRY(series_summary(state->view, series, scan->binding->choice.range, &summary,
                               &coverage, err));
        ISO_TRY(sql_state_note(state, series, &coverage, err));
        rows = summary.bars > 0 ? 1 : 0;
        if (rows > 0) {
            fill_row(output, series, &summary);
        }
    }
    duckdb_data_chunk_set_size(output, rows);
    return ISO_OK;
}

static void summary_scan(duckdb_function_info info, duckdb_data_chunk output)
{
    struct iso_error error = {0};
    if (iso_failed(next_row(duckdb_function_get_init_data(info), output, &error))) {
        duckdb_function_set_error(info, error.text);
    }
}

iso_status sql_summary_register(duckdb_connection connection, struct sql_state *state,
                                struct iso_error *err)
{
    duckdb_table_function function = duckdb_create_table_function();
    sql_choice_add_parameters(function);
    duckdb_table_function_set_extra_info(function, state, NULL);
    duckdb_table_function_set_bind(function, summary_bind);
    duckdb_table_function_set_init(function, summary_init);
    duckdb_table_function_set_function(function, summary_scan);
    return sql_register_function(connection, &function, "market_summary", err);
}

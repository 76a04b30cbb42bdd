/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bars(...): one series after the other, each a calendar period at a time, so that memory stays
 * small whatever the query. Only the columns that the query reads are handed to DuckDB.
 */
#include "local/bar_stream.h"
#include "local/sql_choice.h"
#include "local/sql_tables.h"
#include "local/sql_vector.h"

#include <stdio.h>
#include <string.h>

/* What a bind remembers: the parameters. */
struct binding {
    struct sql_state *state;
    struct sql_choice choice;
    const struct interval *resample;
    size_t last;
};

struct scan {
    const struct binding *binding;
    idx_t projection[SQL_BARS_COLUMNS];
    idx_t projection_count;
    struct sql_series chosen;
    size_t series_index;       /* the next to be opened */
    struct bar_stream *stream; /* of the one before */
    struct series source;      /* whose bars the stream reads */
    struct bars bars;          /* of the period being handed out */
    size_t next_bar;
};

static void binding_free(void *pointer)
{
    struct binding *binding = pointer;
    sql_choice_reset(&binding->choice);
    free(binding);
}

static void binding_defer(struct binding **binding)
{
    if (*binding != NULL) {
        binding_free(*binding);
    }
}

/* What a stream met is noted also where the query ended before the stream did. */
static iso_status end_stream(struct scan *scan, struct iso_error *err)
{
    iso_status status = ISO_OK;
    if (scan->stream != NULL) {
        status = sql_state_note(scan->binding->state, &scan->source,
                                bar_stream_coverage(scan->stream), err);
    }
    bar_stream_close(&scan->stream);
    return status;
}

static void scan_free(void *pointer)
{
    struct scan *scan = pointer;
    iso_ignore(end_stream(scan, NULL), "only memory can be missing, and the query has ended");
    sql_series_reset(&scan->chosen);
    bars_reset(&scan->bars);
    free(scan);
}

static void scan_defer(struct scan **scan)
{
    if (*scan != NULL) {
        scan_free(*scan);
    }
}

static iso_status read_parameters(duckdb_bind_info info, struct binding *binding,
                                  struct iso_error *err)
{
    const struct interval *interval;
    ISO_TRY(sql_choice_read(info, &binding->choice, err));
    ISO_TRY(sql_read_interval(info, "resample", &binding->resample, err));
    ISO_TRY(sql_read_last(info, &binding->last, err));
    interval = binding->choice.interval;
    if (binding->resample != NULL && interval == NULL) {
        ISO_FAIL(BAD_ARGUMENT, err, "resample wants interval too: which bars are made coarser?");
    }
    return binding->resample != NULL ? resample_check(interval, binding->resample, err) : ISO_OK;
}

/* The planner orders joins by how many rows it expects. */
static iso_status tell_cardinality(duckdb_bind_info info, const struct binding *binding,
                                   struct iso_error *err)
{
    ISO_DEFER(sql_series_reset) struct sql_series chosen = {0};
    ISO_TRY(sql_choice_list(&binding->choice, binding->state->view, &chosen, err));
    duckdb_bind_set_cardinality(info, chosen.bars, false);
    return ISO_OK;
}

static void bars_bind(duckdb_bind_info info)
{
    struct iso_error error = {0};
    ISO_DEFER(binding_defer) struct binding *binding = calloc(1, sizeof *binding);
    if (binding == NULL) {
        duckdb_bind_set_error(info, "no memory");
        return;
    }
    binding->state = duckdb_bind_get_extra_info(info);
    if (iso_failed(read_parameters(info, binding, &error)) ||
        iso_failed(tell_cardinality(info, binding, &error))) {
        duckdb_bind_set_error(info, error.text);
        return;
    }
    sql_add_columns(info, sql_bars_columns, SQL_BARS_COLUMNS);
    duckdb_bind_set_bind_data(info, binding, binding_free);
    binding = NULL;
}

static void bars_init(duckdb_init_info info)
{
    struct iso_error error = {0};
    ISO_DEFER(scan_defer) struct scan *scan = calloc(1, sizeof *scan);
    if (scan == NULL) {
        duckdb_init_set_error(info, "no memory");
        return;
    }
    scan->binding = duckdb_init_get_bind_data(info);
    scan->projection_count = duckdb_init_get_column_count(info);
    ISO_ASSERT(scan->projection_count <= SQL_BARS_COLUMNS);
    for (idx_t i = 0; i < scan->projection_count; i++) {
        scan->projection[i] = duckdb_init_get_column_index(info, i);
    }
    if (iso_failed(sql_choice_list(&scan->binding->choice, scan->binding->state->view,
                                   &scan->chosen, &error))) {
        duckdb_init_set_error(info, error.text);
        return;
    }
    duckdb_init_set_max_threads(info, 1);
    duckdb_init_set_init_data(info, scan, scan_free);
    scan = NULL;
}

static iso_status open_next(struct scan *scan, struct iso_error *err)
{
    const struct binding *binding = scan->binding;
    scan->source = scan->chosen.series[scan->series_index++];
    struct bar_request request = {.series = scan->source,
                                  .range = binding->choice.range,
                                  .resample = binding->resample,
                                  .last = binding->last};
    return bar_stream_open(binding->state->view, &request, &scan->stream, err);
}

/* Bars of the next period that has any; none at the end. */
static iso_status next_bars(struct scan *scan, struct iso_error *err)
{
    scan->bars.count = 0;
    scan->next_bar = 0;
    while (scan->bars.count == 0 &&
           (scan->stream != NULL || scan->series_index < scan->chosen.count)) {
        if (scan->stream == NULL) {
            ISO_TRY(open_next(scan, err));
        }
        ISO_TRY(bar_stream_next(scan->stream, &scan->bars, err));
        if (scan->bars.count == 0) {
            ISO_TRY(end_stream(scan, err));
        }
    }
    return ISO_OK;
}

static void bars_scan(duckdb_function_info info, duckdb_data_chunk output)
{
    struct iso_error error = {0};
    struct scan *scan = duckdb_function_get_init_data(info);
    if (scan->next_bar == scan->bars.count && iso_failed(next_bars(scan, &error))) {
        duckdb_function_set_error(info, error.text);
        return;
    }
    idx_t count = scan->bars.count - scan->next_bar;
    count = count < duckdb_vector_size() ? count : duckdb_vector_size();
    struct bars part = bars_slice(&scan->bars, scan->next_bar, count);
    for (idx_t i = 0; count > 0 && i < scan->projection_count; i++) {
        sql_fill_bars(duckdb_data_chunk_get_vector(output, i), scan->projection[i],
                      bar_stream_series(scan->stream), &part);
    }
    scan->next_bar += count;
    duckdb_data_chunk_set_size(output, count);
}

iso_status sql_bars_register(duckdb_connection connection, struct sql_state *state,
                             struct iso_error *err)
{
    static const char *const texts[] = {"resample"};
    static const char *const numbers[] = {"last"};
    duckdb_table_function function = duckdb_create_table_function();
    sql_choice_add_parameters(function);
    sql_add_parameters(function, texts, 1, DUCKDB_TYPE_VARCHAR);
    sql_add_parameters(function, numbers, 1, DUCKDB_TYPE_BIGINT);
    duckdb_table_function_set_extra_info(function, state, NULL);
    duckdb_table_function_set_bind(function, bars_bind);
    duckdb_table_function_set_init(function, bars_init);
    duckdb_table_function_set_function(function, bars_scan);
    duckdb_table_function_supports_projection_pushdown(function, true);
    return sql_register_function(connection, &function, "bars", err);
}

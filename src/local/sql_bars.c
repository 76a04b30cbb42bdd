/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bars(...): one series after the other, each a calendar period at a time, so that memory stays
 * small whatever the query. Only the columns that the query reads are handed to DuckDB.
 */
#include "local/bar_stream.h"
#include "local/sql_tables.h"
#include "local/sql_vector.h"
#include "market/time.h"

#include <stdio.h>
#include <string.h>

enum { NAMES_MAX = 4096 };

/* Names of which one must be met; none at all allows any. */
struct names {
    char **names; /* owned, by duckdb_free */
    size_t count;
    bool given;
};

/* What a bind remembers: the parameters. */
struct binding {
    struct sql_state *state;
    struct names symbols;
    struct names intervals;
    struct range range;
    const struct interval *interval; /* NULL: any */
    char *symbol;                    /* NULL: any */
    const struct interval *resample;
    size_t last;
};

struct scan {
    const struct binding *binding;
    idx_t projection[SQL_BARS_COLUMNS];
    idx_t projection_count;
    struct series *series;
    size_t series_count;
    size_t series_capacity;
    size_t series_index;       /* the next to be opened */
    struct bar_stream *stream; /* of the one before */
    struct series source;      /* whose bars the stream reads */
    struct bars bars;          /* of the period being handed out */
    size_t next_bar;
    size_t bar_count; /* of all series chosen; an estimate for the planner */
};

static void names_reset(struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        duckdb_free(names->names[i]);
    }
    free(names->names);
}

static void binding_free(void *pointer)
{
    struct binding *binding = pointer;
    names_reset(&binding->symbols);
    names_reset(&binding->intervals);
    duckdb_free(binding->symbol);
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
    free(scan->series);
    bars_reset(&scan->bars);
    free(scan);
}

static void scan_defer(struct scan **scan)
{
    if (*scan != NULL) {
        scan_free(*scan);
    }
}

static iso_status read_names(duckdb_bind_info info, const char *name, struct names *names,
                             struct iso_error *err)
{
    duckdb_value value = duckdb_bind_get_named_parameter(info, name);
    bool given = value != NULL && !duckdb_is_null_value(value);
    idx_t count = given ? duckdb_get_list_size(value) : 0;
    names->given = given;
    if (count > 0 && count <= NAMES_MAX) {
        names->names = calloc(count, sizeof *names->names);
    }
    for (idx_t i = 0; names->names != NULL && i < count; i++) {
        duckdb_value child = duckdb_get_list_child(value, i);
        names->names[names->count++] = duckdb_get_varchar(child);
        duckdb_destroy_value(&child);
    }
    duckdb_destroy_value(&value);
    if (count > NAMES_MAX) {
        ISO_FAIL(LIMIT, err, "%s lists %llu names, at most %d are taken", name,
                 (unsigned long long)count, NAMES_MAX);
    }
    if (names->count < count) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %llu names", (unsigned long long)count);
    }
    return ISO_OK;
}

static iso_status read_time_parameter(duckdb_bind_info info, const char *name, int64_t *time_us,
                                      struct iso_error *err)
{
    const struct os *os = os_system();
    char *text = sql_parameter(info, name);
    iso_status status =
        text == NULL
            ? ISO_OK
            : iso_context(time_parse_argument(text, os->clock_us(os->context), time_us, err), err,
                          "\"%s\"", name);
    duckdb_free(text);
    return status;
}

static iso_status read_interval_parameter(duckdb_bind_info info, const char *name,
                                          const struct interval **interval, struct iso_error *err)
{
    struct series series = {0};
    char *text = sql_parameter(info, name);
    iso_status status =
        text == NULL ? ISO_OK : iso_context(series_make("X", text, &series, err), err, "%s", name);
    duckdb_free(text);
    *interval = series.interval;
    return status;
}

static iso_status read_last_parameter(duckdb_bind_info info, size_t *last, struct iso_error *err)
{
    int64_t count;
    char *text = sql_parameter(info, "last");
    bool good = text == NULL || (integer_parse(text, text + strlen(text), &count) && count > 0);
    *last = text != NULL && good ? (size_t)count : 0;
    duckdb_free(text);
    if (!good) {
        ISO_FAIL(BAD_ARGUMENT, err, "last wants a whole number of bars, 1 or more");
    }
    return ISO_OK;
}

static iso_status read_parameters(duckdb_bind_info info, struct binding *binding,
                                  struct iso_error *err)
{
    binding->range = (struct range){TIME_MIN_US, TIME_MAX_US};
    binding->symbol = sql_parameter(info, "symbol");
    ISO_TRY(read_names(info, "symbols", &binding->symbols, err));
    ISO_TRY(read_names(info, "intervals", &binding->intervals, err));
    ISO_TRY(read_interval_parameter(info, "interval", &binding->interval, err));
    ISO_TRY(read_interval_parameter(info, "resample", &binding->resample, err));
    ISO_TRY(read_time_parameter(info, "from", &binding->range.from_us, err));
    ISO_TRY(read_time_parameter(info, "to", &binding->range.to_us, err));
    ISO_TRY(read_last_parameter(info, &binding->last, err));
    if (binding->resample != NULL && binding->interval == NULL) {
        ISO_FAIL(BAD_ARGUMENT, err, "resample wants interval too: which bars are made coarser?");
    }
    return binding->resample != NULL ? resample_check(binding->interval, binding->resample, err)
                                     : ISO_OK;
}

static bool allows(const struct names *names, const char *name)
{
    bool found = !names->given;
    for (size_t i = 0; i < names->count && !found; i++) {
        found = strcmp(names->names[i], name) == 0;
    }
    return found;
}

static iso_status choose_series(void *context, const struct series_row *row, struct iso_error *err)
{
    struct scan *scan = context;
    const struct binding *binding = scan->binding;
    bool chosen = (binding->symbol == NULL || strcmp(binding->symbol, row->series.symbol) == 0) &&
                  (binding->interval == NULL || binding->interval == row->series.interval) &&
                  allows(&binding->symbols, row->series.symbol) &&
                  allows(&binding->intervals, row->series.interval->name) &&
                  row->first_us < binding->range.to_us && row->last_us >= binding->range.from_us;
    if (!chosen) {
        return ISO_OK;
    }
    if (scan->series_count == scan->series_capacity) {
        size_t grown = scan->series_capacity == 0 ? 16 : scan->series_capacity * 2;
        struct series *series = realloc(scan->series, grown * sizeof *series);
        if (series == NULL) {
            ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %zu series", grown);
        }
        scan->series = series;
        scan->series_capacity = grown;
    }
    scan->series[scan->series_count++] = row->series;
    scan->bar_count += row->bars;
    return ISO_OK;
}

/* The planner orders joins by how many rows it expects. */
static iso_status tell_cardinality(duckdb_bind_info info, const struct binding *binding,
                                   struct iso_error *err)
{
    ISO_DEFER(mem_defer_free) struct series *series = NULL;
    struct scan probe = {.binding = binding};
    iso_status status = view_each_series(binding->state->view, choose_series, &probe, err);
    series = probe.series;
    duckdb_bind_set_cardinality(info, probe.bar_count, false);
    return status;
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
    if (iso_failed(view_each_series(scan->binding->state->view, choose_series, scan, &error))) {
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
    scan->source = scan->series[scan->series_index++];
    struct bar_request request = {.series = scan->source,
                                  .range = binding->range,
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
           (scan->stream != NULL || scan->series_index < scan->series_count)) {
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

static void add_list_parameters(duckdb_table_function function)
{
    duckdb_logical_type text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    duckdb_logical_type list = duckdb_create_list_type(text);
    duckdb_table_function_add_named_parameter(function, "symbols", list);
    duckdb_table_function_add_named_parameter(function, "intervals", list);
    duckdb_destroy_logical_type(&list);
    duckdb_destroy_logical_type(&text);
}

iso_status sql_bars_register(duckdb_connection connection, struct sql_state *state,
                             struct iso_error *err)
{
    static const char *const texts[] = {"symbol", "interval", "from", "to", "resample"};
    static const char *const numbers[] = {"last"};
    duckdb_table_function function = duckdb_create_table_function();
    sql_add_parameters(function, texts, sizeof texts / sizeof texts[0], DUCKDB_TYPE_VARCHAR);
    sql_add_parameters(function, numbers, 1, DUCKDB_TYPE_BIGINT);
    add_list_parameters(function);
    duckdb_table_function_set_extra_info(function, state, NULL);
    duckdb_table_function_set_bind(function, bars_bind);
    duckdb_table_function_set_init(function, bars_init);
    duckdb_table_function_set_function(function, bars_scan);
    duckdb_table_function_supports_projection_pushdown(function, true);
    return sql_register_function(connection, &function, "bars", err);
}

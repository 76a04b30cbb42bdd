/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's tables for DuckDB. A table is a row of table_rows: its columns and a scan. bars is
 * read one series and calendar period at a time, so that memory stays small whatever the query; the
 * other tables are small and collected when the query begins.
 */
#include "local/sql_tables.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

const char sql_tables_views[] = "CREATE VIEW bars AS SELECT * FROM bars();"
                                "CREATE VIEW series AS SELECT * FROM series();"
                                "CREATE VIEW segments AS SELECT * FROM segments();"
                                "CREATE VIEW quarantine AS SELECT * FROM quarantine();";

enum { CELL_COLUMNS_MAX = 10 };

struct table_column {
    const char *name;
    duckdb_type type;
};

/* What a scan of one table keeps. Cells of small tables are int64 or text, row by row. */
struct cell {
    int64_t integer;
    char *text;
};

struct scan {
    struct store *store;
    const struct table_row *table;
    idx_t projection[CELL_COLUMNS_MAX]; /* the table's column behind each output column */
    idx_t projection_count;
    /* small tables */
    struct cell *cells;
    size_t cell_count;
    size_t cell_capacity;
    size_t next_row;
    /* bars */
    struct series_row *series;
    size_t series_count;
    size_t series_index;
    int64_t period_us;         /* where the next period begins */
    struct bars bars;          /* of the period being handed out */
    struct series bars_series; /* whose they are */
    size_t next_bar;
};

struct table_row {
    const char *name;
    size_t column_count;
    struct table_column columns[CELL_COLUMNS_MAX];
    iso_status (*collect)(struct scan *scan, struct iso_error *err); /* small tables */
};

static void scan_free(void *pointer)
{
    struct scan *scan = pointer;
    for (size_t i = 0; i < scan->cell_count; i++) {
        free(scan->cells[i].text);
    }
    free(scan->cells);
    free(scan->series);
    bars_reset(&scan->bars);
    store_close(&scan->store);
    free(scan);
}

static void scan_defer(struct scan **scan)
{
    if (*scan != NULL) {
        scan_free(*scan);
    }
}

static iso_status add_cell(struct scan *scan, int64_t integer, const char *text,
                           struct iso_error *err)
{
    if (scan->cell_count == scan->cell_capacity) {
        size_t grown = scan->cell_capacity == 0 ? 256 : scan->cell_capacity * 2;
        struct cell *cells = realloc(scan->cells, grown * sizeof *cells);
        if (cells == NULL) {
            ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %zu cells", grown);
        }
        scan->cells = cells;
        scan->cell_capacity = grown;
    }
    char *copy = text != NULL ? strdup(text) : NULL;
    if (text != NULL && copy == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for a text of %zu bytes", strlen(text));
    }
    scan->cells[scan->cell_count++] = (struct cell){integer, copy};
    return ISO_OK;
}

static iso_status add_series_cells(void *context, const struct series_row *row,
                                   struct iso_error *err)
{
    struct scan *scan = context;
    ISO_TRY(add_cell(scan, 0, row->series.symbol, err));
    ISO_TRY(add_cell(scan, 0, row->series.interval->name, err));
    ISO_TRY(add_cell(scan, row->first_us, NULL, err));
    ISO_TRY(add_cell(scan, row->last_us, NULL, err));
    ISO_TRY(add_cell(scan, (int64_t)row->bars, NULL, err));
    ISO_TRY(add_cell(scan, (int64_t)row->segments, NULL, err));
    return add_cell(scan, (int64_t)row->bytes, NULL, err);
}

static iso_status collect_series(struct scan *scan, struct iso_error *err)
{
    return store_each_series(scan->store, add_series_cells, scan, err);
}

static iso_status add_segment_cells(void *context, const struct segment_row *row,
                                    struct iso_error *err)
{
    struct scan *scan = context;
    char hash[HASH_HEX_BYTES];
    hash_hex(row->hash, hash);
    ISO_TRY(add_cell(scan, 0, row->series.symbol, err));
    ISO_TRY(add_cell(scan, 0, row->series.interval->name, err));
    ISO_TRY(add_cell(scan, row->period.from_us, NULL, err));
    ISO_TRY(add_cell(scan, row->period.to_us, NULL, err));
    ISO_TRY(add_cell(scan, 0, hash, err));
    ISO_TRY(add_cell(scan, (int64_t)row->rows, NULL, err));
    ISO_TRY(add_cell(scan, (int64_t)row->bytes, NULL, err));
    ISO_TRY(add_cell(scan, row->first_us, NULL, err));
    return add_cell(scan, row->last_us, NULL, err);
}

static iso_status collect_segments(struct scan *scan, struct iso_error *err)
{
    return store_each_segment(scan->store, NULL, add_segment_cells, scan, err);
}

static iso_status add_quarantine_cells(void *context, const struct quarantine_row *row,
                                       struct iso_error *err)
{
    struct scan *scan = context;
    ISO_TRY(add_cell(scan, 0, row->file, err));
    ISO_TRY(add_cell(scan, row->line, NULL, err));
    ISO_TRY(add_cell(scan, 0, row->symbol, err));
    ISO_TRY(add_cell(scan, 0, row->reason, err));
    return add_cell(scan, 0, row->text, err);
}

static iso_status collect_quarantine(struct scan *scan, struct iso_error *err)
{
    return store_each_quarantined(scan->store, add_quarantine_cells, scan, err);
}

/* clang-format off */
static const struct table_row table_rows[] = {
    {"bars", 10, {{"symbol", DUCKDB_TYPE_VARCHAR}, {"interval", DUCKDB_TYPE_VARCHAR}, {"timestamp", DUCKDB_TYPE_TIMESTAMP},
                  {"open", DUCKDB_TYPE_DOUBLE}, {"high", DUCKDB_TYPE_DOUBLE}, {"low", DUCKDB_TYPE_DOUBLE},
                  {"close", DUCKDB_TYPE_DOUBLE}, {"volume", DUCKDB_TYPE_DOUBLE}, {"vwap", DUCKDB_TYPE_DOUBLE},
                  {"trade_count", DUCKDB_TYPE_BIGINT}}, NULL},
    {"series", 7, {{"symbol", DUCKDB_TYPE_VARCHAR}, {"interval", DUCKDB_TYPE_VARCHAR}, {"first", DUCKDB_TYPE_TIMESTAMP},
                   {"last", DUCKDB_TYPE_TIMESTAMP}, {"bars", DUCKDB_TYPE_BIGINT}, {"segments", DUCKDB_TYPE_BIGINT},
                   {"bytes", DUCKDB_TYPE_BIGINT}}, collect_series},
    {"segments", 9, {{"symbol", DUCKDB_TYPE_VARCHAR}, {"interval", DUCKDB_TYPE_VARCHAR},
                     {"period_from", DUCKDB_TYPE_TIMESTAMP}, {"period_to", DUCKDB_TYPE_TIMESTAMP},
                     {"hash", DUCKDB_TYPE_VARCHAR}, {"rows", DUCKDB_TYPE_BIGINT}, {"bytes", DUCKDB_TYPE_BIGINT},
                     {"first", DUCKDB_TYPE_TIMESTAMP}, {"last", DUCKDB_TYPE_TIMESTAMP}}, collect_segments},
    {"quarantine", 5, {{"file", DUCKDB_TYPE_VARCHAR}, {"line", DUCKDB_TYPE_BIGINT}, {"symbol", DUCKDB_TYPE_VARCHAR},
                       {"reason", DUCKDB_TYPE_VARCHAR}, {"text", DUCKDB_TYPE_VARCHAR}}, collect_quarantine},
};
/* clang-format on */
enum { TABLE_COUNT = sizeof table_rows / sizeof table_rows[0] };
/* Columns of bars before and behind the values. */
enum { BARS_SYMBOL, BARS_INTERVAL, BARS_TIME, BARS_FIRST_VALUE };
enum { BARS_TRADE_COUNT = BARS_FIRST_VALUE + BAR_VALUE_COUNT };

/* What a bind remembers: the table, the store, and for bars the named parameters. */
struct binding {
    const struct table_row *table;
    const struct sql_store *store;
    char symbol[SYMBOL_BYTES_MAX + 1];
    char interval[8];
};

/* Registered with each function: which table of which store. */
struct registration {
    const struct table_row *table;
    const struct sql_store *store;
};

static void read_parameter(duckdb_bind_info info, const char *name, char *target, size_t bytes)
{
    duckdb_value value = duckdb_bind_get_named_parameter(info, name);
    if (value != NULL && !duckdb_is_null_value(value)) {
        char *text = duckdb_get_varchar(value);
        if (text != NULL && (size_t)snprintf(target, bytes, "%s", text) >= bytes) {
            duckdb_bind_set_error(info, "symbol or interval is too long");
        }
        duckdb_free(text);
    }
    duckdb_destroy_value(&value);
}

static void table_bind(duckdb_bind_info info)
{
    const struct registration *registration = duckdb_bind_get_extra_info(info);
    struct binding *binding = calloc(1, sizeof *binding);
    if (binding == NULL) {
        duckdb_bind_set_error(info, "no memory");
        return;
    }
    binding->table = registration->table;
    binding->store = registration->store;
    if (binding->table->collect == NULL) {
        read_parameter(info, "symbol", binding->symbol, sizeof binding->symbol);
        read_parameter(info, "interval", binding->interval, sizeof binding->interval);
    }
    for (size_t i = 0; i < binding->table->column_count; i++) {
        duckdb_logical_type type = duckdb_create_logical_type(binding->table->columns[i].type);
        duckdb_bind_add_result_column(info, binding->table->columns[i].name, type);
        duckdb_destroy_logical_type(&type);
    }
    duckdb_bind_set_bind_data(info, binding, free);
}

struct series_filter {
    struct scan *scan;
    const struct binding *binding;
    size_t capacity;
};

static iso_status choose_series(void *context, const struct series_row *row, struct iso_error *err)
{
    struct series_filter *filter = context;
    const struct binding *binding = filter->binding;
    struct scan *scan = filter->scan;
    if ((binding->symbol[0] != '\0' && strcmp(binding->symbol, row->series.symbol) != 0) ||
        (binding->interval[0] != '\0' &&
         strcmp(binding->interval, row->series.interval->name) != 0)) {
        return ISO_OK;
    }
    if (scan->series_count == filter->capacity) {
        filter->capacity = filter->capacity == 0 ? 16 : filter->capacity * 2;
        struct series_row *grown = realloc(scan->series, filter->capacity * sizeof *scan->series);
        if (grown == NULL) {
            ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %zu series", filter->capacity);
        }
        scan->series = grown;
    }
    scan->series[scan->series_count++] = *row;
    return ISO_OK;
}

static iso_status begin_scan(struct scan *scan, const struct binding *binding,
                             struct iso_error *err)
{
    ISO_TRY(
        store_open(binding->store->os, binding->store->directory, STORE_READ, &scan->store, err));
    if (binding->table->collect != NULL) {
        return binding->table->collect(scan, err);
    }
    struct series_filter filter = {scan, binding, 0};
    ISO_TRY(store_each_series(scan->store, choose_series, &filter, err));
    scan->period_us = scan->series_count > 0 ? scan->series[0].first_us : 0;
    return ISO_OK;
}

static void table_init(duckdb_init_info info)
{
    const struct binding *binding = duckdb_init_get_bind_data(info);
    struct iso_error error = {0};
    ISO_DEFER(scan_defer) struct scan *scan = calloc(1, sizeof *scan);
    if (scan == NULL) {
        duckdb_init_set_error(info, "no memory");
        return;
    }
    scan->table = binding->table;
    scan->projection_count = duckdb_init_get_column_count(info);
    ISO_ASSERT(scan->projection_count <= CELL_COLUMNS_MAX);
    for (idx_t i = 0; i < scan->projection_count; i++) {
        scan->projection[i] = duckdb_init_get_column_index(info, i);
    }
    if (iso_failed(begin_scan(scan, binding, &error))) {
        duckdb_init_set_error(info, error.text);
        return;
    }
    duckdb_init_set_max_threads(info, 1);
    duckdb_init_set_init_data(info, scan, scan_free);
    scan = NULL;
}

/* Bars of the next period that has any; leaves scan->bars empty at the end. */
static iso_status next_period(struct scan *scan, struct iso_error *err)
{
    scan->bars.count = 0;
    scan->next_bar = 0;
    while (scan->bars.count == 0 && scan->series_index < scan->series_count) {
        const struct series_row *row = &scan->series[scan->series_index];
        ISO_DEFER(coverage_reset) struct coverage coverage = {0};
        struct range period = interval_period(row->series.interval, scan->period_us);
        ISO_TRY(store_read(scan->store, &row->series, period, &scan->bars, &coverage, err));
        if (!coverage.complete) {
            ISO_FAIL(CORRUPT, err, "%s %s: %s; \"isobar verify\" lists all damage",
                     row->series.symbol, row->series.interval->name, coverage_reason(&coverage));
        }
        scan->bars_series = row->series;
        scan->period_us = period.to_us;
        if (period.to_us > row->last_us) {
            scan->series_index++;
            bool more = scan->series_index < scan->series_count;
            scan->period_us = more ? scan->series[scan->series_index].first_us : 0;
        }
    }
    return ISO_OK;
}

static void fill_text(duckdb_vector vector, idx_t count, const char *text)
{
    for (idx_t i = 0; i < count; i++) {
        duckdb_vector_assign_string_element(vector, i, text);
    }
}

static void fill_values(duckdb_vector vector, const double *values, idx_t count)
{
    memcpy(duckdb_vector_get_data(vector), values, count * sizeof *values);
    for (idx_t i = 0; i < count; i++) {
        if (isnan(values[i])) {
            duckdb_vector_ensure_validity_writable(vector);
            duckdb_validity_set_row_invalid(duckdb_vector_get_validity(vector), i);
        }
    }
}

static void fill_counts(duckdb_vector vector, const int64_t *counts, idx_t count)
{
    memcpy(duckdb_vector_get_data(vector), counts, count * sizeof *counts);
    for (idx_t i = 0; i < count; i++) {
        if (counts[i] == BAR_COUNT_ABSENT) {
            duckdb_vector_ensure_validity_writable(vector);
            duckdb_validity_set_row_invalid(duckdb_vector_get_validity(vector), i);
        }
    }
}

static void fill_bars(const struct scan *scan, const struct series *series, idx_t count,
                      duckdb_data_chunk output)
{
    struct bars part = bars_slice(&scan->bars, scan->next_bar, count);
    for (idx_t i = 0; i < scan->projection_count; i++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(output, i);
        idx_t column = scan->projection[i];
        if (column == BARS_SYMBOL) {
            fill_text(vector, count, series->symbol);
        } else if (column == BARS_INTERVAL) {
            fill_text(vector, count, series->interval->name);
        } else if (column == BARS_TIME) {
            memcpy(duckdb_vector_get_data(vector), part.time_us, count * sizeof *part.time_us);
        } else if (column == BARS_TRADE_COUNT) {
            fill_counts(vector, part.trade_count, count);
        } else if (column < BARS_TRADE_COUNT) {
            fill_values(vector, part.value[column - BARS_FIRST_VALUE], count);
        }
    }
}

static void scan_bars(duckdb_function_info info, struct scan *scan, duckdb_data_chunk output)
{
    struct iso_error error = {0};
    if (scan->next_bar == scan->bars.count && iso_failed(next_period(scan, &error))) {
        duckdb_function_set_error(info, error.text);
        return;
    }
    idx_t count = scan->bars.count - scan->next_bar;
    count = count < duckdb_vector_size() ? count : duckdb_vector_size();
    if (count > 0) {
        fill_bars(scan, &scan->bars_series, count, output);
    }
    scan->next_bar += count;
    duckdb_data_chunk_set_size(output, count);
}

static void fill_cell(const struct scan *scan, idx_t output_row, idx_t column, duckdb_vector vector)
{
    const struct cell *cell =
        &scan->cells[(scan->next_row + output_row) * scan->table->column_count + column];
    if (cell->text != NULL) {
        duckdb_vector_assign_string_element(vector, output_row, cell->text);
    } else {
        ((int64_t *)duckdb_vector_get_data(vector))[output_row] = cell->integer;
    }
}

static void scan_cells(struct scan *scan, duckdb_data_chunk output)
{
    idx_t count = scan->cell_count / scan->table->column_count - scan->next_row;
    count = count < duckdb_vector_size() ? count : duckdb_vector_size();
    for (idx_t i = 0; i < scan->projection_count; i++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(output, i);
        idx_t column = scan->projection[i];
        for (idx_t row = 0; column < scan->table->column_count && row < count; row++) {
            fill_cell(scan, row, column, vector);
        }
    }
    scan->next_row += count;
    duckdb_data_chunk_set_size(output, count);
}

static void table_scan(duckdb_function_info info, duckdb_data_chunk output)
{
    struct scan *scan = duckdb_function_get_init_data(info);
    if (scan->table->collect != NULL) {
        scan_cells(scan, output);
    } else {
        scan_bars(info, scan, output);
    }
}

static iso_status register_table(duckdb_connection connection, const struct table_row *table,
                                 const struct sql_store *store, struct iso_error *err)
{
    struct registration *registration;
    ISO_NEW(registration, 1, err);
    *registration = (struct registration){table, store};
    duckdb_table_function function = duckdb_create_table_function();
    duckdb_logical_type varchar = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    duckdb_table_function_set_name(function, table->name);
    if (table->collect == NULL) {
        duckdb_table_function_add_named_parameter(function, "symbol", varchar);
        duckdb_table_function_add_named_parameter(function, "interval", varchar);
    }
    duckdb_destroy_logical_type(&varchar);
    duckdb_table_function_set_extra_info(function, registration, free);
    duckdb_table_function_set_bind(function, table_bind);
    duckdb_table_function_set_init(function, table_init);
    duckdb_table_function_set_function(function, table_scan);
    duckdb_table_function_supports_projection_pushdown(function, true);
    duckdb_state state = duckdb_register_table_function(connection, function);
    duckdb_destroy_table_function(&function);
    if (state != DuckDBSuccess) {
        ISO_FAIL(QUERY, err, "DuckDB %s does not take the table function %s",
                 duckdb_library_version(), table->name);
    }
    return ISO_OK;
}

iso_status sql_tables_register(duckdb_connection connection, const struct sql_store *store,
                               struct iso_error *err)
{
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        ISO_TRY(register_table(connection, &table_rows[i], store, err));
    }
    return ISO_OK;
}

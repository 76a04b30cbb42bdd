/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small tables: series, segments, quarantine. A table is a row of table_rows: its columns and
 * what collects its cells when a query begins. bars is in sql_bars.c.
 */
#include "local/sql_tables.h"

#include "local/sql_vector.h"

#include <string.h>

const char sql_tables_views[] = "CREATE VIEW bars AS SELECT * FROM bars();"
                                "CREATE VIEW series AS SELECT * FROM series();"
                                "CREATE VIEW segments AS SELECT * FROM segments();"
                                "CREATE VIEW quarantine AS SELECT * FROM quarantine();"
                                "CREATE VIEW market_summary AS SELECT * FROM market_summary();";

enum { CELL_COLUMNS_MAX = 10 };

/* A cell is an int64 or a text. */
struct cell {
    int64_t integer;
    char *text;
};

struct scan {
    struct sql_state *state;
    const struct table_row *table;
    idx_t projection[CELL_COLUMNS_MAX]; /* the table's column behind each output column */
    idx_t projection_count;
    struct cell *cells; /* row by row */
    size_t cell_count;
    size_t cell_capacity;
    size_t next_row;
};

struct table_row {
    const char *name;
    size_t column_count;
    struct sql_table_column columns[CELL_COLUMNS_MAX];
    iso_status (*collect)(struct scan *scan, struct iso_error *err);
};

static void scan_free(void *pointer)
{
    struct scan *scan = pointer;
    for (size_t i = 0; i < scan->cell_count; i++) {
        free(scan->cells[i].text);
    }
    free(scan->cells);
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
    return view_each_series(scan->state->view, add_series_cells, scan, err);
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
    return view_each_segment(scan->state->view, NULL, add_segment_cells, scan, err);
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
    return view_each_quarantined(scan->state->view, add_quarantine_cells, scan, err);
}

/* clang-format off */
static const struct table_row table_rows[] = {
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

/* Registered with each function: which table over which state. A bind needs no more. */
struct registration {
    const struct table_row *table;
    struct sql_state *state;
};

static void table_bind(duckdb_bind_info info)
{
    const struct registration *registration = duckdb_bind_get_extra_info(info);
    struct registration *binding = malloc(sizeof *binding);
    if (binding == NULL) {
        duckdb_bind_set_error(info, "no memory");
        return;
    }
    *binding = *registration;
    sql_add_columns(info, binding->table->columns, binding->table->column_count);
    duckdb_bind_set_bind_data(info, binding, free);
}

static void table_init(duckdb_init_info info)
{
    const struct registration *binding = duckdb_init_get_bind_data(info);
    struct iso_error error = {0};
    ISO_DEFER(scan_defer) struct scan *scan = calloc(1, sizeof *scan);
    if (scan == NULL) {
        duckdb_init_set_error(info, "no memory");
        return;
    }
    scan->table = binding->table;
    scan->state = binding->state;
    scan->projection_count = duckdb_init_get_column_count(info);
    ISO_ASSERT(scan->projection_count <= CELL_COLUMNS_MAX);
    for (idx_t i = 0; i < scan->projection_count; i++) {
        scan->projection[i] = duckdb_init_get_column_index(info, i);
    }
    if (iso_failed(scan->table->collect(scan, &error))) {
        duckdb_init_set_error(info, error.text);
        return;
    }
    duckdb_init_set_max_threads(info, 1);
    duckdb_init_set_init_data(info, scan, scan_free);
    scan = NULL;
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

static void table_scan(duckdb_function_info info, duckdb_data_chunk output)
{
    struct scan *scan = duckdb_function_get_init_data(info);
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

static iso_status register_table(duckdb_connection connection, const struct table_row *table,
                                 struct sql_state *state, struct iso_error *err)
{
    struct registration *registration;
    ISO_NEW(registration, 1, err);
    *registration = (struct registration){table, state};
    duckdb_table_function function = duckdb_create_table_function();
    duckdb_table_function_set_extra_info(function, registration, free);
    duckdb_table_function_set_bind(function, table_bind);
    duckdb_table_function_set_init(function, table_init);
    duckdb_table_function_set_function(function, table_scan);
    duckdb_table_function_supports_projection_pushdown(function, true);
    return sql_register_function(connection, &function, table->name, err);
}

iso_status sql_tables_register(duckdb_connection connection, struct sql_state *state,
                               struct iso_error *err)
{
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        ISO_TRY(register_table(connection, &table_rows[i], state, err));
    }
    ISO_TRY(sql_bars_register(connection, state, err));
    ISO_TRY(sql_indicators_register(connection, state, err));
    return sql_summary_register(connection, state, err);
}

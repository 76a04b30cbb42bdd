/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parquet and DuckDB files, written by DuckDB out of a table function that walks the store: columns
 * symbol, timestamp (with time zone: it is UTC), open, high, low, close, volume, vwap, trade_count,
 * absent values null. Files of DuckDB are of the oldest form that it writes, so that versions 1.x
 * read them.
 */
#include "local/duck.h"
#include "local/export_feed.h"
#include "local/export_sink.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    BAR_COLUMNS = 3 + BAR_VALUE_COUNT,
    AT_SYMBOL = 0,
    AT_TIME,
    AT_VALUE,
    AT_COUNT = BAR_COLUMNS - 1
};

/* One statement's walk over the store; the table function borrows it. */
struct walk {
    struct export_feed feed;
    const struct series *series;
    struct store_view view;
    size_t next_bar; /* of the view */
    iso_status status;
    struct iso_error error;
};

static void walk_reset(struct walk *walk)
{
    store_view_release(&walk->view);
    export_feed_reset(&walk->feed);
}

static void bind_walk(duckdb_bind_info info)
{
    static const duckdb_type types[] = {DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_TIMESTAMP_TZ,
                                        DUCKDB_TYPE_DOUBLE, DUCKDB_TYPE_BIGINT};
    static const char *const names[BAR_COLUMNS] = {"symbol", "timestamp",
#define X(name) #name,
                                                   BAR_VALUE_TABLE(X)
#undef X
                                                       "trade_count"};
    for (size_t i = 0; i < BAR_COLUMNS; i++) {
        size_t kind = i < AT_VALUE ? i : i < AT_COUNT ? 2 : 3;
        duckdb_logical_type type = duckdb_create_logical_type(types[kind]);
        duckdb_bind_add_result_column(info, names[i], type);
        duckdb_destroy_logical_type(&type);
    }
}

static void init_walk(duckdb_init_info info)
{
    duckdb_init_set_max_threads(info, 1);
}

static void set_null(duckdb_vector vector, idx_t row)
{
    duckdb_vector_ensure_validity_writable(vector);
    duckdb_validity_set_row_invalid(duckdb_vector_get_validity(vector), row);
}

static void fill_values(duckdb_vector vector, const double *values, idx_t count)
{
    memcpy(duckdb_vector_get_data(vector), values, count * sizeof *values);
    for (idx_t i = 0; i < count; i++) {
        if (isnan(values[i])) {
            set_null(vector, i);
        }
    }
}

static void fill_counts(duckdb_vector vector, const int64_t *counts, idx_t count)
{
    memcpy(duckdb_vector_get_data(vector), counts, count * sizeof *counts);
    for (idx_t i = 0; i < count; i++) {
        if (counts[i] == BAR_COUNT_ABSENT) {
            set_null(vector, i);
        }
    }
}

static void fill_chunk(const struct walk *walk, idx_t count, duckdb_data_chunk chunk)
{
    struct bars part = bars_slice(&walk->view.bars, walk->next_bar, count);
    duckdb_vector symbol = duckdb_data_chunk_get_vector(chunk, AT_SYMBOL);
    for (idx_t i = 0; i < count; i++) {
        duckdb_vector_assign_string_element(symbol, i, walk->series->symbol);
    }
    memcpy(duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, AT_TIME)), part.time_us,
           count * sizeof *part.time_us);
    for (size_t i = 0; i < BAR_VALUE_COUNT; i++) {
        fill_values(duckdb_data_chunk_get_vector(chunk, AT_VALUE + i), part.value[i], count);
    }
    fill_counts(duckdb_data_chunk_get_vector(chunk, AT_COUNT), part.trade_count, count);
}

static void scan_walk(duckdb_function_info info, duckdb_data_chunk chunk)
{
    struct walk *walk = duckdb_function_get_extra_info(info);
    if (walk->next_bar == walk->view.bars.count && !iso_failed(walk->status)) {
        store_view_release(&walk->view);
        walk->next_bar = 0;
        walk->status = export_feed_next(&walk->feed, &walk->series, &walk->view, &walk->error);
    }
    if (iso_failed(walk->status)) {
        duckdb_function_set_error(info, walk->error.text);
        return;
    }
    idx_t count = walk->view.bars.count - walk->next_bar;
    count = count < duckdb_vector_size() ? count : duckdb_vector_size();
    if (count > 0) {
        fill_chunk(walk, count, chunk);
    }
    walk->next_bar += count;
    duckdb_data_chunk_set_size(chunk, count);
}

static iso_status register_walk(struct duck *duck, struct walk *walk, struct iso_error *err)
{
    duckdb_table_function function = duckdb_create_table_function();
    duckdb_table_function_set_name(function, "walk");
    duckdb_table_function_set_extra_info(function, walk, NULL);
    duckdb_table_function_set_bind(function, bind_walk);
    duckdb_table_function_set_init(function, init_walk);
    duckdb_table_function_set_function(function, scan_walk);
    duckdb_state state = duckdb_register_table_function(duck->connection, function);
    duckdb_destroy_table_function(&function);
    if (state != DuckDBSuccess) {
        ISO_FAIL(QUERY, err, "DuckDB %s does not take a table function", duckdb_library_version());
    }
    return ISO_OK;
}

/* Run the statements over the request's series; what the store said comes before DuckDB's words. */
static iso_status run_walk(struct store *store, const struct export_request *request,
                           const char *sql, struct export_report *report, struct iso_error *err)
{
    ISO_DEFER(walk_reset)
    struct walk walk = {.feed = {.store = store, .request = request, .report = report}};
    ISO_DEFER(duck_close) struct duck duck = {0};
    ISO_TRY(duck_open(&duck, err));
    ISO_TRY(register_walk(&duck, &walk, err));
    iso_status status = duck_run(&duck, sql, err);
    return iso_failed(walk.status)
               ? iso_fail(iso_status_code(walk.status), err, "%s", walk.error.text)
               : status;
}

static iso_status write_parquet(struct text *sql, const char *path, bool partitioned,
                                struct iso_error *err)
{
    text_addf(sql, "COPY (SELECT %s FROM walk()) TO ", partitioned ? "* EXCLUDE (symbol)" : "*");
    duck_add_literal(sql, path);
    text_add(sql, " (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)");
    return text_check(sql, err);
}

static iso_status write_duckdb(struct text *sql, const char *path, struct iso_error *err)
{
    text_add(sql, "ATTACH ");
    duck_add_literal(sql, path);
    text_add(sql, " AS target (STORAGE_VERSION 'v1.0.0');"
                  "CREATE TABLE target.ohlcv_bars (symbol VARCHAR NOT NULL, timestamp TIMESTAMPTZ "
                  "NOT NULL, open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE, volume DOUBLE, "
                  "vwap DOUBLE, trade_count BIGINT, PRIMARY KEY (symbol, timestamp));"
                  "INSERT INTO target.ohlcv_bars FROM walk();"
                  "CHECKPOINT target; DETACH target");
    return text_check(sql, err);
}

/* Write one file beside its place and publish it. */
static iso_status write_file(struct store *store, const struct export_request *request,
                             const char *path, struct export_report *report, struct iso_error *err)
{
    ISO_DEFER(sink_close) struct sink sink = {.file = -1};
    ISO_DEFER(text_reset) struct text sql = {0};
    struct stat info;
    ISO_TRY(sink_open(&sink, store_os(store), path, err));
    if (sink.temporary == NULL) {
        ISO_FAIL(BAD_ARGUMENT, err, "%s is no regular file; only CSV can be written there", path);
    }
    if (request->format == EXPORT_DUCKDB) { /* DuckDB wants to make it itself */
        (void)sink.os->unlink(sink.os->context, sink.temporary);
        ISO_TRY(write_duckdb(&sql, sink.temporary, err));
    } else {
        ISO_TRY(write_parquet(&sql, sink.temporary, request->partitioned, err));
    }
    ISO_TRY(iso_context(run_walk(store, request, sql.data, report, err), err, "%s", path));
    ISO_TRY(sink_reopen(&sink, err));
    report->bytes += stat(sink.temporary, &info) == 0 ? (size_t)info.st_size : 0;
    ISO_TRY(sink_publish(&sink, err));
    return export_report_add(report, path, err);
}

/* As hive and DuckDB write a value into a path: letters, digits and a few others stay. */
static void add_part(struct text *path, const char *value)
{
    for (const char *at = value; *at != '\0'; at++) {
        bool plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                     (*at >= '0' && *at <= '9') || strchr("-_.", *at) != NULL;
        if (plain) {
            text_add_char(path, *at);
        } else {
            text_addf(path, "%%%02X", (unsigned)(unsigned char)*at);
        }
    }
}

static iso_status write_partition(struct store *store, const struct export_request *request,
                                  size_t index, struct export_report *report, struct iso_error *err)
{
    struct export_request one = *request;
    ISO_DEFER(text_reset) struct text path = {0};
    one.series = &request->series[index];
    one.series_count = 1;
    size_t length = strlen(request->path);
    bool slash = length > 0 && request->path[length - 1] == '/';
    text_addf(&path, "%s%ssymbol=", request->path, slash ? "" : "/");
    add_part(&path, one.series->symbol);
    text_add(&path, "/interval=");
    add_part(&path, one.series->interval->name);
    ISO_TRY(text_check(&path, err));
    ISO_TRY(directory_make(store_os(store), path.data, err));
    text_add(&path, "/bars.parquet");
    ISO_TRY(text_check(&path, err));
    return write_file(store, &one, path.data, report, err);
}

iso_status export_by_duckdb(struct store *store, const struct export_request *request,
                            struct export_report *report, struct iso_error *err)
{
    if (!request->partitioned) {
        return write_file(store, request, request->path, report, err);
    }
    for (size_t i = 0; i < request->series_count; i++) {
        ISO_TRY(write_partition(store, request, i, report, err));
    }
    return ISO_OK;
}

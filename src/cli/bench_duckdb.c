/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/bench_read.h"

#include "market/time.h"

#include <duckdb.h>
#include <stdio.h>

struct duckdb {
    duckdb_database database;
    duckdb_connection connection;
    duckdb_prepared_statement statement;
    duckdb_prepared_statement all;
};

static void handles_close(struct duckdb *duckdb)
{
    duckdb_destroy_prepare(&duckdb->statement);
    duckdb_destroy_prepare(&duckdb->all);
    duckdb_disconnect(&duckdb->connection);
    duckdb_close(&duckdb->database);
}

static iso_status run_sql(const struct duckdb *duckdb, const char *sql, struct iso_error *err)
{
    duckdb_result result = {0};
    duckdb_state state = duckdb_query(duckdb->connection, sql, &result);
    iso_status status = state == DuckDBSuccess ? ISO_OK
                                               : iso_fail(ISO_ERROR_QUERY, err, "DuckDB: %s",
                                                          duckdb_result_error(&result));
    duckdb_destroy_result(&result);
    return status;
}

static bool set_options(duckdb_config config, const char *access, int threads)
{
    char number[16];
    (void)snprintf(number, sizeof number, "%d", threads);
    return duckdb_set_config(config, "access_mode", access) == DuckDBSuccess &&
           (threads == 0 || duckdb_set_config(config, "threads", number) == DuckDBSuccess);
}

static iso_status handles_open(const struct bench *bench, const char *access, int threads,
                               struct duckdb *duckdb, struct iso_error *err)
{
    char path[BENCH_DIRECTORY_BYTES + 16];
    duckdb_config config = NULL;
    (void)snprintf(path, sizeof path, "%s/peer.duckdb", bench->directory);
    bool opened = duckdb_create_config(&config) == DuckDBSuccess &&
                  set_options(config, access, threads) &&
                  duckdb_open_ext(path, &duckdb->database, config, NULL) == DuckDBSuccess &&
                  duckdb_connect(duckdb->database, &duckdb->connection) == DuckDBSuccess;
    duckdb_destroy_config(&config);
    if (!opened) {
        ISO_FAIL(QUERY, err, "DuckDB does not open %s", path);
    }
    return ISO_OK;
}

static void append_bar(duckdb_appender appender, const char *symbol, const struct bar *bar)
{
    (void)duckdb_append_varchar(appender, symbol); /* failures show when the row ends */
    (void)duckdb_append_timestamp(appender, (duckdb_timestamp){bar->time_us});
    for (size_t i = 0; i < BAR_VALUE_COUNT; i++) {
        (void)(isnan(bar->value[i]) ? duckdb_append_null(appender)
                                    : duckdb_append_double(appender, bar->value[i]));
    }
    (void)(bar->trade_count == BAR_COUNT_ABSENT ? duckdb_append_null(appender)
                                                : duckdb_append_int64(appender, bar->trade_count));
}

static iso_status append_series(const struct bench *bench, duckdb_appender appender,
                                const struct series_row *row, struct iso_error *err)
{
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    ISO_DEFER(store_scan_close) struct store_scan *scan = NULL;
    struct range all = {TIME_MIN_US, TIME_MAX_US};
    ISO_TRY(store_scan_open(bench->store, &row->series, all, &coverage, &scan, err));
    for (bool more = true; more;) {
        ISO_DEFER(store_view_release) struct store_view view = {0};
        ISO_TRY(store_scan_next(scan, &view, err));
        more = view.bars.count > 0;
        for (size_t i = 0; i < view.bars.count; i++) {
            struct bar bar = bars_get(&view.bars, i);
            append_bar(appender, row->series.symbol, &bar);
            if (duckdb_appender_end_row(appender) != DuckDBSuccess) {
                ISO_FAIL(QUERY, err, "DuckDB: %s", duckdb_appender_error(appender));
            }
        }
    }
    return ISO_OK;
}

static void appender_destroy(duckdb_appender *appender)
{
    (void)duckdb_appender_destroy(appender);
}

/* The same bars in DuckDB's own table, in the same order as the store has them. */
iso_status duckdb_fill(const struct bench *bench, const struct series_list *list,
                       struct iso_error *err)
{
    ISO_DEFER(handles_close) struct duckdb duckdb = {0};
    ISO_DEFER(appender_destroy) duckdb_appender appender = NULL;
    ISO_TRY(handles_open(bench, "READ_WRITE", 0, &duckdb, err));
    ISO_TRY(run_sql(&duckdb,
                    "CREATE TABLE bars (symbol VARCHAR, timestamp TIMESTAMP, open DOUBLE,"
                    " high DOUBLE, low DOUBLE, close DOUBLE, volume DOUBLE, vwap DOUBLE,"
                    " trade_count BIGINT, PRIMARY KEY (symbol, timestamp))",
                    err));
    if (duckdb_appender_create(duckdb.connection, NULL, "bars", &appender) != DuckDBSuccess) {
        ISO_FAIL(QUERY, err, "DuckDB gives no appender");
    }
    for (size_t i = 0; i < list->count; i++) {
        ISO_TRY(append_series(bench, appender, &list->rows[i], err));
    }
    if (duckdb_appender_close(appender) != DuckDBSuccess) {
        ISO_FAIL(QUERY, err, "DuckDB: %s", duckdb_appender_error(appender));
    }
    return run_sql(&duckdb, "CHECKPOINT", err);
}

static iso_status prepare(const struct duckdb *duckdb, const char *sql,
                          duckdb_prepared_statement *statement, struct iso_error *err)
{
    if (duckdb_prepare(duckdb->connection, sql, statement) != DuckDBSuccess) {
        ISO_FAIL(QUERY, err, "DuckDB: %s", duckdb_prepare_error(*statement));
    }
    return ISO_OK;
}

iso_status duckdb_begin(const struct bench *bench, int threads, struct duckdb **duckdb,
                        struct iso_error *err)
{
#define COLUMNS "SELECT timestamp, open, high, low, close, volume, vwap, trade_count FROM bars"
    ISO_DEFER(duckdb_end) struct duckdb *begun = NULL;
    ISO_NEW(begun, 1, err);
    ISO_TRY(handles_open(bench, "READ_ONLY", threads, begun, err));
    ISO_TRY(prepare(begun,
                    COLUMNS " WHERE symbol = $1 AND timestamp >= $2 AND timestamp < $3"
                            " ORDER BY timestamp",
                    &begun->statement, err));
    ISO_TRY(prepare(begun, COLUMNS, &begun->all, err));
    *duckdb = begun;
    begun = NULL;
    return ISO_OK;
#undef COLUMNS
}

void duckdb_end(struct duckdb **duckdb)
{
    if (*duckdb != NULL) {
        handles_close(*duckdb);
        free(*duckdb);
        *duckdb = NULL;
    }
}

static size_t add_chunk(duckdb_data_chunk chunk, struct answer *answer)
{
    size_t rows = duckdb_data_chunk_get_size(chunk);
    const double *close = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 4));
    for (size_t i = 0; i < rows; i++) {
        answer->closes += close[i];
    }
    answer->rows += rows;
    return rows;
}

static void sum_result(duckdb_result result, struct answer *answer)
{
    for (size_t rows = 1; rows > 0;) {
        duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
        rows = chunk != NULL ? add_chunk(chunk, answer) : 0;
        duckdb_destroy_data_chunk(&chunk);
    }
}

/* Chunks come as they are made: the whole result never lies in memory. */
static iso_status run_prepared(duckdb_prepared_statement statement, struct answer *answer,
                               struct iso_error *err)
{
    duckdb_result result = {0};
    duckdb_state state = duckdb_execute_prepared_streaming(statement, &result);
    if (state == DuckDBSuccess) {
        sum_result(result, answer);
    }
    iso_status status = state == DuckDBSuccess ? ISO_OK
                                               : iso_fail(ISO_ERROR_QUERY, err, "DuckDB: %s",
                                                          duckdb_result_error(&result));
    duckdb_destroy_result(&result);
    return status;
}

iso_status duckdb_read(const struct duckdb *duckdb, const struct series *series, struct range range,
                       struct answer *answer, struct iso_error *err)
{
    *answer = (struct answer){0};
    double begin = bench_seconds();
    (void)duckdb_bind_varchar(duckdb->statement, 1, series->symbol);
    (void)duckdb_bind_timestamp(duckdb->statement, 2, (duckdb_timestamp){range.from_us});
    (void)duckdb_bind_timestamp(duckdb->statement, 3, (duckdb_timestamp){range.to_us});
    ISO_TRY(run_prepared(duckdb->statement, answer, err));
    answer->us = (bench_seconds() - begin) * 1e6;
    return ISO_OK;
}

iso_status duckdb_scan(const struct duckdb *duckdb, struct answer *answer, struct iso_error *err)
{
    *answer = (struct answer){0};
    double begin = bench_seconds();
    ISO_TRY(run_prepared(duckdb->all, answer, err));
    answer->us = (bench_seconds() - begin) * 1e6;
    return ISO_OK;
}

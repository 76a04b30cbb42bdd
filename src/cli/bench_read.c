/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading 10,080 bars, a week of minutes, of one symbol out of a store of many. The imported bars
 * are repeated under other symbols until they are --bars. DuckDB holds the same rows in its native
 * table with the same primary key and answers a prepared statement in this process. Both add up the
 * closes they are given, and the sums must agree bit for bit.
 *
 * first: rows that nobody asked for since both were opened (the system's page cache is warm for
 * both). warm: the same rows again.
 */
#include "cli/bench.h"
#include "market/time.h"

#include <duckdb.h>
#include <stdio.h>
#include <string.h>

enum { WEEK_ROWS = 10080, WEEKS_MAX = 64, SERIES_MAX = 4096 };

struct series_list {
    struct series_row rows[SERIES_MAX];
    size_t count;
    size_t bars;
};

static iso_status add_series(void *context, const struct series_row *row, struct iso_error *err)
{
    struct series_list *list = context;
    if (list->count == SERIES_MAX) {
        ISO_FAIL(LIMIT, err, "isobar bench read takes at most %d series; use longer files",
                 SERIES_MAX);
    }
    list->rows[list->count++] = *row;
    list->bars += row->bars;
    return ISO_OK;
}

static void list_free(struct series_list **list)
{
    free(*list);
}

static iso_status repeat_series(struct bench *bench, const struct series_row *row, size_t copy,
                                struct iso_error *err)
{
    ISO_DEFER(bars_reset) struct bars bars = {0};
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    struct write_report report = {0};
    struct series series = row->series;
    struct range all = {TIME_MIN_US, TIME_MAX_US};
    (void)snprintf(series.symbol, sizeof series.symbol, "%.40s+%04zu", row->series.symbol, copy);
    ISO_TRY(store_read(bench->store, &row->series, all, &bars, &coverage, err));
    struct range covered = {bars.time_us[0], bars.time_us[bars.count - 1] + 1};
    return store_write(bench->store, &series, &bars, covered, &report, err);
}

/* Until the store has --bars bars. */
static iso_status repeat_all(struct bench *bench, struct iso_error *err)
{
    ISO_DEFER(list_free) struct series_list *list = NULL;
    ISO_NEW(list, 1, err);
    ISO_TRY(store_each_series(bench->store, add_series, list, err));
    size_t wanted = (size_t)call_integer(bench->call, OPTION_bars);
    size_t bars = list->bars;
    for (size_t copy = 1; bars < wanted; copy++) {
        for (size_t i = 0; i < list->count && bars < wanted; i++) {
            ISO_TRY(repeat_series(bench, &list->rows[i], copy, err));
            bars += list->rows[i].bars;
        }
    }
    return ISO_OK;
}

struct peer {
    duckdb_database database;
    duckdb_connection connection;
    duckdb_prepared_statement statement;
};

static void peer_close(struct peer *peer)
{
    duckdb_destroy_prepare(&peer->statement);
    duckdb_disconnect(&peer->connection);
    duckdb_close(&peer->database);
}

static iso_status peer_run(const struct peer *peer, const char *sql, struct iso_error *err)
{
    duckdb_result result = {0};
    duckdb_state state = duckdb_query(peer->connection, sql, &result);
    iso_status status = state == DuckDBSuccess ? ISO_OK
                                               : iso_fail(ISO_ERROR_QUERY, err, "DuckDB: %s",
                                                          duckdb_result_error(&result));
    duckdb_destroy_result(&result);
    return status;
}

static iso_status peer_open(const struct bench *bench, struct peer *peer, struct iso_error *err)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/peer.duckdb", bench->directory);
    if (duckdb_open(path, &peer->database) != DuckDBSuccess ||
        duckdb_connect(peer->database, &peer->connection) != DuckDBSuccess) {
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

static iso_status append_series(struct bench *bench, duckdb_appender appender,
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
static iso_status peer_fill(struct bench *bench, const struct series_list *list,
                            struct iso_error *err)
{
    ISO_DEFER(peer_close) struct peer peer = {0};
    ISO_DEFER(appender_destroy) duckdb_appender appender = NULL;
    ISO_TRY(peer_open(bench, &peer, err));
    ISO_TRY(peer_run(&peer,
                     "CREATE TABLE bars (symbol VARCHAR, timestamp TIMESTAMP, open DOUBLE,"
                     " high DOUBLE, low DOUBLE, close DOUBLE, volume DOUBLE, vwap DOUBLE,"
                     " trade_count BIGINT, PRIMARY KEY (symbol, timestamp))",
                     err));
    if (duckdb_appender_create(peer.connection, NULL, "bars", &appender) != DuckDBSuccess) {
        ISO_FAIL(QUERY, err, "DuckDB gives no appender");
    }
    for (size_t i = 0; i < list->count; i++) {
        ISO_TRY(append_series(bench, appender, &list->rows[i], err));
    }
    if (duckdb_appender_close(appender) != DuckDBSuccess) {
        ISO_FAIL(QUERY, err, "DuckDB: %s", duckdb_appender_error(appender));
    }
    return peer_run(&peer, "CHECKPOINT", err);
}

static iso_status peer_prepare(const struct bench *bench, struct peer *peer, struct iso_error *err)
{
    ISO_TRY(peer_open(bench, peer, err));
    ISO_TRY(peer_run(peer, "SET threads = 1", err)); /* as the other side */
    const char *sql =
        "SELECT timestamp, open, high, low, close, volume, vwap, trade_count FROM bars"
        " WHERE symbol = $1 AND timestamp >= $2 AND timestamp < $3"
        " ORDER BY timestamp";
    if (duckdb_prepare(peer->connection, sql, &peer->statement) != DuckDBSuccess) {
        ISO_FAIL(QUERY, err, "DuckDB: %s", duckdb_prepare_error(peer->statement));
    }
    return ISO_OK;
}

/* What one read gave. */
struct answer {
    size_t rows;
    double closes;
    double us;
};

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

static iso_status peer_read(const struct peer *peer, const struct series *series,
                            struct range range, struct answer *answer, struct iso_error *err)
{
    duckdb_result result = {0};
    *answer = (struct answer){0};
    double begin = bench_seconds();
    (void)duckdb_bind_varchar(peer->statement, 1, series->symbol);
    (void)duckdb_bind_timestamp(peer->statement, 2, (duckdb_timestamp){range.from_us});
    (void)duckdb_bind_timestamp(peer->statement, 3, (duckdb_timestamp){range.to_us});
    duckdb_state state = duckdb_execute_prepared(peer->statement, &result);
    if (state == DuckDBSuccess) {
        sum_result(result, answer);
    }
    answer->us = (bench_seconds() - begin) * 1e6;
    iso_status status = state == DuckDBSuccess ? ISO_OK
                                               : iso_fail(ISO_ERROR_QUERY, err, "DuckDB: %s",
                                                          duckdb_result_error(&result));
    duckdb_destroy_result(&result);
    return status;
}

static void add_closes(const struct bars *bars, struct answer *answer)
{
    for (size_t i = 0; i < bars->count; i++) {
        answer->closes += bars->value[BAR_close][i];
    }
    answer->rows += bars->count;
}

/* In place, as a program reads with iso_store_scan. */
static iso_status own_read(struct store *store, const struct series *series, struct range range,
                           struct answer *answer, struct iso_error *err)
{
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    ISO_DEFER(store_scan_close) struct store_scan *scan = NULL;
    *answer = (struct answer){0};
    double begin = bench_seconds();
    ISO_TRY(store_scan_open(store, series, range, &coverage, &scan, err));
    for (bool more = true; more;) {
        ISO_DEFER(store_view_release) struct store_view view = {0};
        ISO_TRY(store_scan_next(scan, &view, err));
        more = view.bars.count > 0;
        add_closes(&view.bars, answer);
    }
    answer->us = (bench_seconds() - begin) * 1e6;
    return ISO_OK;
}

/* Copied into memory of the caller's. */
static iso_status own_copy(struct store *store, const struct series *series, struct range range,
                           struct bars *bars, struct answer *answer, struct iso_error *err)
{
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    *answer = (struct answer){0};
    bars->count = 0;
    double begin = bench_seconds();
    ISO_TRY(store_read(store, series, range, bars, &coverage, err));
    add_closes(bars, answer);
    answer->us = (bench_seconds() - begin) * 1e6;
    return ISO_OK;
}

/* What is read: ranges of exactly rows bars, WEEK_ROWS or what the longest series has, spread over
 * series and time. */
struct week {
    const struct series *series;
    struct range range;
};

struct plan {
    struct week weeks[WEEKS_MAX];
    size_t count;
    size_t rows;
};

static iso_status plan_week(struct bench *bench, const struct series_row *row, uint64_t draw,
                            size_t rows, struct week *week, struct iso_error *err)
{
    ISO_DEFER(bars_reset) struct bars bars = {0};
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    struct range all = {TIME_MIN_US, TIME_MAX_US};
    ISO_TRY(store_read(bench->store, &row->series, all, &bars, &coverage, err));
    size_t first = (size_t)(draw % (bars.count - rows + 1));
    *week = (struct week){&row->series, {bars.time_us[first], bars.time_us[first + rows - 1] + 1}};
    return ISO_OK;
}

/* A series is taken once, so that each read is the first of its rows. */
static iso_status make_plan(struct bench *bench, const struct series_list *list, struct plan *plan,
                            struct iso_error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        size_t bars = list->rows[i].bars < WEEK_ROWS ? list->rows[i].bars : WEEK_ROWS;
        plan->rows = bars > plan->rows ? bars : plan->rows;
    }
    size_t step = list->count > WEEKS_MAX ? list->count / WEEKS_MAX : 1;
    for (size_t i = 0; i < list->count && plan->count < WEEKS_MAX; i += step) {
        if (list->rows[i].bars >= plan->rows) {
            uint64_t draw = (i + 1) * UINT64_C(0x9e3779b97f4a7c15) >> 20;
            ISO_TRY(
                plan_week(bench, &list->rows[i], draw, plan->rows, &plan->weeks[plan->count], err));
            plan->count++;
        }
    }
    return ISO_OK;
}

enum kind { FIRST, WARM, COPY, KIND_COUNT };

struct times {
    double own[KIND_COUNT][WEEKS_MAX];
    double peer[KIND_COUNT][WEEKS_MAX];
};

static iso_status check_same(const struct answer *own, const struct answer *peer,
                             struct iso_error *err)
{
    if (own->rows != peer->rows || own->closes != peer->closes) {
        ISO_FAIL(CORRUPT, err, "%zu bars with closes of %.17g here, %zu with %.17g in DuckDB",
                 own->rows, own->closes, peer->rows, peer->closes);
    }
    return ISO_OK;
}

static iso_status time_once(struct store *store, const struct peer *peer, const struct week *week,
                            double *own_us, double *peer_us, struct iso_error *err)
{
    struct answer own;
    struct answer other;
    ISO_TRY(own_read(store, week->series, week->range, &own, err));
    ISO_TRY(peer_read(peer, week->series, week->range, &other, err));
    *own_us = own.us;
    *peer_us = other.us;
    return check_same(&own, &other, err);
}

/* The median of --runs reads of the same rows, the first of which is not counted. */
static iso_status time_warm(const struct bench *bench, struct store *store, const struct peer *peer,
                            const struct week *week, struct times *times, size_t index,
                            struct iso_error *err)
{
    size_t runs = bench_runs(bench);
    double own[BENCH_RUNS_MAX];
    double other[BENCH_RUNS_MAX];
    double copy[BENCH_RUNS_MAX];
    ISO_DEFER(bars_reset) struct bars bars = {0};
    struct answer copied;
    ISO_TRY(own_copy(store, week->series, week->range, &bars, &copied, err));
    for (size_t i = 0; i < runs; i++) {
        ISO_TRY(time_once(store, peer, week, &own[i], &other[i], err));
        ISO_TRY(own_copy(store, week->series, week->range, &bars, &copied, err));
        copy[i] = copied.us;
    }
    times->own[WARM][index] = bench_median(own, runs);
    times->own[COPY][index] = bench_median(copy, runs);
    times->peer[WARM][index] = bench_median(other, runs);
    return ISO_OK;
}

static iso_status time_all(struct bench *bench, const struct plan *plan, struct times *times,
                           struct iso_error *err)
{
    ISO_DEFER(peer_close) struct peer peer = {0};
    ISO_DEFER(store_close) struct store *store = NULL;
    ISO_TRY(peer_prepare(bench, &peer, err));
    ISO_TRY(store_open(os_system(), bench->directory, STORE_READ, &store, err));
    store_set_cache_bytes(store, (size_t)call_integer(bench->call, OPTION_cache_bytes));
    for (size_t i = 0; i < plan->count; i++) {
        ISO_TRY(time_once(store, &peer, &plan->weeks[i], &times->own[FIRST][i],
                          &times->peer[FIRST][i], err));
    }
    for (size_t i = 0; i < plan->count; i++) {
        ISO_TRY(time_warm(bench, store, &peer, &plan->weeks[i], times, i, err));
    }
    return ISO_OK;
}

/* Opening, as seconds of a handle that is closed again. */
static iso_status time_open(struct bench *bench, double *open_us, struct iso_error *err)
{
    double took[BENCH_RUNS_MAX];
    size_t runs = bench_runs(bench);
    for (size_t i = 0; i < runs; i++) {
        ISO_DEFER(store_close) struct store *store = NULL;
        double begin = bench_seconds();
        ISO_TRY(store_open(os_system(), bench->directory, STORE_READ, &store, err));
        took[i] = (bench_seconds() - begin) * 1e6;
    }
    *open_us = bench_median(took, runs);
    return ISO_OK;
}

/* Every bar of the store once, in place. */
static iso_status time_scan(const struct bench *bench, const struct series_list *list,
                            double *seconds, struct iso_error *err)
{
    ISO_DEFER(store_close) struct store *store = NULL;
    ISO_TRY(store_open(os_system(), bench->directory, STORE_READ, &store, err));
    double begin = bench_seconds();
    for (size_t i = 0; i < list->count; i++) {
        struct answer answer;
        struct range all = {TIME_MIN_US, TIME_MAX_US};
        ISO_TRY(own_read(store, &list->rows[i].series, all, &answer, err));
    }
    *seconds = bench_seconds() - begin;
    return ISO_OK;
}

static iso_status add_times(struct bench *bench, struct times *times, const struct plan *plan,
                            struct iso_error *err)
{
    size_t count = plan->count;
    double own_first = bench_median(times->own[FIRST], count);
    double own_warm = bench_median(times->own[WARM], count);
    double peer_first = bench_median(times->peer[FIRST], count);
    double peer_warm = bench_median(times->peer[WARM], count);
    const struct {
        const char *name;
        double value;
        const char *unit;
    } rows[] = {
        {"isobar.week_warm_p50", own_warm, "us"},
        {"isobar.week_copy_p50", bench_median(times->own[COPY], count), "us"},
        {"isobar.week_first_p50", own_first, "us"},
        {"duckdb.week_warm_p50", peer_warm, "us"},
        {"duckdb.week_first_p50", peer_first, "us"},
        {"ratio.week_warm_p50", own_warm / peer_warm, "x"},
        {"ratio.week_first_p50", own_first / peer_first, "x"},
        {"isobar.weeks", (double)count, "weeks"},
        {"isobar.week_rows", (double)plan->rows, "bars"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ISO_TRY(bench_add(bench, rows[i].name, "", rows[i].value, rows[i].unit, err));
    }
    return ISO_OK;
}

iso_status bench_read(struct bench *bench, struct iso_error *err)
{
    ISO_DEFER(list_free) struct series_list *list = NULL;
    ISO_DEFER(mem_defer_free) struct times *times = NULL;
    struct plan plan = {.count = 0};
    double open_us;
    double scan_seconds;
    ISO_NEW(list, 1, err);
    ISO_NEW(times, 1, err);
    ISO_TRY(repeat_all(bench, err));
    ISO_TRY(store_each_series(bench->store, add_series, list, err));
    ISO_TRY(make_plan(bench, list, &plan, err));
    ISO_TRY(peer_fill(bench, list, err));
    ISO_TRY(time_all(bench, &plan, times, err));
    ISO_TRY(time_open(bench, &open_us, err));
    ISO_TRY(time_scan(bench, list, &scan_seconds, err));
    ISO_TRY(add_times(bench, times, &plan, err));
    double millions = (double)list->bars * 1e-6;
    ISO_TRY(bench_add(bench, "isobar.open_p50", "", open_us, "us", err));
    ISO_TRY(bench_add(bench, "isobar.full_scan", "", millions / scan_seconds, "M bars/s", err));
    return bench_add(bench, "isobar.bars", "", (double)list->bars, "bars", err);
}

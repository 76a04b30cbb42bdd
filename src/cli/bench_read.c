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
#include "cli/bench_read.h"

#include "market/time.h"

#include <stdio.h>
#include <string.h>

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
    (void)snprintf(series.symbol, sizeof series.symbol, "%.40s" BENCH_COPY_MARK "%04zu",
                   row->series.symbol, copy);
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

static void add_closes(const struct bars *bars, struct answer *answer)
{
    for (size_t i = 0; i < bars->count; i++) {
        answer->closes += bars->value[BAR_close][i];
    }
    answer->rows += bars->count;
}

/* In place, as a program reads with iso_store_scan. */
iso_status own_read(struct store *store, const struct series *series, struct range range,
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

static iso_status time_once(struct store *store, const struct duckdb *duckdb,
                            const struct week *week, double *own_us, double *peer_us,
                            struct iso_error *err)
{
    struct answer own;
    struct answer other;
    ISO_TRY(own_read(store, week->series, week->range, &own, err));
    ISO_TRY(duckdb_read(duckdb, week->series, week->range, &other, err));
    *own_us = own.us;
    *peer_us = other.us;
    return check_same(&own, &other, err);
}

/* The median of --runs reads of the same rows, the first of which is not counted. */
static iso_status time_warm(const struct bench *bench, struct store *store,
                            const struct duckdb *duckdb, const struct week *week,
                            struct times *times, size_t index, struct iso_error *err)
{
    size_t runs = bench_runs(bench);
    double own[BENCH_RUNS_MAX];
    double other[BENCH_RUNS_MAX];
    double copy[BENCH_RUNS_MAX];
    ISO_DEFER(bars_reset) struct bars bars = {0};
    struct answer copied;
    ISO_TRY(own_copy(store, week->series, week->range, &bars, &copied, err));
    for (size_t i = 0; i < runs; i++) {
        ISO_TRY(time_once(store, duckdb, week, &own[i], &other[i], err));
        ISO_TRY(own_copy(store, week->series, week->range, &bars, &copied, err));
        copy[i] = copied.us;
    }
    times->own[WARM][index] = bench_median(own, runs);
    times->own[COPY][index] = bench_median(copy, runs);
    times->peer[WARM][index] = bench_median(other, runs);
    return ISO_OK;
}

static iso_status time_all(struct bench *bench, const struct plan *plan, int threads,
                           struct times *times, struct iso_error *err)
{
    ISO_DEFER(duckdb_end) struct duckdb *duckdb = NULL;
    ISO_DEFER(store_close) struct store *store = NULL;
    ISO_TRY(duckdb_begin(bench, threads, &duckdb, err));
    ISO_TRY(store_open(os_system(), bench->directory, STORE_READ, &store, err));
    store_set_cache_bytes(store, (size_t)call_integer(bench->call, OPTION_cache_bytes));
    for (size_t i = 0; i < plan->count; i++) {
        ISO_TRY(time_once(store, duckdb, &plan->weeks[i], &times->own[FIRST][i],
                          &times->peer[FIRST][i], err));
    }
    for (size_t i = 0; i < plan->count; i++) {
        ISO_TRY(time_warm(bench, store, duckdb, &plan->weeks[i], times, i, err));
    }
    return ISO_OK;
}

/* Opening a handle, which is closed again. */
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
static iso_status own_scan(const struct bench *bench, const struct series_list *list,
                           struct answer *answer, struct iso_error *err)
{
    ISO_DEFER(store_close) struct store *store = NULL;
    double begin = bench_seconds();
    *answer = (struct answer){0};
    ISO_TRY(store_open(os_system(), bench->directory, STORE_READ, &store, err));
    for (size_t i = 0; i < list->count; i++) {
        struct answer one;
        struct range all = {TIME_MIN_US, TIME_MAX_US};
        ISO_TRY(own_read(store, &list->rows[i].series, all, &one, err));
        answer->rows += one.rows;
    }
    answer->us = (bench_seconds() - begin) * 1e6;
    return ISO_OK;
}

/* Both with one thread, and DuckDB with all it wants. */
static iso_status time_scans(struct bench *bench, const struct series_list *list,
                             struct iso_error *err)
{
    static const struct {
        const char *name;
        int threads;
    } peers[] = {{"duckdb.full_scan", 1}, {"duckdb.full_scan_all_threads", 0}};
    struct answer own;
    struct answer other;
    ISO_TRY(own_scan(bench, list, &own, err));
    ISO_TRY(bench_add(bench, "isobar.full_scan", "", (double)own.rows / own.us, "M bars/s", err));
    for (size_t i = 0; i < sizeof peers / sizeof peers[0]; i++) {
        ISO_DEFER(duckdb_end) struct duckdb *duckdb = NULL;
        ISO_TRY(duckdb_begin(bench, peers[i].threads, &duckdb, err));
        ISO_TRY(duckdb_scan(duckdb, &other, err));
        if (other.rows != own.rows) {
            ISO_FAIL(CORRUPT, err, "a full scan gave %zu bars, DuckDB's %zu", own.rows, other.rows);
        }
        ISO_TRY(
            bench_add(bench, peers[i].name, "", (double)other.rows / other.us, "M bars/s", err));
    }
    return ISO_OK;
}

/* Of one thread and as many as it wants, what DuckDB reads weeks faster with. */
static iso_status choose_threads(const struct bench *bench, const struct plan *plan, int *threads,
                                 struct iso_error *err)
{
    double took[2][WEEKS_MAX];
    for (int i = 0; i < 2; i++) {
        ISO_DEFER(duckdb_end) struct duckdb *duckdb = NULL;
        ISO_TRY(duckdb_begin(bench, i, &duckdb, err));
        for (size_t j = 0; j < 2 * plan->count; j++) { /* the second time warm */
            struct answer answer;
            const struct week *week = &plan->weeks[j % plan->count];
            ISO_TRY(duckdb_read(duckdb, week->series, week->range, &answer, err));
            took[i][j % plan->count] = answer.us;
        }
    }
    *threads = bench_median(took[0], plan->count) < bench_median(took[1], plan->count) ? 0 : 1;
    return ISO_OK;
}

struct figure {
    const char *name;
    double value;
    const char *unit;
};

static iso_status add_figures(struct bench *bench, const struct figure *figures, size_t count,
                              struct iso_error *err)
{
    for (size_t i = 0; i < count; i++) {
        ISO_TRY(bench_add(bench, figures[i].name, "", figures[i].value, figures[i].unit, err));
    }
    return ISO_OK;
}

static iso_status add_times(struct bench *bench, struct times *times, const struct plan *plan,
                            struct iso_error *err)
{
    size_t count = plan->count;
    double own_first = bench_median(times->own[FIRST], count);
    double own_warm = bench_median(times->own[WARM], count);
    double own_copy = bench_median(times->own[COPY], count);
    double peer_first = bench_median(times->peer[FIRST], count);
    double peer_warm = bench_median(times->peer[WARM], count);
    const struct figure figures[] = {
        {"isobar.week_warm_p50", own_warm, "us"},
        {"isobar.week_copy_p50", own_copy, "us"},
        {"isobar.week_first_p50", own_first, "us"},
        {"duckdb.week_warm_p50", peer_warm, "us"},
        {"duckdb.week_first_p50", peer_first, "us"},
        {"ratio.week_warm_p50", own_warm / peer_warm, "x"},
        {"ratio.week_copy_p50", own_copy / peer_warm, "x"},
        {"ratio.week_first_p50", own_first / peer_first, "x"},
    };
    return add_figures(bench, figures, sizeof figures / sizeof figures[0], err);
}

static iso_status measure(struct bench *bench, const struct series_list *list, struct plan *plan,
                          struct iso_error *err)
{
    ISO_DEFER(mem_defer_free) struct times *times = NULL;
    double open_us;
    int threads;
    ISO_NEW(times, 1, err);
    ISO_TRY(make_plan(bench, list, plan, err));
    ISO_TRY(duckdb_fill(bench, list, err));
    ISO_TRY(choose_threads(bench, plan, &threads, err));
    ISO_TRY(time_all(bench, plan, threads, times, err));
    ISO_TRY(add_times(bench, times, plan, err));
    ISO_TRY(bench_together(bench, plan, threads, err));
    ISO_TRY(time_scans(bench, list, err));
    ISO_TRY(time_open(bench, &open_us, err));
    const struct figure figures[] = {
        {"isobar.open_p50", open_us, "us"},
        {"isobar.bars", (double)list->bars, "bars"},
        {"isobar.weeks", (double)plan->count, "weeks"},
        {"isobar.week_rows", (double)plan->rows, "bars"},
        {"duckdb.threads", (double)threads, "threads"},
    };
    ISO_TRY(add_figures(bench, figures, sizeof figures / sizeof figures[0], err));
    return bench_read_peers(bench, list, plan, err);
}

iso_status bench_read(struct bench *bench, struct iso_error *err)
{
    ISO_DEFER(list_free) struct series_list *list = NULL;
    struct plan plan = {.count = 0};
    ISO_NEW(list, 1, err);
    ISO_TRY(repeat_all(bench, err));
    ISO_TRY(store_each_series(bench->store, add_series, list, err));
    return measure(bench, list, &plan, err);
}

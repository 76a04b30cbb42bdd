/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections shared by threads: SELECT 1 by 1, 8 and 64 of them, gathered and by lent connections;
 * acquiring and releasing; how evenly who waits is served. Beside it asyncpg's, psycopg's and pgx's
 * pools, and the same load through PgBouncer, where they are installed.
 */
#include "base/threads.h"
#include "cli/bench.h"
#include "cli/bench_peers.h"
#include "cli/call_cloud.h"
#include "cloud/gather.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    CONNECTIONS = 8, /* of every pool that is measured */
    LANES = 2,
    ACQUIRES = 200000,
    CROWD = 64,
    WAITS_MAX = 200000, /* samples of all threads */
};

#define SECONDS "0.5" /* each run of each rate */

static const size_t tasks[] = {1, 8, 64};
enum { TASKS = sizeof tasks / sizeof tasks[0] };

struct load {
    struct pool *pool;
    struct gather *gather; /* NULL: by lent connections */
    int64_t end_us;
    atomic_ullong count;
    double *waits_us; /* NULL: not wanted */
    atomic_size_t wait_count;
};

static int64_t now_us(void)
{
    const struct os *os = os_system();
    return os->monotonic_us(os->context);
}

static iso_status check_answer(struct pg_result *result, struct iso_error *err)
{
    int64_t value = 0;
    iso_status status = result_integer(result, 0, 0, &value, err);
    result_free(&result);
    ISO_TRY(status);
    if (value != 1) {
        ISO_FAIL(BAD_FORMAT, err, "SELECT 1 gave %lld", (long long)value);
    }
    return ISO_OK;
}

static iso_status ask_once(struct load *load, struct iso_error *err)
{
    static const struct pg_query query = {.sql = "SELECT 1"};
    struct pg_result *result = NULL;
    if (load->gather != NULL) {
        ISO_TRY(gather_query(load->gather, &query, &result, err));
        return check_answer(result, err);
    }
    ISO_DEFER(pool_release) struct lease *lease = NULL;
    int64_t begin_us = now_us();
    ISO_TRY(pool_acquire(load->pool, 0, &lease, err));
    if (load->waits_us != NULL) {
        size_t at = atomic_fetch_add(&load->wait_count, 1);
        load->waits_us[at % WAITS_MAX] = (double)(now_us() - begin_us);
    }
    ISO_TRY(pg_query(lease_pg(lease), &query, &result, err));
    return check_answer(result, err);
}

static iso_status ask_on(void *context, size_t item, size_t worker, struct iso_error *err)
{
    struct load *load = context;
    (void)item;
    (void)worker;
    unsigned long long count = 0;
    while (now_us() < load->end_us && !interrupted()) {
        ISO_TRY(ask_once(load, err));
        count++;
    }
    (void)atomic_fetch_add(&load->count, count);
    return ISO_OK;
}

static iso_status run_load(struct load *load, size_t threads, double *rate, struct iso_error *err)
{
    int64_t begin_us = now_us();
    load->end_us = begin_us + (int64_t)(strtod(SECONDS, NULL) * 1e6);
    atomic_store(&load->count, 0);
    ISO_TRY(threads_run(threads, threads, ask_on, load, err));
    if (interrupted()) {
        return interrupted_status(err);
    }
    *rate = (double)atomic_load(&load->count) / ((double)(now_us() - begin_us) * 1e-6);
    return ISO_OK;
}

static iso_status measure_rates(struct bench *bench, struct load *load, const char *what,
                                struct iso_error *err)
{
    double rates[BENCH_RUNS_MAX] = {0};
    for (size_t i = 0; i < TASKS; i++) {
        char name[40];
        double warm = 0;
        ISO_TRY(run_load(load, tasks[i], &warm, err));
        for (size_t run = 0; run < bench_runs(bench); run++) {
            ISO_TRY(run_load(load, tasks[i], &rates[run], err));
        }
        (void)snprintf(name, sizeof name, "isobar.%s_%zu", what, tasks[i]);
        ISO_TRY(bench_add(bench, name, "", bench_median(rates, bench_runs(bench)), "1/s", err));
    }
    return ISO_OK;
}

static iso_status measure_acquire(struct bench *bench, struct pool *pool, struct iso_error *err)
{
    double times_ns[BENCH_RUNS_MAX] = {0};
    for (size_t run = 0; run < bench_runs(bench); run++) {
        int64_t begin_us = now_us();
        for (size_t i = 0; i < ACQUIRES; i++) {
            struct lease *lease = NULL;
            ISO_TRY(pool_acquire(pool, 0, &lease, err));
            pool_release(&lease);
        }
        times_ns[run] = (double)(now_us() - begin_us) * 1e3 / ACQUIRES;
    }
    return bench_add(bench, "isobar.acquire", "", bench_median(times_ns, bench_runs(bench)), "ns",
                     err);
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

/* How long 64 threads wait for one of 8 connections: the 99th of 100 to the 50th. */
static iso_status measure_fairness(struct bench *bench, struct load *load, struct iso_error *err)
{
    double rate = 0;
    ISO_DEFER(mem_defer_free) double *waits_us = NULL;
    ISO_NEW(waits_us, WAITS_MAX, err);
    load->waits_us = waits_us;
    atomic_store(&load->wait_count, 0);
    iso_status status = run_load(load, CROWD, &rate, err);
    load->waits_us = NULL;
    ISO_TRY(status);
    size_t count = atomic_load(&load->wait_count);
    count = count < WAITS_MAX ? count : WAITS_MAX;
    qsort(waits_us, count, sizeof *waits_us, by_value);
    ISO_TRY(bench_add(bench, "isobar.wait_64_p50", "", waits_us[count / 2], "us", err));
    ISO_TRY(bench_add(bench, "isobar.wait_64_p99", "", waits_us[count * 99 / 100], "us", err));
    return ISO_OK;
}

static iso_status measure_own(struct bench *bench, const struct settings *settings,
                              struct iso_error *err)
{
    ISO_DEFER(pool_close) struct pool *pool = NULL;
    ISO_DEFER(gather_close) struct gather *gather = NULL;
    struct pool_profile profile = call_profile(bench->call, settings);
    profile.max = CONNECTIONS;
    profile.min = profile.min < CONNECTIONS ? profile.min : CONNECTIONS;
    ISO_TRY(pool_open(settings, &profile, os_system(), &pool, err));
    ISO_TRY(gather_open(pool, LANES, &gather, err));
    struct load load = {.pool = pool, .gather = gather};
    ISO_TRY(measure_rates(bench, &load, "select1", err));
    load.gather = NULL;
    ISO_TRY(measure_rates(bench, &load, "lent_select1", err));
    ISO_TRY(measure_acquire(bench, pool, err));
    return measure_fairness(bench, &load, err);
}

/* Peers get the URL by the environment, where arguments would show it to everybody. */
static iso_status measure_peers(struct bench *bench, struct iso_error *err)
{
    char python[PEERS_PATH_BYTES];
    char script[PEERS_PATH_BYTES];
    char pgx[PEERS_PATH_BYTES];
    char runs[24];
    char size[24];
    const char *url = call_text(bench->call, OPTION_cloud_url);
    ISO_TRY(peers_path(bench, ".deps/bench-venv/bin/python", python, err));
    ISO_TRY(peers_path(bench, "bench/pool_peers.py", script, err));
    ISO_TRY(peers_path(bench, ".deps/bench-bin/pool_pgx", pgx, err));
    (void)snprintf(runs, sizeof runs, "%zu", bench_runs(bench));
    (void)snprintf(size, sizeof size, "%d", CONNECTIONS);
    if (url == NULL || setenv("ISOBAR_CLOUD_URL", url, 1) != 0) {
        call_say(bench->call, "no peers are measured: they need the cloud as ISOBAR_CLOUD_URL");
        return ISO_OK;
    }
    if (access(python, X_OK) == 0) {
        const char *const arguments[] = {python,  script,   "--runs", runs, "--seconds",
                                         SECONDS, "--size", size,     NULL};
        ISO_TRY(peers_script(bench, script, arguments, err));
    }
    if (access(pgx, X_OK) == 0) {
        const char *const arguments[] = {pgx, runs, SECONDS, size, NULL};
        ISO_TRY(peers_script(bench, pgx, arguments, err));
    }
    if (access(python, X_OK) != 0 || access(pgx, X_OK) != 0) {
        call_say(bench->call, "not all peers are measured: scripts/setup peers installs them");
    }
    return ISO_OK;
}

iso_status bench_pool(struct bench *bench, struct iso_error *err)
{
    ISO_DEFER(settings_reset) struct settings settings = {0};
    ISO_TRY(call_settings(bench->call, ROUTE_POOLED, &settings, err));
    ISO_TRY(measure_own(bench, &settings, err));
    return measure_peers(bench, err);
}

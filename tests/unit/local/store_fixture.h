/* SPDX-License-Identifier: Apache-2.0 */
/* A store in the scratch directory, and what its tests ask of it. */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include "../fixture.h"

#include "local/store.h"
#include "market/time.h"

#include <dirent.h>

static const int64_t monday_us = INT64_C(1704067200000000); /* 2024-01-01, a Monday */
static const struct range all_time = {TIME_MIN_US, TIME_MAX_US};
static struct iso_error err;

static inline struct series minute_series(const char *symbol)
{
    struct series series;
    assert_ok(series_make(symbol, "1m", &series, &err));
    return series;
}

static inline struct store *open_for(enum store_mode mode)
{
    struct store *store = NULL;
    assert_ok(store_open(os_system(), scratch, mode, &store, &err));
    return store;
}

static inline struct range whole(const struct bars *bars)
{
    return (struct range){bars->time_us[0], bars->time_us[bars->count - 1] + TIME_MINUTE_US};
}

static inline struct write_report write_all(struct store *store, const struct series *series,
                                            const struct bars *bars)
{
    struct write_report report = {0};
    assert_ok(store_write(store, series, bars, whole(bars), &report, &err));
    return report;
}

static inline void assert_reads(struct store *store, const struct series *series,
                                struct range range, const struct bars *expected)
{
    ISO_DEFER(bars_reset) struct bars read = {0};
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    assert_ok(store_read(store, series, range, &read, &coverage, &err));
    assert_true(coverage.complete);
    assert_bars_equal(&read, expected);
}

static inline iso_status count_problem(void *context, const struct problem *problem,
                                       struct iso_error *e)
{
    (void)problem;
    (void)e;
    *(size_t *)context += 1;
    return ISO_OK;
}

static inline size_t count_problems(struct store *store)
{
    size_t problems = 0;
    size_t checked = 0;
    assert_ok(store_verify(store, true, &checked, count_problem, &problems, &err));
    return problems;
}

/* The only or first segment file of the store. */
static inline void first_segment_path(char *path, size_t bytes)
{
    char directory[128];
    (void)snprintf(directory, sizeof directory, "%s/segments", scratch);
    DIR *listing = opendir(directory);
    assert_non_null(listing);
    path[0] = '\0';
    for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing)) {
        if (strstr(entry->d_name, ".seg") != NULL) {
            (void)snprintf(path, bytes, "%s/%s", directory, entry->d_name);
        }
    }
    (void)closedir(listing);
    assert_true(path[0] != '\0');
}

static inline int64_t catalog_number(const char *sql)
{
    char path[128];
    struct database *database = NULL;
    struct statement *statement = NULL;
    bool has_row = false;
    (void)snprintf(path, sizeof path, "%s/catalog.db", scratch);
    assert_ok(database_open(path, DATABASE_READ, &database, &err));
    assert_ok(statement_new(database, sql, &statement, &err));
    assert_ok(statement_step(statement, &has_row, &err));
    assert_true(has_row);
    int64_t number = statement_integer(statement, 0);
    statement_free(&statement);
    database_close(&database);
    return number;
}

#endif

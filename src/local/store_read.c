/* SPDX-License-Identifier: Apache-2.0 */
/* Reading: the segments of the range, with the tail laid over them, from one state of the catalog.
 */
#include "local/store_internal.h"

#include <stdio.h>

/* One read: what it reads, where to, and how complete it is. */
struct reading {
    struct store *store;
    const struct series *series;
    int64_t series_id;
    struct range range;
    struct coverage *coverage;
};

static struct range overlap(struct range a, struct range b)
{
    return (struct range){a.from_us > b.from_us ? a.from_us : b.from_us,
                          a.to_us < b.to_us ? a.to_us : b.to_us};
}

/* Damage is no failure of the read: its range is reported as missing. */
static iso_status read_segment(const struct reading *reading, struct range period,
                               const char *hash_text, struct bars *target, struct iso_error *err)
{
    struct hash128 hash;
    struct iso_error why = {0};
    iso_status status;
    if (hash_parse(hash_text, &hash)) {
        status = store_decode_segment(reading->store, reading->series, period, hash, reading->range,
                                      target, &why);
    } else {
        status = iso_fail(ISO_ERROR_CORRUPT, &why, "the catalog holds no valid segment hash");
    }
    enum iso_error_code code = iso_status_code(status);
    if (code == ISO_ERROR_CORRUPT || code == ISO_ERROR_LIMIT || code == ISO_ERROR_NEWER_VERSION) {
        return coverage_add(reading->coverage, overlap(period, reading->range), false, why.text,
                            err);
    }
    if (iso_failed(status) && err != NULL) {
        *err = why;
    }
    return status;
}

static iso_status read_segments(const struct reading *reading, struct bars *target,
                                struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *rows = NULL;
    ISO_TRY(statement_new(reading->store->database,
                          "SELECT from_us, to_us, hash FROM segments WHERE series_id = ?1"
                          " AND from_us < ?3 AND to_us > ?2 ORDER BY from_us",
                          &rows, err));
    statement_bind_integer(rows, 1, reading->series_id);
    statement_bind_integer(rows, 2, reading->range.from_us);
    statement_bind_integer(rows, 3, reading->range.to_us);
    bool has_row;
    ISO_TRY(statement_step(rows, &has_row, err));
    while (has_row) {
        struct range period = {statement_integer(rows, 0), statement_integer(rows, 1)};
        ISO_TRY(read_segment(reading, period, statement_text(rows, 2), target, err));
        ISO_TRY(statement_step(rows, &has_row, err));
    }
    return ISO_OK;
}

static iso_status read_in_transaction(const struct reading *reading, struct bars *target,
                                      struct iso_error *err)
{
    ISO_DEFER(bars_reset) struct bars packed = {0};
    ISO_DEFER(bars_reset) struct bars tail = {0};
    ISO_TRY(read_segments(reading, &packed, err));
    ISO_TRY(tail_read(reading->store->database, reading->series_id, reading->range, &tail, err));
    size_t equal;
    size_t changed;
    if (tail.count == 0 && target->count == 0 && target->capacity == 0) {
        *target = packed;
        packed = (struct bars){0};
        return ISO_OK;
    }
    return bars_merge(&packed, &tail, target, &equal, &changed, err);
}

iso_status store_read(struct store *store, const struct series *series, struct range range,
                      struct bars *target, struct coverage *coverage, struct iso_error *err)
{
    struct reading reading = {store, series, 0, range, coverage};
    coverage->complete = true;
    if (range.from_us >= range.to_us) {
        return ISO_OK;
    }
    ISO_DEFER(transaction_end) struct database *database = store->database;
    ISO_TRY(database_run(database, "BEGIN", err)); /* one state for all the reads below */
    ISO_TRY(series_find(database, series, &reading.series_id, err));
    if (reading.series_id == 0) {
        ISO_FAIL(NOT_FOUND, err,
                 "the store at %s has no series %s %s; \"isobar ls\" lists what it has",
                 store->directory, series->symbol, series->interval->name);
    }
    ISO_TRY(coverage_read(database, reading.series_id, range, coverage, err));
    return read_in_transaction(&reading, target, err);
}

static void fill_series_row(struct statement *rows, struct series_row *row)
{
    row->id = statement_integer(rows, 0);
    row->segments = (size_t)statement_integer(rows, 3);
    row->bytes = (size_t)statement_integer(rows, 4);
    row->bars = (size_t)statement_integer(rows, 5);
    row->first_us = statement_integer(rows, 6);
    row->last_us = statement_integer(rows, 7);
}

iso_status store_each_series(struct store *store, series_visit *visit, void *context,
                             struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *rows = NULL;
    ISO_TRY(statement_new(
        store->database,
        "SELECT s.id, s.symbol, s.interval, coalesce(g.n, 0), coalesce(g.bytes, 0),"
        "  coalesce(g.rows, 0) + coalesce(t.fresh, 0),"
        "  min(coalesce(g.first_us, t.first_us), coalesce(t.first_us, g.first_us)),"
        "  max(coalesce(g.last_us, t.last_us), coalesce(t.last_us, g.last_us))"
        " FROM series s"
        " LEFT JOIN (SELECT series_id, count(*) n, sum(bytes) bytes, sum(rows) rows,"
        "   min(first_us) first_us, max(last_us) last_us FROM segments GROUP BY series_id) g"
        "   ON g.series_id = s.id"
        " LEFT JOIN (SELECT series_id, sum(fresh) fresh, min(time_us) first_us,"
        "   max(time_us) last_us FROM tail GROUP BY series_id) t ON t.series_id = s.id"
        " WHERE g.n > 0 OR t.first_us IS NOT NULL ORDER BY s.symbol, s.interval",
        &rows, err));
    bool has_row;
    ISO_TRY(statement_step(rows, &has_row, err));
    while (has_row) {
        struct series_row row = {0};
        ISO_TRY(iso_context(
            series_make(statement_text(rows, 1), statement_text(rows, 2), &row.series, err), err,
            "the catalog's series %lld", (long long)statement_integer(rows, 0)));
        fill_series_row(rows, &row);
        ISO_TRY(visit(context, &row, err));
        ISO_TRY(statement_step(rows, &has_row, err));
    }
    return ISO_OK;
}

static iso_status visit_segment(struct statement *rows, segment_visit *visit, void *context,
                                struct iso_error *err)
{
    struct segment_row row = {
        .period = {statement_integer(rows, 2), statement_integer(rows, 3)},
        .rows = (size_t)statement_integer(rows, 5),
        .bytes = (size_t)statement_integer(rows, 6),
        .first_us = statement_integer(rows, 7),
        .last_us = statement_integer(rows, 8),
    };
    ISO_TRY(series_make(statement_text(rows, 0), statement_text(rows, 1), &row.series, err));
    if (!hash_parse(statement_text(rows, 4), &row.hash)) {
        ISO_FAIL(CORRUPT, err, "the catalog holds \"%.40s\" where a segment's hash belongs",
                 statement_text(rows, 4));
    }
    return visit(context, &row, err);
}

iso_status store_each_segment(struct store *store, const struct series *series,
                              segment_visit *visit, void *context, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *rows = NULL;
    ISO_TRY(statement_new(
        store->database,
        "SELECT s.symbol, s.interval, g.from_us, g.to_us, g.hash, g.rows, g.bytes, g.first_us,"
        "  g.last_us FROM segments g JOIN series s ON s.id = g.series_id"
        " WHERE ?1 IS NULL OR (s.symbol = ?1 AND s.interval = ?2)"
        " ORDER BY s.symbol, s.interval, g.from_us",
        &rows, err));
    statement_bind_text(rows, 1, series != NULL ? series->symbol : NULL);
    statement_bind_text(rows, 2, series != NULL ? series->interval->name : NULL);
    bool has_row;
    ISO_TRY(statement_step(rows, &has_row, err));
    while (has_row) {
        ISO_TRY(visit_segment(rows, visit, context, err));
        ISO_TRY(statement_step(rows, &has_row, err));
    }
    return ISO_OK;
}

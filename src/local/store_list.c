/* SPDX-License-Identifier: Apache-2.0 */
/* Listing what the store holds: its series and its segments. */
#include "local/store_internal.h"

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

/* SPDX-License-Identifier: Apache-2.0 */
/* Which ranges of a series the store is complete for, and what a read misses. */
#include "local/store_internal.h"

#include "market/time.h"

#include <stdio.h>

void coverage_reset(struct coverage *coverage)
{
    free(coverage->ranges);
    *coverage = (struct coverage){0};
}

const char *coverage_reason(const struct coverage *coverage)
{
    for (size_t i = 0; i < coverage->range_count; i++) {
        if (!coverage->ranges[i].hole) {
            return coverage->ranges[i].reason;
        }
    }
    return "";
}

iso_status coverage_add(struct coverage *coverage, struct range range, bool hole,
                        const char *reason, struct iso_error *err)
{
    size_t bytes = (coverage->range_count + 1) * sizeof *coverage->ranges;
    struct missing_range *grown = realloc(coverage->ranges, bytes);
    if (grown == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %zu missing ranges", coverage->range_count + 1);
    }
    coverage->ranges = grown;
    coverage->complete = coverage->complete && hole;
    struct missing_range *added = &grown[coverage->range_count++];
    *added = (struct missing_range){.range = range, .hole = hole};
    (void)snprintf(added->reason, sizeof added->reason, "%s", reason);
    return ISO_OK;
}

/* Replace the stored ranges that touch *range by nothing, and widen *range over them. */
static iso_status absorb_touching(struct database *database, int64_t series_id, struct range *range,
                                  struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *touching = NULL;
    ISO_DEFER(statement_free) struct statement *drop = NULL;
    ISO_TRY(statement_new(database,
                          "SELECT min(from_us), max(to_us) FROM coverage WHERE series_id = ?1"
                          " AND from_us <= ?3 AND to_us >= ?2",
                          &touching, err));
    statement_bind_integer(touching, 1, series_id);
    statement_bind_integer(touching, 2, range->from_us);
    statement_bind_integer(touching, 3, range->to_us);
    bool has_row;
    ISO_TRY(statement_step(touching, &has_row, err));
    if (!has_row || statement_is_null(touching, 0)) {
        return ISO_OK;
    }
    struct range stored = {statement_integer(touching, 0), statement_integer(touching, 1)};
    range->from_us = stored.from_us < range->from_us ? stored.from_us : range->from_us;
    range->to_us = stored.to_us > range->to_us ? stored.to_us : range->to_us;
    statement_rewind(touching);
    ISO_TRY(statement_new(database,
                          "DELETE FROM coverage WHERE series_id = ?1 AND from_us >= ?2"
                          " AND to_us <= ?3",
                          &drop, err));
    statement_bind_integer(drop, 1, series_id);
    statement_bind_integer(drop, 2, range->from_us);
    statement_bind_integer(drop, 3, range->to_us);
    return statement_run(drop, err);
}

iso_status coverage_write(struct database *database, int64_t series_id, struct range range,
                          struct iso_error *err)
{
    if (range.from_us >= range.to_us) {
        return ISO_OK;
    }
    ISO_DEFER(statement_free) struct statement *add = NULL;
    ISO_TRY(absorb_touching(database, series_id, &range, err));
    ISO_TRY(statement_new(database,
                          "INSERT INTO coverage (series_id, from_us, to_us) VALUES (?1, ?2, ?3)",
                          &add, err));
    statement_bind_integer(add, 1, series_id);
    statement_bind_integer(add, 2, range.from_us);
    statement_bind_integer(add, 3, range.to_us);
    return statement_run(add, err);
}

/* The range from the first to the last bar that the series ever covered; empty where there is none.
 */
static iso_status known_extent(struct database *database, int64_t series_id, struct range *known,
                               struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *extent = NULL;
    ISO_TRY(statement_new(database,
                          "SELECT min(from_us), max(to_us) FROM coverage WHERE series_id = ?1",
                          &extent, err));
    statement_bind_integer(extent, 1, series_id);
    bool has_row;
    ISO_TRY(statement_step(extent, &has_row, err));
    *known = (struct range){0, 0};
    if (has_row && !statement_is_null(extent, 0)) {
        *known = (struct range){statement_integer(extent, 0), statement_integer(extent, 1)};
    }
    statement_rewind(extent);
    return ISO_OK;
}

/* A bound at the end of the accepted years asks for all there is: nothing is missing beyond it. */
static struct range without_open_ends(struct range asked, struct range known)
{
    return (struct range){asked.from_us <= TIME_MIN_US ? known.from_us : asked.from_us,
                          asked.to_us >= TIME_MAX_US ? known.to_us : asked.to_us};
}

static iso_status add_hole(struct coverage *coverage, int64_t from_us, int64_t to_us,
                           struct iso_error *err)
{
    return from_us >= to_us ? ISO_OK
                            : coverage_add(coverage, (struct range){from_us, to_us}, true,
                                           "nobody imported or wrote it", err);
}

iso_status coverage_read(struct database *database, int64_t series_id, struct range range,
                         struct coverage *coverage, struct iso_error *err)
{
    struct range known;
    ISO_TRY(known_extent(database, series_id, &known, err));
    struct range asked = without_open_ends(range, known);
    ISO_DEFER(statement_free) struct statement *rows = NULL;
    ISO_TRY(statement_new(database,
                          "SELECT from_us, to_us FROM coverage WHERE series_id = ?1"
                          " AND to_us > ?2 AND from_us < ?3 ORDER BY from_us",
                          &rows, err));
    statement_bind_integer(rows, 1, series_id);
    statement_bind_integer(rows, 2, asked.from_us);
    statement_bind_integer(rows, 3, asked.to_us);
    int64_t at_us = asked.from_us;
    bool has_row;
    ISO_TRY(statement_step(rows, &has_row, err));
    while (has_row) {
        ISO_TRY(add_hole(coverage, at_us, statement_integer(rows, 0), err));
        at_us = statement_integer(rows, 1);
        ISO_TRY(statement_step(rows, &has_row, err));
    }
    return add_hole(coverage, at_us, asked.to_us, err);
}

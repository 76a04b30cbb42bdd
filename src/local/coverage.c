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

/*
 * The extent of the stored ranges that touch the given one, and how many they are. min and max of
 * nothing are null, which reads as 0.
 */
static iso_status find_touching(struct database *database, int64_t series_id, struct range range,
                                int64_t *count, struct range *extent, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *touching = NULL;
    ISO_TRY(statement_new(database,
                          "SELECT count(*), min(from_us), max(to_us) FROM coverage"
                          " WHERE series_id = ?1 AND from_us <= ?3 AND to_us >= ?2",
                          &touching, err));
    statement_bind_integer(touching, 1, series_id);
    statement_bind_integer(touching, 2, range.from_us);
    statement_bind_integer(touching, 3, range.to_us);
    bool has_row;
    ISO_TRY(statement_step(touching, &has_row, err));
    *count = statement_integer(touching, 0);
    *extent = (struct range){statement_integer(touching, 1), statement_integer(touching, 2)};
    return ISO_OK;
}

static iso_status run_on_range(struct database *database, const char *sql, int64_t series_id,
                               struct range range, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *run = NULL;
    ISO_TRY(statement_new(database, sql, &run, err));
    statement_bind_integer(run, 1, series_id);
    statement_bind_integer(run, 2, range.from_us);
    statement_bind_integer(run, 3, range.to_us);
    return statement_run(run, err);
}

iso_status coverage_write(struct database *database, int64_t series_id, struct range range,
                          bool *changed, struct iso_error *err)
{
    if (range.from_us >= range.to_us) {
        return ISO_OK;
    }
    int64_t count;
    struct range stored;
    ISO_TRY(find_touching(database, series_id, range, &count, &stored, err));
    if (count == 1 && stored.from_us <= range.from_us && range.to_us <= stored.to_us) {
        return ISO_OK;
    }
    if (count > 0) {
        range.from_us = stored.from_us < range.from_us ? stored.from_us : range.from_us;
        range.to_us = stored.to_us > range.to_us ? stored.to_us : range.to_us;
        ISO_TRY(run_on_range(database,
                             "DELETE FROM coverage WHERE series_id = ?1 AND from_us >= ?2"
                             " AND to_us <= ?3",
                             series_id, range, err));
    }
    *changed = true;
    return run_on_range(database,
                        "INSERT INTO coverage (series_id, from_us, to_us) VALUES (?1, ?2, ?3)",
                        series_id, range, err);
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

iso_status coverage_of(const struct series_state *state, struct range range,
                       struct coverage *coverage, struct iso_error *err)
{
    size_t count = state->covered_count;
    struct range known = {0, 0}; /* from the first to the last bar the series ever covered */
    if (count > 0) {
        known = (struct range){state->covered[0].from_us, state->covered[count - 1].to_us};
    }
    struct range asked = without_open_ends(range, known);
    int64_t at_us = asked.from_us;
    for (size_t i = 0; i < count && state->covered[i].from_us < asked.to_us; i++) {
        if (state->covered[i].to_us > asked.from_us) {
            ISO_TRY(add_hole(coverage, at_us, state->covered[i].from_us, err));
            at_us = state->covered[i].to_us;
        }
    }
    return add_hole(coverage, at_us, asked.to_us, err);
}

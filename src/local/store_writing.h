/* SPDX-License-Identifier: Apache-2.0 */
/* A write in the making: prepared by store_write.c, committed by store_commit.c. */
#ifndef LOCAL_STORE_WRITING_H
#define LOCAL_STORE_WRITING_H

#include "local/store_internal.h"

enum { DIRECT_ROWS = 256 }; /* as many bars of a period at once make a segment */

/* What a write does to one period. */
struct period_plan {
    struct range period;
    size_t first; /* the slice of the given bars that lies in the period */
    size_t count;
    struct indexed_segment current;
    bool seal;                        /* pack what the tail holds, whatever is given */
    bool damaged;                     /* the current segment cannot be read */
    bool direct;                      /* a new segment replaces segment and tail */
    uint64_t fresh[DIRECT_ROWS / 64]; /* else: bit i, the segment has no bar at the time of bar i */
    bool unchanged;                   /* every bar was there already */
    struct hash128 hash;              /* of the new segment, where direct */
    size_t bytes;
    size_t rows;
    int64_t first_us;
    int64_t last_us;
};

/* A write in the making. */
struct writing {
    struct store *store;
    const struct series *series;
    const struct bars *bars;
    struct range covered;
    bool seal; /* pack whatever the tail holds */
    int64_t series_id;
    int64_t revision; /* of the series when it was prepared */
    struct period_plan *plans;
    size_t plan_count;
    struct write_report report;
    size_t sealed;
};

/* The series' present revision; -1 where it is gone. */
iso_status writing_revision(const struct writing *writing, int64_t *revision,
                            struct iso_error *err);

/*
 * Commit what was prepared, in one transaction. *done is false where somebody changed the series
 * since, or took a file that was to be named: prepare it anew.
 */
iso_status writing_commit(struct writing *writing, bool *done, struct iso_error *err);

#endif

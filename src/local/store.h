/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local store: one directory with catalog.db (SQLite: series, tail bars, segment index, outbox,
 * coverage, quarantine) and segments/ (immutable files named by their hash). docs/store-format.md
 * describes both.
 *
 * There is one write path: bars, the segment index and an outbox entry commit in one fsynced SQLite
 * transaction, and the call returns. Any number of processes may have the directory open; a struct
 * store serves one thread.
 */
#ifndef LOCAL_STORE_H
#define LOCAL_STORE_H

#include "base/cache.h"
#include "base/file.h"
#include "base/os.h"
#include "base/text.h"
#include "local/database.h"
#include "market/bars.h"
#include "market/series.h"
#include "segment/segment.h"

struct store;

enum store_mode {
    STORE_READ,
    STORE_CHANGE, /* write into a store that is there */
    STORE_WRITE   /* the same, and make it where it is missing */
};

/*
 * Fails with BAD_ARGUMENT (there is none, unless it is to be made; no place for one),
 * NEWER_VERSION, CORRUPT, IO (a place that cannot be written), CATALOG, BUSY. The caller owns
 * *store.
 *
 * Where the directory cannot be written, a store is read all the same: by SQLite's usual means
 * where a writer has left or holds its log, else as a store that nobody writes; once somebody does,
 * reads fail with BUSY and it must be opened anew.
 */
iso_status store_open(const struct os *os, const char *directory, enum store_mode mode,
                      struct store **store, struct iso_error *err);
void store_close(struct store **store);

/* The most memory for decoded bars and index rows that this handle keeps; the preset at opening. */
#define STORE_CACHE_BYTES_PRESET ((size_t)256 << 20)
void store_set_cache_bytes(struct store *store, size_t bytes);
struct cache_stats store_cache_stats(const struct store *store);

const char *store_directory(const struct store *store);
const struct os *store_os(const struct store *store);

/* What became of the bars of one write: their sum is the number of bars given. */
struct write_report {
    size_t stored;     /* new bars */
    size_t duplicates; /* already there, equal in every bit */
    size_t corrected;  /* already there with other values, now replaced */
};

/*
 * Store bars (strictly rising times), durably and atomically: all or, after a failure, none.
 * covered is the range the source is complete for. *report is added to. Fails with BAR_ORDER,
 * LIMIT, IO, CATALOG, BUSY, CORRUPT.
 */
iso_status store_write(struct store *store, const struct series *series, const struct bars *bars,
                       struct range covered, struct write_report *report, struct iso_error *err);

/*
 * Pack what the tail holds of the series (all series where NULL) into segments; *sealed counts the
 * bars packed. A period whose segment is damaged keeps its tail: verify names it.
 */
iso_status store_seal(struct store *store, const struct series *series, size_t *sealed,
                      struct iso_error *err);

struct collect_report {
    size_t files; /* deleted */
    size_t bytes;
    size_t orphans; /* of them, those that no row named: left by a killed writer */
};

/*
 * Delete files that nothing needs and that have not been needed for grace_us: segments that were
 * replaced and are in no snapshot, and what killed writers left. Safe beside any readers and
 * writers whatever the grace. Fails with IO, CATALOG, BUSY; what was deleted by then is counted.
 */
iso_status store_collect(struct store *store, int64_t grace_us, struct collect_report *report,
                         struct iso_error *err);

/*
 * Move what SQLite's log holds into catalog.db and make the log short. Safe beside others; what
 * they still read stays in the log. Fails with IO, CATALOG, CORRUPT.
 */
iso_status store_checkpoint(struct store *store, struct iso_error *err);

/*
 * A part of the asked range without bars, and why. A hole lies between bars but nothing ever
 * covered it: nobody imported or wrote it, so there is nothing to give. Anything else is missing:
 * the store should have it and cannot give it.
 */
struct missing_range {
    struct range range;
    bool hole;
    char reason[160];
};

/* How complete a read is. All zero but complete = true is "complete, without holes". */
struct coverage {
    bool complete;                /* nothing but holes in ranges */
    struct missing_range *ranges; /* owned; in order of time within a segment and of holes */
    size_t range_count;
};

void coverage_reset(struct coverage *coverage);
/* Why it is not complete: the first reason that is no hole; "" where it is. */
const char *coverage_reason(const struct coverage *coverage);
/* Note a range; unless it is a hole, sets complete to false. */
iso_status coverage_add(struct coverage *coverage, struct range range, bool hole,
                        const char *reason, struct iso_error *err);

/*
 * Append the bars of the range to target, in order of time, from one consistent state, and say how
 * complete they are. Damage and holes are reported in *coverage, not as a failure; damaged bars are
 * left out. A bound at the end of the accepted years asks for all there is, so nothing is a hole
 * beyond the first or last bar. Fails with NOT_FOUND (no such series), IO, CATALOG, BUSY.
 */
iso_status store_read(struct store *store, const struct series *series, struct range range,
                      struct bars *target, struct coverage *coverage, struct iso_error *err);

/*
 * As store_read, but only the newest count bars of the range; older segments are not opened, and
 * *coverage is about the range from the first bar that was given.
 */
iso_status store_read_last(struct store *store, const struct series *series, struct range range,
                           size_t count, struct bars *target, struct coverage *coverage,
                           struct iso_error *err);

/*
 * A walk over the bars of a range from one consistent state, whatever is written meanwhile, without
 * copying them where they lie in the cache already. The store must outlive the walk, and coverage
 * too: damage is noted there as the walk meets it. Fails as store_read; the caller closes *scan.
 */
struct store_scan;
iso_status store_scan_open(struct store *store, const struct series *series, struct range range,
                           struct coverage *coverage, struct store_scan **scan,
                           struct iso_error *err);
void store_scan_close(struct store_scan **scan);

/* Bars borrowed from the cache or owned. All zero is the empty one. */
struct store_view {
    struct bars bars;
    struct cache_entry *pin; /* what bars borrow from; NULL where they own */
};

/*
 * The next bars, at most a segment's, in order of time; an empty view is the end. A view stays
 * valid until store_view_release, whatever becomes of the scan, the store and its files; what
 * does not fit into the cache is the view's own. Fails with IO, and with BUSY where the state this
 * walk began with has been replaced and its files collected: begin anew.
 */
iso_status store_scan_next(struct store_scan *scan, struct store_view *view, struct iso_error *err);
void store_view_release(struct store_view *view);

struct series_row {
    int64_t id;
    struct series series;
    int64_t first_us; /* open times of the first and the last bar */
    int64_t last_us;
    size_t bars;
    size_t segments;
    size_t bytes; /* of its segments */
};

/* Call visit for each series by symbol, then interval. */
typedef iso_status series_visit(void *context, const struct series_row *row, struct iso_error *err);
iso_status store_each_series(struct store *store, series_visit *visit, void *context,
                             struct iso_error *err);

struct segment_row {
    struct series series;
    struct range period;
    struct hash128 hash;
    size_t rows;
    size_t bytes;
    int64_t first_us;
    int64_t last_us;
};

/* Call visit for each segment of the series (of all where NULL), by series, then period. */
typedef iso_status segment_visit(void *context, const struct segment_row *row,
                                 struct iso_error *err);
iso_status store_each_segment(struct store *store, const struct series *series,
                              segment_visit *visit, void *context, struct iso_error *err);

/* Whether the segment's file exists. Asked under a transaction it stays so until that ends. */
bool store_has_file(const struct store *store, struct hash128 hash);

/*
 * Read and check one segment file by its hash. The caller owns *bytes, *segment views them.
 * Fails with CORRUPT (missing counts as damage), IO.
 */
iso_status store_load_segment(struct store *store, struct hash128 hash, struct bytes *bytes,
                              struct segment *segment, struct iso_error *err);

/*
 * Append the bars that the segment file of that hash holds in the range. The file must be of the
 * series and period. Fails as store_load_segment.
 */
iso_status store_decode_segment(struct store *store, const struct series *series,
                                struct range period, struct hash128 hash, struct range range,
                                struct bars *target, struct iso_error *err);

struct quarantine_row {
    const char *file;
    int64_t line; /* from 1 */
    const char *symbol;
    const char *reason;
    const char *text; /* the row as it was read */
};

/* Keep refused rows; the same (file, line, text) again changes nothing. Durable as one transaction.
 */
iso_status store_quarantine(struct store *store, const struct quarantine_row *rows,
                            size_t row_count, struct iso_error *err);
typedef iso_status quarantine_visit(void *context, const struct quarantine_row *row,
                                    struct iso_error *err);
iso_status store_each_quarantined(struct store *store, quarantine_visit *visit, void *context,
                                  struct iso_error *err);

/* Refused rows of one file that have a reason in common. */
struct quarantine_group {
    const char *file;
    const char *reason;
    size_t rows;
    int64_t first_line;
};
typedef iso_status quarantine_group_visit(void *context, const struct quarantine_group *group,
                                          struct iso_error *err);
iso_status store_each_quarantine_group(struct store *store, quarantine_group_visit *visit,
                                       void *context, struct iso_error *err);
/* Forget those of the file, all where it is NULL; *dropped counts. */
iso_status store_quarantine_drop(struct store *store, const char *file, size_t *dropped,
                                 struct iso_error *err);

struct problem {
    const char *kind; /* "hash", "missing", "catalog", "order", "rows" */
    struct series series;
    struct range period;
    const char *text;
};

/*
 * Check everything stored: SQLite's own integrity check, the tail, and each segment's file, hash
 * and index row, those of snapshots included; deep also decodes every bar. visit is called for each
 * problem. *checked counts segments. (Files that no row names are leftovers of a killed writer:
 * harmless, so no problem.)
 */
typedef iso_status problem_visit(void *context, const struct problem *problem,
                                 struct iso_error *err);
iso_status store_verify(struct store *store, bool deep, size_t *checked, problem_visit *visit,
                        void *context, struct iso_error *err);

/* The catalog's connection, for the layers above that keep tables of their own in it (snapshots).
 */
struct database *store_database(struct store *store);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the store share among themselves. */
#ifndef LOCAL_STORE_INTERNAL_H
#define LOCAL_STORE_INTERNAL_H

#include "base/cache.h"
#include "local/store.h"
#include "segment/segment.h"

enum {
    STORE_SCHEMA_VERSION = 1,
    TAIL_BLOB_BYTES = (BAR_VALUE_COUNT + 1) * 8, /* the values, then trade_count, little-endian */
    SEGMENT_NAME_BYTES = HASH_HEX_BYTES + 4      /* <hash>.seg and NUL */
};

struct store {
    const struct os *os;
    char *directory;
    char *segments; /* directory/segments */
    struct database *database;
    struct cache *cache; /* of decoded segments and series states */
};

/* What the cache holds, so that hashes of different things cannot be taken for each other. */
enum store_cached { STORE_CACHED_SEGMENT = 1, STORE_CACHED_SERIES = 2 };

/* A segment as the catalog lists it. */
struct segment_entry {
    struct range period;
    struct hash128 hash;
    size_t rows;
    bool valid; /* the catalog's hash can be read */
};

/*
 * What the catalog said about a series at one moment: everything a read of it needs but the bars in
 * segment files. Kept in the cache until the catalog has changed; never altered, so that a read
 * that pinned it sees one state to its end.
 */
struct series_state {
    struct series series;
    int64_t id;
    int64_t revision;
    struct database_change change;  /* of the catalog when this was last found to be true */
    struct segment_entry *segments; /* in order of time */
    size_t segment_count;
    struct bars tail;
    struct range *covered; /* in order of time; none touch */
    size_t covered_count;
};

/*
 * *entry pins the present state of the series (cache_value gives it). fresh reads it from the
 * catalog even if nothing seems to have changed. Fails with NOT_FOUND (no such series), CORRUPT,
 * CATALOG, BUSY.
 */
iso_status store_state(struct store *store, const struct series *series, bool fresh,
                       struct cache_entry **entry, struct iso_error *err);

/* The covered ranges of the series state->id, into state, which owns them; in the caller's
 * transaction. Fails with OUT_OF_MEMORY, CATALOG. */
iso_status store_load_covered(struct database *database, struct series_state *state,
                              struct iso_error *err);

/* A segment's bars, all of them, as the cache keeps them. */
struct decoded {
    struct series series;
    struct range period;
    struct bars bars;
};

/*
 * *entry pins the decoded bars of a segment (cache_value: struct decoded); it is NULL where the
 * cache does not have them and should not: no room, or the first time of asking.
 * Fails with CORRUPT (missing counts as damage), IO.
 */
iso_status store_decoded(struct store *store, const struct series *series,
                         const struct segment_entry *segment, struct cache_entry **entry,
                         struct iso_error *err);

/* As store_load_segment; the segment must be of the series and period, or it is CORRUPT. */
iso_status store_load_segment_of(struct store *store, const struct series *series,
                                 struct range period, struct hash128 hash, struct bytes *bytes,
                                 struct segment *segment, struct iso_error *err);

/*
 * Whether a store may lie at the directory, which need not exist, and may be written in the mode.
 * Fails with BAD_ARGUMENT (another host's file system, no directory), IO (not to be written),
 * LIMIT.
 */
iso_status store_check_place(const char *directory, enum store_mode mode, struct iso_error *err);

/* The schema of catalog.db; each entry migrates from the version that is its index. */
extern const char *const store_migrations[STORE_SCHEMA_VERSION];

/* "<hash>.seg" */
void segment_file_name(struct hash128 hash, char target[SEGMENT_NAME_BYTES]);

/* *id of a series; 0 where the store has none. */
iso_status series_find(struct database *database, const struct series *series, int64_t *id,
                       struct iso_error *err);

/* A bar's values as the tail keeps them. SQLite's own REAL would turn -0.0 into 0. */
void tail_blob_write(const struct bar *bar, uint8_t target[TAIL_BLOB_BYTES]);
void tail_blob_read(const uint8_t source[TAIL_BLOB_BYTES], struct bar *bar);
/* Append the tail's bars of the range, in order of time. Fails with CORRUPT. */
iso_status tail_read(struct database *database, int64_t series_id, struct range range,
                     struct bars *target, struct iso_error *err);

/* Whether a segment holds what the catalog lists it for. */
bool segment_is_of(const struct segment *segment, const struct series *series, struct range period);

/* The segment that covers a period, if any. */
struct indexed_segment {
    bool exists;
    struct hash128 hash;
    size_t rows;
    int64_t first_us;
    int64_t last_us;
};
iso_status segment_index_find(struct database *database, int64_t series_id, struct range period,
                              struct indexed_segment *found, struct iso_error *err);

/* Record that the series is complete in the range; ranges that touch become one. *changed is set
 * where that was news. In a transaction. */
iso_status coverage_write(struct database *database, int64_t series_id, struct range range,
                          bool *changed, struct iso_error *err);
/* Note the holes of the range; a bound at the end of the accepted years means all there is. */
iso_status coverage_of(const struct series_state *state, struct range range,
                       struct coverage *coverage, struct iso_error *err);

#endif

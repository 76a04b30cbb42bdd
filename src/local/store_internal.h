/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the store share among themselves. */
#ifndef LOCAL_STORE_INTERNAL_H
#define LOCAL_STORE_INTERNAL_H

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
};

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
};
iso_status segment_index_find(struct database *database, int64_t series_id, struct range period,
                              struct indexed_segment *found, struct iso_error *err);

/* Record that the series is complete in the range; ranges that touch become one. In a transaction.
 */
iso_status coverage_write(struct database *database, int64_t series_id, struct range range,
                          struct iso_error *err);
/* Note the holes of the range; a bound at the end of the accepted years means all there is. */
iso_status coverage_read(struct database *database, int64_t series_id, struct range range,
                         struct coverage *coverage, struct iso_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A snapshot names a fixed state of bars: a manifest of segment hashes, whose own hash is the root.
 * A run that names a root can be repeated anywhere the segments are. The manifest is text, one
 * record a line, fields parted by tabs:
 *
 *     isobar-snapshot 1
 *     range    <from_us>  <to_us>
 *     series   <symbol>   <interval>                     series by symbol, then interval; then, of
 * that series: segment  <from_us>  <to_us>  <hash>  <rows>        its segments by period hole
 * <from_us>  <to_us>                        ranges inside it that the store never held
 *
 * Bars of a segment outside of the range do not belong to the snapshot. The root is the XXH3-128 of
 * these bytes.
 */
#ifndef STORE_SNAPSHOT_H
#define STORE_SNAPSHOT_H

#include "local/store.h"

enum { SNAPSHOT_NAME_BYTES_MAX = 100 };

struct snapshot {
    char name[SNAPSHOT_NAME_BYTES_MAX + 1];
    char root[HASH_HEX_BYTES];
    size_t bars;
    size_t segments;
    int64_t created_us;
    bool already; /* snapshot_create: it was there with the same root */
};

/*
 * Seal the tail, then record the segments of the series (all of the store where series_count is 0)
 * that reach into the range. A name that exists with another root is refused: a snapshot never
 * changes. Fails with BAD_ARGUMENT, NOT_FOUND (no such series), CORRUPT, IO, CATALOG, BUSY.
 */
iso_status snapshot_create(struct store *store, const char *name, const struct series *series,
                           size_t series_count, struct range range, struct snapshot *snapshot,
                           struct iso_error *err);

/* Fails with NOT_FOUND. manifest (may be NULL) gets its text. */
iso_status snapshot_find(struct store *store, const char *name, struct snapshot *snapshot,
                         struct text *manifest, struct iso_error *err);

typedef iso_status snapshot_visit(void *context, const struct snapshot *snapshot,
                                  struct iso_error *err);
iso_status snapshot_each(struct store *store, snapshot_visit *visit, void *context,
                         struct iso_error *err);

/*
 * Append the snapshot's bars of one series to target. *coverage names holes; damage fails with
 * CORRUPT, since a snapshot promises its bytes. Fails with NOT_FOUND where the snapshot or the
 * series in it does not exist.
 */
iso_status snapshot_read(struct store *store, const char *name, const struct series *series,
                         struct bars *target, struct coverage *coverage, struct iso_error *err);

#endif

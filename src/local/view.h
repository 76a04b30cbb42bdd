/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One consistent state of a store, for as long as it is looked at: a read transaction of the
 * catalog stays open, and bars are read by the hashes that it lists, however much is written
 * beside. Several threads may read through one view; each cursor serves one thread at a time.
 */
#ifndef LOCAL_VIEW_H
#define LOCAL_VIEW_H

#include "local/store.h"

struct view;

/* Fails as store_open. The caller owns *view; cursors must be closed first. */
iso_status view_open(const struct os *os, const char *directory, struct view **view,
                     struct iso_error *err);
void view_close(struct view **view);
const char *view_directory(const struct view *view);

/* As the functions of the store of these names, from the view's state; visit must not use the view.
 */
iso_status view_each_series(struct view *view, series_visit *visit, void *context,
                            struct iso_error *err);
iso_status view_each_segment(struct view *view, const struct series *series, segment_visit *visit,
                             void *context, struct iso_error *err);
iso_status view_each_quarantined(struct view *view, quarantine_visit *visit, void *context,
                                 struct iso_error *err);

/* What all cursors of a view have done so far. */
struct view_work {
    size_t segments; /* read and checked */
    size_t blocks;   /* decoded */
    size_t bars;     /* handed out */
};
struct view_work view_work(struct view *view);

/* The bars of one series in a range, a calendar period at a time. */
struct cursor;

/*
 * Begin to read. *coverage (may be NULL) is set to the holes of the range, as by store_read; damage
 * joins it as it is met. It must outlive the cursor, which the caller owns. Fails with NOT_FOUND
 * (no such series), IO, CATALOG, BUSY, CORRUPT.
 */
iso_status cursor_open(struct view *view, const struct series *series, struct range range,
                       struct coverage *coverage, struct cursor **cursor, struct iso_error *err);
void cursor_close(struct cursor **cursor);

/*
 * Set target (owned; what it held is dropped) to the next bars, in order of time; none at the end.
 * A damaged segment is left out and noted in the coverage; without one it is the failure CORRUPT,
 * naming the segment.
 */
iso_status cursor_next(struct cursor *cursor, struct bars *target, struct iso_error *err);

/*
 * The first bar of the latest segment such that the range from there on holds at least bar_count
 * bars; the range's own begin where there are fewer.
 */
iso_status view_last_begin(struct view *view, const struct series *series, struct range range,
                           size_t bar_count, int64_t *from_us, struct iso_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Behind include/isobar.h: every function is a check and a call. */
#include "local/store.h"
#include "market/time.h"

#include <string.h>

struct iso_store {
    struct store *store;
    size_t users; /* the handle itself, while it is open, and its cursors */
};

struct iso_cursor {
    struct iso_store *store;
    struct store_scan *scan;
    struct coverage coverage;
};

_Static_assert((int)ISO_FAILURE_REPORT == (int)ISO_CLASS_FAILED &&
                   (int)ISO_FAILURE_USAGE == (int)ISO_CLASS_USAGE &&
                   (int)ISO_FAILURE_DATA == (int)ISO_CLASS_PROBLEM &&
                   (int)ISO_FAILURE_CLOUD == (int)ISO_CLASS_CLOUD &&
                   (int)ISO_FAILURE_BUDGET == (int)ISO_CLASS_BUDGET &&
                   (int)ISO_FAILURE_BUSY == (int)ISO_CLASS_BUSY &&
                   (int)ISO_FAILURE_ACCESS == (int)ISO_CLASS_ACCESS,
               "the public classes are the internal ones");

enum iso_failure_class iso_failure_class_of(iso_status status)
{
    return (enum iso_failure_class)iso_status_class(status);
}

const char *iso_version(void)
{
    return ISOBAR_VERSION;
}

iso_status iso_store_open(const char *directory, int writable, struct iso_store **store,
                          struct iso_error *err)
{
    if (directory == NULL || store == NULL) {
        ISO_FAIL(BAD_ARGUMENT, err, "iso_store_open: directory and store must not be NULL");
    }
    ISO_DEFER(iso_store_close) struct iso_store *opened = NULL;
    ISO_NEW(opened, 1, err);
    ISO_TRY(store_open(os_system(), directory, writable != 0 ? STORE_WRITE : STORE_READ,
                       &opened->store, err));
    opened->users = 1;
    *store = opened;
    opened = NULL;
    return ISO_OK;
}

/* Give a use of the store back; the last one closes it. */
static void leave(struct iso_store *store)
{
    if (store->users <= 1) {
        store_close(&store->store);
        free(store);
    } else {
        store->users--;
    }
}

void iso_store_close(struct iso_store **store)
{
    if (store != NULL && *store != NULL) {
        leave(*store);
        *store = NULL;
    }
}

void iso_store_set_cache_bytes(struct iso_store *store, size_t bytes)
{
    if (store != NULL) {
        store_set_cache_bytes(store->store, bytes);
    }
}

static iso_status check_series(const struct iso_store *store, const char *symbol,
                               const char *interval, struct series *series, struct iso_error *err)
{
    if (store == NULL || symbol == NULL || interval == NULL) {
        ISO_FAIL(BAD_ARGUMENT, err, "store, symbol and interval must not be NULL");
    }
    return series_make(symbol, interval, series, err);
}

/* A copy that is the store's to keep: absent columns filled, NaNs made the one absent value. */
static iso_status copy_bars(const struct iso_bars *given, struct bars *copy, struct iso_error *err)
{
    ISO_TRY(bars_reserve(copy, given->count, err));
    for (size_t i = 0; i < given->count; i++) {
        struct bar bar = {
            .time_us = given->time_us[i],
            .value = {given->open[i], given->high[i], given->low[i], given->close[i],
                      given->volume[i], given->vwap != NULL ? given->vwap[i] : BAR_ABSENT},
            .trade_count = given->trade_count != NULL ? given->trade_count[i] : BAR_COUNT_ABSENT,
        };
        ISO_TRY(bars_append(copy, &bar, err));
    }
    return ISO_OK;
}

iso_status iso_store_write(struct iso_store *store, const char *symbol, const char *interval,
                           const struct iso_bars *bars, struct iso_write_report *report,
                           struct iso_error *err)
{
    struct series series;
    struct write_report done = {0};
    ISO_DEFER(bars_reset) struct bars copy = {0};
    ISO_TRY(check_series(store, symbol, interval, &series, err));
    if (bars == NULL || (bars->count > 0 && (!bars->time_us || !bars->open || !bars->high ||
                                             !bars->low || !bars->close || !bars->volume))) {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "bars and their columns, but vwap and trade_count, must be set");
    }
    ISO_TRY(copy_bars(bars, &copy, err));
    struct range covered = {0, 0};
    if (copy.count > 0) {
        covered.from_us = copy.time_us[0];
        covered.to_us = interval_next(series.interval, copy.time_us[copy.count - 1]);
        ISO_TRY(store_write(store->store, &series, &copy, covered, &done, err));
    }
    if (report != NULL) {
        *report = (struct iso_write_report){done.stored, done.duplicates, done.corrected};
    }
    return ISO_OK;
}

/* Hand a view over to the caller of the library; leaves *view empty. Of no bars, nothing is owned,
 * so that the end of a scan need not be released. */
static iso_status hand_out(struct store_view *view, struct iso_bars *bars, struct iso_error *err)
{
    struct store_view *owner;
    if (view->bars.count == 0) {
        *bars = (struct iso_bars){0};
        return ISO_OK;
    }
    ISO_NEW(owner, 1, err);
    *owner = *view;
    *view = (struct store_view){0};
    *bars = (struct iso_bars){
        .count = owner->bars.count,
        .time_us = owner->bars.time_us,
        .open = owner->bars.value[BAR_open],
        .high = owner->bars.value[BAR_high],
        .low = owner->bars.value[BAR_low],
        .close = owner->bars.value[BAR_close],
        .volume = owner->bars.value[BAR_volume],
        .vwap = owner->bars.value[BAR_vwap],
        .trade_count = owner->bars.trade_count,
        .owner = owner,
    };
    return ISO_OK;
}

static iso_status check_range(const void *target, int64_t from_us, int64_t to_us,
                              struct iso_error *err)
{
    if (target == NULL || from_us > to_us) {
        ISO_FAIL(BAD_ARGUMENT, err, "the target must not be NULL, and from_us not after to_us");
    }
    return ISO_OK;
}

/* The bars in place if they are one piece; *whole is false where they are more. */
static iso_status read_in_place(struct store *store, const struct series *series,
                                struct range range, struct store_view *view,
                                struct coverage *coverage, bool *whole, struct iso_error *err)
{
    ISO_DEFER(store_view_release) struct store_view rest = {0};
    ISO_DEFER(store_scan_close) struct store_scan *scan = NULL;
    ISO_TRY(store_scan_open(store, series, range, coverage, &scan, err));
    ISO_TRY(store_scan_next(scan, view, err));
    ISO_TRY(store_scan_next(scan, &rest, err));
    *whole = rest.bars.count == 0;
    return ISO_OK;
}

iso_status iso_store_read(struct iso_store *store, const char *symbol, const char *interval,
                          int64_t from_us, int64_t to_us, struct iso_bars *bars, int *complete,
                          struct iso_error *err)
{
    struct series series;
    struct range range = {from_us, to_us};
    bool whole = false;
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    ISO_DEFER(store_view_release) struct store_view view = {0};
    ISO_TRY(check_series(store, symbol, interval, &series, err));
    ISO_TRY(check_range(bars, from_us, to_us, err));
    iso_status status = read_in_place(store->store, &series, range, &view, &coverage, &whole, err);
    if (iso_failed(status) && iso_status_code(status) != ISO_ERROR_BUSY) {
        return status;
    }
    if (!whole) {
        store_view_release(&view);
        coverage_reset(&coverage);
        ISO_TRY(store_read(store->store, &series, range, &view.bars, &coverage, err));
    }
    ISO_TRY(hand_out(&view, bars, err));
    if (complete != NULL) {
        *complete = coverage.complete ? 1 : 0;
    }
    return ISO_OK;
}

void iso_bars_release(struct iso_bars *bars)
{
    if (bars != NULL && bars->owner != NULL) {
        store_view_release(bars->owner);
        free(bars->owner);
        *bars = (struct iso_bars){0};
    }
}

iso_status iso_store_scan(struct iso_store *store, const char *symbol, const char *interval,
                          int64_t from_us, int64_t to_us, struct iso_cursor **cursor,
                          struct iso_error *err)
{
    struct series series;
    ISO_DEFER(mem_defer_free) struct iso_cursor *opened = NULL;
    ISO_TRY(check_series(store, symbol, interval, &series, err));
    ISO_TRY(check_range(cursor, from_us, to_us, err));
    ISO_NEW(opened, 1, err);
    iso_status status = store_scan_open(store->store, &series, (struct range){from_us, to_us},
                                        &opened->coverage, &opened->scan, err);
    if (iso_failed(status)) {
        coverage_reset(&opened->coverage);
        return status;
    }
    opened->store = store;
    store->users++;
    *cursor = opened;
    opened = NULL;
    return ISO_OK;
}

iso_status iso_cursor_next(struct iso_cursor *cursor, struct iso_bars *bars, struct iso_error *err)
{
    ISO_DEFER(store_view_release) struct store_view view = {0};
    if (cursor == NULL || bars == NULL) {
        ISO_FAIL(BAD_ARGUMENT, err, "cursor and bars must not be NULL");
    }
    ISO_TRY(store_scan_next(cursor->scan, &view, err));
    return hand_out(&view, bars, err);
}

int iso_cursor_complete(const struct iso_cursor *cursor)
{
    return cursor != NULL && cursor->coverage.complete ? 1 : 0;
}

void iso_cursor_close(struct iso_cursor **cursor)
{
    if (cursor != NULL && *cursor != NULL) {
        store_scan_close(&(*cursor)->scan);
        coverage_reset(&(*cursor)->coverage);
        leave((*cursor)->store);
        free(*cursor);
        *cursor = NULL;
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Behind include/isobar.h: every function is a check and a call. */
#include "local/store.h"
#include "market/time.h"

#include <string.h>

struct iso_store {
    struct store *store;
};

_Static_assert((int)ISO_FAILURE_REPORT == (int)ISO_CLASS_FAILED &&
                   (int)ISO_FAILURE_USAGE == (int)ISO_CLASS_USAGE &&
                   (int)ISO_FAILURE_DATA == (int)ISO_CLASS_PROBLEM &&
                   (int)ISO_FAILURE_BUSY == (int)ISO_CLASS_BUSY,
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
    *store = opened;
    opened = NULL;
    return ISO_OK;
}

void iso_store_close(struct iso_store **store)
{
    if (store != NULL && *store != NULL) {
        store_close(&(*store)->store);
        free(*store);
        *store = NULL;
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

iso_status iso_store_read(struct iso_store *store, const char *symbol, const char *interval,
                          int64_t from_us, int64_t to_us, struct iso_bars *bars, int *complete,
                          struct iso_error *err)
{
    struct series series;
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    ISO_TRY(check_series(store, symbol, interval, &series, err));
    if (bars == NULL || from_us > to_us) {
        ISO_FAIL(BAD_ARGUMENT, err, "bars must not be NULL, and from_us not after to_us");
    }
    struct bars *owner;
    ISO_NEW(owner, 1, err);
    iso_status status =
        store_read(store->store, &series, (struct range){from_us, to_us}, owner, &coverage, err);
    if (iso_failed(status)) {
        bars_reset(owner);
        free(owner);
        return status;
    }
    *bars = (struct iso_bars){
        .count = owner->count,
        .time_us = owner->time_us,
        .open = owner->value[BAR_open],
        .high = owner->value[BAR_high],
        .low = owner->value[BAR_low],
        .close = owner->value[BAR_close],
        .volume = owner->value[BAR_volume],
        .vwap = owner->value[BAR_vwap],
        .trade_count = owner->trade_count,
        .owner = owner,
    };
    if (complete != NULL) {
        *complete = coverage.complete ? 1 : 0;
    }
    return ISO_OK;
}

void iso_bars_release(struct iso_bars *bars)
{
    if (bars != NULL && bars->owner != NULL) {
        bars_reset(bars->owner);
        free(bars->owner);
        *bars = (struct iso_bars){0};
    }
}

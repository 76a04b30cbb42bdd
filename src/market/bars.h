/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bars in columns: what every layer hands to every other.
 *
 * time_us is the open time in microseconds since 1970 UTC. A value that is absent is BAR_ABSENT
 * (one fixed quiet NaN) in a column of doubles and BAR_COUNT_ABSENT in trade_count; prices and
 * volume may be any other double, -0.0, denormals and infinities included.
 */
#ifndef MARKET_BARS_H
#define MARKET_BARS_H

#include "base/status.h"

#include <math.h>

#define BAR_COUNT_ABSENT INT64_MIN
#define BAR_ABSENT ((double)NAN)

/* clang-format off */
/* The columns of doubles, in the order of the file format, of CSV and of every table. */
#define BAR_VALUE_TABLE(X) X(open) X(high) X(low) X(close) X(volume) X(vwap)
/* clang-format on */

enum bar_value {
#define X(name) BAR_##name,
    BAR_VALUE_TABLE(X)
#undef X
        BAR_VALUE_COUNT
};

/* One bar, for building and comparing. */
struct bar {
    int64_t time_us;
    double value[BAR_VALUE_COUNT];
    int64_t trade_count;
};

/*
 * count bars in columns of equal length. Owned (bars_reserve, bars_reset) where capacity > 0; with
 * capacity 0 it is a view that borrows from another one. All zero is the empty one.
 */
struct bars {
    size_t count;
    size_t capacity;
    int64_t *time_us;
    double *value[BAR_VALUE_COUNT];
    int64_t *trade_count;
};

/* Room for at least capacity bars, contents kept. Columns begin at 64-byte boundaries. */
iso_status bars_reserve(struct bars *bars, size_t capacity, struct iso_error *err);
void bars_reset(struct bars *bars);

iso_status bars_append(struct bars *bars, const struct bar *bar, struct iso_error *err);
iso_status bars_append_all(struct bars *bars, const struct bars *more, struct iso_error *err);

struct bar bars_get(const struct bars *bars, size_t index);
/* Overwrite the bar at index < count. NaNs of any kind become BAR_ABSENT. */
void bars_set(struct bars *bars, size_t index, const struct bar *bar);

/* A view of [first, first + count). */
struct bars bars_slice(const struct bars *bars, size_t first, size_t count);

/* Index of the first bar at or after time_us; count where there is none. Bars must be in order of
 * time. */
size_t bars_find(const struct bars *bars, int64_t time_us);

/* Whether there is a bar at exactly time_us. Bars must be in order of time. */
bool bars_have(const struct bars *bars, int64_t time_us);

/* True where every bit of both agrees. */
bool bar_equal(const struct bar *a, const struct bar *b);
bool bars_equal(const struct bars *a, const struct bars *b);

/*
 * Sort by time; of bars with equal time the last one stays. *duplicates counts dropped bars that
 * were equal to the one that stayed in every bit, *conflicts those that were not. O(n) where the
 * bars are in order already.
 */
iso_status bars_normalise(struct bars *bars, size_t *duplicates, size_t *conflicts,
                          struct iso_error *err);

/*
 * The union of base and over, both normalised; where both have a time, over wins. Appends to target
 * (empty, owned). *equal counts the times at which both agree bit for bit, *changed those at which
 * they do not.
 */
iso_status bars_merge(const struct bars *base, const struct bars *over, struct bars *target,
                      size_t *equal, size_t *changed, struct iso_error *err);

#endif

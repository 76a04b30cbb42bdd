/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intervals of series, and the calendar periods (UTC) that segments cover. One table holds both: a
 * period is chosen so that a full one holds roughly 4,000 to 16,000 bars.
 */
#ifndef MARKET_INTERVAL_H
#define MARKET_INTERVAL_H

#include "base/status.h"

#define TIME_SECOND_US INT64_C(1000000)
#define TIME_MINUTE_US (60 * TIME_SECOND_US)
#define TIME_HOUR_US (60 * TIME_MINUTE_US)
#define TIME_DAY_US (24 * TIME_HOUR_US)

/* A half-open range of time, microseconds since 1970 UTC. */
struct range {
    int64_t from_us;
    int64_t to_us;
};

/* code is written into segments: never reuse or renumber one. */
struct interval {
    const char *name;
    uint8_t code;
    int64_t step_us; /* distance of bars; 0 for calendar months */
    int64_t
        period_us; /* length of a period, counted from Monday 1970-01-05; 0 where it is in months */
    int32_t period_months; /* length of a period, counted from January of year 0; 0 where it is in
                              microseconds */
};

/* The row named so ("1m", "1M", ...); NULL where there is none. */
const struct interval *interval_named(const char *name);
/* The row of a code; NULL where there is none. */
const struct interval *interval_coded(uint8_t code);
/* The row whose step_us is the given one; NULL where there is none. */
const struct interval *interval_of_step(int64_t step_us);
/* Rows of the table in rising order; NULL past the last. */
const struct interval *interval_row(size_t index);

/* The period that holds time_us (TIME_MIN_US <= time_us < TIME_MAX_US), cut to the accepted years.
 */
struct range interval_period(const struct interval *interval, int64_t time_us);
/* Open time of the bar after the one at time_us. */
int64_t interval_next(const struct interval *interval, int64_t time_us);

#endif

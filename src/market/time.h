/* SPDX-License-Identifier: Apache-2.0 */
/* Calendar time (proleptic Gregorian, UTC, no leap seconds) and its text. */
#ifndef MARKET_TIME_H
#define MARKET_TIME_H

#include "base/status.h"

/* Times are accepted from 0001-01-01 up to, not including, 9999-01-01. */
#define TIME_MIN_US INT64_C(-62135596800000000)
#define TIME_MAX_US INT64_C(253370764800000000)

/* month 1..12, day 1..31 */
struct civil {
    int64_t year;
    int32_t month;
    int32_t day;
    int32_t hour;
    int32_t minute;
    int32_t second;
    int32_t microsecond;
};

struct civil time_civil(int64_t time_us);
/* Fields must be in range; days_in_month tells about the day. */
int64_t time_of_civil(const struct civil *civil);
int32_t days_in_month(int64_t year, int32_t month);

enum { TIME_TEXT_BYTES = 40 };

/* "2024-01-31T23:59:00Z", with six digits of fraction only where there is one. Returns the length.
 */
size_t time_format(int64_t time_us, char target[TIME_TEXT_BYTES]);

/*
 * Read [begin, end): "2024-01-31", "2024-01-31 23:59[:00[.123456789]]", the same with T,
 * "31.01.2024 ...", "31-Jan-24", "20240131", each with nothing (UTC), Z, or an offset as +01:00 /
 * +0100 behind; digits finer than a microsecond are cut. False where it is none of these, does not
 * exist (30 February) or lies outside the accepted years.
 */
bool time_parse(const char *begin, const char *end, int64_t *time_us);

/*
 * As people type it on a command line: all that time_parse reads, an epoch with its unit
 * ("1700000000s", "ms", "us", "ns"), "now", or relative to now_us ("-7d", "-12h", "-30m", "-2w").
 * Fails with BAD_ARGUMENT.
 */
iso_status time_parse_argument(const char *text, int64_t now_us, int64_t *time_us,
                               struct iso_error *err);

#endif

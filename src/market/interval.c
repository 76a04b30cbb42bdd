/* SPDX-License-Identifier: Apache-2.0 */
#include "market/interval.h"

#include "market/time.h"

#include <string.h>

#define MONDAY_US (4 * TIME_DAY_US) /* 1970-01-05 */

/* clang-format off */
static const struct interval interval_rows[] = {
    /* name  code  step                 period            months */
    {"1s",   1,    TIME_SECOND_US,      3 * TIME_HOUR_US,  0},
    {"5s",   2,    5 * TIME_SECOND_US,  12 * TIME_HOUR_US, 0},
    {"15s",  3,    15 * TIME_SECOND_US, TIME_DAY_US,       0},
    {"30s",  4,    30 * TIME_SECOND_US, 2 * TIME_DAY_US,   0},
    {"1m",   5,    TIME_MINUTE_US,      7 * TIME_DAY_US,   0},
    {"3m",   6,    3 * TIME_MINUTE_US,  0,                 1},
    {"5m",   7,    5 * TIME_MINUTE_US,  0,                 1},
    {"15m",  8,    15 * TIME_MINUTE_US, 0,                 3},
    {"30m",  9,    30 * TIME_MINUTE_US, 0,                 6},
    {"1h",   10,   TIME_HOUR_US,        0,                 12},
    {"2h",   11,   2 * TIME_HOUR_US,    0,                 24},
    {"4h",   12,   4 * TIME_HOUR_US,    0,                 48},
    {"6h",   13,   6 * TIME_HOUR_US,    0,                 60},
    {"8h",   14,   8 * TIME_HOUR_US,    0,                 60},
    {"12h",  15,   12 * TIME_HOUR_US,   0,                 120},
    {"1d",   16,   TIME_DAY_US,         0,                 240},
    {"1w",   17,   7 * TIME_DAY_US,     0,                 1200},
    {"1M",   18,   0,                   0,                 1200},
};
/* clang-format on */
enum { INTERVAL_COUNT = sizeof interval_rows / sizeof interval_rows[0] };

const struct interval *interval_row(size_t index)
{
    return index < INTERVAL_COUNT ? &interval_rows[index] : NULL;
}

const struct interval *interval_named(const char *name)
{
    for (size_t i = 0; i < INTERVAL_COUNT; i++) {
        if (strcmp(interval_rows[i].name, name) == 0) {
            return &interval_rows[i];
        }
    }
    return NULL;
}

const struct interval *interval_coded(uint8_t code)
{
    return code >= 1 && code <= INTERVAL_COUNT ? &interval_rows[code - 1] : NULL;
}

const struct interval *interval_of_step(int64_t step_us)
{
    for (size_t i = 0; i < INTERVAL_COUNT; i++) {
        if (step_us > 0 && interval_rows[i].step_us == step_us) {
            return &interval_rows[i];
        }
    }
    return NULL;
}

static int64_t first_of_month(int64_t months)
{
    struct civil first = {.year = months / 12, .month = (int32_t)(months % 12) + 1, .day = 1};
    return time_of_civil(&first);
}

static struct range calendar_period(const struct interval *interval, int64_t time_us)
{
    if (interval->period_months > 0) {
        struct civil civil = time_civil(time_us);
        int64_t months = civil.year * 12 + civil.month - 1;
        int64_t first = months - months % interval->period_months;
        return (struct range){first_of_month(first),
                              first_of_month(first + interval->period_months)};
    }
    int64_t into = (time_us - MONDAY_US) % interval->period_us;
    int64_t from_us = time_us - (into < 0 ? into + interval->period_us : into);
    return (struct range){from_us, from_us + interval->period_us};
}

struct range interval_period(const struct interval *interval, int64_t time_us)
{
    ISO_ASSERT(time_us >= TIME_MIN_US && time_us < TIME_MAX_US);
    struct range period = calendar_period(interval, time_us);
    period.from_us = period.from_us < TIME_MIN_US ? TIME_MIN_US : period.from_us;
    period.to_us = period.to_us > TIME_MAX_US ? TIME_MAX_US : period.to_us;
    return period;
}

int64_t interval_next(const struct interval *interval, int64_t time_us)
{
    if (interval->step_us > 0) {
        return time_us + interval->step_us;
    }
    struct civil civil = time_civil(time_us);
    int64_t next = civil.year * 12 + civil.month;
    int32_t last_day = days_in_month(next / 12, (int32_t)(next % 12) + 1);
    civil.year = next / 12;
    civil.month = (int32_t)(next % 12) + 1;
    civil.day = civil.day < last_day ? civil.day : last_day;
    return time_of_civil(&civil);
}

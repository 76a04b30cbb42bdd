/* SPDX-License-Identifier: Apache-2.0 */
#include "market/resample.h"

#include "base/text.h"
#include "market/time.h"

#define MONDAY_US (4 * TIME_DAY_US) /* 1970-01-05 */

static struct range month_of(int64_t time_us)
{
    struct civil civil = time_civil(time_us);
    struct civil first = {.year = civil.year, .month = civil.month, .day = 1};
    int64_t from_us = time_of_civil(&first);
    return (struct range){from_us, from_us + days_in_month(civil.year, civil.month) * TIME_DAY_US};
}

struct range resample_bucket(const struct interval *interval, int64_t time_us)
{
    ISO_ASSERT(time_us >= TIME_MIN_US && time_us < TIME_MAX_US);
    struct range bucket;
    if (interval->step_us == 0) {
        bucket = month_of(time_us);
    } else {
        int64_t origin_us = interval->step_us > TIME_DAY_US ? MONDAY_US : 0;
        int64_t into = (time_us - origin_us) % interval->step_us;
        bucket.from_us = time_us - (into < 0 ? into + interval->step_us : into);
        bucket.to_us = bucket.from_us + interval->step_us;
    }
    bucket.from_us = bucket.from_us < TIME_MIN_US ? TIME_MIN_US : bucket.from_us;
    bucket.to_us = bucket.to_us > TIME_MAX_US ? TIME_MAX_US : bucket.to_us;
    return bucket;
}

/* Months are whole days; every other interval is a multiple of what fills it. */
static bool fills(const struct interval *from, const struct interval *to)
{
    if (from->step_us == 0 || from == to) {
        return false;
    }
    int64_t whole_us = to->step_us == 0 ? TIME_DAY_US : to->step_us;
    return whole_us % from->step_us == 0;
}

iso_status resample_check(const struct interval *from, const struct interval *to,
                          struct iso_error *err)
{
    if (fills(from, to)) {
        return ISO_OK;
    }
    ISO_DEFER(text_reset) struct text fit = {0};
    for (size_t i = 0; interval_row(i) != NULL; i++) {
        if (fills(from, interval_row(i))) {
            text_addf(&fit, " %s", interval_row(i)->name);
        }
    }
    if (fit.length == 0) {
        ISO_FAIL(BAD_ARGUMENT, err, "bars of %s cannot be resampled: no interval is made of them",
                 from->name);
    }
    ISO_FAIL(BAD_ARGUMENT, err, "bars of %s make no bars of %s; they make%s", from->name, to->name,
             text_get(&fit));
}

const char *resample_origin(const struct interval *interval)
{
    if (interval->step_us == 0) {
        return "the first of the month, 00:00 UTC";
    }
    return interval->step_us > TIME_DAY_US ? "Monday, 00:00 UTC" : "midnight UTC";
}

static void begin_bar(struct resampler *resampler, int64_t time_us)
{
    *resampler = (struct resampler){
        .to = resampler->to,
        .bucket = resample_bucket(resampler->to, time_us),
        .bar = {.trade_count = BAR_COUNT_ABSENT},
    };
    resampler->bar.time_us = resampler->bucket.from_us;
    for (size_t i = 0; i < BAR_VALUE_COUNT; i++) {
        resampler->bar.value[i] = BAR_ABSENT;
    }
}

static void take_prices(struct bar *into, const struct bar *bar)
{
    const double *from = bar->value;
    double *value = into->value;
    if (isnan(value[BAR_open])) {
        value[BAR_open] = from[BAR_open];
    }
    if (isnan(value[BAR_high]) || from[BAR_high] > value[BAR_high]) {
        value[BAR_high] = from[BAR_high];
    }
    if (isnan(value[BAR_low]) || from[BAR_low] < value[BAR_low]) {
        value[BAR_low] = from[BAR_low];
    }
    if (!isnan(from[BAR_close])) {
        value[BAR_close] = from[BAR_close];
    }
}

static void take_volume(struct resampler *resampler, const struct bar *bar)
{
    double volume = bar->value[BAR_volume];
    double vwap = bar->value[BAR_vwap];
    double *sum = &resampler->bar.value[BAR_volume];
    if (!isnan(volume)) {
        *sum = isnan(*sum) ? volume : *sum + volume;
    }
    if (isnan(volume) || volume == 0.0) {
        resampler->vwap_is_unknown = resampler->vwap_is_unknown || isnan(volume);
    } else if (isnan(vwap)) {
        resampler->vwap_is_unknown = true;
    } else {
        resampler->weighed += vwap * volume;
        resampler->weight += volume;
    }
}

static iso_status take_count(struct resampler *resampler, const struct bar *bar,
                             struct iso_error *err)
{
    int64_t *sum = &resampler->bar.trade_count;
    if (bar->trade_count == BAR_COUNT_ABSENT) {
        return ISO_OK;
    }
    int64_t before = *sum == BAR_COUNT_ABSENT ? 0 : *sum;
    if (__builtin_add_overflow(before, bar->trade_count, sum)) {
        ISO_FAIL(LIMIT, err, "the sum of trade counts does not fit 64 bits");
    }
    return ISO_OK;
}

iso_status resampler_finish(struct resampler *resampler, struct bars *target, struct iso_error *err)
{
    if (resampler->bucket.from_us == resampler->bucket.to_us) {
        return ISO_OK;
    }
    if (!resampler->vwap_is_unknown && resampler->weight > 0.0) {
        resampler->bar.value[BAR_vwap] = resampler->weighed / resampler->weight;
    }
    resampler->bucket = (struct range){0, 0};
    return bars_append(target, &resampler->bar, err);
}

iso_status resampler_add(struct resampler *resampler, const struct bars *bars, struct bars *target,
                         struct iso_error *err)
{
    for (size_t i = 0; i < bars->count; i++) {
        struct bar bar = bars_get(bars, i);
        if (bar.time_us >= resampler->bucket.to_us ||
            resampler->bucket.from_us >= resampler->bucket.to_us) {
            ISO_TRY(resampler_finish(resampler, target, err));
            begin_bar(resampler, bar.time_us);
        }
        take_prices(&resampler->bar, &bar);
        take_volume(resampler, &bar);
        ISO_TRY(take_count(resampler, &bar, err));
    }
    return ISO_OK;
}

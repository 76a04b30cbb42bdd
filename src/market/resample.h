/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coarser bars out of finer ones.
 *
 * A bucket is one interval of the coarser series. Buckets are counted from one origin, whatever the
 * range asked for: steps that divide a day from midnight UTC, weeks from Monday 00:00 UTC, months
 * from the first 00:00 UTC. A bucket without a bar gives no bar: nothing is filled in.
 *
 * open is the first and close the last that is present, high the largest, low the smallest, volume
 * and trade_count the sums of what is present (absent where nothing is), in order of time. vwap is
 * the mean of the bars' vwaps weighed by their volumes; it is absent where a bar that traded has
 * none, because then it cannot be known.
 */
#ifndef MARKET_RESAMPLE_H
#define MARKET_RESAMPLE_H

#include "market/bars.h"
#include "market/interval.h"

/* The bucket that holds time_us, cut to the accepted years. */
struct range resample_bucket(const struct interval *interval, int64_t time_us);

/* Fails with BAD_ARGUMENT where bars of from do not fill bars of to wholly, saying which would do.
 */
iso_status resample_check(const struct interval *from, const struct interval *to,
                          struct iso_error *err);

/* What the origin of the interval's buckets is, as a sentence's end ("midnight UTC"). */
const char *resample_origin(const struct interval *interval);

/* Resampling as bars come, in order of time. All zero but the intervals is the beginning. */
struct resampler {
    const struct interval *to;
    struct range bucket; /* of the bar being made; empty where there is none */
    struct bar bar;
    double weighed; /* sum of vwap * volume */
    double weight;  /* sum of those volumes */
    bool vwap_is_unknown;
};

/*
 * Add bars, which follow those added before in time; bars of finished buckets are appended to
 * target. Fails with LIMIT where a sum of trade counts does not fit, OUT_OF_MEMORY.
 */
iso_status resampler_add(struct resampler *resampler, const struct bars *bars, struct bars *target,
                         struct iso_error *err);
/* Append the bar being made, if any. */
iso_status resampler_finish(struct resampler *resampler, struct bars *target,
                            struct iso_error *err);

#endif

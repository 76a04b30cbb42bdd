/* SPDX-License-Identifier: Apache-2.0 */
/* Series of every kind that a codec must carry, well-behaved and hostile. */
#ifndef SERIES_KINDS_H
#define SERIES_KINDS_H

#include "../test.h"

#include "base/rng.h"
#include "market/bars.h"
#include "market/series.h"
#include "segment/bits.h"

#include <float.h>
#include <string.h>

/* clang-format off */
#define SERIES_KIND_TABLE(X)                                                              \
    X(decimal2) X(decimal8) X(quarter_ticks) X(thirtyseconds) X(ulps_off) X(random17)     \
    X(any_bits) X(denormal) X(huge) X(mixed) X(constant) X(scale_switch) X(minus_zero)    \
    X(some_absent) X(all_absent) X(negative) X(infinite) X(bad_bars) X(thin_off_grid)     \
    X(only_close) X(hostile_counts) X(limit_integers)
/* clang-format on */

enum series_kind {
#define X(name) KIND_##name,
    SERIES_KIND_TABLE(X)
#undef X
        KIND_COUNT
};

static const char *const kind_names[KIND_COUNT] = {
#define X(name) #name,
    SERIES_KIND_TABLE(X)
#undef X
};

static inline double from_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value != value ? BAR_ABSENT : value;
}

static inline double step_ulps(double value, int64_t ulps)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return from_bits(bits + (uint64_t)ulps);
}

/* A bar that moves from *level in units of 1 / power. */
static inline void walk(struct rng *rng, int64_t *level, double power, struct bar *bar)
{
    int64_t open = *level + (int64_t)rng_below(rng, 3) - 1;
    int64_t close = open + (int64_t)rng_below(rng, 41) - 20;
    int64_t high = (open > close ? open : close) + (int64_t)rng_below(rng, 10);
    int64_t low = (open < close ? open : close) - (int64_t)rng_below(rng, 10);
    *level = close;
    bar->value[BAR_open] = (double)open / power;
    bar->value[BAR_high] = (double)high / power;
    bar->value[BAR_low] = (double)low / power;
    bar->value[BAR_close] = (double)close / power;
    bar->value[BAR_volume] = (double)rng_below(rng, 1000000) / 1000.0;
    bar->value[BAR_vwap] = (double)(high + low) / (2 * power);
    bar->trade_count = rng_below(rng, 2000);
}

static inline double odd_value(struct rng *rng, enum series_kind kind, size_t column)
{
    switch (kind) {
    case KIND_random17:
        return rng_unit(rng) * 1000.0;
    case KIND_any_bits:
        return from_bits(rng_u64(rng));
    case KIND_denormal: {
        uint64_t bits = rng_u64(rng); /* first: operands have no order of their own */
        return from_bits(bits >> (12 + rng_below(rng, 40)));
    }
    case KIND_huge:
        return rng_below(rng, 2) == 0 ? DBL_MAX : 1e300 * rng_unit(rng);
    case KIND_infinite:
        return rng_below(rng, 2) == 0 ? (double)INFINITY : -(double)INFINITY;
    case KIND_minus_zero:
        return column == BAR_volume ? -0.0 : 1.0;
    default:
        return (double)((INT64_C(1) << 53) - 2 + (int64_t)rng_below(rng, 5));
    }
}

static inline void spoil(struct rng *rng, enum series_kind kind, size_t row, struct bar *bar)
{
    for (size_t i = 0; i < BAR_VALUE_COUNT; i++) {
        bool always = kind == KIND_random17 || kind == KIND_any_bits || kind == KIND_denormal ||
                      kind == KIND_huge || kind == KIND_limit_integers;
        bool often = kind == KIND_infinite || kind == KIND_minus_zero;
        if (always || (often && rng_below(rng, 9) == 0)) {
            bar->value[i] = odd_value(rng, kind, i);
        } else if (kind == KIND_mixed && rng_below(rng, 4) == 0) {
            bar->value[i] = odd_value(rng, (enum series_kind)rng_below(rng, KIND_COUNT), i);
        } else if (kind == KIND_ulps_off && rng_below(rng, 5) == 0) {
            bar->value[i] = step_ulps(bar->value[i], (int64_t)rng_below(rng, 300) - 150);
        } else if (kind == KIND_all_absent ||
                   (kind == KIND_some_absent && rng_below(rng, 3) == 0) ||
                   (kind == KIND_only_close && i != BAR_close)) {
            bar->value[i] = BAR_ABSENT;
        } else if (kind == KIND_thin_off_grid && i < BAR_volume && rng_below(rng, 40) == 0) {
            bar->value[i] = (double)rng_below(rng, 2000000000) / 1e7;
        } else if (kind == KIND_bad_bars) {
            bar->value[i] = (double)rng_below(rng, 10000) / 100.0;
        } else if (kind == KIND_constant) {
            bar->value[i] = 12.5;
        }
    }
    if (kind == KIND_all_absent || (kind == KIND_some_absent && row % 3 == 0)) {
        bar->trade_count = BAR_COUNT_ABSENT;
    } else if (kind == KIND_hostile_counts) {
        int64_t hostile[] = {INT64_MAX, INT64_MIN + 1, 0, -1, (INT64_C(1) << 53) - 1};
        bar->trade_count = hostile[rng_below(rng, 5)];
    }
}

static inline double power_of_kind(enum series_kind kind, size_t row)
{
    switch (kind) {
    case KIND_decimal8:
        return 1e8;
    case KIND_quarter_ticks:
        return 4;
    case KIND_thirtyseconds:
        return 32;
    case KIND_scale_switch:
        return row < 700 ? 100 : 10000;
    default:
        return 100;
    }
}

/* Append rows bars at time_us and after, with gaps where gap_parts > 0 (one bar in so many). */
static inline void add_series(struct bars *bars, enum series_kind kind, size_t rows,
                              const struct interval *interval, int64_t time_us, uint32_t gap_parts,
                              uint32_t seed)
{
    struct iso_error err = {0};
    struct rng rng = rng_stream(seed, kind, (uint32_t)rows, RNG_TEST);
    int64_t level = kind == KIND_negative ? 5 : 10000;
    for (size_t i = 0; i < rows; i++) {
        struct bar bar = {.time_us = time_us};
        walk(&rng, &level, power_of_kind(kind, i), &bar);
        spoil(&rng, kind, i, &bar);
        assert_ok(bars_append(bars, &bar, &err));
        uint32_t steps = gap_parts > 0 && rng_below(&rng, gap_parts) == 0 ? rng_below(&rng, 50) : 0;
        for (uint32_t step = 0; step <= steps; step++) {
            time_us = interval_next(interval, time_us);
        }
    }
}

/* Activity and moves over many octaves, so that all classes, levels and widths occur. */
static inline void add_wild(struct bars *bars, struct rng *rng, size_t rows, unsigned widest)
{
    struct iso_error err = {0};
    int64_t level = INT64_C(1) << 40;
    for (size_t i = 0; i < rows; i++) {
        struct bar bar = {.time_us = 1700000040000000 + 60000000 * (int64_t)i};
        unsigned octave = rng_below(rng, 20);
        unsigned spread = rng_below(rng, widest);
        int64_t move = (int64_t)(rng_u64(rng) & bits_mask(spread));
        move >>= rng_below(rng, 8);
        int64_t wick = (int64_t)(rng_u64(rng) & bits_mask(spread / 2));
        int64_t close = rng_below(rng, 2) == 0 ? level + move : level - move;
        bar.trade_count = (int64_t)(rng_u64(rng) & bits_mask(octave));
        bar.value[BAR_open] = (double)level;
        bar.value[BAR_close] = (double)close;
        bar.value[BAR_high] = (double)((level > close ? level : close) + wick);
        bar.value[BAR_low] = (double)((level < close ? level : close) - wick);
        bar.value[BAR_volume] = (double)(rng_u64(rng) & bits_mask(octave + spread));
        bar.value[BAR_vwap] = BAR_ABSENT;
        assert_ok(bars_append(bars, &bar, &err));
        level = close < (INT64_C(1) << 50) && close > 0 ? close : INT64_C(1) << 40;
    }
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Bars for the tests of evolution. */
#ifndef EVOLVE_FIXTURE_H
#define EVOLVE_FIXTURE_H

#include "../test.h"

#include "base/rng.h"
#include "market/bars.h"
#include "market/interval.h"

static inline void add_bar(struct bars *bars, double open, double close)
{
    struct iso_error err;
    struct bar bar = {.time_us = (int64_t)bars->count * TIME_HOUR_US,
                      .value = {[BAR_open] = open,
                                [BAR_high] = open > close ? open : close,
                                [BAR_low] = open < close ? open : close,
                                [BAR_close] = close,
                                [BAR_volume] = 1.0,
                                [BAR_vwap] = BAR_ABSENT},
                      .trade_count = BAR_COUNT_ABSENT};
    assert_ok(bars_append(bars, &bar, &err));
}

/* A random walk with gaps between close and open, one bar an hour. */
static inline void add_walk(struct bars *bars, size_t count, uint64_t seed)
{
    struct rng rng = rng_stream(seed, 0, 0, RNG_TEST);
    double price = 100.0;
    for (size_t i = 0; i < count; i++) {
        double open = price * (1.0 + 0.002 * rng_normal(&rng));
        price = open * (1.0 + 0.01 * rng_normal(&rng));
        add_bar(bars, open, price);
    }
}

#endif

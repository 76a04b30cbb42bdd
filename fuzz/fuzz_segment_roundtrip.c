/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes become bars, which must come back in every bit, and give the same bytes when encoded again.
 * The bytes are a small program: each step sets scales or values, or appends bars that walk.
 */
#include "fuzz.h"

#include "market/time.h"
#include "segment/segment.h"

#include <string.h>

enum { ROWS_MAX = 2200 };

struct source {
    const uint8_t *data;
    size_t left;
};

static uint64_t take(struct source *source, size_t bytes)
{
    uint64_t word = 0;
    for (size_t i = 0; i < bytes && source->left > 0; i++) {
        word = word << 8 | *source->data++;
        source->left--;
    }
    return word;
}

struct maker {
    struct source source;
    const struct interval *interval;
    int64_t level;
    double power;
    uint32_t noise;
    struct bar bar;
    struct bars bars;
};

static uint32_t noise_below(struct maker *maker, uint32_t bound)
{
    maker->noise = maker->noise * 1664525 + 1013904223;
    return (maker->noise >> 8) % bound;
}

static void add_bar(struct maker *maker)
{
    if (maker->bars.count < ROWS_MAX && maker->bar.time_us < TIME_MAX_US) {
        ISO_ASSERT(!iso_failed(bars_append(&maker->bars, &maker->bar, NULL)));
    }
    if (maker->bar.time_us < TIME_MAX_US - 31 * TIME_DAY_US) {
        maker->bar.time_us = interval_next(maker->interval, maker->bar.time_us);
    } else {
        maker->bar.time_us = TIME_MAX_US; /* no more bars */
    }
}

static void add_walk(struct maker *maker, uint64_t rows)
{
    for (uint64_t i = 0; i < rows; i++) {
        int64_t open = maker->level;
        int64_t close = open + (int64_t)noise_below(maker, 33) - 16;
        maker->bar.value[BAR_open] = (double)open / maker->power;
        maker->bar.value[BAR_high] = (double)(open + 20) / maker->power;
        maker->bar.value[BAR_low] = (double)(open - 20) / maker->power;
        maker->bar.value[BAR_close] = (double)close / maker->power;
        maker->bar.value[BAR_volume] = (double)noise_below(maker, 100000) / 1000;
        maker->level = close;
        add_bar(maker);
    }
}

static void set_value(struct maker *maker, uint64_t which, uint64_t bits)
{
    if (which % 7 == BAR_VALUE_COUNT) {
        maker->bar.trade_count = (int64_t)bits;
        return;
    }
    double value;
    memcpy(&value, &bits, sizeof value);
    maker->bar.value[which % 7] = value != value ? BAR_ABSENT : value;
}

static void step(struct maker *maker)
{
    static const double powers[] = {1, 2, 8, 32, 100, 1e4, 1e8, 3};
    uint64_t code = take(&maker->source, 1);
    switch (code % 8) {
    case 0:
        add_walk(maker, code / 8 * 16 + 1);
        break;
    case 1:
        maker->power = powers[code / 8 % 8];
        break;
    case 2:
        set_value(maker, code / 8, take(&maker->source, 8));
        add_bar(maker);
        break;
    case 3: {
        double decimal = (double)(int32_t)take(&maker->source, 4) / powers[code / 64 + 4];
        memcpy(&maker->bar.value[code / 8 % BAR_VALUE_COUNT], &decimal, sizeof decimal);
        add_bar(maker);
        break;
    }
    case 4: {
        uint64_t bits;
        double *value = &maker->bar.value[code / 8 % BAR_VALUE_COUNT];
        memcpy(&bits, value, sizeof bits);
        set_value(maker, code / 8 % BAR_VALUE_COUNT, bits + take(&maker->source, 1) - 128);
        add_bar(maker);
        break;
    }
    case 5: {
        int64_t gap_us = (int64_t)take(&maker->source, 1 + code / 8 % 7);
        bool fits = gap_us >= 0 && gap_us < TIME_MAX_US - maker->bar.time_us;
        maker->bar.time_us += fits ? gap_us : 0;
        break;
    }
    case 6:
        maker->level = (int64_t)take(&maker->source, 1 + code / 8 % 7) - 1000;
        break;
    default:
        set_value(maker, code / 8, 0x7ff8000000000000 + (code > 128 ? 0 : code << 40));
        break;
    }
}

static void check(const struct maker *maker)
{
    struct series series;
    ISO_ASSERT(!iso_failed(series_make("F", maker->interval->name, &series, NULL)));
    struct range period = {TIME_MIN_US, TIME_MAX_US};
    ISO_DEFER(bytes_reset) struct bytes bytes = {0};
    ISO_DEFER(bytes_reset) struct bytes again = {0};
    ISO_DEFER(bars_reset) struct bars decoded = {0};
    struct segment segment;
    ISO_ASSERT(!iso_failed(segment_encode(&series, period, &maker->bars, &bytes, NULL)));
    ISO_ASSERT(!iso_failed(segment_open(bytes.data, bytes.length, &segment, NULL)));
    ISO_ASSERT(!iso_failed(segment_decode(&segment, period, &decoded, NULL, NULL)));
    ISO_ASSERT(bars_equal(&decoded, &maker->bars));
    ISO_ASSERT(!iso_failed(segment_encode(&series, period, &decoded, &again, NULL)));
    ISO_ASSERT(again.length == bytes.length);
    ISO_ASSERT(memcmp(again.data, bytes.data, bytes.length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct maker maker = {.source = {data, size}, .level = 10000, .power = 100};
    maker.interval = interval_coded((uint8_t)(1 + take(&maker.source, 1) % 18));
    maker.bar = (struct bar){.trade_count = BAR_COUNT_ABSENT};
    maker.bar.value[BAR_vwap] = BAR_ABSENT;
    while (maker.source.left > 0 && maker.bars.count < ROWS_MAX) {
        step(&maker);
    }
    if (maker.bars.count > 0) {
        check(&maker);
    }
    bars_reset(&maker.bars);
    return 0;
}

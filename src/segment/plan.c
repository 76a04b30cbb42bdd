/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan of a segment. Every rule here is part of the format (docs/segment-format.md, "Choosing
 * scale and grid"), since other choices would give the same bars another name.
 */
#include "segment/plan.h"

#include "segment/decimal.h"
#include "segment/kernel.h"
#include "segment/section.h"

enum {
    RARE_PARTS = 512,  /* values that at most one in so many is are exceptions */
    SCALE_ROWS = 1024, /* rows that are looked at where no scale suits nearly all values */
    SAMPLE_ROWS = 128, /* rows the search of the grid looks at */
    SAMPLE_MAX = 4 * SAMPLE_ROWS,
    CHUNK_ROWS = 64,
    GRID_CANDIDATE_BITS = 40, /* grids are searched below this many bits */
};

/* Columns that share a scale. */
struct group {
    const struct bars *bars;
    const uint8_t *members; /* of enum bar_value */
    size_t member_count;
    size_t present; /* values that are not absent, of every stride-th row */
    size_t stride;
};

static size_t count_present(const double *values, size_t rows, size_t stride)
{
    size_t present = 0;
    for (size_t i = 0; i < rows; i += stride) {
        present += values[i] == values[i];
    }
    return present;
}

static struct group make_group(const struct bars *bars, const uint8_t *members, size_t member_count,
                               size_t stride)
{
    struct group group = {bars, members, member_count, 0, stride};
    for (size_t i = 0; i < member_count; i++) {
        group.present += count_present(bars->value[members[i]], bars->count, stride);
    }
    return group;
}

/* Of up to CHUNK_ROWS rows. */
static size_t chunk_misfits(const double *values, size_t rows, unsigned scale)
{
    int64_t integer[CHUNK_ROWS];
    uint64_t fits;
    size_t count = 0;
    kernel_best()->integers(values, rows, scale, integer, &fits);
    for (size_t i = 0; i < rows && fits != UINT64_MAX; i++) {
        count += (fits >> i & 1) == 0 && values[i] == values[i];
    }
    return count;
}

/* How many values do not fit a scale; counting ends soon after limit is passed. */
static size_t count_misfits(const struct group *group, unsigned scale, size_t limit)
{
    size_t rows = group->bars->count;
    size_t count = 0;
    for (size_t member = 0; member < group->member_count; member++) {
        const double *values = group->bars->value[group->members[member]];
        for (size_t i = 0; i < rows && count <= limit; i += CHUNK_ROWS) {
            size_t left = rows - i;
            count += chunk_misfits(values + i, left < CHUNK_ROWS ? left : CHUNK_ROWS, scale);
        }
    }
    return count;
}

/* How many neither fit nor are near. */
static size_t count_others(const struct group *group, unsigned scale, size_t limit)
{
    size_t rows = group->bars->count;
    size_t count = 0;
    for (size_t member = 0; member < group->member_count; member++) {
        const double *values = group->bars->value[group->members[member]];
        for (size_t i = 0; i < rows && count <= limit; i += group->stride) {
            count += decimal_of(values[i], scale).kind == DECIMAL_OTHER;
        }
    }
    return count;
}

/* The smallest scale that all but a rare few values fit, or, failing that, are near to. */
static bool find_scale(const struct group *group, unsigned *scale)
{
    size_t limit = group->present / RARE_PARTS;
    for (*scale = 0; *scale <= FORMAT_SCALE_MAX; (*scale)++) {
        if (count_misfits(group, *scale, limit) <= limit) {
            return true;
        }
    }
    for (*scale = 0; *scale <= FORMAT_SCALE_MAX; (*scale)++) {
        if (count_others(group, *scale, limit) <= limit) {
            return true;
        }
    }
    return false;
}

/* The smallest scale that suits but a rare few values less than the one that suits most. */
static unsigned least_bad_scale(const struct group *group)
{
    size_t count[FORMAT_SCALE_MAX + 1];
    size_t least = SIZE_MAX;
    for (unsigned scale = 0; scale <= FORMAT_SCALE_MAX; scale++) {
        count[scale] = count_others(group, scale, SIZE_MAX);
        least = count[scale] < least ? count[scale] : least;
    }
    unsigned scale = 0;
    while (count[scale] > least + group->present / RARE_PARTS) {
        scale++;
    }
    return scale;
}

/* Plan columns that share a scale: encodings and scale, grid 1. */
static void plan_group(const struct bars *bars, const uint8_t *members, size_t member_count,
                       struct segment_column *columns)
{
    struct group all = make_group(bars, members, member_count, 1);
    unsigned scale = 0;
    bool decimal = true;
    if (!find_scale(&all, &scale)) {
        size_t stride = (bars->count + SCALE_ROWS - 1) / SCALE_ROWS;
        struct group some = make_group(bars, members, member_count, stride);
        scale = least_bad_scale(&some);
        decimal = 2 * count_others(&all, scale, SIZE_MAX) <= all.present;
    }
    for (size_t i = 0; i < member_count; i++) {
        struct segment_column *column = &columns[COLUMN_VALUES + members[i]];
        *column = (struct segment_column){.encoding = SEGMENT_ABSENT};
        if (count_present(bars->value[members[i]], bars->count, 1) > 0) {
            column->encoding = decimal ? SEGMENT_DECIMAL : SEGMENT_RAW;
            column->scale = decimal ? (uint8_t)scale : 0;
            column->grid = decimal ? 1 : 0;
        }
    }
}

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a < 0 ? -a : a;
}

/* Values with what they are predicted to be. */
struct grid_sample {
    size_t count;
    int64_t value[SAMPLE_MAX];
    int64_t predicted[SAMPLE_MAX];
};

static void sample_add(struct grid_sample *sample, int64_t value, int64_t predicted)
{
    if (value != predicted) { /* where nothing moves, any grid would do */
        sample->value[sample->count] = value;
        sample->predicted[sample->count++] = predicted;
    }
}

static uint64_t grid_cost(const struct grid_sample *sample, int64_t grid, size_t *off)
{
    uint64_t cost = 0;
    unsigned remainder_bits = bit_length((uint64_t)grid - 1);
    *off = 0;
    for (size_t i = 0; i < sample->count; i++) {
        struct grid_point point = grid_point_of(sample->value[i], grid);
        struct grid_point predicted = grid_point_of(sample->predicted[i], grid);
        int64_t residual = point.quotient - predicted.quotient;
        cost += bit_length(zigzag(residual));
        if (point.remainder != (residual == 0 ? predicted.remainder : 0)) {
            cost += remainder_bits;
            (*off)++;
        }
    }
    return cost + section_list_bits(*off, sample->count);
}

static int64_t choose_grid(const struct grid_sample *sample)
{
    static const int64_t tenths[] = {10, 20, 25, 50};
    int64_t divisor = 0;
    for (size_t i = 0; i < sample->count; i++) {
        divisor = common_divisor(divisor, sample->value[i]);
        divisor = common_divisor(divisor, sample->predicted[i]);
    }
    int64_t best = divisor > 0 ? divisor : 1;
    size_t off;
    uint64_t best_cost = grid_cost(sample, best, &off);
    for (int64_t unit = best; bit_length((uint64_t)unit) <= GRID_CANDIDATE_BITS; unit *= 10) {
        for (size_t i = 0; i < sizeof tenths / sizeof tenths[0]; i++) {
            if (unit * tenths[i] % 10 != 0) {
                continue;
            }
            int64_t grid = unit * tenths[i] / 10;
            uint64_t cost = grid_cost(sample, grid, &off);
            if (cost < best_cost) {
                best_cost = cost;
                best = grid;
            }
            if (i == 0 && 2 * off > sample->count) {
                return best;
            }
        }
    }
    return best;
}

static bool sample_value(const double *values, size_t row, unsigned scale, int64_t *integer)
{
    struct decimal decimal = decimal_of(values[row], scale);
    *integer = decimal.integer;
    return decimal.kind == DECIMAL_FITS;
}

static void sample_prices(const struct bars *bars, unsigned scale, struct grid_sample *sample)
{
    size_t stride = (bars->count + SAMPLE_ROWS - 1) / SAMPLE_ROWS;
    int64_t before;
    int64_t open;
    int64_t close;
    int64_t other;
    for (size_t i = 1; i < bars->count; i += stride) {
        if (!sample_value(bars->value[BAR_close], i - 1, scale, &before) ||
            !sample_value(bars->value[BAR_open], i, scale, &open) ||
            !sample_value(bars->value[BAR_close], i, scale, &close)) {
            continue;
        }
        sample_add(sample, open, before);
        sample_add(sample, close, open);
        if (sample_value(bars->value[BAR_high], i, scale, &other)) {
            sample_add(sample, other, open > close ? open : close);
        }
        if (sample_value(bars->value[BAR_low], i, scale, &other)) {
            sample_add(sample, other, open < close ? open : close);
        }
    }
}

static void sample_volumes(const struct bars *bars, unsigned scale, struct grid_sample *sample)
{
    size_t stride = (bars->count + SAMPLE_ROWS - 1) / SAMPLE_ROWS;
    int64_t volume;
    for (size_t i = 0; i < bars->count; i += stride) {
        if (sample_value(bars->value[BAR_volume], i, scale, &volume)) {
            sample_add(sample, volume, 0);
        }
    }
}

static void plan_prices(const struct bars *bars, struct segment_column *columns)
{
    struct grid_sample sample = {0};
    plan_group(bars, format_price_order, 4, columns);
    int64_t grid = 0;
    for (size_t i = 0; i < 4; i++) {
        struct segment_column *column = &columns[COLUMN_VALUES + format_price_order[i]];
        if (column->encoding != SEGMENT_DECIMAL) {
            continue;
        }
        if (grid == 0) {
            sample_prices(bars, column->scale, &sample);
            grid = choose_grid(&sample);
        }
        column->grid = grid;
    }
}

static void plan_volume(const struct bars *bars, struct segment_column *columns)
{
    static const uint8_t volume[] = {BAR_volume};
    struct grid_sample sample = {0};
    plan_group(bars, volume, 1, columns);
    struct segment_column *column = &columns[COLUMN_VALUES + BAR_volume];
    if (column->encoding == SEGMENT_DECIMAL) {
        sample_volumes(bars, column->scale, &sample);
        column->grid = choose_grid(&sample);
    }
}

/* The average price is predicted from high and low, for which its scale must not be coarser. */
static void plan_vwap(const struct bars *bars, struct segment_column *columns)
{
    static const uint8_t vwap[] = {BAR_vwap};
    plan_group(bars, vwap, 1, columns);
    struct segment_column *column = &columns[COLUMN_VALUES + BAR_vwap];
    const struct segment_column *high = &columns[COLUMN_VALUES + BAR_high];
    if (column->encoding == SEGMENT_DECIMAL && high->encoding == SEGMENT_DECIMAL &&
        high->scale > column->scale) {
        column->scale = high->scale;
    }
}

static void plan_time(const struct bars *bars, const struct interval *interval,
                      struct segment_column *columns)
{
    int64_t divisor = 0;
    for (size_t i = 1; i < bars->count; i++) {
        int64_t residual = bars->time_us[i] - bars->time_us[i - 1] - interval->step_us;
        if (residual != 0) {
            divisor = common_divisor(divisor, residual);
        }
    }
    columns[COLUMN_TIME] =
        (struct segment_column){.encoding = SEGMENT_DECIMAL, .grid = divisor > 0 ? divisor : 1};
}

void plan_make(const struct bars *bars, const struct interval *interval,
               struct segment_column column[SEGMENT_COLUMN_COUNT])
{
    plan_time(bars, interval, column);
    plan_prices(bars, column);
    plan_volume(bars, column);
    plan_vwap(bars, column);
    column[COLUMN_TRADE_COUNT] = (struct segment_column){.encoding = SEGMENT_ABSENT};
    for (size_t i = 0; i < bars->count; i++) {
        if (bars->trade_count[i] != BAR_COUNT_ABSENT) {
            column[COLUMN_TRADE_COUNT] =
                (struct segment_column){.encoding = SEGMENT_DECIMAL, .grid = 1};
            break;
        }
    }
}

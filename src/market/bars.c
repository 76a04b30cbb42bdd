/* SPDX-License-Identifier: Apache-2.0 */
#include "market/bars.h"

#include <string.h>

enum { COLUMN_ALIGNMENT = 64, COLUMN_COUNT = BAR_VALUE_COUNT + 2 };

/* Point the columns into one block of COLUMN_COUNT columns of capacity elements of 8 bytes each. */
static void place_columns(struct bars *bars, char *block, size_t capacity)
{
    size_t column_bytes = capacity * sizeof(double);
    bars->time_us = (int64_t *)(void *)block;
    for (size_t i = 0; i < BAR_VALUE_COUNT; i++) {
        bars->value[i] = (double *)(void *)(block + (i + 1) * column_bytes);
    }
    bars->trade_count = (int64_t *)(void *)(block + (BAR_VALUE_COUNT + 1) * column_bytes);
    bars->capacity = capacity;
}

iso_status bars_reserve(struct bars *bars, size_t capacity, struct iso_error *err)
{
    ISO_ASSERT(bars->capacity > 0 || bars->count == 0); /* no growing of a view */
    if (capacity <= bars->capacity) {
        return ISO_OK;
    }
    size_t grown = bars->capacity + bars->capacity / 2;
    size_t rounded = ((capacity > grown ? capacity : grown) + 7) & ~(size_t)7;
    char *block = NULL;
    if (rounded <= SIZE_MAX / sizeof(double) / COLUMN_COUNT) {
        block = aligned_alloc(COLUMN_ALIGNMENT, rounded * sizeof(double) * COLUMN_COUNT);
    }
    if (block == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %zu bars", rounded);
    }
    struct bars moved = {.count = bars->count};
    place_columns(&moved, block, rounded);
    if (bars->count > 0) {
        memcpy(moved.time_us, bars->time_us, bars->count * sizeof *bars->time_us);
        memcpy(moved.trade_count, bars->trade_count, bars->count * sizeof *bars->trade_count);
        for (size_t i = 0; i < BAR_VALUE_COUNT; i++) {
            memcpy(moved.value[i], bars->value[i], bars->count * sizeof(double));
        }
    }
    free(bars->time_us);
    *bars = moved;
    return ISO_OK;
}

void bars_reset(struct bars *bars)
{
    if (bars->capacity > 0) {
        free(bars->time_us);
    }
    *bars = (struct bars){0};
}

iso_status bars_append(struct bars *bars, const struct bar *bar, struct iso_error *err)
{
    ISO_TRY(bars_reserve(bars, bars->count + 1, err));
    bars->count++;
    bars_set(bars, bars->count - 1, bar);
    return ISO_OK;
}

iso_status bars_append_all(struct bars *bars, const struct bars *more, struct iso_error *err)
{
    ISO_TRY(bars_reserve(bars, bars->count + more->count, err));
    if (more->count > 0) {
        memcpy(bars->time_us + bars->count, more->time_us, more->count * sizeof *more->time_us);
        memcpy(bars->trade_count + bars->count, more->trade_count,
               more->count * sizeof *more->trade_count);
        for (size_t i = 0; i < BAR_VALUE_COUNT; i++) {
            memcpy(bars->value[i] + bars->count, more->value[i], more->count * sizeof(double));
        }
    }
    bars->count += more->count;
    return ISO_OK;
}

struct bar bars_get(const struct bars *bars, size_t index)
{
    struct bar bar = {.time_us = bars->time_us[index], .trade_count = bars->trade_count[index]};
    for (size_t i = 0; i < BAR_VALUE_COUNT; i++) {
        bar.value[i] = bars->value[i][index];
    }
    return bar;
}

void bars_set(struct bars *bars, size_t index, const struct bar *bar)
{
    bars->time_us[index] = bar->time_us;
    bars->trade_count[index] = bar->trade_count;
    for (size_t i = 0; i < BAR_VALUE_COUNT; i++) {
        bars->value[i][index] = isnan(bar->value[i]) ? BAR_ABSENT : bar->value[i];
    }
}

struct bars bars_slice(const struct bars *bars, size_t first, size_t count)
{
    ISO_ASSERT(first <= bars->count && count <= bars->count - first);
    struct bars view = {.count = count};
    if (count > 0) {
        view.time_us = bars->time_us + first;
        view.trade_count = bars->trade_count + first;
        for (size_t i = 0; i < BAR_VALUE_COUNT; i++) {
            view.value[i] = bars->value[i] + first;
        }
    }
    return view;
}

size_t bars_find(const struct bars *bars, int64_t time_us)
{
    size_t low = 0;
    size_t high = bars->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (bars->time_us[middle] < time_us) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool bars_have(const struct bars *bars, int64_t time_us)
{
    size_t at = bars_find(bars, time_us);
    return at < bars->count && bars->time_us[at] == time_us;
}

bool bar_equal(const struct bar *a, const struct bar *b)
{
    return a->time_us == b->time_us && a->trade_count == b->trade_count &&
           memcmp(a->value, b->value, sizeof a->value) == 0;
}

bool bars_equal(const struct bars *a, const struct bars *b)
{
    bool equal = a->count == b->count;
    if (equal && a->count > 0) {
        size_t bytes = a->count * sizeof(double);
        equal = memcmp(a->time_us, b->time_us, bytes) == 0 &&
                memcmp(a->trade_count, b->trade_count, bytes) == 0;
        for (size_t i = 0; equal && i < BAR_VALUE_COUNT; i++) {
            equal = memcmp(a->value[i], b->value[i], bytes) == 0;
        }
    }
    return equal;
}

struct time_and_index {
    int64_t time_us;
    size_t index;
};

static int by_time_then_index(const void *left, const void *right)
{
    const struct time_and_index *a = left;
    const struct time_and_index *b = right;
    if (a->time_us != b->time_us) {
        return a->time_us < b->time_us ? -1 : 1;
    }
    return (a->index > b->index) - (a->index < b->index);
}

static bool is_strictly_rising(const struct bars *bars)
{
    for (size_t i = 1; i < bars->count; i++) {
        if (bars->time_us[i] <= bars->time_us[i - 1]) {
            return false;
        }
    }
    return true;
}

iso_status bars_normalise(struct bars *bars, size_t *duplicates, size_t *conflicts,
                          struct iso_error *err)
{
    *duplicates = 0;
    *conflicts = 0;
    if (is_strictly_rising(bars)) {
        return ISO_OK;
    }
    ISO_DEFER(mem_defer_free) struct time_and_index *order = NULL;
    ISO_NEW(order, bars->count, err);
    for (size_t i = 0; i < bars->count; i++) {
        order[i] = (struct time_and_index){bars->time_us[i], i};
    }
    qsort(order, bars->count, sizeof *order, by_time_then_index);
    ISO_DEFER(bars_reset) struct bars sorted = {0};
    ISO_TRY(bars_reserve(&sorted, bars->count, err));
    for (size_t i = 0; i < bars->count; i++) {
        struct bar bar = bars_get(bars, order[i].index);
        if (sorted.count > 0 && sorted.time_us[sorted.count - 1] == bar.time_us) {
            struct bar earlier = bars_get(&sorted, sorted.count - 1);
            *(bar_equal(&earlier, &bar) ? duplicates : conflicts) += 1;
            sorted.count--;
        }
        ISO_TRY(bars_append(&sorted, &bar, err));
    }
    struct bars swap = *bars;
    *bars = sorted;
    sorted = swap;
    return ISO_OK;
}

/* The first index from at on whose time is not before time_us. */
static size_t skip_before(const struct bars *bars, size_t at, int64_t time_us)
{
    while (at < bars->count && bars->time_us[at] < time_us) {
        at++;
    }
    return at;
}

static iso_status append_run(struct bars *target, const struct bars *from, size_t first, size_t end,
                             struct iso_error *err)
{
    struct bars run = bars_slice(from, first, end - first);
    return end > first ? bars_append_all(target, &run, err) : ISO_OK;
}

iso_status bars_merge(const struct bars *base, const struct bars *over, struct bars *target,
                      size_t *equal, size_t *changed, struct iso_error *err)
{
    *equal = 0;
    *changed = 0;
    ISO_TRY(bars_reserve(target, base->count + over->count, err));
    size_t at = 0;
    size_t next = 0;
    while (next < over->count) {
        size_t upto = skip_before(base, at, over->time_us[next]);
        ISO_TRY(append_run(target, base, at, upto, err));
        at = upto;
        if (at < base->count && base->time_us[at] == over->time_us[next]) {
            struct bar replaced = bars_get(base, at++);
            struct bar bar = bars_get(over, next++);
            *(bar_equal(&replaced, &bar) ? equal : changed) += 1;
            ISO_TRY(bars_append(target, &bar, err));
            continue;
        }
        size_t end = at < base->count ? skip_before(over, next, base->time_us[at]) : over->count;
        ISO_TRY(append_run(target, over, next, end, err));
        next = end;
    }
    return append_run(target, base, at, base->count, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search for widths. It is part of the format, since other widths would give the same bars
 * another name: docs/segment-format.md, "Choosing levels".
 */
#include "segment/levels.h"

#include <stdlib.h>

enum {
    BUCKET_BITS = 2, /* buckets of an octave are 2^this many */
    BUCKET_COUNT = (64 - BUCKET_BITS) << BUCKET_BITS
};

/* The codes of one class: counts of those in lower buckets, and the greatest of all. */
struct histogram {
    uint32_t below[BUCKET_COUNT + 1];
    uint64_t greatest;
    uint32_t rows;
};

/* Codes below 2^(BUCKET_BITS + 1) have buckets of their own. */
static inline size_t bucket_of(uint64_t code)
{
    unsigned low = code < UINT64_C(2) << BUCKET_BITS ? 0 : bit_length(code) - BUCKET_BITS - 1;
    return ((size_t)low << BUCKET_BITS) + (size_t)(code >> low);
}

/* Levels that are not the last one yet, and what they cost. */
struct prefix {
    uint8_t width[LEVELS_MAX];
    unsigned count;
    uint64_t origin; /* the least code that they do not hold */
    uint32_t held;   /* rows whose codes they hold */
    uint64_t cost_bits;
};

struct search {
    const struct histogram *histogram;
    uint64_t best_bits;
    uint8_t width[LEVELS_MAX];
    unsigned count;
};

/* Whether another level can stand behind those of from, and could still be cheaper than the best.
 */
static bool grow(const struct search *search, const struct prefix *from, unsigned width,
                 struct prefix *grown)
{
    const struct histogram *histogram = search->histogram;
    uint64_t origin = from->origin + (UINT64_C(1) << width);
    if (width > LEVELS_WIDTH_MAX || origin > histogram->greatest) {
        return false;
    }
    *grown = *from;
    grown->width[grown->count++] = (uint8_t)width;
    grown->origin = origin;
    grown->held = histogram->below[bucket_of(origin)];
    grown->cost_bits += (uint64_t)(grown->held - from->held) * (width + grown->count);
    uint64_t least = (uint64_t)(histogram->rows - grown->held) * grown->count;
    return grown->cost_bits + least < search->best_bits;
}

/* Put the last level behind prefix, and keep the whole where it is cheapest. */
static void finish(struct search *search, const struct prefix *prefix)
{
    const struct histogram *histogram = search->histogram;
    unsigned width = bit_length(histogram->greatest - prefix->origin);
    unsigned table_bits = prefix->count == 0 ? 8 : 12 + 2 * prefix->count;
    uint64_t cost_bits = prefix->cost_bits + table_bits +
                         (uint64_t)(histogram->rows - prefix->held) * (width + prefix->count);
    if (cost_bits < search->best_bits) {
        search->best_bits = cost_bits;
        memcpy(search->width, prefix->width, sizeof search->width);
        search->width[prefix->count] = (uint8_t)width;
        search->count = prefix->count + 1;
    }
}

static void choose_class(const struct histogram *histogram, struct search *search)
{
    struct prefix level[LEVELS_MAX] = {0};
    finish(search, &level[0]);
    for (unsigned first = 0; first <= bit_length(histogram->greatest); first++) {
        if (!grow(search, &level[0], first, &level[1])) {
            continue;
        }
        finish(search, &level[1]);
        for (unsigned second = first; second <= first + LEVELS_DELTA_MAX; second++) {
            if (!grow(search, &level[1], second, &level[2])) {
                continue;
            }
            finish(search, &level[2]);
            for (unsigned third = second; third <= second + LEVELS_DELTA_MAX; third++) {
                if (grow(search, &level[2], third, &level[3])) {
                    finish(search, &level[3]);
                }
            }
        }
    }
}

/* Zig-zag only where a residual is negative. */
static void choose_base(const int64_t *residual, size_t rows, struct levels *levels)
{
    int64_t least = residual[0];
    for (size_t i = 1; i < rows; i++) {
        least = residual[i] < least ? residual[i] : least;
    }
    levels->zigzag = least < 0;
    levels->base = least < 0 ? 0 : least;
}

void levels_choose(const int64_t *residual, const uint8_t *class, size_t rows,
                   struct levels *levels)
{
    struct histogram histogram[LEVELS_CLASSES_MAX];
    memset(histogram, 0, sizeof histogram);
    memset(levels, 0, sizeof *levels);
    choose_base(residual, rows, levels);
    for (size_t i = 0; i < rows; i++) {
        uint64_t code = levels_code(levels, residual[i]);
        struct histogram *own = &histogram[class != NULL ? class[i] : 0];
        own->below[bucket_of(code) + 1]++;
        own->greatest = code > own->greatest ? code : own->greatest;
        own->rows++;
    }
    for (size_t c = 0; c < LEVELS_CLASSES_MAX; c++) {
        for (size_t i = 0; i < BUCKET_COUNT && histogram[c].rows > 0; i++) {
            histogram[c].below[i + 1] += histogram[c].below[i];
        }
        struct search search = {.histogram = &histogram[c], .best_bits = UINT64_MAX};
        choose_class(&histogram[c], &search);
        levels_set(levels, c, search.count, search.width);
    }
}

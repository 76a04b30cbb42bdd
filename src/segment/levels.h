/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the codes of a column become bits. A code is a level and an offset within it: level 0 holds
 * the least codes, level 1 those behind them, and so on; each has a width of its own, and the last
 * is wide enough for the greatest code. Every class of rows has levels of its own.
 */
#ifndef SEGMENT_LEVELS_H
#define SEGMENT_LEVELS_H

#include "base/status.h"
#include "segment/bits.h"

enum {
    LEVELS_MAX = 4,
    LEVELS_CLASS_BITS = 4,
    LEVELS_CLASSES_MAX = 1 << LEVELS_CLASS_BITS,
    LEVELS_SLOTS = LEVELS_CLASSES_MAX * LEVELS_MAX,
    LEVELS_DELTA_MAX = 3,  /* bits by which a level is wider than the one before it, at most */
    LEVELS_WIDTH_MAX = 61, /* of a field */
    LEVELS_BYTES_MAX = 10 + (LEVELS_CLASSES_MAX * 19 + 7) / 8
};

struct levels {
    bool zigzag;                     /* the residual is unzigzag(code), else base + code */
    int64_t base;                    /* 0 where zigzag */
    uint8_t width_max;               /* of all fields */
    uint16_t deeper[LEVELS_MAX - 1]; /* bit c of [k]: class c has a level k + 1 */
    /* By slot, which is class * LEVELS_MAX + level. */
    uint8_t width[LEVELS_SLOTS];   /* 0 where there is no such level */
    uint64_t origin[LEVELS_SLOTS]; /* the least code; UINT64_MAX of none */
};

/* Set the levels of one class: count of them, whose widths are given. */
void levels_set(struct levels *levels, size_t class, size_t count, const uint8_t *width);
/* How many levels a class has. */
size_t levels_count(const struct levels *levels, size_t class);

/*
 * Choose levels for residuals whose rows are in the given classes, as docs/segment-format.md says
 * under "Choosing levels"; class may be NULL, all are of class 0 then. rows is at least 1 and below
 * 2^32.
 */
void levels_choose(const int64_t *residual, const uint8_t *class, size_t rows,
                   struct levels *levels);

static inline uint64_t levels_code(const struct levels *levels, int64_t residual)
{
    return levels->zigzag ? zigzag(residual) : (uint64_t)residual - (uint64_t)levels->base;
}

/* Write the table of a column with class_count classes: at most LEVELS_BYTES_MAX. Returns its
 * bytes. */
size_t levels_write(const struct levels *levels, size_t class_count, uint8_t *target);

/* Read what levels_write wrote at offset *at of bytes, and move *at on. Fails with CORRUPT. */
iso_status levels_read(const uint8_t *bytes, size_t length, size_t *at, size_t class_count,
                       struct levels *levels, struct iso_error *err);

#endif

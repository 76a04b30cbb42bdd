/* SPDX-License-Identifier: Apache-2.0 */
/* Doubles that are decimals: v is an integer over a power of ten, in every bit. */
#ifndef SEGMENT_DECIMAL_H
#define SEGMENT_DECIMAL_H

#include "segment/format.h"

enum decimal_kind {
    DECIMAL_FITS,   /* the correctly rounded integer / 10^scale */
    DECIMAL_NEAR,   /* at most FORMAT_NEAR_MAX representable doubles beside that */
    DECIMAL_ABSENT, /* NaN */
    DECIMAL_OTHER
};

struct decimal {
    enum decimal_kind kind;
    int32_t ulps;    /* of NEAR */
    int64_t integer; /* of FITS and NEAR */
};

/* Halves away from zero; a sum that rounds the wrong way gives an integer that will not fit. False
 * for NaN and beyond the limit. */
static inline bool decimal_nearest(double value, unsigned scale, int64_t *integer)
{
    double scaled = value * format_power[scale];
    double moved = scaled + (scaled < 0 ? -0.5 : 0.5);
    if (!(moved > -(double)FORMAT_INTEGER_LIMIT && moved < (double)FORMAT_INTEGER_LIMIT)) {
        return false;
    }
    *integer = (int64_t)moved;
    return true;
}

static inline bool decimal_fits(double value, unsigned scale, int64_t *integer)
{
    return decimal_nearest(value, scale, integer) &&
           format_double_bits((double)*integer / format_power[scale]) == format_double_bits(value);
}

static inline struct decimal decimal_of(double value, unsigned scale)
{
    struct decimal decimal = {.kind = DECIMAL_OTHER};
    if (!decimal_nearest(value, scale, &decimal.integer)) {
        decimal.kind = value != value ? DECIMAL_ABSENT : DECIMAL_OTHER;
        return decimal;
    }
    uint64_t exact = format_double_bits((double)decimal.integer / format_power[scale]);
    uint64_t distance = format_double_bits(value) - exact + FORMAT_NEAR_MAX;
    if (distance == FORMAT_NEAR_MAX) {
        decimal.kind = DECIMAL_FITS;
    } else if (distance <= 2 * (uint64_t)FORMAT_NEAR_MAX) {
        decimal.kind = DECIMAL_NEAR;
        decimal.ulps = (int32_t)distance - FORMAT_NEAR_MAX;
    }
    return decimal;
}

#endif

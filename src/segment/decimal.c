/* SPDX-License-Identifier: Apache-2.0 */
#include "segment/decimal.h"

const double format_power[FORMAT_SCALE_MAX + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,
                                                   1e7,  1e8,  1e9,  1e10, 1e11, 1e12, 1e13,
                                                   1e14, 1e15, 1e16, 1e17, 1e18};

const char *const format_column_name[SEGMENT_COLUMN_COUNT] = {"time",
#define X(name) #name,
                                                              BAR_VALUE_TABLE(X)
#undef X
                                                                  "trade_count"};

/* Two different decimals of at most 15 digits are never the same double. */
#define FIFTEEN_DIGITS INT64_C(1000000000000000)

/* Halves away from zero; a sum that rounds the wrong way gives an integer that will not fit. False
 * for NaN and beyond the limit. */
static inline bool nearest_integer(double value, unsigned scale, int64_t *integer)
{
    double scaled = value * format_power[scale];
    double moved = scaled + (scaled < 0 ? -0.5 : 0.5);
    if (!(moved > -(double)FORMAT_INTEGER_LIMIT && moved < (double)FORMAT_INTEGER_LIMIT)) {
        return false;
    }
    *integer = (int64_t)moved;
    return true;
}

static inline bool fits(double value, unsigned scale, int64_t *integer)
{
    return nearest_integer(value, scale, integer) &&
           format_double_bits((double)*integer / format_power[scale]) == format_double_bits(value);
}

struct decimal decimal_of(double value, unsigned scale)
{
    struct decimal decimal = {.kind = DECIMAL_OTHER};
    if (!nearest_integer(value, scale, &decimal.integer)) {
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

static int search_scale(double value)
{
    int64_t integer;
    for (unsigned scale = 0; scale <= FORMAT_SCALE_MAX; scale++) {
        if (fits(value, scale, &integer)) {
            return (int)scale;
        }
    }
    return -1;
}

int decimal_smallest_scale(double value, unsigned hint)
{
    int64_t integer;
    if (!fits(value, hint, &integer) || integer <= -FIFTEEN_DIGITS || integer >= FIFTEEN_DIGITS) {
        return search_scale(value);
    }
    if (integer == 0) {
        return 0;
    }
    unsigned scale = hint;
    while (scale > 0 && integer % 10 == 0) {
        integer /= 10;
        scale--;
    }
    return (int)scale;
}

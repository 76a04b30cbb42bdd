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

struct decimal decimal_of(double value, unsigned scale);

/* The smallest scale at which value fits, hint tried first; -1 where there is none. */
int decimal_smallest_scale(double value, unsigned hint);

#endif

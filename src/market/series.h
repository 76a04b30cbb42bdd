/* SPDX-License-Identifier: Apache-2.0 */
/* A series: one symbol at one interval. */
#ifndef MARKET_SERIES_H
#define MARKET_SERIES_H

#include "market/interval.h"

enum { SYMBOL_BYTES_MAX = 64 };

struct series {
    char symbol[SYMBOL_BYTES_MAX + 1];
    const struct interval *interval;
};

/*
 * Set *series from texts. A symbol is 1 to 64 bytes of UTF-8 without control characters; any other
 * character may stand in it, case counts. Fails with BAD_ARGUMENT, naming what is wrong and what
 * would be right.
 */
iso_status series_make(const char *symbol, const char *interval, struct series *series,
                       struct iso_error *err);

/* Set *series from "SYMBOL:INTERVAL" (the last colon parts them). Fails as series_make. */
iso_status series_parse(const char *text, struct series *series, struct iso_error *err);

#endif

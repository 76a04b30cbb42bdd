/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bars as our own CSV: symbol,timestamp,open,high,low,close,volume,vwap,trade_count. Times as
 * 2024-01-31T23:59:00Z with a fraction only where there is one, absent values empty, numbers in the
 * shortest form that reads back to the same double.
 */
#ifndef LOCAL_BARS_CSV_H
#define LOCAL_BARS_CSV_H

#include "base/text.h"
#include "market/bars.h"

/* The header line, newline included. */
void bars_csv_header(struct text *target);
/* A line for each bar. Fails with OUT_OF_MEMORY. */
iso_status bars_csv_rows(const char *symbol, const struct bars *bars, struct text *target,
                         struct iso_error *err);

#endif

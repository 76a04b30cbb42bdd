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
#include "market/series.h"

/* The header line, newline included. */
void bars_csv_head(struct text *text);
/* A line for each bar. (Memory that was lacking shows in text_check.) */
void bars_csv_rows(struct text *text, const struct series *series, const struct bars *bars);

#endif

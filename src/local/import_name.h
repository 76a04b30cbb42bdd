/* SPDX-License-Identifier: Apache-2.0 */
/* What the name of a file tells about the bars in it. */
#ifndef LOCAL_IMPORT_NAME_H
#define LOCAL_IMPORT_NAME_H

#include "market/series.h"

/* symbol is empty and interval NULL where the name does not tell. */
struct name_guess {
    char symbol[SYMBOL_BYTES_MAX + 1];
    const struct interval *interval;
};

/*
 * Guess from the last part of path: "data/BTCUSDT-1m-2024-01.csv.gz" is BTCUSDT at 1m. The symbol
 * is the first word that is neither an interval, a date, nor the name of an exchange or a vendor; a
 * word may end in an interval (EURUSDh4). Folders of a partitioned export tell more than the name:
 * "symbol=BTC%2FUSDT/interval=1m/bars.parquet" is BTC/USDT at 1m.
 */
struct name_guess import_name_guess(const char *path);

#endif

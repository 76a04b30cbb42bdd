/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the path of a QuantConnect Lean file tells, since the file itself does not:
 *
 *   .../equity/usa/minute/spy/20131007_trade.zip   holds 20131007_spy_minute_trade.csv
 *   .../future/cme/daily/es_trade.zip              holds es_trade_201312.csv, es_trade_201403.csv
 *
 * Folders give security type, market, resolution and symbol; the file's name the day from whose
 * midnight on minutes and seconds are counted, in milliseconds; the member's name the contract.
 * Prices of equities and options are ten thousandths. Times are of the market's wall clock; those
 * of daily bars are dates.
 */
#ifndef LOCAL_LEAN_H
#define LOCAL_LEAN_H

#include "market/series.h"

struct lean {
    bool is_lean;
    char symbol[SYMBOL_BYTES_MAX + 1]; /* "SPY.usa", "ES-201312.cme": symbol, contract, market */
    const struct interval *interval;
    const char *zone;     /* of its times; NULL where they are dates */
    double price_divisor; /* 10000 or 1 */
    bool counts_from_day; /* times are milliseconds since day_us */
    int64_t day_us;       /* as the wall shows it */
};

/*
 * Look at the path of a file and the name of its member. Fails with BAD_FORMAT where it is a file
 * of Lean's that holds no bars (ticks, open interest, factors), or was torn out of its folders, so
 * that its scale and time zone are unknown.
 */
iso_status lean_look(const char *path, const char *member, struct lean *lean,
                     struct iso_error *err);

#endif

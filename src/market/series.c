/* SPDX-License-Identifier: Apache-2.0 */
#include "market/series.h"

#include "base/text.h"

#include <string.h>

static bool symbol_is_valid(const char *symbol)
{
    size_t length = strlen(symbol);
    size_t at = 0;
    while (at < length) {
        unsigned char first = (unsigned char)symbol[at];
        size_t bytes = utf8_character(symbol + at, length - at);
        if (bytes == 0 || first < 0x20 || first == 0x7f) {
            return false;
        }
        at += bytes;
    }
    return length >= 1 && length <= SYMBOL_BYTES_MAX;
}

static iso_status unknown_interval(const char *name, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text known = {0};
    for (size_t i = 0; interval_row(i) != NULL; i++) {
        text_addf(&known, " %s", interval_row(i)->name);
    }
    ISO_FAIL(BAD_ARGUMENT, err, "\"%.40s\" is no interval; these are:%s", name, text_get(&known));
}

iso_status series_make(const char *symbol, const char *interval, struct series *series,
                       struct iso_error *err)
{
    if (!symbol_is_valid(symbol)) {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "the symbol must be 1 to %d bytes of UTF-8 without control characters",
                 SYMBOL_BYTES_MAX);
    }
    const struct interval *row = interval_named(interval);
    if (row == NULL) {
        return unknown_interval(interval, err);
    }
    *series = (struct series){.interval = row};
    memcpy(series->symbol, symbol, strlen(symbol) + 1);
    return ISO_OK;
}

iso_status series_parse(const char *text, struct series *series, struct iso_error *err)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) > SYMBOL_BYTES_MAX) {
        ISO_FAIL(BAD_ARGUMENT, err, "\"%.80s\" is no series; give SYMBOL:INTERVAL, as BTCUSDT:1m",
                 text);
    }
    char symbol[SYMBOL_BYTES_MAX + 1] = {0};
    memcpy(symbol, text, (size_t)(colon - text));
    return series_make(symbol, colon + 1, series, err);
}

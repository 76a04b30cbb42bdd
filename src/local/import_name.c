/* SPDX-License-Identifier: Apache-2.0 */
#include "local/import_name.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { WORD_BYTES = 96 };

/* clang-format off */
/* Words for intervals beside our own names, which are tried first (they tell 1m from 1M). */
static const struct {
    const char *word;
    const char *interval;
} interval_words[] = {
    {"m1", "1m"}, {"1min", "1m"}, {"min1", "1m"}, {"minute", "1m"}, {"m3", "3m"}, {"3min", "3m"},
    {"m5", "5m"}, {"5min", "5m"}, {"m15", "15m"}, {"15min", "15m"}, {"m30", "30m"}, {"30min", "30m"},
    {"h1", "1h"}, {"60m", "1h"}, {"60min", "1h"}, {"1hour", "1h"}, {"hour", "1h"}, {"hourly", "1h"},
    {"h2", "2h"}, {"h4", "4h"}, {"240m", "4h"}, {"h6", "6h"}, {"h8", "8h"}, {"h12", "12h"},
    {"d", "1d"}, {"d1", "1d"}, {"1day", "1d"}, {"day", "1d"}, {"daily", "1d"}, {"1440m", "1d"},
    {"w1", "1w"}, {"1week", "1w"}, {"weekly", "1w"}, {"mn1", "1M"}, {"mn", "1M"}, {"monthly", "1M"},
    {"1h", "1h"}, {"4h", "4h"}, {"1d", "1d"}, {"1w", "1w"},
};

static const char *const other_words[] = {
    "binance", "binanceus", "bitfinex", "bybit", "kraken", "coinbase", "bitstamp", "okx", "kucoin",
    "gemini", "huobi", "poloniex", "cryptodatadownload", "quandl", "wiki", "yahoo", "yahoofinance",
    "googlefinance", "histdata", "com", "ascii", "ohlcv", "ohlc", "bars", "candles", "klines", "data", "dat", "export", "min",
};

/* What stands behind the symbol in a pair: BTC_USDT, BTC-USD, XRP_USDT_USDT (freqtrade's futures). */
static const char *const quote_words[] = {
    "USDT", "USDC", "BUSD", "FDUSD", "TUSD", "USD", "EUR", "GBP", "JPY", "CHF", "AUD", "CAD", "KRW", "TRY", "BRL",
    "BTC", "ETH", "BNB", "XBT", "PERP",
};
/* clang-format on */

static const struct interval *word_interval(const char *word)
{
    const struct interval *row = interval_named(word);
    for (size_t i = 0; row == NULL && i < sizeof interval_words / sizeof interval_words[0]; i++) {
        if (strcasecmp(interval_words[i].word, word) == 0) {
            row = interval_named(interval_words[i].interval);
        }
    }
    return row;
}

static bool is_other_word(const char *word)
{
    for (size_t i = 0; i < sizeof other_words / sizeof other_words[0]; i++) {
        if (strcasecmp(other_words[i], word) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_quote_word(const char *word)
{
    for (size_t i = 0; i < sizeof quote_words / sizeof quote_words[0]; i++) {
        if (strcmp(quote_words[i], word) == 0) {
            return true;
        }
    }
    return false;
}

/* A year, a month, a day, or all of a date without separators. A ticker may be of digits too, as in
 * Korea and Japan, but those do not look like years. */
static bool is_date_word(const char *word)
{
    size_t length = strlen(word);
    if (strspn(word, "0123456789") != length) {
        return false;
    }
    bool year = (length == 4 || length == 8) &&
                (strncmp(word, "19", 2) == 0 || strncmp(word, "20", 2) == 0);
    return length <= 3 || year;
}

/* Part an interval from the end of a word of small and capital letters: "EURUSDh4". */
static const struct interval *part_interval(char *word)
{
    size_t length = strlen(word);
    for (size_t tail = 2; tail <= 3 && length >= tail + 3; tail++) {
        char *at = word + length - tail;
        const struct interval *row = islower((unsigned char)at[0]) ? word_interval(at) : NULL;
        if (row != NULL && isupper((unsigned char)at[-1])) {
            *at = '\0';
            return row;
        }
    }
    return NULL;
}

/* Add the currency that a pair is quoted in, if the symbol was the word before. */
static bool extend_pair(const char *word, char separator, struct name_guess *guess)
{
    size_t length = strlen(guess->symbol);
    if ((separator != '_' && separator != '-') || !is_quote_word(word) ||
        length + 1 + strlen(word) > SYMBOL_BYTES_MAX) {
        return false;
    }
    guess->symbol[length] = separator;
    memcpy(guess->symbol + length + 1, word, strlen(word) + 1);
    return true;
}

static void take_word(char *word, struct name_guess *guess)
{
    const struct interval *row = word_interval(word);
    if (row == NULL && guess->symbol[0] == '\0' && !is_date_word(word) && !is_other_word(word) &&
        strlen(word) <= SYMBOL_BYTES_MAX) {
        row = part_interval(word);
        memcpy(guess->symbol, word, strlen(word) + 1);
    }
    if (guess->interval == NULL) {
        guess->interval = row;
    }
}

/* The last part of the path without how it is packed, then without what such files are called. */
static size_t stem_length(const char *name)
{
    static const char *const endings[] = {".gz",     ".xz",      ".zst",    ".zip",  ".tar",
                                          ".csv",    ".tsv",     ".txt",    ".json", ".jsonl",
                                          ".ndjson", ".parquet", ".duckdb", ".db"};
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t ending = strlen(endings[i]);
        if (length > ending && strncasecmp(name + length - ending, endings[i], ending) == 0) {
            length -= ending;
        }
    }
    return length;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* The value of a hive partition among the folders, as symbol=BTC%2FUSDT, decoded; "" where there is
 * none, or it does not fit. */
static void find_partition(const char *path, const char *key, char target[SYMBOL_BYTES_MAX + 1])
{
    const char *at = strstr(path, key);
    size_t length = 0;
    bool begins = at != NULL && (at == path || at[-1] == '/');
    for (at = begins ? at + strlen(key) : ""; *at != '\0' && *at != '/'; at++) {
        int high = *at == '%' ? hex_digit(at[1]) : -1;
        int low = high >= 0 ? hex_digit(at[2]) : -1;
        if (length == SYMBOL_BYTES_MAX) {
            length = 0;
            break;
        }
        target[length++] = low >= 0 ? (char)(high * 16 + low) : *at;
        at += low >= 0 ? 2 : 0;
    }
    target[length] = '\0';
}

static struct name_guess guess_partition(const char *path)
{
    struct name_guess guess = {0};
    char interval[SYMBOL_BYTES_MAX + 1];
    find_partition(path, "symbol=", guess.symbol);
    find_partition(path, "interval=", interval);
    guess.interval = guess.symbol[0] != '\0' ? interval_named(interval) : NULL;
    return guess;
}

struct name_guess import_name_guess(const char *path)
{
    struct name_guess guess = guess_partition(path);
    if (guess.symbol[0] != '\0') {
        return guess;
    }
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    const char *end = name + stem_length(name);
    bool in_pair = false; /* the word before was the symbol, or a currency behind it */
    for (const char *at = name; at < end;) {
        size_t length = strcspn(at, "-_ ,()");
        length = length < (size_t)(end - at) ? length : (size_t)(end - at);
        char word[WORD_BYTES];
        if (length > 0 && length < sizeof word) {
            memcpy(word, at, length);
            word[length] = '\0';
            bool had_symbol = guess.symbol[0] != '\0';
            bool extended = in_pair && extend_pair(word, at[-1], &guess);
            if (!extended) {
                take_word(word, &guess);
            }
            in_pair = extended || (!had_symbol && guess.symbol[0] != '\0');
        }
        at += length + 1;
    }
    return guess;
}

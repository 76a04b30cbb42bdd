/* SPDX-License-Identifier: Apache-2.0 */
#include "local/bars_csv.h"

#include "market/interval.h"
#include "market/time.h"

#include <string.h>

/* The longest line but for its symbol: time, six numbers, a count, commas. */
enum { LINE_BYTES = TIME_TEXT_BYTES + 7 * NUMBER_TEXT_BYTES + 16 };

void bars_csv_head(struct text *text)
{
    text_add(text, "symbol,timestamp");
#define X(name) text_add(text, "," #name);
    BAR_VALUE_TABLE(X)
#undef X
    text_add(text, ",trade_count\n");
}

/* RFC 4180: quotes where the symbol holds a separator or a quote, quotes inside doubled. */
static void add_symbol(struct text *target, const char *symbol)
{
    if (strpbrk(symbol, ",\"") == NULL && symbol[0] != ' ') {
        text_add(target, symbol);
        return;
    }
    text_add_char(target, '"');
    for (const char *at = symbol; *at != '\0'; at++) {
        text_add(target, *at == '"' ? "\"" : "");
        text_add_char(target, *at);
    }
    text_add_char(target, '"');
}

/* time_format of bars that follow each other mostly changes the clock only: the day is kept. */
struct day_text {
    int64_t from_us;
    char text[TIME_TEXT_BYTES];
    size_t date_length; /* "2024-01-31T" */
};

static char *put_two(char *at, int64_t number)
{
    at[0] = (char)('0' + number / 10);
    at[1] = (char)('0' + number % 10);
    return at + 2;
}

static char *put_time(char *at, int64_t time_us, struct day_text *day)
{
    int64_t into_us = time_us - day->from_us;
    if (day->date_length == 0 || into_us < 0 || into_us >= TIME_DAY_US) {
        int64_t rest = time_us % TIME_DAY_US;
        day->from_us = time_us - (rest < 0 ? rest + TIME_DAY_US : rest);
        (void)time_format(day->from_us, day->text);
        day->date_length = (size_t)(strchr(day->text, 'T') - day->text) + 1;
        into_us = time_us - day->from_us;
    }
    if (into_us % TIME_SECOND_US != 0) {
        return at + time_format(time_us, at);
    }
    memcpy(at, day->text, day->date_length);
    at = put_two(at + day->date_length, into_us / TIME_HOUR_US);
    *at++ = ':';
    at = put_two(at, into_us / TIME_MINUTE_US % 60);
    *at++ = ':';
    at = put_two(at, into_us / TIME_SECOND_US % 60);
    *at++ = 'Z';
    return at;
}

static char *put_row(char *at, const struct bars *bars, size_t index, struct day_text *day)
{
    *at++ = ',';
    at = put_time(at, bars->time_us[index], day);
    for (int i = 0; i < BAR_VALUE_COUNT; i++) {
        double value = bars->value[i][index];
        *at++ = ',';
        if (!isnan(value)) {
            at += number_format(value, at);
        }
    }
    *at++ = ',';
    if (bars->trade_count[index] != BAR_COUNT_ABSENT) {
        at += integer_format(bars->trade_count[index], at);
    }
    *at++ = '\n';
    return at;
}

void bars_csv_rows(struct text *text, const struct series *series, const struct bars *bars)
{
    ISO_DEFER(text_reset) struct text symbol = {0};
    struct day_text day = {0};
    add_symbol(&symbol, series->symbol);
    text->failed = text->failed || symbol.failed;
    for (size_t i = 0; i < bars->count && !text->failed; i++) {
        if (text_reserve(text, symbol.length + LINE_BYTES)) {
            text_append(text, symbol.data, symbol.length);
            char *end = put_row(text->data + text->length, bars, i, &day);
            *end = '\0';
            text->length = (size_t)(end - text->data);
        }
    }
}

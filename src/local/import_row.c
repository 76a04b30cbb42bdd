/* SPDX-License-Identifier: Apache-2.0 */
#include "local/import_row.h"

#include "market/quality.h"
#include "market/time.h"

#include <string.h>
#include <strings.h>

/* Sentences by column, for what is no number. */
static const char *const unreadable[COLUMN_COUNT] = {
#define X(name) [COLUMN_##name] = #name " is no number",
    ISO_COLUMN_TABLE(X)
#undef X
};

int64_t epoch_per_second(size_t digit_count)
{
    if (digit_count <= 11) {
        return digit_count > 0 ? 1 : 0;
    }
    return digit_count <= 14   ? 1000
           : digit_count <= 17 ? 1000000
           : digit_count <= 19 ? 1000000000
                               : 0;
}

/* How many of the leading characters are digits. */
static size_t count_digits(const char *at, const char *end)
{
    const char *first = at;
    while (at < end && *at >= '0' && *at <= '9') {
        at++;
    }
    return (size_t)(at - first);
}

/* ".25" of a unit that counts per_second, in microseconds; false where it is no fraction. */
static bool fraction_us(const char *at, const char *end, int64_t per_second, int64_t *us)
{
    double part;
    if (at == end) {
        *us = 0;
        return true;
    }
    if (*at != '.' || !number_parse(at, end, &part)) {
        return false;
    }
    *us = (int64_t)nearbyint(part * 1e6 / (double)per_second);
    return true;
}

static bool epoch_read(const struct csv_field *field, int64_t per_second, int64_t *time_us)
{
    const char *begin = field->begin;
    bool negative = begin < field->end && *begin == '-';
    begin += negative;
    size_t digits = count_digits(begin, field->end);
    int64_t whole;
    int64_t rest_us;
    /* Some files change from seconds to milliseconds half-way: the usual lengths speak for
     * themselves, any other is of the column's unit. */
    if (digits == 10 || digits == 13 || digits == 16 || digits == 19) {
        per_second = epoch_per_second(digits);
    }
    if (!integer_parse(begin, begin + digits, &whole) ||
        !fraction_us(begin + digits, field->end, per_second, &rest_us)) {
        return false;
    }
    int64_t us;
    if (per_second > 1000000) {
        us = whole / (per_second / 1000000);
    } else if (__builtin_mul_overflow(whole, 1000000 / per_second, &us)) {
        return false;
    }
    us += us < TIME_MAX_US ? rest_us : 0;
    *time_us = negative ? -us : us;
    return *time_us >= TIME_MIN_US && *time_us < TIME_MAX_US;
}

/* Whether a time that time_parse accepted names its zone: Z, or an offset behind the date. */
static bool names_zone(const char *begin, const char *end)
{
    for (const char *at = begin + 10; at < end; at++) {
        if (*at == 'Z' || *at == '+' || *at == '-') {
            return true;
        }
    }
    return false;
}

static const char unreadable_time[] = "the time cannot be read";

/* From the wall of the mapping's zone to UTC. */
static const char *wall_read(const struct mapping *mapping, int64_t wall_us, int64_t *time_us)
{
    *time_us = wall_us;
    const char *reason =
        mapping->zone != NULL ? zone_to_utc(mapping->zone, wall_us, time_us) : NULL;
    if (reason != NULL) {
        return reason;
    }
    return *time_us >= TIME_MIN_US && *time_us < TIME_MAX_US ? NULL : unreadable_time;
}

const char *import_row_text_time(const struct mapping *mapping, const char *begin, const char *end,
                                 int64_t *time_us)
{
    if (!time_parse(begin, end, time_us)) {
        return unreadable_time;
    }
    if (mapping->zone == NULL || names_zone(begin, end)) {
        return NULL;
    }
    return wall_read(mapping, *time_us, time_us);
}

const char *import_row_epoch(int64_t epoch, int64_t *time_us)
{
    char text[NUMBER_TEXT_BYTES];
    size_t length = integer_format(epoch, text);
    struct csv_field field = {text, text + length};
    return epoch_read(&field, epoch_per_second(length - (epoch < 0)), time_us) ? NULL
                                                                               : unreadable_time;
}

/* A date in one column and a time of day in another are read as one text. */
static const char *joined_time_read(const struct mapping *mapping, const struct csv_field *date,
                                    const struct csv_field *clock, int64_t *time_us)
{
    char joined[80];
    size_t date_length = (size_t)(date->end - date->begin);
    size_t clock_length = (size_t)(clock->end - clock->begin);
    if (date_length + clock_length + 1 > sizeof joined) {
        return unreadable_time;
    }
    memcpy(joined, date->begin, date_length);
    joined[date_length] = ' ';
    memcpy(joined + date_length + 1, clock->begin, clock_length);
    return import_row_text_time(mapping, joined, joined + date_length + 1 + clock_length, time_us);
}

/* Milliseconds since the midnight that the file's name tells. */
static const char *day_time_read(const struct mapping *mapping, const struct csv_field *field,
                                 int64_t *time_us)
{
    double ms;
    if (!number_parse(field->begin, field->end, &ms) || ms < 0 || ms > 86400000) {
        return unreadable_time;
    }
    return wall_read(mapping, mapping->day_us + (int64_t)nearbyint(ms * 1000), time_us);
}

const char *import_row_time(const struct mapping *mapping, const struct csv_row *fields,
                            int64_t *time_us)
{
    const struct csv_field *field = &fields->field[mapping->column[COLUMN_timestamp]];
    if (mapping->time_kind == TIME_KIND_EPOCH) {
        return epoch_read(field, mapping->epoch_per_second, time_us) ? NULL : unreadable_time;
    }
    if (mapping->time_kind == TIME_KIND_DAY) {
        return day_time_read(mapping, field, time_us);
    }
    if (mapping->column[COLUMN_clock] >= 0) {
        const struct csv_field *clock = &fields->field[mapping->column[COLUMN_clock]];
        return joined_time_read(mapping, field, clock, time_us);
    }
    return import_row_text_time(mapping, field->begin, field->end, time_us);
}

/* What people write where there is no value. */
static bool is_absent(const struct csv_field *field)
{
    static const char *const words[] = {"", "nan", "null", "none", "na", "n/a", "-"};
    size_t length = (size_t)(field->end - field->begin);
    for (size_t i = 0; length <= 4 && i < sizeof words / sizeof words[0]; i++) {
        if (strlen(words[i]) == length && strncasecmp(words[i], field->begin, length) == 0) {
            return true;
        }
    }
    return false;
}

static bool value_read(const struct csv_field *field, double *value)
{
    if (number_parse(field->begin, field->end, value)) {
        return true;
    }
    *value = BAR_ABSENT;
    return is_absent(field);
}

/* A count; "12.0" is one too, since pandas writes such columns so. */
static bool count_read(const struct csv_field *field, int64_t *count)
{
    double number;
    if (integer_parse(field->begin, field->end, count)) {
        return *count != BAR_COUNT_ABSENT;
    }
    if (number_parse(field->begin, field->end, &number)) {
        *count = fabs(number) < 0x1p53 ? (int64_t)number : 0;
        return (double)*count == number;
    }
    *count = BAR_COUNT_ABSENT;
    return is_absent(field);
}

/* The mean of two decimals is a decimal, too: take the nearest, not one an ulp beside it. */
static double mean_price(double bid, double ask)
{
    double mean = (bid + ask) / 2;
    double decimal = nearbyint(mean * 1e7) / 1e7;
    return fabs(decimal - mean) <= 2 * fabs(mean) * 0x1p-52 ? decimal : mean;
}

/* A side that is empty, or zero all over, was not quoted. */
static bool is_quoted(const double price[4])
{
    return (price[0] != 0 || price[1] != 0 || price[2] != 0 || price[3] != 0) && !isnan(price[0]);
}

const char *import_row_take_side(enum quote_side side, const double ask[4], double price[4])
{
    bool has_bid = is_quoted(price);
    bool has_ask = is_quoted(ask);
    if (side == SIDE_BID ? !has_bid : side == SIDE_ASK && !has_ask) {
        return "the side that was asked for was not quoted";
    }
    for (int i = 0; i < 4; i++) {
        if (side == SIDE_ASK || (side == SIDE_MID && !has_bid)) {
            price[i] = ask[i];
        } else if (side == SIDE_MID && has_ask) {
            price[i] = mean_price(price[i], ask[i]);
        }
    }
    return NULL;
}

static const char *ask_read(const struct mapping *mapping, const struct csv_row *fields,
                            double ask[4])
{
    for (int i = 0; i < 4; i++) {
        if (!value_read(&fields->field[mapping->column[COLUMN_ask_open + i]], &ask[i])) {
            return "an ask price is no number";
        }
    }
    return NULL;
}

void import_row_derive_vwap(double quote_volume, struct bar *bar)
{
    double volume = bar->value[BAR_volume];
    if (isnan(bar->value[BAR_vwap]) && volume > 0 && quote_volume > 0) {
        bar->value[BAR_vwap] = quote_volume / volume;
    }
}

static const char *values_read(const struct mapping *mapping, const struct csv_row *fields,
                               struct bar *bar)
{
    for (int i = 0; i < BAR_VALUE_COUNT; i++) {
        int index = mapping->column[COLUMN_open + i];
        if (index < 0) {
            bar->value[i] = BAR_ABSENT;
        } else if (!value_read(&fields->field[index], &bar->value[i])) {
            return unreadable[COLUMN_open + i];
        }
    }
    if (mapping->column[COLUMN_ask_close] >= 0) {
        double ask[4];
        const char *reason = ask_read(mapping, fields, ask);
        reason = reason != NULL ? reason : import_row_take_side(mapping->side, ask, bar->value);
        if (reason != NULL) {
            return reason;
        }
    }
    for (int i = BAR_open; i <= BAR_close && mapping->price_divisor != 1; i++) {
        bar->value[i] /= mapping->price_divisor;
    }
    int quote = mapping->column[COLUMN_quote_volume];
    double quote_volume;
    if (quote >= 0 && value_read(&fields->field[quote], &quote_volume)) {
        import_row_derive_vwap(quote_volume, bar);
    }
    int index = mapping->column[COLUMN_trade_count];
    bar->trade_count = BAR_COUNT_ABSENT;
    if (index >= 0 && !count_read(&fields->field[index], &bar->trade_count)) {
        return "trade_count is no whole number";
    }
    return NULL;
}

_Static_assert((int)COLUMN_vwap - (int)COLUMN_open == (int)BAR_vwap - (int)BAR_open,
               "values_read counts both together");

/* A quoted field has its quotes inside doubled (RFC 4180). */
static struct csv_field undouble(const struct csv_row *fields, const struct csv_field *field,
                                 char *target, size_t limit)
{
    size_t length = (size_t)(field->end - field->begin);
    bool quoted = field->begin > fields->begin && field->begin[-1] == '"';
    if (!quoted || length > limit || memchr(field->begin, '"', length) == NULL) {
        return *field;
    }
    char *end = target;
    for (const char *at = field->begin; at < field->end; at++) {
        *end++ = *at;
        at += *at == '"' && at + 1 < field->end && at[1] == '"';
    }
    return (struct csv_field){target, end};
}

const char *import_row_read(const struct mapping *mapping, const struct csv_row *fields,
                            struct import_row *row)
{
    row->symbol = (struct csv_field){fields->begin, fields->begin};
    if (fields->problem != NULL) {
        return fields->problem;
    }
    int symbol = mapping->column[COLUMN_symbol];
    if (symbol >= 0 && (size_t)symbol < fields->field_count) {
        row->symbol = undouble(fields, &fields->field[symbol], row->decoded, sizeof row->decoded);
    }
    if (fields->field_count != mapping->field_count) {
        return fields->field_count < mapping->field_count
                   ? "the row has fewer fields than the others"
                   : "the row has more fields than the others";
    }
    const char *reason = import_row_time(mapping, fields, &row->bar.time_us);
    if (reason != NULL) {
        return reason;
    }
    reason = values_read(mapping, fields, &row->bar);
    return reason != NULL ? reason : quality_reason(&row->bar);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "market/time.h"

#include "base/text.h"
#include "market/interval.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static int64_t floor_divide(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

/* Days since 1970-01-01; Howard Hinnant, "chrono-compatible low-level date algorithms",
 * days_from_civil. */
static int64_t days_of_civil(int64_t year, int32_t month, int32_t day)
{
    int64_t shifted = year - (month <= 2);
    int64_t era = floor_divide(shifted, 400);
    int64_t year_of_era = shifted - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

/* The inverse: civil_from_days of the same source. */
static void civil_of_days(int64_t days, struct civil *civil)
{
    int64_t shifted = days + 719468;
    int64_t era = floor_divide(shifted, 146097);
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    civil->day = (int32_t)(day_of_year - (153 * month + 2) / 5 + 1);
    civil->month = (int32_t)(month < 10 ? month + 3 : month - 9);
    civil->year = year_of_era + era * 400 + (civil->month <= 2);
}

struct civil time_civil(int64_t time_us)
{
    int64_t days = floor_divide(time_us, TIME_DAY_US);
    int64_t rest = time_us - days * TIME_DAY_US;
    struct civil civil = {
        .hour = (int32_t)(rest / TIME_HOUR_US),
        .minute = (int32_t)(rest / TIME_MINUTE_US % 60),
        .second = (int32_t)(rest / TIME_SECOND_US % 60),
        .microsecond = (int32_t)(rest % TIME_SECOND_US),
    };
    civil_of_days(days, &civil);
    return civil;
}

int64_t time_of_civil(const struct civil *civil)
{
    return days_of_civil(civil->year, civil->month, civil->day) * TIME_DAY_US +
           civil->hour * TIME_HOUR_US + civil->minute * TIME_MINUTE_US +
           civil->second * TIME_SECOND_US + civil->microsecond;
}

int32_t days_in_month(int64_t year, int32_t month)
{
    static const int32_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

size_t time_format(int64_t time_us, char target[TIME_TEXT_BYTES])
{
    struct civil c = time_civil(time_us);
    int length = snprintf(target, TIME_TEXT_BYTES, "%04lld-%02d-%02dT%02d:%02d:%02d",
                          (long long)c.year, c.month, c.day, c.hour, c.minute, c.second);
    if (c.microsecond != 0) {
        length +=
            snprintf(target + length, (size_t)(TIME_TEXT_BYTES - length), ".%06d", c.microsecond);
    }
    length += snprintf(target + length, (size_t)(TIME_TEXT_BYTES - length), "Z");
    return (size_t)length;
}

/* A reader that walks a text; ok turns false at the first thing that does not fit. */
struct scan {
    const char *at;
    const char *end;
    bool ok;
};

static int32_t scan_number(struct scan *scan, int digit_count)
{
    int32_t value = 0;
    for (int i = 0; i < digit_count; i++) {
        if (scan->at == scan->end || *scan->at < '0' || *scan->at > '9') {
            scan->ok = false;
            return 0;
        }
        value = value * 10 + (*scan->at++ - '0');
    }
    return value;
}

static bool scan_char(struct scan *scan, char wanted)
{
    if (scan->at < scan->end && *scan->at == wanted) {
        scan->at++;
        return true;
    }
    return false;
}

static void scan_expect(struct scan *scan, char wanted)
{
    if (!scan_char(scan, wanted)) {
        scan->ok = false;
    }
}

/* "Dec" in letters of any case; 0 where it is none. */
static int32_t scan_month(struct scan *scan)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (size_t month = 0; month < 12 && scan->end - scan->at >= 3; month++) {
        if (strncasecmp(scan->at, names + 3 * month, 3) == 0) {
            scan->at += 3;
            return (int32_t)month + 1;
        }
    }
    scan->ok = false;
    return 0;
}

/* 31-Dec-10 or 31-Dec-2010, as Google wrote it: two digits are of 1970 to 2069. */
static void scan_named_date(struct scan *scan, struct civil *civil)
{
    civil->day = scan_number(scan, scan->at[1] == '-' ? 1 : 2);
    scan_expect(scan, '-');
    civil->month = scan_month(scan);
    scan_expect(scan, '-');
    const char *first = scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9') {
        scan->at++;
    }
    size_t digits = (size_t)(scan->at - first);
    scan->at = first;
    civil->year = scan_number(scan, digits == 4 ? 4 : 2);
    civil->year += digits == 4 ? 0 : civil->year < 70 ? 2000 : 1900;
}

/* YYYY-MM-DD, YYYY/MM/DD, YYYY.MM.DD, YYYYMMDD or DD.MM.YYYY */
static void scan_date(struct scan *scan, struct civil *civil)
{
    bool named = scan->end - scan->at >= 8 && (scan->at[1] == '-' || scan->at[2] == '-');
    if (named) {
        scan_named_date(scan, civil);
        return;
    }
    bool day_first = scan->end - scan->at >= 10 && scan->at[2] == '.' && scan->at[5] == '.';
    if (day_first) {
        civil->day = scan_number(scan, 2);
        scan_expect(scan, '.');
        civil->month = scan_number(scan, 2);
        scan_expect(scan, '.');
        civil->year = scan_number(scan, 4);
        return;
    }
    civil->year = scan_number(scan, 4);
    char separator = scan->at < scan->end && strchr("-/.", *scan->at) != NULL ? *scan->at : '\0';
    if (separator != '\0') {
        scan_expect(scan, separator);
    }
    civil->month = scan_number(scan, 2);
    if (separator != '\0') {
        scan_expect(scan, separator);
    }
    civil->day = scan_number(scan, 2);
}

static void scan_fraction(struct scan *scan, struct civil *civil)
{
    int32_t weight = 100000;
    const char *first = scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9') {
        civil->microsecond += (*scan->at++ - '0') * weight;
        weight /= 10;
    }
    scan->ok = scan->ok && scan->at > first;
}

/* HH:MM[:SS[.fraction]], or the same without colons. */
static void scan_time(struct scan *scan, struct civil *civil)
{
    civil->hour = scan_number(scan, 2);
    bool colons = scan_char(scan, ':');
    civil->minute = scan_number(scan, 2);
    bool digit = scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9';
    if (colons ? scan_char(scan, ':') : digit) {
        civil->second = scan_number(scan, 2);
        if (scan_char(scan, '.')) {
            scan_fraction(scan, civil);
        }
    }
}

/* Offset of the zone behind the time, microseconds east of UTC. */
static int64_t scan_zone(struct scan *scan)
{
    if (scan->at == scan->end || scan_char(scan, 'Z')) {
        return 0;
    }
    int sign = *scan->at == '-' ? -1 : 1;
    if (*scan->at != '-' && *scan->at != '+') {
        scan->ok = false;
        return 0;
    }
    scan->at++;
    int64_t hours = scan_number(scan, 2);
    (void)scan_char(scan, ':');
    int64_t minutes = scan->at < scan->end ? scan_number(scan, 2) : 0;
    scan->ok = scan->ok && hours <= 18 && minutes < 60;
    return sign * (hours * TIME_HOUR_US + minutes * TIME_MINUTE_US);
}

static bool civil_exists(const struct civil *c)
{
    return c->year >= 1 && c->year <= 9998 && c->month >= 1 && c->month <= 12 && c->day >= 1 &&
           c->day <= days_in_month(c->year, c->month) && c->hour < 24 && c->minute < 60 &&
           c->second < 60;
}

bool time_parse(const char *begin, const char *end, int64_t *time_us)
{
    struct scan scan = {begin, end, true};
    struct civil civil = {0};
    int64_t offset_us = 0;
    scan_date(&scan, &civil);
    if (scan.ok && scan.at < scan.end) {
        if (*scan.at != ' ' && *scan.at != 'T') {
            return false;
        }
        scan.at++;
        scan_time(&scan, &civil);
        (void)scan_char(&scan, ' ');
        offset_us = scan.ok ? scan_zone(&scan) : 0;
    }
    if (!scan.ok || scan.at != scan.end || !civil_exists(&civil)) {
        return false;
    }
    int64_t utc_us = time_of_civil(&civil) - offset_us;
    if (utc_us < TIME_MIN_US || utc_us >= TIME_MAX_US) {
        return false;
    }
    *time_us = utc_us;
    return true;
}

struct unit {
    const char *name;
    int64_t us;
};

static const struct unit relative_units[] = {{"m", TIME_MINUTE_US}, {"h", TIME_HOUR_US},
                                             {"d", TIME_DAY_US},    {"w", 7 * TIME_DAY_US},
                                             {"s", TIME_SECOND_US}, {NULL, 0}};
static const struct unit epoch_units[] = {
    {"s", TIME_SECOND_US}, {"ms", 1000}, {"us", 1}, {"ns", 0}, {NULL, 0}};

/* number * unit of a text "<integer><unit>"; false where it is none or out of the accepted years.
 */
static bool parse_amount(const char *text, const struct unit *units, int64_t *amount_us)
{
    size_t digits = strspn(text, "-0123456789");
    int64_t number;
    if (!integer_parse(text, text + digits, &number)) {
        return false;
    }
    for (const struct unit *unit = units; unit->name != NULL; unit++) {
        if (strcmp(text + digits, unit->name) != 0) {
            continue;
        }
        if (unit->us == 0) { /* finer than a microsecond */
            *amount_us = number / 1000;
            return true;
        }
        if (!__builtin_mul_overflow(number, unit->us, amount_us)) {
            return *amount_us >= TIME_MIN_US && *amount_us < TIME_MAX_US;
        }
    }
    return false;
}

iso_status time_parse_argument(const char *text, int64_t now_us, int64_t *time_us,
                               struct iso_error *err)
{
    int64_t amount_us;
    size_t length = strlen(text);
    if (strcmp(text, "now") == 0) {
        *time_us = now_us;
    } else if (text[0] == '-' && parse_amount(text, relative_units, &amount_us)) {
        *time_us = now_us + amount_us;
    } else if (time_parse(text, text + length, &amount_us) ||
               parse_amount(text, epoch_units, &amount_us)) {
        *time_us = amount_us;
    } else {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "\"%s\" is no time; give 2024-01-31, 2024-01-31T23:59Z, an epoch with its unit "
                 "(1700000000s) or -7d",
                 text);
    }
    return ISO_OK;
}

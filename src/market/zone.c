/* SPDX-License-Identifier: Apache-2.0 */
#include "market/zone.h"

#include "base/file.h"
#include "base/text.h"
#include "market/interval.h"
#include "market/time.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { ZONE_NAME_BYTES = 64, ZONE_FILE_BYTES_MAX = 1 << 17 };
#define ZONE_SHIFTS_MAX ((size_t)8192)

/* From at_us (UTC) on, clocks are offset_us east of UTC. */
struct shift {
    int64_t at_us;
    int64_t offset_us;
};

struct zone {
    char name[ZONE_NAME_BYTES];
    size_t shift_count; /* the first stands for all time before the second */
    struct shift *shifts;
};

void zone_close(struct zone **zone)
{
    if (*zone != NULL) {
        free((*zone)->shifts);
        free(*zone);
        *zone = NULL;
    }
}

const char *zone_name(const struct zone *zone)
{
    return zone->name;
}

bool zone_is_utc(const struct zone *zone)
{
    return zone->shift_count == 1 && zone->shifts[0].offset_us == 0;
}

/* "+05:30", "-0500", "+2": false where it is none of these. */
static bool offset_parse(const char *text, int64_t *offset_us)
{
    size_t length = strlen(text);
    if ((text[0] != '+' && text[0] != '-') || length > 6) {
        return false;
    }
    const char *digits = text + 1;
    const char *end = text + length;
    const char *colon = strchr(digits, ':');
    const char *hour_end = colon != NULL ? colon : length > 3 ? end - 2 : end;
    const char *minute = colon != NULL ? colon + 1 : hour_end;
    int64_t hours;
    int64_t minutes = 0;
    if (!integer_parse(digits, hour_end, &hours) ||
        ((colon != NULL || minute < end) && !integer_parse(minute, end, &minutes)) || hours < 0 ||
        hours > 14 || minutes < 0 || minutes > 59) {
        return false;
    }
    *offset_us = hours * TIME_HOUR_US + minutes * TIME_MINUTE_US;
    *offset_us = text[0] == '-' ? -*offset_us : *offset_us;
    return true;
}

/* A reader of big-endian bytes; ok turns false at the first that is not there. */
struct tzif {
    const uint8_t *at;
    const uint8_t *end;
    bool ok;
};

static const uint8_t *take(struct tzif *tzif, size_t bytes)
{
    const uint8_t *at = tzif->at;
    if (!tzif->ok || (size_t)(tzif->end - at) < bytes) {
        tzif->ok = false;
        return NULL;
    }
    tzif->at += bytes;
    return at;
}

static int64_t big_endian(const uint8_t *at, size_t bytes)
{
    uint64_t value = at[0] >= 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | at[i];
    }
    return (int64_t)value;
}

/* RFC 9636, 3.1: the counts of a header, in its order. */
enum { COUNT_ISUT, COUNT_ISSTD, COUNT_LEAP, COUNT_TIME, COUNT_TYPE, COUNT_CHAR, COUNTS };

static void read_header(struct tzif *tzif, size_t count[COUNTS])
{
    const uint8_t *magic = take(tzif, 20);
    tzif->ok = tzif->ok && memcmp(magic, "TZif", 4) == 0 && magic[4] >= '2';
    for (size_t i = 0; i < COUNTS; i++) {
        const uint8_t *at = take(tzif, 4);
        count[i] = at != NULL ? (size_t)big_endian(at, 4) & 0xffffffffu : 0;
        tzif->ok = tzif->ok && count[i] <= ZONE_SHIFTS_MAX / 2;
    }
}

static void skip_data(struct tzif *tzif, const size_t count[COUNTS], size_t time_bytes)
{
    (void)take(tzif, count[COUNT_TIME] * (time_bytes + 1) + count[COUNT_TYPE] * 6 +
                         count[COUNT_CHAR] + count[COUNT_LEAP] * (time_bytes + 4) +
                         count[COUNT_ISSTD] + count[COUNT_ISUT]);
}

static iso_status add_shift(struct zone *zone, int64_t at_us, int64_t offset_us,
                            struct iso_error *err)
{
    if (zone->shift_count >= ZONE_SHIFTS_MAX) {
        ISO_FAIL(LIMIT, err, "zone %s changes its clocks more than %zu times", zone->name,
                 ZONE_SHIFTS_MAX);
    }
    zone->shifts[zone->shift_count++] = (struct shift){at_us, offset_us};
    return ISO_OK;
}

/* The shifts of the second, 64-bit part; tzif stands behind it then. */
static iso_status read_shifts(struct tzif *tzif, struct zone *zone, struct iso_error *err)
{
    size_t count[COUNTS];
    read_header(tzif, count);
    const uint8_t *times = take(tzif, count[COUNT_TIME] * 8);
    const uint8_t *kinds = take(tzif, count[COUNT_TIME]);
    const uint8_t *types = take(tzif, count[COUNT_TYPE] * 6);
    (void)take(tzif,
               count[COUNT_CHAR] + count[COUNT_LEAP] * 12 + count[COUNT_ISSTD] + count[COUNT_ISUT]);
    if (!tzif->ok || count[COUNT_TYPE] == 0) {
        ISO_FAIL(BAD_FORMAT, err, "the file of zone %s is damaged", zone->name);
    }
    ISO_TRY(add_shift(zone, TIME_MIN_US, big_endian(types, 4) * TIME_SECOND_US, err));
    for (size_t i = 0; i < count[COUNT_TIME]; i++) {
        int64_t at = big_endian(times + 8 * i, 8);
        if (kinds[i] >= count[COUNT_TYPE]) {
            ISO_FAIL(BAD_FORMAT, err, "the file of zone %s is damaged", zone->name);
        }
        int64_t offset_us = big_endian(types + (size_t)kinds[i] * 6, 4) * TIME_SECOND_US;
        if (at > TIME_MIN_US / TIME_SECOND_US && at < TIME_MAX_US / TIME_SECOND_US) {
            ISO_TRY(add_shift(zone, at * TIME_SECOND_US, offset_us, err));
        }
    }
    return ISO_OK;
}

/* One end of summer time as POSIX writes it: "M3.2.0/2", the second Sunday of March at 2. */
struct rule {
    int32_t month;
    int64_t week;
    int64_t weekday;
    int64_t clock_us;
};

/* "EST", "<+03>" */
static const char *skip_abbreviation(const char *at)
{
    if (*at == '<') {
        const char *stop = strchr(at, '>');
        return stop != NULL ? stop + 1 : at;
    }
    while ((*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z')) {
        at++;
    }
    return at;
}

/* "5", "-10", "2:30:00"; returns what follows. */
static const char *read_clock(const char *at, int64_t *clock_us)
{
    int sign = *at == '-' ? -1 : 1;
    int64_t unit_us = TIME_HOUR_US;
    int64_t sum_us = 0;
    at += *at == '-' || *at == '+';
    for (;;) {
        int64_t number = 0;
        for (; *at >= '0' && *at <= '9' && number < 1000; at++) {
            number = number * 10 + (*at - '0');
        }
        sum_us += number * unit_us;
        unit_us /= 60;
        if (*at != ':' || unit_us < TIME_SECOND_US) {
            break;
        }
        at++;
    }
    *clock_us = sign * sum_us;
    return at;
}

/* A number of one or two digits behind the given character; at turns NULL where it is none. */
static int64_t read_part(const char **at, char before)
{
    int64_t number = 0;
    const char *digits = *at != NULL && **at == before ? *at + 1 : NULL;
    size_t length = digits != NULL ? strspn(digits, "0123456789") : 0;
    if (length < 1 || length > 2 || !integer_parse(digits, digits + length, &number)) {
        *at = NULL;
        return 0;
    }
    *at = digits + length;
    return number;
}

/* ",M3.2.0/2"; returns what follows, NULL where it is of another form. */
static const char *read_rule(const char *at, struct rule *rule)
{
    at = *at == ',' ? at + 1 : NULL;
    rule->clock_us = 2 * TIME_HOUR_US;
    rule->month = (int32_t)read_part(&at, 'M');
    rule->week = read_part(&at, '.');
    rule->weekday = read_part(&at, '.');
    if (at == NULL || rule->month < 1 || rule->month > 12 || rule->week < 1 || rule->week > 5 ||
        rule->weekday > 6) {
        return NULL;
    }
    return *at == '/' ? read_clock(at + 1, &rule->clock_us) : at;
}

/* What the wall shows in that year when the rule strikes. */
static int64_t rule_wall(const struct rule *rule, int64_t year)
{
    struct civil first = {.year = year, .month = rule->month, .day = 1};
    int64_t first_us = time_of_civil(&first);
    int64_t days = first_us / TIME_DAY_US;
    int64_t weekday = ((days + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
    int64_t day = (rule->weekday - weekday + 7) % 7 + 7 * (rule->week - 1);
    while (day >= days_in_month(year, rule->month)) {
        day -= 7;
    }
    return first_us + day * TIME_DAY_US + rule->clock_us;
}

/* Go on from the last shift of the file by the rule in its footer, "EST5EDT,M3.2.0,M11.1.0". */
static iso_status add_rules(struct zone *zone, const char *footer, struct iso_error *err)
{
    enum { LAST_YEAR = 2150 };
    int64_t winter_us;
    int64_t summer_us;
    struct rule begin;
    struct rule end;
    const char *at = read_clock(skip_abbreviation(footer), &winter_us);
    if (*at == '\0') {
        return ISO_OK; /* no summer time: the last shift holds for ever */
    }
    at = skip_abbreviation(at);
    summer_us = winter_us - TIME_HOUR_US;
    at = *at == ',' ? at : read_clock(at, &summer_us);
    at = read_rule(at, &begin);
    if (at == NULL || read_rule(at, &end) == NULL) {
        return ISO_OK; /* of another form (Jn): as the file has it */
    }
    int64_t last_us = zone->shifts[zone->shift_count - 1].at_us;
    bool south = begin.month > end.month;
    for (int64_t year = 1970; year < LAST_YEAR; year++) {
        struct shift into = {rule_wall(&begin, year) + winter_us, -summer_us};
        struct shift back = {rule_wall(&end, year) + summer_us, -winter_us};
        struct shift pair[2] = {south ? back : into, south ? into : back};
        for (size_t i = 0; i < 2; i++) {
            if (pair[i].at_us > last_us) {
                ISO_TRY(add_shift(zone, pair[i].at_us, pair[i].offset_us, err));
            }
        }
    }
    return ISO_OK;
}

static iso_status read_zone(struct zone *zone, const struct bytes *file, struct iso_error *err)
{
    char footer[80] = "";
    size_t count[COUNTS];
    struct tzif tzif = {file->data, file->data + file->length, true};
    ISO_NEW(zone->shifts, ZONE_SHIFTS_MAX, err);
    read_header(&tzif, count);
    skip_data(&tzif, count, 4);
    ISO_TRY(read_shifts(&tzif, zone, err));
    size_t left = (size_t)(tzif.end - tzif.at);
    if (left > 2 && left - 2 < sizeof footer && tzif.at[0] == '\n') {
        memcpy(footer, tzif.at + 1, left - 2);
        ISO_TRY(add_rules(zone, footer, err));
    }
    return ISO_OK;
}

static iso_status unknown_zone(const char *name, struct iso_error *err)
{
    ISO_FAIL(BAD_ARGUMENT, err,
             "\"%.40s\" is no time zone; give UTC, a fixed offset, as +01:00 or -0500, or a name, "
             "as America/New_York (names want the system's package tzdata)",
             name);
}

static iso_status open_named(struct zone *zone, struct iso_error *err)
{
    char path[256];
    ISO_DEFER(bytes_reset) struct bytes file = {0};
    const char *directory = getenv("TZDIR");
    if (zone->name[0] == '\0' || zone->name[0] == '/' || strstr(zone->name, "..") != NULL) {
        return unknown_zone(zone->name, err);
    }
    (void)snprintf(path, sizeof path, "%s/%s",
                   directory != NULL ? directory : "/usr/share/zoneinfo", zone->name);
    if (iso_failed(file_read(path, ZONE_FILE_BYTES_MAX, &file, NULL))) {
        return unknown_zone(zone->name, err);
    }
    return read_zone(zone, &file, err);
}

iso_status zone_open(const char *name, struct zone **zone, struct iso_error *err)
{
    ISO_DEFER(zone_close) struct zone *opened = NULL;
    int64_t offset_us = 0;
    if (strlen(name) >= ZONE_NAME_BYTES) {
        return unknown_zone(name, err);
    }
    ISO_NEW(opened, 1, err);
    memcpy(opened->name, name, strlen(name) + 1);
    if (strcasecmp(name, "UTC") == 0 || strcasecmp(name, "GMT") == 0 ||
        strcasecmp(name, "Z") == 0 || offset_parse(name, &offset_us)) {
        ISO_NEW(opened->shifts, 1, err);
        ISO_TRY(add_shift(opened, TIME_MIN_US, offset_us, err));
    } else {
        ISO_TRY(open_named(opened, err));
    }
    *zone = opened;
    opened = NULL;
    return ISO_OK;
}

/* The last shift at or before then; the first where there is none. */
static size_t find_shift(const struct zone *zone, int64_t utc_us)
{
    size_t low = 0;
    size_t high = zone->shift_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        *(zone->shifts[middle].at_us <= utc_us ? &low : &high) = middle;
    }
    return low;
}

int64_t zone_to_wall(const struct zone *zone, int64_t utc_us)
{
    return utc_us + zone->shifts[find_shift(zone, utc_us)].offset_us;
}

const char *zone_to_utc(const struct zone *zone, int64_t wall_us, int64_t *utc_us)
{
    size_t near = find_shift(zone, wall_us - zone->shifts[0].offset_us);
    size_t first = near > 1 ? near - 2 : 0;
    size_t found = 0;
    for (size_t i = first; i < zone->shift_count && i < near + 3; i++) {
        int64_t guess_us = wall_us - zone->shifts[i].offset_us;
        bool begun = i == 0 || guess_us >= zone->shifts[i].at_us;
        if (begun && (i + 1 == zone->shift_count || guess_us < zone->shifts[i + 1].at_us)) {
            *utc_us = guess_us;
            found++;
        }
    }
    return found == 1  ? NULL
           : found > 1 ? "the clocks of its zone showed this time twice"
                       : "the clocks of its zone went over this time";
}

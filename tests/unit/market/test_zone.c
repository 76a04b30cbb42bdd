/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include "market/interval.h"
#include "market/time.h"
#include "market/zone.h"

#include <string.h>
#include <unistd.h>

static struct iso_error err;

static int64_t at(const char *text)
{
    int64_t time_us = 0;
    assert_true(time_parse(text, text + strlen(text), &time_us));
    return time_us;
}

static void offsets_are_fixed_and_what_is_no_zone_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t minutes;
    } good[] = {{"UTC", 0},  {"Z", 0},      {"gmt", 0},    {"+01:00", 60}, {"-0530", -330},
                {"+2", 120}, {"-12", -720}, {"+530", 330}, {"+14:00", 840}};
    static const char *const bad[] = {
        "",
        "Nowhere/Land",
        "+",
        "+25",
        "01:00",
        "+01:",
        "+01:60",
        "+-1",
        "+01:00x",
        "../etc/passwd",
        "/etc/passwd",
        "America",
        "a-name-that-is-longer-than-any-zone-of-the-data-base-of-the-world"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ISO_DEFER(zone_close) struct zone *zone = NULL;
        assert_fails(zone_open(bad[i], &zone, &err), BAD_ARGUMENT);
        assert_null(zone);
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        ISO_DEFER(zone_close) struct zone *zone = NULL;
        int64_t utc_us = 0;
        assert_ok(zone_open(good[i].text, &zone, &err));
        assert_null(zone_to_utc(zone, at("2024-07-01 12:00"), &utc_us));
        assert_int_equal(at("2024-07-01 12:00") - utc_us, good[i].minutes * TIME_MINUTE_US);
        assert_int_equal(zone_to_wall(zone, utc_us), at("2024-07-01 12:00"));
        assert_int_equal(zone_is_utc(zone), good[i].minutes == 0);
        assert_string_equal(zone_name(zone), good[i].text);
    }
}

/* Oracle: zoneinfo of Python 3.11 with tzdata 2025b. 2100 is past the last change in the file. */
static const struct {
    const char *zone;
    const char *wall;
    const char *utc; /* NULL: never shown, "": shown twice */
} walls[] = {
    {"America/New_York", "2024-01-15 12:00", "2024-01-15 17:00"},
    {"America/New_York", "2024-07-01 12:00", "2024-07-01 16:00"},
    {"America/New_York", "2024-03-10 01:59", "2024-03-10 06:59"},
    {"America/New_York", "2024-03-10 02:30", NULL},
    {"America/New_York", "2024-03-10 03:00", "2024-03-10 07:00"},
    {"America/New_York", "2024-11-03 00:59", "2024-11-03 04:59"},
    {"America/New_York", "2024-11-03 01:30", ""},
    {"America/New_York", "2024-11-03 02:00", "2024-11-03 07:00"},
    {"America/New_York", "2006-04-01 12:00", "2006-04-01 17:00"},
    {"America/New_York", "2100-01-15 12:00", "2100-01-15 17:00"},
    {"America/New_York", "2100-07-01 12:00", "2100-07-01 16:00"},
    {"America/New_York", "2100-03-14 02:30", NULL},
    {"America/New_York", "2100-11-07 01:30", ""},
    {"Asia/Kolkata", "2019-07-09 09:15", "2019-07-09 03:45"},
    {"Asia/Tokyo", "2021-01-14 09:00", "2021-01-14 00:00"},
    {"Europe/Berlin", "2024-07-29 09:02", "2024-07-29 07:02"},
    {"Australia/Sydney", "2024-01-15 12:00", "2024-01-15 01:00"},
    {"Australia/Sydney", "2100-01-15 12:00", "2100-01-15 01:00"},
    {"Australia/Sydney", "2100-07-15 12:00", "2100-07-15 02:00"},
};

static void walls_of_the_world_are_known_by_name(void **state)
{
    (void)state;
    if (access("/usr/share/zoneinfo/America/New_York", R_OK) != 0) {
        print_message("skipped: this system has no time zone data base (package tzdata)\n");
        skip();
    }
    for (size_t i = 0; i < sizeof walls / sizeof walls[0]; i++) {
        ISO_DEFER(zone_close) struct zone *zone = NULL;
        int64_t utc_us = 7;
        assert_ok(zone_open(walls[i].zone, &zone, &err));
        const char *reason = zone_to_utc(zone, at(walls[i].wall), &utc_us);
        if (walls[i].utc == NULL) {
            assert_string_equal(reason, "the clocks of its zone went over this time");
        } else if (walls[i].utc[0] == '\0') {
            assert_string_equal(reason, "the clocks of its zone showed this time twice");
        } else {
            assert_null(reason);
            assert_int_equal(utc_us, at(walls[i].utc));
            assert_int_equal(zone_to_wall(zone, utc_us), at(walls[i].wall));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_are_fixed_and_what_is_no_zone_is_refused),
        cmocka_unit_test(walls_of_the_world_are_known_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

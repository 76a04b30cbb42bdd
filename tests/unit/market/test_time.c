/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include "base/rng.h"
#include "market/interval.h"
#include "market/time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t random_time(struct rng *rng)
{
    uint64_t span = (uint64_t)(TIME_MAX_US - TIME_MIN_US);
    return TIME_MIN_US + (int64_t)(rng_u64(rng) % span);
}

static int64_t floor_seconds(int64_t time_us)
{
    return time_us / 1000000 - (time_us % 1000000 < 0);
}

/* Oracle: gmtime_r and timegm of the C library. */
static void calendar_agrees_with_the_c_library(void **state)
{
    (void)state;
    struct rng rng = rng_stream(1, 0, 0, RNG_TEST);
    for (int i = 0; i < 200000; i++) {
        int64_t time_us = random_time(&rng);
        time_t seconds = (time_t)floor_seconds(time_us);
        struct tm tm;
        assert_non_null(gmtime_r(&seconds, &tm));
        struct civil civil = time_civil(time_us);
        assert_int_equal(civil.year, tm.tm_year + 1900);
        assert_int_equal(civil.month, tm.tm_mon + 1);
        assert_int_equal(civil.day, tm.tm_mday);
        assert_int_equal(civil.hour, tm.tm_hour);
        assert_int_equal(civil.minute, tm.tm_min);
        assert_int_equal(civil.second, tm.tm_sec);
        assert_int_equal(civil.microsecond, time_us - (int64_t)seconds * 1000000);
        assert_true(time_of_civil(&civil) == time_us);
        assert_true(timegm(&tm) == seconds);
    }
}

static void every_time_reads_back_from_its_text(void **state)
{
    (void)state;
    struct rng rng = rng_stream(2, 0, 0, RNG_TEST);
    for (int i = 0; i < 100000; i++) {
        int64_t time_us = random_time(&rng);
        time_us -= i % 2 == 0 ? time_us % TIME_SECOND_US : 0;
        char text[TIME_TEXT_BYTES];
        int64_t back = 0;
        size_t length = time_format(time_us, text);
        assert_int_equal(length, strlen(text));
        assert_true(time_parse(text, text + length, &back));
        assert_true(back == time_us);
    }
}

static void assert_reads(const char *text, const char *expected)
{
    int64_t time_us = 0;
    char formatted[TIME_TEXT_BYTES];
    if (!time_parse(text, text + strlen(text), &time_us)) {
        fail_msg("\"%s\" is not read", text);
    }
    (void)time_format(time_us, formatted);
    assert_string_equal(formatted, expected);
}

static void times_are_read_as_people_and_exchanges_write_them(void **state)
{
    (void)state;
    assert_reads("2024-01-31", "2024-01-31T00:00:00Z");
    assert_reads("2024/01/31", "2024-01-31T00:00:00Z");
    assert_reads("20240131", "2024-01-31T00:00:00Z");
    assert_reads("2015.01.02", "2015-01-02T00:00:00Z");
    assert_reads("31.01.2024 23:59", "2024-01-31T23:59:00Z");
    assert_reads("2024-01-31 23:59:58", "2024-01-31T23:59:58Z");
    assert_reads("2024-01-31T23:59:58.25Z", "2024-01-31T23:59:58.250000Z");
    assert_reads("2024-01-31T23:59:58.1234567890", "2024-01-31T23:59:58.123456Z");
    assert_reads("2024-01-31 23:59:58+00:00", "2024-01-31T23:59:58Z");
    assert_reads("2024-01-31 23:59:58 +01:00", "2024-01-31T22:59:58Z");
    assert_reads("2024-01-31 23:59-0530", "2024-02-01T05:29:00Z");
    assert_reads("2024-01-31T00:00+14", "2024-01-30T10:00:00Z");
    assert_reads("20110103 090100", "2011-01-03T09:01:00Z");
    assert_reads("20110103T0901Z", "2011-01-03T09:01:00Z");
    assert_reads("2024-02-29", "2024-02-29T00:00:00Z");
    assert_reads("31-Dec-10", "2010-12-31T00:00:00Z");
    assert_reads("3-jan-2011", "2011-01-03T00:00:00Z");
    assert_reads("01-FEB-69 12:30", "2069-02-01T12:30:00Z");
    assert_reads("1-Feb-70", "1970-02-01T00:00:00Z");
}

static void times_that_do_not_exist_are_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {"",
                                          "2024",
                                          "2024-1-1",
                                          "2024-02-30",
                                          "2023-02-29",
                                          "2024-13-01",
                                          "2024-00-10",
                                          "2024-01-00",
                                          "1900-02-29",
                                          "2024-01-31 24:00",
                                          "2024-01-31 12:60",
                                          "2024-01-31 12:00:60",
                                          "2024-01-31 12",
                                          "2024-01-31x",
                                          "2024-01-31 12:00 EST",
                                          "2024-01-31 12:00+99:00",
                                          "9999-01-01",
                                          "0000-01-01",
                                          "2024-01/31",
                                          "31.01.24",
                                          "2024-01-31 12:00:00.",
                                          "1700000000",
                                          "2024-01-31 ",
                                          "0001-01-01 00:00+01:00",
                                          "31-Foo-10",
                                          "31-Dec-1",
                                          "-Dec-10",
                                          "31-Dec-10x",
                                          "32.01.2024",
                                          " 2024-01-31"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        int64_t time_us = 7;
        if (time_parse(refused[i], refused[i] + strlen(refused[i]), &time_us)) {
            fail_msg("\"%s\" is read", refused[i]);
        }
        assert_int_equal(time_us, 7);
    }
}

static void reading_stops_at_the_end_it_is_given(void **state)
{
    (void)state;
    static const char text[] = "2024-01-31 23:59:58.123456+01:00";
    for (size_t length = 0; length < sizeof text; length++) {
        char *copy = malloc(length > 0 ? length : 1); /* a read past it is found by ASan */
        int64_t time_us;
        memcpy(copy, text, length);
        (void)time_parse(copy, copy + length, &time_us);
        free(copy);
    }
}

static void assert_argument(const char *text, int64_t now_us, int64_t expected)
{
    struct iso_error err = {0};
    int64_t time_us = 0;
    assert_ok(time_parse_argument(text, now_us, &time_us, &err));
    assert_true(time_us == expected);
}

static void arguments_may_be_epochs_with_a_unit_or_relative(void **state)
{
    (void)state;
    int64_t now_us = INT64_C(1700000000123456);
    assert_argument("now", now_us, now_us);
    assert_argument("1700000000s", now_us, INT64_C(1700000000000000));
    assert_argument("1700000000001ms", now_us, INT64_C(1700000000001000));
    assert_argument("1700000000000001us", now_us, INT64_C(1700000000000001));
    assert_argument("1700000000000001999ns", now_us, INT64_C(1700000000000001));
    assert_argument("-7d", now_us, now_us - 7 * TIME_DAY_US);
    assert_argument("-2w", now_us, now_us - 14 * TIME_DAY_US);
    assert_argument("-12h", now_us, now_us - 12 * TIME_HOUR_US);
    assert_argument("-30m", now_us, now_us - 30 * TIME_MINUTE_US);
    assert_argument("-90s", now_us, now_us - 90 * TIME_SECOND_US);
    assert_argument("-100000s", now_us, now_us - 100000 * TIME_SECOND_US);
    assert_argument("2024-01-31", now_us, INT64_C(1706659200000000));
}

static void arguments_that_are_no_time_are_refused_and_change_nothing(void **state)
{
    (void)state;
    static const char *const refused[] = {"",
                                          "yesterday",
                                          "1700000000",
                                          "-7",
                                          "d",
                                          "7q",
                                          "-",
                                          "99999999999999999999s",
                                          "9223372036854775807s"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        int64_t time_us = 7;
        struct iso_error err = {0};
        assert_fails(time_parse_argument(refused[i], 0, &time_us, &err), BAD_ARGUMENT);
        assert_int_equal(time_us, 7);
        assert_non_null(strstr(err.text, "2024-01-31"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calendar_agrees_with_the_c_library),
        cmocka_unit_test(every_time_reads_back_from_its_text),
        cmocka_unit_test(times_are_read_as_people_and_exchanges_write_them),
        cmocka_unit_test(times_that_do_not_exist_are_refused),
        cmocka_unit_test(reading_stops_at_the_end_it_is_given),
        cmocka_unit_test(arguments_may_be_epochs_with_a_unit_or_relative),
        cmocka_unit_test(arguments_that_are_no_time_are_refused_and_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include "base/rng.h"
#include "market/resample.h"
#include "market/time.h"

#include <string.h>

static int64_t at(const char *text)
{
    int64_t time_us = 0;
    assert_true(time_parse(text, text + strlen(text), &time_us));
    return time_us;
}

static void add(struct bars *bars, const char *time, double open, double high, double low,
                double close, double volume, double vwap, int64_t trade_count)
{
    struct iso_error err = {0};
    struct bar bar = {at(time), {open, high, low, close, volume, vwap}, trade_count};
    assert_ok(bars_append(bars, &bar, &err));
}

static void resample(const struct bars *source, const char *to, struct bars *target)
{
    struct iso_error err = {0};
    struct resampler resampler = {.to = interval_named(to)};
    assert_ok(resampler_add(&resampler, source, target, &err));
    assert_ok(resampler_finish(&resampler, target, &err));
}

static void a_bucket_takes_first_open_extremes_last_close_and_sums(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars source = {0};
    ISO_DEFER(bars_reset) struct bars target = {0};
    add(&source, "2024-01-01T09:59", 1, 2, 0.5, 1.5, 10, 1.25, 3);
    add(&source, "2024-01-01T10:00", 5, 6, 4, 5.5, 1, 5, 1);
    add(&source, "2024-01-01T10:30", 6, 9, 5, 8, 3, 7, 2);
    add(&source, "2024-01-01T10:59", 8, 8, 3, 4, 4, 5, 4);
    resample(&source, "1h", &target);
    assert_int_equal(target.count, 2);
    struct bar first = bars_get(&source, 0);
    first.time_us = at("2024-01-01T09:00");
    struct bar made = bars_get(&target, 0);
    assert_true(bar_equal(&made, &first));
    /* vwap by hand: (5*1 + 7*3 + 5*4) / 8 = 5.75 */
    struct bar second = {at("2024-01-01T10:00"), {5, 9, 3, 4, 8, 5.75}, 7};
    made = bars_get(&target, 1);
    assert_true(bar_equal(&made, &second));
}

static void a_gap_gives_no_bar_and_borders_part_buckets(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars source = {0};
    ISO_DEFER(bars_reset) struct bars target = {0};
    add(&source, "2023-12-31T23:59:59.999999", 1, 1, 1, 1, 1, BAR_ABSENT, BAR_COUNT_ABSENT);
    add(&source, "2024-01-01T00:00", 2, 2, 2, 2, 1, BAR_ABSENT, BAR_COUNT_ABSENT);
    add(&source, "2024-01-04T00:00", 3, 3, 3, 3, 1, BAR_ABSENT, BAR_COUNT_ABSENT);
    resample(&source, "1d", &target);
    assert_int_equal(target.count, 3);
    assert_true(target.time_us[0] == at("2023-12-31"));
    assert_true(target.time_us[1] == at("2024-01-01"));
    assert_true(target.time_us[2] == at("2024-01-04"));
}

static void weeks_begin_on_monday_and_months_on_the_first(void **state)
{
    (void)state;
    static const struct {
        const char *interval;
        const char *time;
        const char *from;
        const char *to;
    } cases[] = {
        {"1w", "2024-01-07T23:59", "2024-01-01", "2024-01-08"},
        {"1w", "2024-01-08", "2024-01-08", "2024-01-15"},
        {"1w", "1969-12-28T12:00", "1969-12-22", "1969-12-29"},
        {"1M", "2024-02-29T23:59", "2024-02-01", "2024-03-01"},
        {"1M", "1969-12-31T23:59", "1969-12-01", "1970-01-01"},
        {"4h", "1969-12-31T23:59", "1969-12-31T20:00", "1970-01-01"},
        {"8h", "2024-01-01T08:00", "2024-01-01T08:00", "2024-01-01T16:00"},
        {"5m", "2024-01-01T08:04:59", "2024-01-01T08:00", "2024-01-01T08:05"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct range bucket = resample_bucket(interval_named(cases[i].interval), at(cases[i].time));
        assert_true(bucket.from_us == at(cases[i].from));
        assert_true(bucket.to_us == at(cases[i].to));
    }
    struct range first = resample_bucket(interval_named("1w"), TIME_MIN_US);
    struct range last = resample_bucket(interval_named("1w"), TIME_MAX_US - 1);
    assert_true(first.from_us == TIME_MIN_US && first.to_us > TIME_MIN_US);
    assert_true(last.to_us == TIME_MAX_US && last.from_us < TIME_MAX_US);
}

static void absent_values_stay_out_and_an_unknown_vwap_stays_unknown(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars source = {0};
    ISO_DEFER(bars_reset) struct bars target = {0};
    double none = BAR_ABSENT;
    /* a bar without trades needs no vwap */
    add(&source, "2024-01-01T00:00", 1, 2, 1, 2, 0, none, BAR_COUNT_ABSENT);
    add(&source, "2024-01-01T00:01", none, 3, 2, none, 2, 2.5, 5);
    /* one that traded does */
    add(&source, "2024-01-01T01:00", 1, 1, 1, 1, 2, 1, 1);
    add(&source, "2024-01-01T01:01", 1, 1, 1, 1, 2, none, 1);
    /* nothing known at all */
    add(&source, "2024-01-01T02:00", none, none, none, none, none, 4, BAR_COUNT_ABSENT);
    resample(&source, "1h", &target);
    struct bar expected[] = {
        {at("2024-01-01T00:00"), {1, 3, 1, 2, 2, 2.5}, 5},
        {at("2024-01-01T01:00"), {1, 1, 1, 1, 4, none}, 2},
        {at("2024-01-01T02:00"), {none, none, none, none, none, none}, BAR_COUNT_ABSENT},
    };
    assert_int_equal(target.count, 3);
    for (size_t i = 0; i < 3; i++) {
        struct bar made = bars_get(&target, i);
        assert_true(bar_equal(&made, &expected[i]));
    }
}

static void bars_in_any_parts_give_the_same_bars(void **state)
{
    (void)state;
    struct iso_error err = {0};
    ISO_DEFER(bars_reset) struct bars source = {0};
    ISO_DEFER(bars_reset) struct bars whole = {0};
    struct rng rng = rng_stream(3, 0, 0, RNG_TEST);
    int64_t time_us = at("2024-02-28T22:17");
    for (size_t i = 0; i < 3000; i++) {
        time_us += (1 + rng_below(&rng, 4)) * TIME_MINUTE_US;
        double price = 100 + rng_normal(&rng);
        struct bar bar = {time_us, {price, price + 1, price - 1, price, 1, price}, 1};
        assert_ok(bars_append(&source, &bar, &err));
    }
    resample(&source, "15m", &whole);
    for (size_t step = 1; step < 40; step += 7) {
        ISO_DEFER(bars_reset) struct bars parts = {0};
        struct resampler resampler = {.to = interval_named("15m")};
        for (size_t i = 0; i < source.count; i += step) {
            size_t count = source.count - i < step ? source.count - i : step;
            struct bars part = bars_slice(&source, i, count);
            assert_ok(resampler_add(&resampler, &part, &parts, &err));
        }
        assert_ok(resampler_finish(&resampler, &parts, &err));
        assert_true(bars_equal(&parts, &whole));
    }
}

static void trade_counts_that_do_not_fit_fail(void **state)
{
    (void)state;
    struct iso_error err = {0};
    ISO_DEFER(bars_reset) struct bars source = {0};
    ISO_DEFER(bars_reset) struct bars target = {0};
    add(&source, "2024-01-01T00:00", 1, 1, 1, 1, 1, 1, INT64_MAX);
    add(&source, "2024-01-01T00:01", 1, 1, 1, 1, 1, 1, 1);
    struct resampler resampler = {.to = interval_named("1h")};
    assert_fails(resampler_add(&resampler, &source, &target, &err), LIMIT);
}

static void only_intervals_that_fill_another_are_resampled(void **state)
{
    (void)state;
    struct iso_error err = {0};
    static const char *const good[][2] = {{"1s", "1M"}, {"1m", "1h"},  {"2h", "1d"},
                                          {"1d", "1w"}, {"12h", "1M"}, {"3m", "15m"}};
    static const char *const bad[][2] = {{"1h", "1m"}, {"1h", "1h"}, {"2h", "3m"},
                                         {"1w", "1M"}, {"1M", "1w"}, {"6h", "8h"}};
    for (size_t i = 0; i < 6; i++) {
        assert_ok(resample_check(interval_named(good[i][0]), interval_named(good[i][1]), &err));
        assert_fails(resample_check(interval_named(bad[i][0]), interval_named(bad[i][1]), &err),
                     BAD_ARGUMENT);
    }
    assert_fails(resample_check(interval_named("6h"), interval_named("8h"), &err), BAD_ARGUMENT);
    assert_non_null(strstr(err.text, "they make 12h 1d 1w 1M"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_takes_first_open_extremes_last_close_and_sums),
        cmocka_unit_test(a_gap_gives_no_bar_and_borders_part_buckets),
        cmocka_unit_test(weeks_begin_on_monday_and_months_on_the_first),
        cmocka_unit_test(absent_values_stay_out_and_an_unknown_vwap_stays_unknown),
        cmocka_unit_test(bars_in_any_parts_give_the_same_bars),
        cmocka_unit_test(trade_counts_that_do_not_fit_fail),
        cmocka_unit_test(only_intervals_that_fill_another_are_resampled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

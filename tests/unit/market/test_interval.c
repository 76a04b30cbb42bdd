/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include "base/rng.h"
#include "market/interval.h"
#include "market/time.h"

#include <string.h>

static int64_t random_time(struct rng *rng)
{
    /* away from the ends, so that a century's period fits into the accepted years */
    int64_t margin = 101 * 366 * TIME_DAY_US;
    uint64_t span = (uint64_t)(TIME_MAX_US - TIME_MIN_US - 2 * margin);
    return TIME_MIN_US + margin + (int64_t)(rng_u64(rng) % span);
}

static void periods_tile_time_without_gap_or_overlap(void **state)
{
    (void)state;
    struct rng rng = rng_stream(1, 0, 0, RNG_TEST);
    for (size_t row = 0; interval_row(row) != NULL; row++) {
        const struct interval *interval = interval_row(row);
        for (int i = 0; i < 3000; i++) {
            int64_t time_us = random_time(&rng);
            struct range period = interval_period(interval, time_us);
            assert_true(period.from_us <= time_us && time_us < period.to_us);
            struct range first = interval_period(interval, period.from_us);
            struct range last = interval_period(interval, period.to_us - 1);
            struct range next = interval_period(interval, period.to_us);
            assert_memory_equal(&first, &period, sizeof period);
            assert_memory_equal(&last, &period, sizeof period);
            assert_true(next.from_us == period.to_us);
        }
    }
}

static void periods_exist_for_the_first_and_the_last_accepted_time(void **state)
{
    (void)state;
    for (size_t row = 0; interval_row(row) != NULL; row++) {
        struct range first = interval_period(interval_row(row), TIME_MIN_US);
        struct range last = interval_period(interval_row(row), TIME_MAX_US - 1);
        assert_true(first.from_us <= TIME_MIN_US && TIME_MIN_US < first.to_us);
        assert_true(last.from_us < TIME_MAX_US && TIME_MAX_US <= last.to_us);
    }
}

static void a_full_period_holds_a_sensible_number_of_bars(void **state)
{
    (void)state;
    struct rng rng = rng_stream(2, 0, 0, RNG_TEST);
    for (size_t row = 0; interval_row(row) != NULL; row++) {
        const struct interval *interval = interval_row(row);
        struct range period = interval_period(interval, random_time(&rng));
        int64_t step_us = interval->step_us > 0 ? interval->step_us : 30 * TIME_DAY_US;
        int64_t bars = (period.to_us - period.from_us) / step_us;
        assert_in_range(bars, 1000, 16000);
    }
}

static void bars_of_a_period_follow_each_other_up_to_its_end(void **state)
{
    (void)state;
    struct rng rng = rng_stream(3, 0, 0, RNG_TEST);
    for (size_t row = 0; interval_row(row) != NULL; row++) {
        const struct interval *interval = interval_row(row);
        struct range period = interval_period(interval, random_time(&rng));
        int64_t at = period.from_us;
        while (at < period.to_us) {
            int64_t next = interval_next(interval, at);
            assert_true(next > at);
            at = next;
        }
        bool weekly = strcmp(interval->name, "1w") == 0; /* weeks do not fit into centuries */
        assert_true(weekly || at == period.to_us);
    }
}

static void the_next_month_keeps_the_day_or_takes_the_last_one(void **state)
{
    (void)state;
    static const struct {
        struct civil from;
        struct civil to;
    } cases[] = {
        {{2024, 1, 1, 0, 0, 0, 0}, {2024, 2, 1, 0, 0, 0, 0}},
        {{2024, 1, 31, 5, 0, 0, 0}, {2024, 2, 29, 5, 0, 0, 0}},
        {{2023, 12, 15, 0, 0, 0, 7}, {2024, 1, 15, 0, 0, 0, 7}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t next = interval_next(interval_named("1M"), time_of_civil(&cases[i].from));
        assert_true(next == time_of_civil(&cases[i].to));
    }
}

static void rows_are_found_by_name_code_and_step(void **state)
{
    (void)state;
    size_t count = 0;
    for (; interval_row(count) != NULL; count++) {
        const struct interval *row = interval_row(count);
        assert_ptr_equal(interval_named(row->name), row);
        assert_ptr_equal(interval_coded(row->code), row);
        assert_true(row->step_us == 0 || interval_of_step(row->step_us) == row);
        assert_true((row->period_us > 0) != (row->period_months > 0));
    }
    assert_int_equal(count, 18);
    assert_null(interval_named("7q"));
    assert_null(interval_named(""));
    assert_null(interval_coded(0));
    assert_null(interval_coded(255));
    assert_null(interval_of_step(0));
    assert_null(interval_of_step(TIME_MINUTE_US + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(periods_tile_time_without_gap_or_overlap),
        cmocka_unit_test(periods_exist_for_the_first_and_the_last_accepted_time),
        cmocka_unit_test(a_full_period_holds_a_sensible_number_of_bars),
        cmocka_unit_test(bars_of_a_period_follow_each_other_up_to_its_end),
        cmocka_unit_test(the_next_month_keeps_the_day_or_takes_the_last_one),
        cmocka_unit_test(rows_are_found_by_name_code_and_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

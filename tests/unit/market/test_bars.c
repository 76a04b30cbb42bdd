/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include "base/rng.h"
#include "market/bars.h"

#include <string.h>

static struct bar make_bar(int64_t time_us, double close)
{
    return (struct bar){.time_us = time_us,
                        .value = {close, close, close, close, BAR_ABSENT, BAR_ABSENT},
                        .trade_count = BAR_COUNT_ABSENT};
}

static void append(struct bars *bars, int64_t time_us, double close)
{
    struct iso_error err = {0};
    struct bar bar = make_bar(time_us, close);
    assert_ok(bars_append(bars, &bar, &err));
}

static void bars_come_back_bit_for_bit_after_growing(void **state)
{
    (void)state;
    struct iso_error err = {0};
    ISO_DEFER(bars_reset) struct bars bars = {0};
    struct rng rng = rng_stream(1, 0, 0, RNG_TEST);
    struct bar bar = {0};
    for (int64_t i = 0; i < 5000; i++) {
        bar.time_us = i;
        for (int j = 0; j < BAR_VALUE_COUNT; j++) {
            uint64_t bits = rng_u64(&rng);
            memcpy(&bar.value[j], &bits, sizeof bits);
        }
        bar.trade_count = (int64_t)rng_u64(&rng);
        assert_ok(bars_append(&bars, &bar, &err));
    }
    rng = rng_stream(1, 0, 0, RNG_TEST);
    for (size_t i = 0; i < bars.count; i++) {
        struct bar back = bars_get(&bars, i);
        for (int j = 0; j < BAR_VALUE_COUNT; j++) {
            uint64_t bits = rng_u64(&rng);
            double value;
            memcpy(&value, &bits, sizeof bits);
            value = isnan(value) ? BAR_ABSENT : value;
            assert_memory_equal(&back.value[j], &value, sizeof value);
        }
        assert_true(back.trade_count == (int64_t)rng_u64(&rng));
    }
    assert_int_equal((uintptr_t)bars.time_us % 64, 0);
    assert_int_equal((uintptr_t)bars.value[3] % 64, 0);
}

static void absence_has_one_bit_pattern_and_zeros_keep_their_sign(void **state)
{
    (void)state;
    struct iso_error err = {0};
    ISO_DEFER(bars_reset) struct bars bars = {0};
    struct bar first = make_bar(1, -0.0);
    struct bar second = make_bar(1, -0.0);
    first.value[BAR_vwap] = -(double)NAN;
    second.value[BAR_vwap] = (double)NAN;
    assert_ok(bars_append(&bars, &first, &err));
    assert_ok(bars_append(&bars, &second, &err));
    first = bars_get(&bars, 0);
    second = bars_get(&bars, 1);
    assert_true(bar_equal(&first, &second));
    second.value[BAR_open] = 0.0;
    assert_false(bar_equal(&first, &second));
}

static void normalising_sorts_and_the_last_of_equal_times_stays(void **state)
{
    (void)state;
    struct iso_error err = {0};
    ISO_DEFER(bars_reset) struct bars bars = {0};
    size_t duplicates;
    size_t conflicts;
    append(&bars, 30, 1);
    append(&bars, 10, 2);
    append(&bars, 30, 3); /* conflicts with 1 */
    append(&bars, 20, 4);
    append(&bars, 10, 2); /* equal */
    append(&bars, 30, 3); /* equal */
    assert_ok(bars_normalise(&bars, &duplicates, &conflicts, &err));
    assert_int_equal(bars.count, 3);
    assert_int_equal(duplicates, 2);
    assert_int_equal(conflicts, 1);
    static const double closes[] = {2, 4, 3};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(bars.time_us[i], 10 * (int64_t)(i + 1));
        assert_true(bars.value[BAR_close][i] == closes[i]);
    }
}

static void bars_in_order_are_left_alone(void **state)
{
    (void)state;
    struct iso_error err = {0};
    ISO_DEFER(bars_reset) struct bars bars = {0};
    size_t duplicates = 9;
    size_t conflicts = 9;
    assert_ok(bars_normalise(&bars, &duplicates, &conflicts, &err));
    append(&bars, 1, 1);
    append(&bars, 2, 1);
    const int64_t *column = bars.time_us;
    assert_ok(bars_normalise(&bars, &duplicates, &conflicts, &err));
    assert_ptr_equal(bars.time_us, column);
    assert_int_equal(bars.count, 2);
    assert_int_equal(duplicates + conflicts, 0);
}

/* The slow reference: an array by time in which over overwrites base. */
static void merging_agrees_with_overwriting_an_array(void **state)
{
    (void)state;
    enum { TIMES = 60 };
    struct rng rng = rng_stream(2, 0, 0, RNG_TEST);
    for (int round = 0; round < 500; round++) {
        struct iso_error err = {0};
        struct bars side[2] = {{0}, {0}};
        ISO_DEFER(bars_reset) struct bars target = {0};
        double expected[TIMES] = {0};
        size_t want_equal = 0;
        size_t want_changed = 0;
        for (int i = 0; i < 2; i++) {
            for (int64_t time = 0; time < TIMES; time++) {
                if (rng_below(&rng, 3) == 0) {
                    double close = 1 + rng_below(&rng, 3);
                    append(&side[i], time, close);
                    want_equal += i == 1 && expected[time] == close;
                    want_changed += i == 1 && expected[time] != 0 && expected[time] != close;
                    expected[time] = close;
                }
            }
        }
        size_t equal;
        size_t changed;
        assert_ok(bars_merge(&side[0], &side[1], &target, &equal, &changed, &err));
        size_t at = 0;
        for (int64_t time = 0; time < TIMES; time++) {
            if (expected[time] != 0) {
                assert_int_equal(target.time_us[at], time);
                assert_true(target.value[BAR_close][at++] == expected[time]);
            }
        }
        assert_int_equal(target.count, at);
        assert_int_equal(equal, want_equal);
        assert_int_equal(changed, want_changed);
        bars_reset(&side[0]);
        bars_reset(&side[1]);
    }
}

static void finding_gives_the_first_bar_at_or_after_a_time(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    assert_int_equal(bars_find(&bars, 5), 0);
    for (int64_t i = 0; i < 100; i++) {
        append(&bars, i * 10, 1);
    }
    for (int64_t time = -20; time < 1020; time++) {
        size_t expected = time <= 0 ? 0 : (size_t)((time + 9) / 10);
        assert_int_equal(bars_find(&bars, time), expected < 100 ? expected : 100);
    }
}

static void slices_view_and_equality_compares_every_column(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    for (int64_t i = 0; i < 10; i++) {
        append(&bars, i, 1);
    }
    struct bars first = bars_slice(&bars, 2, 3);
    assert_int_equal(first.capacity, 0);
    assert_ptr_equal(first.time_us, bars.time_us + 2);
    struct bars again = bars_slice(&bars, 2, 3);
    assert_true(bars_equal(&first, &again));
    struct bars other = bars_slice(&bars, 3, 3);
    assert_false(bars_equal(&first, &other));
    struct bars none = bars_slice(&bars, 10, 0);
    struct bars empty = {0};
    assert_true(bars_equal(&none, &empty));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bars_come_back_bit_for_bit_after_growing),
        cmocka_unit_test(absence_has_one_bit_pattern_and_zeros_keep_their_sign),
        cmocka_unit_test(normalising_sorts_and_the_last_of_equal_times_stays),
        cmocka_unit_test(bars_in_order_are_left_alone),
        cmocka_unit_test(merging_agrees_with_overwriting_an_array),
        cmocka_unit_test(finding_gives_the_first_bar_at_or_after_a_time),
        cmocka_unit_test(slices_view_and_equality_compares_every_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

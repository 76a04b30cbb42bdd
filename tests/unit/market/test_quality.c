/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include "market/quality.h"

static struct bar good_bar(void)
{
    return (struct bar){.value = {2, 4, 1, 3, 10, 2.5}, .trade_count = 5};
}

static void assert_reason(struct bar bar, const char *reason)
{
    const char *given = quality_reason(&bar);
    if (reason == NULL) {
        assert_null(given);
    } else {
        assert_non_null(given);
        assert_string_equal(given, reason);
    }
}

static void good_bars_break_no_rule(void **state)
{
    (void)state;
    struct bar bar = good_bar();
    assert_reason(bar, NULL);
    bar.value[BAR_volume] = BAR_ABSENT;
    bar.value[BAR_vwap] = BAR_ABSENT;
    bar.trade_count = BAR_COUNT_ABSENT;
    assert_reason(bar, NULL);
    bar.value[BAR_volume] = -0.0;
    bar.trade_count = 0;
    assert_reason(bar, NULL);
    bar.value[BAR_high] = bar.value[BAR_low];
    assert_reason(bar, NULL);
}

static void each_price_must_be_there_and_finite(void **state)
{
    (void)state;
    static const double bad[] = {(double)INFINITY, -(double)INFINITY, BAR_ABSENT};
    for (int column = BAR_open; column <= BAR_close; column++) {
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            struct bar bar = good_bar();
            bar.value[column] = bad[i];
            assert_reason(bar, "a price is missing or not finite");
        }
    }
}

static void other_rules_name_what_is_broken(void **state)
{
    (void)state;
    struct bar bar = good_bar();
    bar.value[BAR_high] = 0.5;
    assert_reason(bar, "high is below low");
    bar = good_bar();
    bar.value[BAR_volume] = -1;
    assert_reason(bar, "volume is negative");
    bar.value[BAR_volume] = (double)INFINITY;
    assert_reason(bar, "volume is not finite");
    bar = good_bar();
    bar.trade_count = -1;
    assert_reason(bar, "trade count is negative");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_bars_break_no_rule),
        cmocka_unit_test(each_price_must_be_there_and_finite),
        cmocka_unit_test(other_rules_name_what_is_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

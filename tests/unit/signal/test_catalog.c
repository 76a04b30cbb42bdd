/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include "base/rng.h"
#include "signal/catalog.h"
#include "signal/indicator.h"

#include <math.h>
#include <string.h>

#define NONE ((double)NAN)

#define COUNT ((size_t)400)

static struct iso_error err;

static void assert_column(const double *column, const double *expected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (isnan(expected[i])) {
            assert_true(isnan(column[i]));
        } else {
            assert_true(fabs(column[i] - expected[i]) <= 1e-12);
        }
    }
}

/* Compute a named indicator on the bars; columns are COUNT apart. */
static void compute(const char *name, const struct signal_bars *bars, double *columns)
{
    struct indicator_call call;
    double *const targets[] = {columns, columns + COUNT, columns + 2 * COUNT};
    assert_ok(indicator_parse(name, &call, &err));
    assert_ok(indicator_compute(&call, bars, targets, &err));
}

/* -- vectors worked out by hand ---------------------------------------------------------------- */

static void macd_of_1_3_2_starts_at_the_first_close(void **state)
{
    (void)state;
    double columns[3 * COUNT];
    const double close[] = {8, 4, 8, 16, 0};
    /* fast is the close; slow: 8, 6, 7, 11.5, 5.75; the line 0, -2, 1, 4.5, -5.75; its average by
     * 2/3 steps: 0, -4/3, 2/9, 83/27, ... */
    const double line[] = {NONE, NONE, 1, 4.5, -5.75};
    const double signal[] = {NONE, NONE, NONE, 83.0 / 27.0, 83.0 / 81.0 - 2.0 * 5.75 / 3.0};
    const double histogram[] = {NONE, NONE, NONE, 4.5 - 83.0 / 27.0, -5.75 - signal[4]};
    struct signal_bars bars = {5, NULL, NULL, NULL, close, NULL};
    compute("macd:1,3,2", &bars, columns);
    assert_column(columns, line, 5);
    assert_column(columns + COUNT, signal, 5);
    assert_column(columns + 2 * COUNT, histogram, 5);
}

static void macd_seeded_by_means_follows_ta_lib(void **state)
{
    (void)state;
    double columns[3 * COUNT];
    const double close[] = {3, 6, 9, 3, 12, 0};
    /* slow(3): mean 6, 4.5, 8.25, 4.125; fast(1) is the close from index 2 on. */
    const double line[] = {NONE, NONE, 3, -1.5, 3.75, -4.125};
    const double signal[] = {NONE, NONE, NONE, 0.75, 2.75, 2.75 - 2.0 * 6.875 / 3.0};
    struct signal_bars bars = {6, NULL, NULL, NULL, close, NULL};
    compute("macd:fast=1,slow=3,signal=2,sma_seed=1", &bars, columns);
    assert_column(columns, line, 6);
    assert_column(columns + COUNT, signal, 6);
}

static void donchian_stochastic_and_vwap_by_hand(void **state)
{
    (void)state;
    double columns[3 * COUNT];
    const int64_t day_us = INT64_C(86400000000);
    const int64_t time_us[] = {-2, -1, 0, 1, day_us};
    const double high[] = {10, 12, 11, 15, 9};
    const double low[] = {8, 9, 10, 11, 9};
    const double close[] = {9, 12, 10, 13, 9};
    const double volume[] = {1, 3, 0, 2, 0};
    struct signal_bars bars = {5, time_us, high, low, close, volume};
    const double lower[] = {NONE, 8, 9, 10, 9};
    const double middle[] = {NONE, 10, 10.5, 12.5, 12};
    const double upper[] = {NONE, 12, 12, 15, 15};
    compute("donchian:2", &bars, columns);
    assert_column(columns, lower, 5);
    assert_column(columns + COUNT, middle, 5);
    assert_column(columns + 2 * COUNT, upper, 5);
    /* raw: 100, 100/3, 60, 0 */
    const double k[] = {NONE, NONE, 200.0 / 3.0, 140.0 / 3.0, 30};
    const double d[] = {NONE, NONE, NONE, 170.0 / 3.0, 115.0 / 3.0};
    compute("stochastic:2,2,2", &bars, columns);
    assert_column(columns, k, 5);
    assert_column(columns + COUNT, d, 5);
    /* typical: 9, 11, 31/3, 13, 9 */
    const double rolling[] = {NONE, 10.5, 11, 13, 13};
    const double day[] = {9, 10.5, NONE, 13, NONE};
    compute("vwap:2", &bars, columns);
    assert_column(columns, rolling, 5);
    compute("vwap_day", &bars, columns);
    assert_column(columns, day, 5);
}

static void flat_bars_have_a_stochastic_of_0_as_in_ta_lib(void **state)
{
    (void)state;
    double columns[3 * COUNT];
    const double same[] = {5, 5, 5, 5};
    const double zero[] = {NONE, 0, 0, 0};
    struct signal_bars bars = {4, NULL, same, same, same, same};
    compute("stochastic:2,1,1", &bars, columns);
    assert_column(columns, zero, 4);
}

/* -- names ------------------------------------------------------------------------------------- */

static void calls_are_named_by_place_or_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t output;
        const char *label;
    } cases[] = {{"sma", 0, "sma_20"},
                 {"sma:5", 0, "sma_5"},
                 {"sma:period=5", 0, "sma_5"},
                 {"ema:5,1", 0, "ema_5_sma_seed"},
                 {"macd", 1, "macd_signal_12_26_9"},
                 {"macd:slow=30", 2, "macd_histogram_12_30_9"},
                 {"bollinger:10,2.5", 2, "bollinger_upper_10_2.5"},
                 {"vwap_day", 0, "vwap_day"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct indicator_call call;
        char label[INDICATOR_LABEL_BYTES];
        assert_ok(indicator_parse(cases[i].text, &call, &err));
        indicator_label(&call, cases[i].output, label);
        assert_string_equal(label, cases[i].label);
    }
}

static void what_is_no_indicator_is_refused_and_leaves_the_call(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",        "smb",         "sma:",    "sma:0",      "sma:1.5",    "sma:5,6",
        "sma:n=5", "sma:period=", "sma:1e9", "macd:26,12", "macd:5,5,1", "bollinger:20,0",
        "ema:5,2", "vwap_day:1",  "sma:5,",  "SMA",        "sma:nan",    "sma: 5",
        "sma;5"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct indicator_call call = {.row = indicator_row(0), .parameters = {7}};
        assert_fails(indicator_parse(wrong[i], &call, &err), BAD_ARGUMENT);
        assert_true(call.row == indicator_row(0) && call.parameters[0] == 7.0);
    }
}

/* -- rules that hold for every row of the table ------------------------------------------------ */

struct walk {
    int64_t time_us[COUNT];
    double high[COUNT];
    double low[COUNT];
    double close[COUNT];
    double volume[COUNT];
};

static struct signal_bars make_walk(struct walk *walk, size_t count)
{
    struct rng rng = rng_stream(11, 0, 0, RNG_TEST);
    double price = 100.0;
    for (size_t i = 0; i < count; i++) {
        price *= 1.0 + 0.01 * rng_normal(&rng);
        walk->time_us[i] = (int64_t)i * INT64_C(3600000000);
        walk->close[i] = price;
        walk->high[i] = price * 1.01;
        walk->low[i] = price * 0.98;
        walk->volume[i] = (double)rng_below(&rng, 100);
    }
    return (struct signal_bars){count,     walk->time_us, walk->high,
                                walk->low, walk->close,   walk->volume};
}

static void later_bars_change_nothing(void **state)
{
    (void)state;
    static struct walk walk;
    static double whole[3 * COUNT];
    static double part[3 * COUNT];
    struct signal_bars bars = make_walk(&walk, COUNT);
    for (size_t row = 0; indicator_row(row) != NULL; row++) {
        compute(indicator_row(row)->name, &bars, whole);
        for (size_t count = 0; count < COUNT; count += 37) {
            struct signal_bars begin = bars;
            begin.count = count;
            compute(indicator_row(row)->name, &begin, part);
            for (size_t j = 0; j < 3 && indicator_row(row)->outputs[j] != NULL; j++) {
                assert_memory_equal(part + j * COUNT, whole + j * COUNT, count * sizeof *part);
            }
        }
        assert_true(isfinite(whole[COUNT - 1]) != 0);
    }
}

static void bars_with_an_absent_close_are_passed_over(void **state)
{
    (void)state;
    static struct walk walk;
    static struct walk holed;
    static double plain[3 * COUNT];
    static double over[3 * COUNT];
    struct signal_bars bars = make_walk(&walk, COUNT / 2);
    for (size_t i = 0; i < bars.count; i++) { /* the same bars, an unusable one behind each */
        holed.time_us[2 * i] = holed.time_us[2 * i + 1] = walk.time_us[i];
        holed.high[2 * i] = holed.high[2 * i + 1] = walk.high[i];
        holed.low[2 * i] = holed.low[2 * i + 1] = walk.low[i];
        holed.volume[2 * i] = holed.volume[2 * i + 1] = walk.volume[i];
        holed.close[2 * i] = walk.close[i];
        holed.close[2 * i + 1] = i % 2 == 0 ? NONE : (double)INFINITY;
    }
    struct signal_bars twice = {2 * bars.count, holed.time_us, holed.high,
                                holed.low,      holed.close,   holed.volume};
    for (size_t row = 0; indicator_row(row) != NULL; row++) {
        compute(indicator_row(row)->name, &bars, plain);
        compute(indicator_row(row)->name, &twice, over);
        for (size_t i = 0; i < bars.count; i++) {
            assert_memory_equal(&over[2 * i], &plain[i], sizeof *plain);
            assert_true(isnan(over[2 * i + 1]));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(macd_of_1_3_2_starts_at_the_first_close),
        cmocka_unit_test(macd_seeded_by_means_follows_ta_lib),
        cmocka_unit_test(donchian_stochastic_and_vwap_by_hand),
        cmocka_unit_test(flat_bars_have_a_stochastic_of_0_as_in_ta_lib),
        cmocka_unit_test(calls_are_named_by_place_or_by_name),
        cmocka_unit_test(what_is_no_indicator_is_refused_and_leaves_the_call),
        cmocka_unit_test(later_bars_change_nothing),
        cmocka_unit_test(bars_with_an_absent_close_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

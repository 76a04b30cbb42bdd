/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include "base/rng.h"
#include "base/text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void assert_formats(double value, const char *expected)
{
    char text[NUMBER_TEXT_BYTES];
    assert_int_equal(number_format(value, text), strlen(expected));
    assert_string_equal(text, expected);
}

/* Oracle: Python 3.11 repr(), with the exponent written as C writes it. */
static void numbers_are_written_in_their_shortest_form(void **state)
{
    (void)state;
    assert_formats(0.0, "0");
    assert_formats(-0.0, "-0");
    assert_formats(1.1, "1.1");
    assert_formats(-1234.5, "-1234.5");
    assert_formats(0.1 + 0.2, "0.30000000000000004");
    assert_formats(143539993.3, "143539993.3");
    assert_formats(5e-324, "5e-324");
    assert_formats(DBL_MAX, "1.7976931348623157e+308");
    assert_formats(123456789012345678.0, "1.2345678901234568e+17");
}

static void what_strangers_wrote_is_fit_for_a_terminal(void **state)
{
    (void)state;
    static const char wild[] = "a\x1b[31m\tb\xff\xc3\xa9\xc3\0\x7f";
    ISO_DEFER(text_reset) struct text text = {0};
    text_add_shown(&text, wild, sizeof wild - 1);
    assert_string_equal(text_get(&text), "a?[31m b?\xc3\xa9???");
}

static void every_finite_double_reads_back_to_the_same_bits(void **state)
{
    (void)state;
    struct rng rng = rng_stream(1, 0, 0, RNG_TEST);
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = rng_u64(&rng);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (i % 2 == 0) {
            value = (double)rng_below(&rng, 100000000) / 10000.0;
        }
        if (!isfinite(value)) {
            continue;
        }
        char text[NUMBER_TEXT_BYTES];
        size_t length = number_format(value, text);
        double back = 0;
        assert_true(number_parse(text, text + length, &back));
        assert_memory_equal(&back, &value, sizeof value);
        back = strtod(text, NULL);
        assert_memory_equal(&back, &value, sizeof value);
    }
}

static void parsing_agrees_with_strtod_on_decimals(void **state)
{
    (void)state;
    struct rng rng = rng_stream(2, 0, 0, RNG_TEST);
    for (int i = 0; i < 200000; i++) {
        char text[64];
        int length = snprintf(text, sizeof text, "%u%u.%0*u", rng_below(&rng, 100000),
                              rng_below(&rng, 1000000), (int)rng_below(&rng, 9) + 1, rng_u32(&rng));
        double ours = 0;
        assert_true(number_parse(text, text + length, &ours));
        double theirs = strtod(text, NULL);
        assert_memory_equal(&ours, &theirs, sizeof ours);
    }
}

static void texts_that_are_no_decimal_number_are_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {"",     "-",  ".",  "1e",   "1e+", "nan", "inf",
                                          "0x10", " 1", "1 ", "1..2", "1,5", "--1", "1e999"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        double value = 7;
        assert_false(number_parse(refused[i], refused[i] + strlen(refused[i]), &value));
    }
}

static void integers_beyond_int64_are_refused(void **state)
{
    (void)state;
    int64_t value = 7;
    const char *negative = "-42";
    assert_true(integer_parse(negative, negative + 3, &value));
    assert_int_equal(value, -42);
    const char *largest = "9223372036854775807";
    assert_true(integer_parse(largest, largest + 19, &value));
    assert_true(value == INT64_MAX);
    const char *beyond = "9223372036854775808";
    assert_false(integer_parse(beyond, beyond + 19, &value));
    assert_true(value == INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_in_their_shortest_form),
        cmocka_unit_test(what_strangers_wrote_is_fit_for_a_terminal),
        cmocka_unit_test(every_finite_double_reads_back_to_the_same_bits),
        cmocka_unit_test(parsing_agrees_with_strtod_on_decimals),
        cmocka_unit_test(texts_that_are_no_decimal_number_are_refused),
        cmocka_unit_test(integers_beyond_int64_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

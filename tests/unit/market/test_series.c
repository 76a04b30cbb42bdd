/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include "market/series.h"

#include <string.h>

static void any_symbol_of_1_to_64_bytes_of_utf8_is_a_symbol(void **state)
{
    (void)state;
    static const char *const symbols[] = {
        "A",      "BTC/USDT",   "BRK.B",
        "6E H4",  "^GSPC",      "a:b",
        "\u5e01", "\U0001f600", "0123456789012345678901234567890123456789012345678901234567890123"};
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        struct series series;
        struct iso_error err = {0};
        assert_ok(series_make(symbols[i], "1m", &series, &err));
        assert_string_equal(series.symbol, symbols[i]);
        assert_string_equal(series.interval->name, "1m");
    }
}

static void symbols_that_are_empty_long_or_no_text_are_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "",
        "a\nb",
        "\x7f",
        "\xff",
        "\xc3",
        "\xc0\x80",
        "\xed\xa0\x80",
        "\xe2\x82",
        "\xf5\x80\x80\x80",
        "01234567890123456789012345678901234567890123456789012345678901234"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct series series = {.symbol = "untouched"};
        struct iso_error err = {0};
        assert_fails(series_make(refused[i], "1m", &series, &err), BAD_ARGUMENT);
        assert_string_equal(series.symbol, "untouched");
        assert_non_null(strstr(err.text, "64 bytes"));
    }
}

static void the_last_colon_parts_symbol_and_interval(void **state)
{
    (void)state;
    struct series series;
    struct iso_error err = {0};
    assert_ok(series_parse("NYSE:A:1d", &series, &err));
    assert_string_equal(series.symbol, "NYSE:A");
    assert_string_equal(series.interval->name, "1d");
    static const char *const refused[] = {"", "A", ":1m", "A:", "A:7q", "A:1D"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_fails(series_parse(refused[i], &series, &err), BAD_ARGUMENT);
    }
    assert_string_equal(series.symbol, "NYSE:A");
}

static void an_unknown_interval_is_answered_with_those_there_are(void **state)
{
    (void)state;
    struct series series;
    struct iso_error err = {0};
    assert_fails(series_make("A", "7q", &series, &err), BAD_ARGUMENT);
    assert_non_null(strstr(err.text, " 1m 3m "));
    assert_non_null(strstr(err.text, " 1M"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_symbol_of_1_to_64_bytes_of_utf8_is_a_symbol),
        cmocka_unit_test(symbols_that_are_empty_long_or_no_text_are_refused),
        cmocka_unit_test(the_last_colon_parts_symbol_and_interval),
        cmocka_unit_test(an_unknown_interval_is_answered_with_those_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include "base/rng.h"
#include "local/csv.h"

#include <stdio.h>
#include <string.h>

static struct csv_reader reader_over(const char *text, size_t length, char separator)
{
    return (struct csv_reader){
        .at = text, .end = text + length, .separator = separator, .newline = '\n'};
}

/* The fields of a one-line text, joined by |. */
static void assert_cut(const char *line, char separator, const char *expected)
{
    struct csv_reader reader = reader_over(line, strlen(line), separator);
    struct csv_row row;
    char joined[256] = "";
    assert_true(csv_next(&reader, &row));
    assert_null(row.problem);
    for (size_t i = 0; i < row.field_count; i++) {
        size_t used = strlen(joined);
        (void)snprintf(joined + used, sizeof joined - used, "%s%.*s", i > 0 ? "|" : "",
                       (int)(row.field[i].end - row.field[i].begin), row.field[i].begin);
    }
    assert_string_equal(joined, expected);
    assert_false(csv_next(&reader, &row));
}

static void fields_are_cut_at_separators_outside_of_quotes(void **state)
{
    (void)state;
    assert_cut("a,b,c", ',', "a|b|c");
    assert_cut("a,b,c\n", ',', "a|b|c");
    assert_cut("a,b,c\r\n", ',', "a|b|c");
    assert_cut(" a , b,c ", ',', "a|b|c");
    assert_cut(",,", ',', "||");
    assert_cut("a", ',', "a");
    assert_cut("\"a,b\",c", ',', "a,b|c");
    assert_cut("\"say \"\"hi\"\"\",c", ',', "say \"\"hi\"\"|c");
    assert_cut("\"\",\"\"", ',', "|");
    assert_cut("a;b,c", ';', "a|b,c");
    assert_cut("a\tb", '\t', "a|b");
    assert_cut("5\" pipe,c", ',', "5\" pipe|c");
}

static void a_broken_quote_costs_its_line_only(void **state)
{
    (void)state;
    static const char text[] = "\"a,b\nc,d\n\"e\"f,g\n";
    struct csv_reader reader = reader_over(text, sizeof text - 1, ',');
    struct csv_row row;
    assert_true(csv_next(&reader, &row));
    assert_string_equal(row.problem, "a quote is not closed on its line");
    assert_true(csv_next(&reader, &row));
    assert_null(row.problem);
    assert_int_equal(row.field_count, 2);
    assert_true(csv_next(&reader, &row));
    assert_string_equal(row.problem, "text follows a closing quote");
    assert_false(csv_next(&reader, &row));
}

static void lines_are_counted_from_1_with_blank_ones(void **state)
{
    (void)state;
    static const char text[] = "a\n\r\n\nb\n";
    struct csv_reader reader = reader_over(text, sizeof text - 1, ',');
    struct csv_row row;
    assert_true(csv_next(&reader, &row));
    assert_int_equal(row.line, 1);
    assert_true(csv_next(&reader, &row));
    assert_int_equal(row.line, 4);
    assert_false(csv_next(&reader, &row));
}

static void fields_past_the_limit_are_counted_and_not_kept(void **state)
{
    (void)state;
    char text[300];
    memset(text, ',', sizeof text);
    struct csv_reader reader = reader_over(text, sizeof text, ',');
    struct csv_row row;
    assert_true(csv_next(&reader, &row));
    assert_null(row.problem);
    assert_int_equal(row.field_count, sizeof text + 1);
}

static void a_line_past_the_limit_is_no_row(void **state)
{
    (void)state;
    size_t length = CSV_LINE_BYTES_MAX + 1;
    char *text = malloc(length);
    memset(text, '9', length);
    struct csv_reader reader = reader_over(text, length, ',');
    struct csv_row row;
    assert_true(csv_next(&reader, &row));
    assert_non_null(row.problem);
    free(text);
}

/* Under ASan and valgrind a read past the end of the exact block is found. */
static void any_bytes_are_cut_without_leaving_their_memory(void **state)
{
    (void)state;
    static const char alphabet[] = "a,\"\n\r; ";
    struct rng rng = rng_stream(1, 0, 0, RNG_TEST);
    for (int i = 0; i < 20000; i++) {
        size_t length = rng_below(&rng, 20);
        char *text = malloc(length > 0 ? length : 1);
        for (size_t j = 0; j < length; j++) {
            text[j] = alphabet[rng_below(&rng, sizeof alphabet - 1)];
        }
        struct csv_reader reader = reader_over(text, length, ',');
        struct csv_row row;
        while (csv_next(&reader, &row)) {
            assert_true(row.begin >= text && row.end <= text + length && row.begin < row.end);
            for (size_t j = 0; row.problem == NULL && j < row.field_count; j++) {
                assert_true(row.field[j].begin >= row.begin && row.field[j].end <= row.end);
                assert_true(row.field[j].begin <= row.field[j].end);
            }
        }
        free(text);
    }
}

static void the_most_frequent_separator_outside_of_quotes_is_taken(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        char separator;
    } cases[] = {{"a,b,c", ','}, {"a;b;c,d", ';'}, {"a\tb", '\t'},
                 {"a|b", '|'},   {"", ','},        {"\"a,b,c\";d", ';'}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *line = cases[i].line;
        assert_int_equal(csv_separator(line, line + strlen(line)), cases[i].separator);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_cut_at_separators_outside_of_quotes),
        cmocka_unit_test(a_broken_quote_costs_its_line_only),
        cmocka_unit_test(lines_are_counted_from_1_with_blank_ones),
        cmocka_unit_test(fields_past_the_limit_are_counted_and_not_kept),
        cmocka_unit_test(a_line_past_the_limit_is_no_row),
        cmocka_unit_test(any_bytes_are_cut_without_leaving_their_memory),
        cmocka_unit_test(the_most_frequent_separator_outside_of_quotes_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

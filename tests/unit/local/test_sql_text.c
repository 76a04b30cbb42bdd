/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include "local/sql_text.h"

#include <string.h>

static void assert_first(const char *text, const char *expected, bool ended)
{
    bool complete;
    size_t length = sql_statement_length(text, &complete);
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(text, expected, length);
    assert_int_equal(complete, ended);
}

static void a_statement_ends_at_a_semicolon_outside_of_quotes_and_comments(void **state)
{
    (void)state;
    assert_first("SELECT 1; SELECT 2;", "SELECT 1;", true);
    assert_first("SELECT 1", "SELECT 1", false);
    assert_first("SELECT ';'; x", "SELECT ';';", true);
    assert_first("SELECT 'it''s;'; x", "SELECT 'it''s;';", true);
    assert_first("SELECT \";\"\";\"; x", "SELECT \";\"\";\";", true);
    assert_first("SELECT E'\\';'; x", "SELECT E'\\';';", true);
    assert_first("SELECT $$;$$, $a$;$$;$a$; x", "SELECT $$;$$, $a$;$$;$a$;", true);
    assert_first("SELECT $1; x", "SELECT $1;", true);
    assert_first("-- ;\nSELECT 1; x", "-- ;\nSELECT 1;", true);
    assert_first("/* ; /* ; */ ; */ SELECT 1; x", "/* ; /* ; */ ; */ SELECT 1;", true);
    assert_first("SELECT 1 -- ;", "SELECT 1 -- ;", false);
    assert_first("", "", false);
}

static void what_is_left_open_is_not_complete(void **state)
{
    (void)state;
    assert_first("SELECT 'a;", "SELECT 'a;", false);
    assert_first("SELECT \"a;", "SELECT \"a;", false);
    assert_first("/* /* */ ;", "/* /* */ ;", false);
    assert_first("$$ ;", "$$ ;", false);
    assert_first("E'\\", "E'\\", false);
}

static void blanks_and_comments_are_no_statement(void **state)
{
    (void)state;
    static const char *const blanks[] = {"", " \n\t", ";", " ; -- x", "/* x */ ;;"};
    static const char *const others[] = {"x", "-- x\ny", "; 1", "''"};
    for (size_t i = 0; i < sizeof blanks / sizeof blanks[0]; i++) {
        assert_true(sql_is_blank(blanks[i], strlen(blanks[i])));
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(sql_is_blank(others[i], strlen(others[i])));
    }
}

static void names_of_parameters_that_are_words_of_the_grammar_are_quoted(void **state)
{
    (void)state;
    struct text text = {0};
    const char *statement = "SELECT 'from := 1' FROM bars(from := 'x', TO /* y */ := z); rest";
    bool complete;
    sql_add_statement(&text, statement, sql_statement_length(statement, &complete));
    assert_string_equal(text_get(&text),
                        "SELECT 'from := 1' FROM bars(\"from\" := 'x', \"TO\" /* y */ := z)");
    text_reset(&text);
}

static void words_are_found_outside_of_strings_only(void **state)
{
    (void)state;
    assert_true(sql_has_word("SELECT * FROM Bars;", "bars"));
    assert_true(sql_has_word("SELECT * FROM \"bars\"", "bars"));
    assert_false(sql_has_word("SELECT 'bars' -- bars\n/* bars */ FROM bars2", "bars"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_statement_ends_at_a_semicolon_outside_of_quotes_and_comments),
        cmocka_unit_test(what_is_left_open_is_not_complete),
        cmocka_unit_test(blanks_and_comments_are_no_statement),
        cmocka_unit_test(names_of_parameters_that_are_words_of_the_grammar_are_quoted),
        cmocka_unit_test(words_are_found_outside_of_strings_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

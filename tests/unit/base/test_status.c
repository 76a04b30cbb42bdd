/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include "base/status.h"

#include <string.h>

static iso_status fail_with(enum iso_error_code code, struct iso_error *err)
{
    return iso_fail(code, err, "number %d of %s", 7, "many");
}

static void a_failure_carries_its_code_class_name_and_text(void **state)
{
    (void)state;
    struct iso_error err = {0};
    iso_status status = fail_with(ISO_ERROR_BUSY, &err);
    assert_true(iso_failed(status));
    assert_int_equal(iso_status_code(status), ISO_ERROR_BUSY);
    assert_int_equal(iso_status_class(status), ISO_CLASS_BUSY);
    assert_string_equal(iso_status_name(status), "BUSY");
    assert_string_equal(err.text, "number 7 of many");
    assert_int_equal(err.word, status.word);
    assert_false(iso_failed(ISO_OK));
    assert_string_equal(iso_status_name(ISO_OK), "OK");
}

static void every_row_of_the_table_has_its_name_and_class(void **state)
{
    (void)state;
#define X(name, class, help)                                           \
    {                                                                  \
        iso_status status = fail_with(ISO_ERROR_##name, NULL);         \
        assert_string_equal(iso_status_name(status), #name);           \
        assert_int_equal(iso_status_class(status), ISO_CLASS_##class); \
        assert_true(strlen(help) > 0);                                 \
    }
    ISO_ERROR_TABLE(X)
#undef X
}

static void context_stands_before_the_text_and_keeps_the_status(void **state)
{
    (void)state;
    struct iso_error err = {0};
    iso_status status = iso_context(fail_with(ISO_ERROR_IO, &err), &err, "file %d", 3);
    assert_int_equal(iso_status_code(status), ISO_ERROR_IO);
    assert_string_equal(err.text, "file 3: number 7 of many");
    status = iso_context(ISO_OK, &err, "nothing");
    assert_false(iso_failed(status));
    assert_string_equal(err.text, "file 3: number 7 of many");
}

static void texts_longer_than_an_error_are_cut_and_terminated(void **state)
{
    (void)state;
    struct iso_error err = {0};
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    iso_status status = iso_fail(ISO_ERROR_LIMIT, &err, "%s", text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    status = iso_context(status, &err, "%s", text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_int_equal(iso_status_code(status), ISO_ERROR_LIMIT);
}

static iso_status try_it(iso_status status, bool *went_on)
{
    ISO_TRY(status);
    *went_on = true;
    return ISO_OK;
}

static void try_hands_a_failure_up_and_else_goes_on(void **state)
{
    (void)state;
    bool went_on = false;
    assert_fails(try_it(fail_with(ISO_ERROR_CORRUPT, NULL), &went_on), CORRUPT);
    assert_false(went_on);
    assert_false(iso_failed(try_it(ISO_OK, &went_on)));
    assert_true(went_on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_carries_its_code_class_name_and_text),
        cmocka_unit_test(every_row_of_the_table_has_its_name_and_class),
        cmocka_unit_test(context_stands_before_the_text_and_keeps_the_status),
        cmocka_unit_test(texts_longer_than_an_error_are_cut_and_terminated),
        cmocka_unit_test(try_hands_a_failure_up_and_else_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

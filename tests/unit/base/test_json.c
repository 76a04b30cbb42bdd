/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include "base/json.h"

#include <jansson.h> /* the oracle */
#include <math.h>

static void nested_values_are_parted_by_commas_and_closed(void **state)
{
    (void)state;
    ISO_DEFER(text_reset) struct text text = {0};
    struct json json = {.text = &text};
    json_begin_object(&json, NULL);
    json_add_integer(&json, "a", -7);
    json_begin_array(&json, "b");
    json_add_bool(&json, NULL, true);
    json_add_null(&json, NULL);
    json_begin_object(&json, NULL);
    json_end_object(&json);
    json_end_array(&json);
    json_add_string(&json, "c", NULL);
    json_end_object(&json);
    assert_string_equal(text_get(&text), "{\"a\":-7,\"b\":[true,null,{}],\"c\":null}");
}

static void numbers_that_json_cannot_say_are_null(void **state)
{
    (void)state;
    ISO_DEFER(text_reset) struct text text = {0};
    struct json json = {.text = &text};
    json_begin_array(&json, NULL);
    json_add_number(&json, NULL, (double)NAN);
    json_add_number(&json, NULL, -(double)INFINITY);
    json_add_number(&json, NULL, 0.1);
    json_end_array(&json);
    assert_string_equal(text_get(&text), "[null,null,0.1]");
}

/* Oracle: jansson, which refuses what is no UTF-8 or holds bare control characters. */
static void any_bytes_become_a_string_that_others_read(void **state)
{
    (void)state;
    for (int first = 1; first < 256; first++) {
        for (int second = 1; second < 256; second++) {
            char bytes[] = {'x', (char)first, (char)second, 'y', '\0'};
            ISO_DEFER(text_reset) struct text text = {0};
            struct json json = {.text = &text};
            json_begin_array(&json, NULL);
            json_add_string(&json, NULL, bytes);
            json_end_array(&json);
            json_t *read = json_loadb(text.data, text.length, 0, NULL);
            assert_non_null(read);
            json_decref(read);
        }
    }
}

static void text_that_is_utf8_comes_back_as_it_was(void **state)
{
    (void)state;
    static const char sample[] = "\"\\\t\x7f\u00e9\u20ac\U0001f600/";
    ISO_DEFER(text_reset) struct text text = {0};
    struct json json = {.text = &text};
    json_begin_array(&json, NULL);
    json_add_string(&json, NULL, sample);
    json_end_array(&json);
    json_t *read = json_loadb(text.data, text.length, 0, NULL);
    assert_non_null(read);
    assert_string_equal(json_string_value(json_array_get(read, 0)), sample);
    json_decref(read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_values_are_parted_by_commas_and_closed),
        cmocka_unit_test(numbers_that_json_cannot_say_are_null),
        cmocka_unit_test(any_bytes_become_a_string_that_others_read),
        cmocka_unit_test(text_that_is_utf8_comes_back_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

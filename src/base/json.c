/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <math.h>
#include <string.h>

static void add_quoted(struct text *text, const char *string)
{
    text_add_char(text, '"');
    const char *end = string + strlen(string);
    size_t length;
    for (const char *at = string; at < end; at += length) {
        unsigned char c = (unsigned char)*at;
        length = utf8_character(at, (size_t)(end - at));
        if (length == 0) { /* bytes of a file's name or of a refused row: JSON must stay UTF-8 */
            text_add(text, "\\ufffd");
            length = 1;
        } else if (c == '"' || c == '\\') {
            text_add_char(text, '\\');
            text_add_char(text, *at);
        } else if (c < 0x20) {
            text_addf(text, "\\u%04x", c);
        } else {
            text_append(text, at, length);
        }
    }
    text_add_char(text, '"');
}

static void begin_value(struct json *json, const char *key)
{
    if (json->depth > 0) {
        bool *has_members = &json->has_members[json->depth - 1];
        if (*has_members) {
            text_add_char(json->text, ',');
        }
        *has_members = true;
    }
    if (key != NULL) {
        add_quoted(json->text, key);
        text_add_char(json->text, ':');
    }
}

static void begin_nest(struct json *json, const char *key, char open)
{
    begin_value(json, key);
    ISO_ASSERT(json->depth < JSON_DEPTH_MAX);
    json->has_members[json->depth++] = false;
    text_add_char(json->text, open);
}

static void end_nest(struct json *json, char close)
{
    ISO_ASSERT(json->depth > 0);
    json->depth--;
    text_add_char(json->text, close);
}

void json_begin_object(struct json *json, const char *key)
{
    begin_nest(json, key, '{');
}

void json_end_object(struct json *json)
{
    end_nest(json, '}');
}

void json_begin_array(struct json *json, const char *key)
{
    begin_nest(json, key, '[');
}

void json_end_array(struct json *json)
{
    end_nest(json, ']');
}

void json_add_string(struct json *json, const char *key, const char *value)
{
    begin_value(json, key);
    if (value == NULL) {
        text_add(json->text, "null");
    } else {
        add_quoted(json->text, value);
    }
}

void json_add_integer(struct json *json, const char *key, int64_t value)
{
    begin_value(json, key);
    text_addf(json->text, "%lld", (long long)value);
}

void json_add_number(struct json *json, const char *key, double value)
{
    begin_value(json, key);
    if (isfinite(value)) {
        text_add_number(json->text, value);
    } else {
        text_add(json->text, "null");
    }
}

void json_add_real(struct json *json, const char *key, double value)
{
    if (isinf(value)) {
        json_add_digits(json, key, value < 0 ? "-1e999" : "1e999");
    } else {
        json_add_number(json, key, value);
    }
}

void json_add_digits(struct json *json, const char *key, const char *digits)
{
    begin_value(json, key);
    text_add(json->text, digits);
}

void json_add_bool(struct json *json, const char *key, bool value)
{
    begin_value(json, key);
    text_add(json->text, value ? "true" : "false");
}

void json_add_null(struct json *json, const char *key)
{
    begin_value(json, key);
    text_add(json->text, "null");
}

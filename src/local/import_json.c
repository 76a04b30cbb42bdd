/* SPDX-License-Identifier: Apache-2.0 */
#include "local/import_json.h"

#include <jansson.h>
#include <string.h>

enum { DEPTH_MAX = 3 }; /* of objects around the rows */

static iso_status read_all(import_json_source *source, void *context, struct text *whole,
                           struct iso_error *err)
{
    enum { PIECE_BYTES = 1 << 16 };
    size_t got = 1;
    while (got > 0) {
        if (!text_reserve(whole, PIECE_BYTES)) {
            return text_check(whole, err);
        }
        ISO_TRY(source(context, whole->data + whole->length, PIECE_BYTES, &got, err));
        whole->length += got;
        if (whole->length > IMPORT_JSON_BYTES_MAX) {
            ISO_FAIL(LIMIT, err, "it holds more than %zu bytes of JSON; convert it to CSV",
                     IMPORT_JSON_BYTES_MAX);
        }
    }
    return ISO_OK;
}

static void release(json_t **value)
{
    json_decref(*value);
}

/* One value after the other until the end, as one array. */
static iso_status load_values(const struct text *whole, json_t *values, struct iso_error *err)
{
    size_t at = 0;
    while (at < whole->length && memchr(" \t\r\n", whole->data[at], 4) != NULL) {
        at++;
    }
    while (at < whole->length) {
        json_error_t why;
        json_t *value =
            json_loadb(whole->data + at, whole->length - at, JSON_DISABLE_EOF_CHECK, &why);
        if (value == NULL) {
            ISO_FAIL(BAD_FORMAT, err, "it is JSON, but damaged: %s on line %d", why.text, why.line);
        }
        (void)json_array_append_new(values, value);
        at += (size_t)why.position;
        while (at < whole->length && memchr(" \t\r\n", whole->data[at], 4) != NULL) {
            at++;
        }
    }
    return ISO_OK;
}

static bool is_rows(json_t *value)
{
    json_t *first = json_array_get(value, 0);
    return json_is_array(first) || json_is_object(first);
}

/* The first array of rows, the objects around it opened one after the other. */
static json_t *find_rows(json_t *value)
{
    for (int depth = 0; depth <= DEPTH_MAX && !is_rows(value) && value != NULL; depth++) {
        json_t *inner = NULL;
        const char *key;
        json_t *member;
        json_object_foreach(value, key, member)
        {
            inner = is_rows(member) || (inner == NULL && json_is_object(member)) ? member : inner;
            if (is_rows(inner)) {
                break;
            }
        }
        value = inner;
    }
    return is_rows(value) ? value : NULL;
}

static void add_string(struct text *lines, const char *string)
{
    bool plain = strpbrk(string, ",\"\r\n") == NULL;
    text_add(lines, plain ? "" : "\"");
    for (const char *at = string; *at != '\0'; at++) {
        text_add(lines, *at == '"' ? "\"" : "");
        text_add_char(lines, *at == '\n' || *at == '\r' ? ' ' : *at);
    }
    text_add(lines, plain ? "" : "\"");
}

static void add_value(struct text *lines, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_INTEGER:
        text_addf(lines, "%lld", (long long)json_integer_value(value));
        break;
    case JSON_REAL:
        text_add_number(lines, json_real_value(value));
        break;
    case JSON_STRING:
        add_string(lines, json_string_value(value));
        break;
    case JSON_NULL:
        break;
    default:
        text_add(lines, json_is_true(value) ? "true" : json_is_false(value) ? "false" : "nested");
        break;
    }
}

static void add_array(struct text *lines, json_t *row)
{
    size_t index;
    json_t *value;
    json_array_foreach(row, index, value)
    {
        text_add(lines, index > 0 ? "," : "");
        add_value(lines, value);
    }
    text_add_char(lines, '\n');
}

static void add_header(struct text *lines, json_t *row)
{
    const char *key;
    json_t *value;
    bool first = true;
    json_object_foreach(row, key, value)
    {
        text_add(lines, first ? "" : ",");
        add_string(lines, key);
        first = false;
    }
    text_add_char(lines, '\n');
}

/* The values under the keys of the first row, so that each stands in its column. */
static void add_object(struct text *lines, json_t *model, json_t *row)
{
    const char *key;
    json_t *ignored;
    bool first = true;
    json_object_foreach(model, key, ignored)
    {
        json_t *value = json_object_get(row, key);
        text_add(lines, first ? "" : ",");
        if (value != NULL) {
            add_value(lines, value);
        }
        first = false;
    }
    text_add_char(lines, '\n');
}

iso_status import_json_lines(import_json_source *source, void *context, struct text *lines,
                             struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text whole = {0};
    ISO_DEFER(release) json_t *values = json_array();
    ISO_TRY(read_all(source, context, &whole, err));
    ISO_TRY(load_values(&whole, values, err));
    json_t *only = json_array_get(values, 0);
    json_t *rows = json_array_size(values) == 1 ? find_rows(only) : values;
    if (rows == NULL && json_is_object(only)) {
        rows = values; /* a single row */
    }
    if (rows == NULL) {
        ISO_FAIL(BAD_FORMAT, err, "it is JSON, but holds no array of rows");
    }
    json_t *model = json_array_get(rows, 0);
    size_t index;
    json_t *row;
    if (json_is_object(model)) {
        add_header(lines, model);
    }
    json_array_foreach(rows, index, row)
    {
        if (json_is_array(row)) {
            add_array(lines, row);
        } else if (json_is_object(row) && json_is_object(model)) {
            add_object(lines, model, row);
        } else {
            text_add(lines, "\"no row of bars\"\n"); /* a line of its own, to be refused */
        }
    }
    return text_check(lines, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing JSON as it is made, so that a million rows need no tree. Numbers are the shortest that
 * read back to the same double; NaN and infinities become null. (Reading JSON is jansson's work.)
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/text.h"

enum { JSON_DEPTH_MAX = 16 };

/* Lives in the caller's memory: struct json json = {.text = &text}. Misnesting is a programmer's
 * error. */
struct json {
    struct text *text;
    size_t depth;
    bool has_members[JSON_DEPTH_MAX];
};

/* key is NULL inside an array or at the top. */
void json_begin_object(struct json *json, const char *key);
void json_end_object(struct json *json);
void json_begin_array(struct json *json, const char *key);
void json_end_array(struct json *json);
void json_add_string(struct json *json, const char *key, const char *value); /* NULL gives null */
void json_add_integer(struct json *json, const char *key, int64_t value);
void json_add_number(struct json *json, const char *key, double value);
/* As json_add_number, but infinities become 1e999 and -1e999, which readers take for infinities. */
void json_add_real(struct json *json, const char *key, double value);
/* A number that is decimals already, however wide. */
void json_add_digits(struct json *json, const char *key, const char *digits);
void json_add_bool(struct json *json, const char *key, bool value);
void json_add_null(struct json *json, const char *key);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/pg_internal.h"

#include <endian.h>
#include <string.h>

enum { BINARY = 1, ARRAY_HEAD_BYTES = 20, ELEMENT_HEAD_BYTES = 4 };

#define SINCE_2000_US INT64_C(946684800000000) /* 2000-01-01, where PostgreSQL counts from */

/* --- parameters --------------------------------------------------------------------------------*/

static void add(struct pg_params *params, enum pg_type type, const void *value, size_t length)
{
    if (params->count == PG_PARAMS_MAX || length > INT32_MAX) {
        params->failed = true;
        return;
    }
    int at = params->count++;
    params->types[at] = (unsigned)type;
    params->values[at] = value;
    params->lengths[at] = (int)length;
    params->formats[at] = BINARY;
}

static uint8_t *number_place(struct pg_params *params)
{
    return params->numbers[params->count < PG_PARAMS_MAX ? params->count : 0];
}

static void add_number(struct pg_params *params, enum pg_type type, uint64_t bits, size_t bytes)
{
    uint64_t big = htobe64(bits << (64 - 8 * bytes));
    if (params->count == PG_PARAMS_MAX) {
        params->failed = true;
        return;
    }
    uint8_t *place = number_place(params);
    memcpy(place, &big, sizeof big);
    add(params, type, place, bytes);
}

static uint64_t double_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

void params_add_null(struct pg_params *params, enum pg_type type)
{
    add(params, type, NULL, 0);
}

void params_add_bool(struct pg_params *params, bool value)
{
    add_number(params, PG_BOOL, value ? 1 : 0, 1);
}

void params_add_int4(struct pg_params *params, int32_t value)
{
    add_number(params, PG_INT4, (uint32_t)value, 4);
}

void params_add_int8(struct pg_params *params, int64_t value)
{
    add_number(params, PG_INT8, (uint64_t)value, 8);
}

void params_add_float8(struct pg_params *params, double value)
{
    add_number(params, PG_FLOAT8, double_bits(value), 8);
}

void params_add_text(struct pg_params *params, const char *value)
{
    add(params, PG_TEXT, value, value != NULL ? strlen(value) : 0);
}

void params_add_bytea(struct pg_params *params, const void *bytes, size_t length)
{
    add(params, PG_BYTEA, bytes, length);
}

void params_add_time(struct pg_params *params, int64_t time_us)
{
    add_number(params, PG_TIMESTAMPTZ, (uint64_t)(time_us - SINCE_2000_US), 8);
}

static void add_word(struct text *target, uint32_t word)
{
    uint32_t big = htobe32(word);
    text_append(target, (const char *)&big, sizeof big);
}

/* The head of an array of one dimension; its elements follow, each with its length. */
static struct text *array_begin(struct pg_params *params, enum pg_type element, size_t count,
                                bool has_nulls)
{
    if (params->count == PG_PARAMS_MAX || count > INT32_MAX / 16) {
        params->failed = true;
        return NULL;
    }
    struct text *array = &params->arrays[params->count];
    add_word(array, count > 0 ? 1 : 0); /* dimensions; an empty array has none */
    add_word(array, has_nulls ? 1 : 0);
    add_word(array, (uint32_t)element);
    if (count > 0) {
        add_word(array, (uint32_t)count);
        add_word(array, 1); /* index of the first */
    }
    return array;
}

static void array_end(struct pg_params *params, enum pg_type type, const struct text *array)
{
    params->failed = params->failed || array->failed;
    add(params, type, text_get(array), array->length);
}

static void add_element(struct text *array, const void *bytes, size_t length)
{
    add_word(array, bytes != NULL ? (uint32_t)length : UINT32_MAX);
    if (bytes != NULL) {
        text_append(array, bytes, length);
    }
}

static void add_word64(struct text *array, uint64_t bits)
{
    uint64_t big = htobe64(bits);
    add_element(array, &big, sizeof big);
}

void params_add_int8s(struct pg_params *params, const int64_t *values, size_t count)
{
    struct text *array = array_begin(params, PG_INT8, count, false);
    for (size_t i = 0; array != NULL && i < count; i++) {
        add_word64(array, (uint64_t)values[i]);
    }
    if (array != NULL) {
        array_end(params, PG_INT8_ARRAY, array);
    }
}

void params_add_times(struct pg_params *params, const int64_t *times_us, size_t count)
{
    struct text *array = array_begin(params, PG_TIMESTAMPTZ, count, false);
    for (size_t i = 0; array != NULL && i < count; i++) {
        add_word64(array, (uint64_t)(times_us[i] - SINCE_2000_US));
    }
    if (array != NULL) {
        array_end(params, PG_TIMESTAMPTZ_ARRAY, array);
    }
}

void params_add_float8s(struct pg_params *params, const double *values, const bool *is_null,
                        size_t count)
{
    struct text *array = array_begin(params, PG_FLOAT8, count, is_null != NULL);
    for (size_t i = 0; array != NULL && i < count; i++) {
        if (is_null != NULL && is_null[i]) {
            add_element(array, NULL, 0);
        } else {
            add_word64(array, double_bits(values[i]));
        }
    }
    if (array != NULL) {
        array_end(params, PG_FLOAT8_ARRAY, array);
    }
}

void params_add_texts(struct pg_params *params, const char *const *values, size_t count)
{
    struct text *array = array_begin(params, PG_TEXT, count, true);
    for (size_t i = 0; array != NULL && i < count; i++) {
        add_element(array, values[i], values[i] != NULL ? strlen(values[i]) : 0);
    }
    if (array != NULL) {
        array_end(params, PG_TEXT_ARRAY, array);
    }
}

iso_status params_check(const struct pg_params *params, struct iso_error *err)
{
    if (params->failed) {
        ISO_FAIL(LIMIT, err,
                 "a query's parameters found no memory, are more than %d, or one is over 2 GB",
                 PG_PARAMS_MAX);
    }
    return ISO_OK;
}

void params_reset(struct pg_params *params)
{
    for (int i = 0; i < params->count; i++) {
        text_reset(&params->arrays[i]);
    }
    *params = (struct pg_params){0};
}

/* --- results -----------------------------------------------------------------------------------*/

void result_free(struct pg_result **result)
{
    PQclear((PGresult *)*result);
    *result = NULL;
}

size_t result_rows(const struct pg_result *result)
{
    return (size_t)PQntuples(result_handle(result));
}

size_t result_columns(const struct pg_result *result)
{
    return (size_t)PQnfields(result_handle(result));
}

int64_t result_affected(struct pg_result *result)
{
    int64_t count = 0;
    const char *text = PQcmdTuples((PGresult *)result);
    return integer_parse(text, text + strlen(text), &count) ? count : 0;
}

int result_column(const struct pg_result *result, const char *name)
{
    return PQfnumber(result_handle(result), name);
}

bool result_is_null(const struct pg_result *result, size_t row, size_t column)
{
    return PQgetisnull(result_handle(result), (int)row, (int)column) != 0;
}

enum pg_type result_type(const struct pg_result *result, size_t column)
{
    return (enum pg_type)PQftype(result_handle(result), (int)column);
}

static iso_status wrong_value(const struct pg_result *result, size_t row, size_t column,
                              const char *wanted, struct iso_error *err)
{
    const char *name = PQfname(result_handle(result), (int)column);
    ISO_FAIL(BAD_FORMAT, err,
             "the server's row %zu, column %zu (%.60s) of type %d is not the %s that was expected",
             row + 1, column + 1, name != NULL ? name : "there is none",
             (int)result_type(result, column), wanted);
}

/* Bytes of a value that is there, binary and not NULL; NULL otherwise. */
static const uint8_t *value_at(const struct pg_result *result, size_t row, size_t column,
                               size_t *length)
{
    const PGresult *handle = result_handle(result);
    if (row >= result_rows(result) || column >= result_columns(result) ||
        PQgetisnull(handle, (int)row, (int)column) != 0 || PQfformat(handle, (int)column) != 1) {
        return NULL;
    }
    *length = (size_t)PQgetlength(handle, (int)row, (int)column);
    return (const uint8_t *)PQgetvalue(handle, (int)row, (int)column);
}

/* A big-endian signed integer of 2, 4 or 8 bytes. */
static int64_t read_integer(const uint8_t *at, size_t bytes)
{
    uint64_t value = at[0] >= 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | at[i];
    }
    return (int64_t)value;
}

static double read_double(const uint8_t *at)
{
    uint64_t bits = (uint64_t)read_integer(at, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Bytes of the type's binary form, 0 where it is no integer. */
static size_t integer_bytes(enum pg_type type)
{
    switch ((int)type) {
    case PG_INT2:
        return 2;
    case PG_INT4:
    case PG_OID:
        return 4;
    case PG_INT8:
        return 8;
    default:
        return 0;
    }
}

iso_status result_bool(const struct pg_result *result, size_t row, size_t column, bool *value,
                       struct iso_error *err)
{
    size_t length = 0;
    const uint8_t *at = value_at(result, row, column, &length);
    if (at == NULL || result_type(result, column) != PG_BOOL || length != 1) {
        return wrong_value(result, row, column, "boolean", err);
    }
    *value = at[0] != 0;
    return ISO_OK;
}

iso_status result_integer(const struct pg_result *result, size_t row, size_t column, int64_t *value,
                          struct iso_error *err)
{
    size_t length = 0;
    const uint8_t *at = value_at(result, row, column, &length);
    enum pg_type type = result_type(result, column);
    size_t bytes = integer_bytes(type);
    if (at == NULL || bytes == 0 || length != bytes) {
        return wrong_value(result, row, column, "integer", err);
    }
    int64_t read = read_integer(at, bytes);
    *value = type == PG_OID ? (int64_t)(uint32_t)read : read;
    return ISO_OK;
}

iso_status result_number(const struct pg_result *result, size_t row, size_t column, double *value,
                         struct iso_error *err)
{
    size_t length = 0;
    const uint8_t *at = value_at(result, row, column, &length);
    enum pg_type type = result_type(result, column);
    if (at != NULL && type == PG_FLOAT8 && length == 8) {
        *value = read_double(at);
        return ISO_OK;
    }
    if (at != NULL && type == PG_FLOAT4 && length == 4) {
        uint32_t bits = (uint32_t)read_integer(at, 4);
        float narrow;
        memcpy(&narrow, &bits, sizeof narrow);
        *value = (double)narrow;
        return ISO_OK;
    }
    return wrong_value(result, row, column, "number", err);
}

iso_status result_text(const struct pg_result *result, size_t row, size_t column,
                       const char **value, struct iso_error *err)
{
    size_t length = 0;
    const uint8_t *at = value_at(result, row, column, &length);
    enum pg_type type = result_type(result, column);
    bool is_text = type == PG_TEXT || type == PG_NAME || type == PG_VARCHAR;
    if (at == NULL || !is_text || memchr(at, '\0', length) != NULL) {
        return wrong_value(result, row, column, "text", err);
    }
    *value = (const char *)at; /* libpq ends every value with a NUL */
    return ISO_OK;
}

iso_status result_bytes(const struct pg_result *result, size_t row, size_t column,
                        struct pg_bytes *value, struct iso_error *err)
{
    size_t length = 0;
    const uint8_t *at = value_at(result, row, column, &length);
    if (at == NULL || result_type(result, column) != PG_BYTEA) {
        return wrong_value(result, row, column, "bytea", err);
    }
    *value = (struct pg_bytes){at, length};
    return ISO_OK;
}

iso_status result_time(const struct pg_result *result, size_t row, size_t column, int64_t *time_us,
                       struct iso_error *err)
{
    size_t length = 0;
    int64_t read_us = 0;
    const uint8_t *at = value_at(result, row, column, &length);
    if (at == NULL || result_type(result, column) != PG_TIMESTAMPTZ || length != 8 ||
        __builtin_add_overflow(read_integer(at, 8), SINCE_2000_US, &read_us)) {
        return wrong_value(result, row, column, "finite timestamptz", err);
    }
    *time_us = read_us;
    return ISO_OK;
}

/* Check the head of an array; set where its elements begin, and how many there are. */
static bool array_open(const uint8_t *at, size_t length, enum pg_type *element, size_t *count)
{
    if (at == NULL || length < ARRAY_HEAD_BYTES - 8) {
        return false;
    }
    int64_t dimensions = read_integer(at, 4);
    *element = (enum pg_type)read_integer(at + 8, 4);
    *count = 0;
    if (dimensions == 0) {
        return length == ARRAY_HEAD_BYTES - 8;
    }
    if (dimensions != 1 || length < ARRAY_HEAD_BYTES || read_integer(at + 12, 4) < 0) {
        return false;
    }
    *count = (size_t)read_integer(at + 12, 4);
    return true;
}

/* The next element's bytes, which must be as many as wanted; NULL where they are not. */
static const uint8_t *next_element(const uint8_t **at, const uint8_t *end, size_t wanted)
{
    const uint8_t *head = *at;
    if ((size_t)(end - head) < ELEMENT_HEAD_BYTES + wanted ||
        read_integer(head, 4) != (int64_t)wanted) {
        return NULL;
    }
    *at = head + ELEMENT_HEAD_BYTES + wanted;
    return head + ELEMENT_HEAD_BYTES;
}

iso_status result_integers(const struct pg_result *result, size_t row, size_t column,
                           int64_t *values, size_t capacity, size_t *count, struct iso_error *err)
{
    size_t length = 0;
    size_t found = 0;
    enum pg_type type = PG_INT8;
    const uint8_t *at = value_at(result, row, column, &length);
    if (!array_open(at, length, &type, &found) ||
        (integer_bytes(type) == 0 && type != PG_TIMESTAMPTZ)) {
        return wrong_value(result, row, column, "array of integers or times", err);
    }
    if (found > capacity) {
        ISO_FAIL(BUFFER_SHORT, err, "an array of %zu, room for %zu", found, capacity);
    }
    size_t bytes = type == PG_TIMESTAMPTZ ? 8 : integer_bytes(type);
    const uint8_t *element = found > 0 ? at + ARRAY_HEAD_BYTES : at;
    for (size_t i = 0; i < found; i++) {
        const uint8_t *value = next_element(&element, at + length, bytes);
        int64_t base = type == PG_TIMESTAMPTZ ? SINCE_2000_US : 0;
        if (value == NULL || __builtin_add_overflow(read_integer(value, bytes), base, &values[i])) {
            return wrong_value(result, row, column, "array without NULLs and infinities", err);
        }
    }
    *count = found;
    return ISO_OK;
}

iso_status result_numbers(const struct pg_result *result, size_t row, size_t column, double *values,
                          size_t capacity, size_t *count, struct iso_error *err)
{
    size_t length = 0;
    size_t found = 0;
    enum pg_type type = PG_FLOAT8;
    const uint8_t *at = value_at(result, row, column, &length);
    if (!array_open(at, length, &type, &found) || type != PG_FLOAT8) {
        return wrong_value(result, row, column, "array of double precision", err);
    }
    if (found > capacity) {
        ISO_FAIL(BUFFER_SHORT, err, "an array of %zu, room for %zu", found, capacity);
    }
    const uint8_t *element = found > 0 ? at + ARRAY_HEAD_BYTES : at;
    for (size_t i = 0; i < found; i++) {
        const uint8_t *value = next_element(&element, at + length, 8);
        if (value == NULL) {
            return wrong_value(result, row, column, "array without NULLs", err);
        }
        values[i] = read_double(value);
    }
    *count = found;
    return ISO_OK;
}

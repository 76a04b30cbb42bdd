/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed values to and from PostgreSQL, in its binary formats: eight bytes for a double instead of
 * seventeen digits, and no quoting to get wrong. Times are microseconds since 1970 UTC here and
 * since 2000 there.
 */
#ifndef CLOUD_PG_VALUE_H
#define CLOUD_PG_VALUE_H

#include "base/text.h"

enum { PG_PARAMS_MAX = 64 };

/* Types by their numbers in pg_type, which never change. */
enum pg_type {
    PG_BOOL = 16,
    PG_BYTEA = 17,
    PG_INT8 = 20,
    PG_INT2 = 21,
    PG_INT4 = 23,
    PG_NAME = 19,
    PG_TEXT = 25,
    PG_OID = 26,
    PG_FLOAT4 = 700,
    PG_FLOAT8 = 701,
    PG_TEXT_ARRAY = 1009,
    PG_INT8_ARRAY = 1016,
    PG_FLOAT8_ARRAY = 1022,
    PG_VARCHAR = 1043,
    PG_TIMESTAMPTZ = 1184,
    PG_TIMESTAMPTZ_ARRAY = 1185,
};

/*
 * Parameters $1, $2, ... in the order of adding. All zero is none. Text, bytes and what is in
 * arrays of them are borrowed until the query is done; numbers are kept inside, so the struct must
 * stay where it is. Absent values are SQL's NULL. A failed allocation is kept and reported by
 * params_check, as is a parameter too many. params_reset frees what arrays took.
 */
struct pg_params {
    int count;
    unsigned types[PG_PARAMS_MAX];
    const char *values[PG_PARAMS_MAX];
    int lengths[PG_PARAMS_MAX];
    int formats[PG_PARAMS_MAX];
    uint8_t numbers[PG_PARAMS_MAX][8];
    struct text arrays[PG_PARAMS_MAX];
    bool failed;
};

struct pg_bytes {
    const void *data; /* NULL: absent */
    size_t length;
};

void params_add_null(struct pg_params *params, enum pg_type type);
void params_add_bool(struct pg_params *params, bool value);
void params_add_int4(struct pg_params *params, int32_t value);
void params_add_int8(struct pg_params *params, int64_t value);
void params_add_float8(struct pg_params *params, double value);
void params_add_text(struct pg_params *params, const char *value); /* NULL is absent */
void params_add_bytea(struct pg_params *params, const void *bytes, size_t length);
void params_add_time(struct pg_params *params, int64_t time_us);
/* Arrays of one dimension; is_null may be NULL (none is). */
void params_add_int8s(struct pg_params *params, const int64_t *values, size_t count);
void params_add_float8s(struct pg_params *params, const double *values, const bool *is_null,
                        size_t count);
void params_add_times(struct pg_params *params, const int64_t *times_us, size_t count);
void params_add_texts(struct pg_params *params, const char *const *values, size_t count);
/* Fails with OUT_OF_MEMORY or LIMIT where an add had failed. */
iso_status params_check(const struct pg_params *params, struct iso_error *err);
void params_reset(struct pg_params *params);

/* Rows that a query returned. Owned by the caller: result_free. */
struct pg_result;
void result_free(struct pg_result **result);
size_t result_rows(const struct pg_result *result);
size_t result_columns(const struct pg_result *result);
/* Rows that an INSERT, UPDATE, DELETE, COPY touched; 0 for others. */
int64_t result_affected(struct pg_result *result);
/* The column of that name, or -1. */
int result_column(const struct pg_result *result, const char *name);
bool result_is_null(const struct pg_result *result, size_t row, size_t column);
enum pg_type result_type(const struct pg_result *result, size_t column);

/*
 * One value. Integers of any width are read as int64, floats as double, names and text alike as
 * text. Fails with BAD_FORMAT, naming row and column, where the value is NULL, of another type, or
 * not of its type's length; a row or column that is not there is the same. Text and bytes live as
 * long as the result.
 */
iso_status result_bool(const struct pg_result *result, size_t row, size_t column, bool *value,
                       struct iso_error *err);
iso_status result_integer(const struct pg_result *result, size_t row, size_t column, int64_t *value,
                          struct iso_error *err);
iso_status result_number(const struct pg_result *result, size_t row, size_t column, double *value,
                         struct iso_error *err);
iso_status result_text(const struct pg_result *result, size_t row, size_t column,
                       const char **value, struct iso_error *err);
iso_status result_bytes(const struct pg_result *result, size_t row, size_t column,
                        struct pg_bytes *value, struct iso_error *err);
iso_status result_time(const struct pg_result *result, size_t row, size_t column, int64_t *time_us,
                       struct iso_error *err);
/*
 * The elements of an array of numbers (int2, int4, int8, float8, timestamptz) without NULLs, as
 * int64 or double; at most capacity of them, *count is how many. Fails with BAD_FORMAT,
 * BUFFER_SHORT.
 */
iso_status result_integers(const struct pg_result *result, size_t row, size_t column,
                           int64_t *values, size_t capacity, size_t *count, struct iso_error *err);
iso_status result_numbers(const struct pg_result *result, size_t row, size_t column, double *values,
                          size_t capacity, size_t *count, struct iso_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "local/sql_result.h"

#include "market/time.h"

#include <stdio.h>
#include <string.h>

bool sql_type_is_plain(duckdb_type type)
{
    switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
    case DUCKDB_TYPE_DATE:
    case DUCKDB_TYPE_VARCHAR:
        return true;
    default:
        return false;
    }
}

bool sql_type_is_digits(duckdb_type type)
{
    return type == DUCKDB_TYPE_HUGEINT || type == DUCKDB_TYPE_UHUGEINT ||
           type == DUCKDB_TYPE_UBIGINT || type == DUCKDB_TYPE_DECIMAL;
}

static bool is_number(duckdb_type type, bool digits)
{
    bool other = type == DUCKDB_TYPE_BOOLEAN || type == DUCKDB_TYPE_TIMESTAMP ||
                 type == DUCKDB_TYPE_TIMESTAMP_TZ || type == DUCKDB_TYPE_DATE ||
                 type == DUCKDB_TYPE_VARCHAR;
    return digits || !other;
}

/* One chunk's column, as DuckDB lays it out. */
struct column {
    duckdb_type type;
    bool digits;
    void *data;
    uint64_t *validity;
};

static int64_t read_integer(const struct column *column, idx_t row)
{
    switch (column->type) {
    case DUCKDB_TYPE_BOOLEAN:
        return ((const bool *)column->data)[row];
    case DUCKDB_TYPE_TINYINT:
        return ((const int8_t *)column->data)[row];
    case DUCKDB_TYPE_UTINYINT:
        return ((const uint8_t *)column->data)[row];
    case DUCKDB_TYPE_USMALLINT:
        return ((const uint16_t *)column->data)[row];
    case DUCKDB_TYPE_UINTEGER:
        return ((const uint32_t *)column->data)[row];
    case DUCKDB_TYPE_SMALLINT:
        return ((const int16_t *)column->data)[row];
    case DUCKDB_TYPE_INTEGER:
        return ((const int32_t *)column->data)[row];
    default:
        return ((const int64_t *)column->data)[row];
    }
}

static void set_text(struct text *area, enum sql_kind kind, struct sql_value *value)
{
    value->kind = kind;
    value->text = text_get(area);
}

static void add_date(struct text *area, duckdb_date_struct date)
{
    text_addf(area, "%04d-%02d-%02d", date.year, date.month, date.day);
}

static void read_text(const duckdb_string_t *string, bool digits, struct text *area,
                      struct sql_value *value)
{
    duckdb_string_t copy = *string;
    text_append(area, duckdb_string_t_data(&copy), duckdb_string_t_length(copy));
    set_text(area, digits ? SQL_DIGITS : SQL_TEXT, value);
}

/* Infinities, and times beyond the years that bars may have, are shown as DuckDB would. */
static void read_time(int64_t time_us, struct text *area, struct sql_value *value)
{
    duckdb_timestamp stamp = {time_us};
    if (time_us >= TIME_MIN_US && time_us < TIME_MAX_US) {
        value->kind = SQL_TIME;
        value->integer = time_us;
        return;
    }
    if (!duckdb_is_finite_timestamp(stamp)) {
        text_add(area, time_us < 0 ? "-infinity" : "infinity");
    } else {
        duckdb_timestamp_struct parts = duckdb_from_timestamp(stamp);
        add_date(area, parts.date);
        text_addf(area, "T%02d:%02d:%02dZ", parts.time.hour, parts.time.min, parts.time.sec);
    }
    set_text(area, SQL_TEXT, value);
}

static void read_date(int32_t days, struct text *area, struct sql_value *value)
{
    duckdb_date date = {days};
    if (duckdb_is_finite_date(date)) {
        add_date(area, duckdb_from_date(date));
    } else {
        text_add(area, days < 0 ? "-infinity" : "infinity");
    }
    set_text(area, SQL_TEXT, value);
}

static void read_value(const struct column *column, idx_t row, struct text *area,
                       struct sql_value *value)
{
    *value = (struct sql_value){.kind = SQL_NULL, .text = ""};
    text_clear(area);
    if (column->validity != NULL && !duckdb_validity_row_is_valid(column->validity, row)) {
        return;
    }
    switch (column->type) {
    case DUCKDB_TYPE_VARCHAR:
        read_text((const duckdb_string_t *)column->data + row, column->digits, area, value);
        break;
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
        read_time(((const int64_t *)column->data)[row], area, value);
        break;
    case DUCKDB_TYPE_DATE:
        read_date(((const int32_t *)column->data)[row], area, value);
        break;
    case DUCKDB_TYPE_FLOAT:
        value->kind = SQL_NUMBER;
        value->number = (double)((const float *)column->data)[row];
        break;
    case DUCKDB_TYPE_DOUBLE:
        value->kind = SQL_NUMBER;
        value->number = ((const double *)column->data)[row];
        break;
    default:
        value->kind = column->type == DUCKDB_TYPE_BOOLEAN ? SQL_BOOL : SQL_INTEGER;
        value->integer = read_integer(column, row);
        break;
    }
}

enum { SQL_COLUMNS_MAX = 1024 };

/* Room for one row of a result. */
struct row_area {
    size_t column_count;
    struct sql_column *names;
    struct text *labels; /* what names point to */
    struct column *columns;
    struct sql_value *values;
    struct text *texts;
};

static void row_area_reset(struct row_area *area)
{
    for (size_t i = 0; area->texts != NULL && i < area->column_count; i++) {
        text_reset(&area->texts[i]);
    }
    for (size_t i = 0; area->labels != NULL && i < area->column_count; i++) {
        text_reset(&area->labels[i]);
    }
    free(area->names);
    free(area->labels);
    free(area->columns);
    free(area->values);
    free(area->texts);
}

static bool is_taken(const struct row_area *area, size_t count, const char *name)
{
    bool taken = false;
    for (size_t i = 0; i < count && !taken; i++) {
        taken = strcmp(text_get(&area->labels[i]), name) == 0;
    }
    return taken;
}

/* Names that occur again get a number, as DuckDB gives in subqueries: an object of JSON has each
 * key once. */
static void set_label(struct row_area *area, size_t index, const char *name)
{
    struct text *label = &area->labels[index];
    text_add(label, name);
    for (size_t again = 1; is_taken(area, index, text_get(label)) && !label->failed; again++) {
        text_clear(label);
        text_addf(label, "%s_%zu", name, again);
    }
}

/* Types that are not plain come here only where DuckDB could not be asked for text. */
static iso_status set_column(struct row_area *area, duckdb_result *result, size_t index,
                             bool digits, struct iso_error *err)
{
    struct column *column = &area->columns[index];
    column->type = duckdb_column_type(result, index);
    column->digits = digits;
    set_label(area, index, duckdb_column_name(result, index));
    ISO_TRY(text_check(&area->labels[index], err));
    area->names[index] =
        (struct sql_column){text_get(&area->labels[index]), is_number(column->type, digits)};
    if (!sql_type_is_plain(column->type)) {
        ISO_FAIL(QUERY, err,
                 "the column %.60s has a type that cannot be shown; write it as a SELECT with "
                 "CAST(%.60s AS VARCHAR)",
                 area->names[index].name, area->names[index].name);
    }
    return ISO_OK;
}

static iso_status row_area_init(struct row_area *area, duckdb_result *result, const bool *digits,
                                struct iso_error *err)
{
    size_t count = (size_t)duckdb_column_count(result);
    if (count > SQL_COLUMNS_MAX) {
        ISO_FAIL(LIMIT, err, "the result has %zu columns, at most %d are shown", count,
                 SQL_COLUMNS_MAX);
    }
    area->column_count = count;
    ISO_NEW(area->names, count, err);
    ISO_NEW(area->labels, count, err);
    ISO_NEW(area->columns, count, err);
    ISO_NEW(area->values, count, err);
    ISO_NEW(area->texts, count, err);
    for (size_t i = 0; i < count; i++) {
        ISO_TRY(set_column(area, result, i, digits != NULL && digits[i], err));
    }
    return ISO_OK;
}

static void chunk_destroy(duckdb_data_chunk *chunk)
{
    if (*chunk != NULL) {
        duckdb_destroy_data_chunk(chunk);
    }
}

static iso_status visit_chunk(struct row_area *area, duckdb_data_chunk chunk, idx_t row_count,
                              const struct sql_sink *sink, struct iso_error *err)
{
    for (size_t i = 0; i < area->column_count; i++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, i);
        area->columns[i].data = duckdb_vector_get_data(vector);
        area->columns[i].validity = duckdb_vector_get_validity(vector);
    }
    for (idx_t row = 0; row < row_count; row++) {
        for (size_t i = 0; i < area->column_count; i++) {
            read_value(&area->columns[i], row, &area->texts[i], &area->values[i]);
            ISO_TRY(text_check(&area->texts[i], err));
        }
        ISO_TRY(sink->row(sink->context, area->names, area->values, area->column_count, err));
    }
    return ISO_OK;
}

iso_status sql_result_visit(duckdb_result *result, const bool *digits, const struct sql_sink *sink,
                            size_t *rows, struct iso_error *err)
{
    ISO_DEFER(row_area_reset) struct row_area area = {0};
    ISO_TRY(row_area_init(&area, result, digits, err));
    ISO_TRY(sink->begin(sink->context, area.names, area.column_count, err));
    size_t left = sink->rows_max > 0 ? sink->rows_max : SIZE_MAX;
    bool more = true;
    while (more && left > 0) {
        ISO_DEFER(chunk_destroy) duckdb_data_chunk chunk = duckdb_fetch_chunk(*result);
        more = chunk != NULL;
        if (more) {
            size_t count = (size_t)duckdb_data_chunk_get_size(chunk);
            count = count < left ? count : left;
            left -= count;
            *rows += count;
            ISO_TRY(visit_chunk(&area, chunk, count, sink, err));
        } else if (duckdb_result_error(result) != NULL) {
            ISO_FAIL(QUERY, err, "%s", duckdb_result_error(result));
        }
    }
    return ISO_OK;
}

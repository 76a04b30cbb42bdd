/* SPDX-License-Identifier: Apache-2.0 */
/* Running a query and reading its result. The tables are in sql_tables.c. */
#include "local/sql.h"

#include "local/sql_tables.h"
#include "market/time.h"

#include <duckdb.h>
#include <string.h>

struct engine {
    duckdb_database database;
    duckdb_connection connection;
};

static void engine_close(struct engine *engine)
{
    if (engine->connection != NULL) {
        duckdb_disconnect(&engine->connection);
    }
    if (engine->database != NULL) {
        duckdb_close(&engine->database);
    }
}

static void result_destroy(duckdb_result *result)
{
    duckdb_destroy_result(result);
}

/* Extensions are never fetched: a query must not reach for the network by itself. */
static iso_status engine_open(struct engine *engine, struct iso_error *err)
{
    char *why = NULL;
    duckdb_config config = NULL;
    if (duckdb_create_config(&config) != DuckDBSuccess ||
        duckdb_set_config(config, "autoinstall_known_extensions", "false") != DuckDBSuccess ||
        duckdb_set_config(config, "autoload_known_extensions", "false") != DuckDBSuccess) {
        duckdb_destroy_config(&config);
        ISO_FAIL(QUERY, err, "DuckDB %s takes no settings", duckdb_library_version());
    }
    duckdb_state state = duckdb_open_ext(NULL, &engine->database, config, &why);
    duckdb_destroy_config(&config);
    if (state != DuckDBSuccess) {
        iso_status status = iso_fail(ISO_ERROR_QUERY, err, "DuckDB does not start: %s",
                                     why != NULL ? why : "no reason given");
        duckdb_free(why);
        return status;
    }
    if (duckdb_connect(engine->database, &engine->connection) != DuckDBSuccess) {
        ISO_FAIL(QUERY, err, "DuckDB gives no connection");
    }
    return ISO_OK;
}

static iso_status run_quietly(struct engine *engine, const char *sql, struct iso_error *err)
{
    ISO_DEFER(result_destroy) duckdb_result result = {0};
    if (duckdb_query(engine->connection, sql, &result) != DuckDBSuccess) {
        ISO_FAIL(QUERY, err, "%s", duckdb_result_error(&result));
    }
    return ISO_OK;
}

/* Types that read_value reads by itself; all others are turned into text by DuckDB. */
static bool is_plain(duckdb_type type)
{
    switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
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

/* One chunk's column, as DuckDB lays it out. */
struct column {
    duckdb_type type;
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
    case DUCKDB_TYPE_SMALLINT:
        return ((const int16_t *)column->data)[row];
    case DUCKDB_TYPE_INTEGER:
        return ((const int32_t *)column->data)[row];
    default:
        return ((const int64_t *)column->data)[row];
    }
}

static void read_text(const duckdb_string_t *string, struct text *area, struct sql_value *value)
{
    duckdb_string_t copy = *string;
    text_append(area, duckdb_string_t_data(&copy), duckdb_string_t_length(copy));
    value->kind = SQL_TEXT;
    value->text = text_get(area);
}

static void read_time(int64_t time_us, struct text *area, struct sql_value *value)
{
    char text[TIME_TEXT_BYTES];
    value->kind = SQL_TEXT;
    if (time_us < TIME_MIN_US || time_us >= TIME_MAX_US) {
        text_addf(area, "%lld us", (long long)time_us); /* infinity, or beyond our years */
    } else {
        text_append(area, text, time_format(time_us, text));
    }
    value->text = text_get(area);
}

static void read_date(int32_t days, struct text *area, struct sql_value *value)
{
    value->kind = SQL_TEXT;
    if (days < TIME_MIN_US / TIME_DAY_US || days >= TIME_MAX_US / TIME_DAY_US) {
        text_addf(area, "%d days", days); /* infinity, or beyond our years */
        value->text = text_get(area);
        return;
    }
    struct civil civil = time_civil((int64_t)days * TIME_DAY_US);
    text_addf(area, "%04lld-%02d-%02d", (long long)civil.year, civil.month, civil.day);
    value->text = text_get(area);
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
        read_text((const duckdb_string_t *)column->data + row, area, value);
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
    const char **names;
    struct column *columns;
    struct sql_value *values;
    struct text *texts;
};

static void row_area_reset(struct row_area *area)
{
    for (size_t i = 0; area->texts != NULL && i < area->column_count; i++) {
        text_reset(&area->texts[i]);
    }
    free(area->names);
    free(area->columns);
    free(area->values);
    free(area->texts);
}

static iso_status row_area_init(struct row_area *area, duckdb_result *result, struct iso_error *err)
{
    size_t count = (size_t)duckdb_column_count(result);
    if (count > SQL_COLUMNS_MAX) {
        ISO_FAIL(LIMIT, err, "the result has %zu columns, at most %d are shown", count,
                 SQL_COLUMNS_MAX);
    }
    area->column_count = count;
    ISO_NEW(area->names, count, err);
    ISO_NEW(area->columns, count, err);
    ISO_NEW(area->values, count, err);
    ISO_NEW(area->texts, count, err);
    for (size_t i = 0; i < count; i++) {
        area->names[i] = duckdb_column_name(result, i);
        area->columns[i].type = duckdb_column_type(result, i);
    }
    return ISO_OK;
}

static void chunk_destroy(duckdb_data_chunk *chunk)
{
    if (*chunk != NULL) {
        duckdb_destroy_data_chunk(chunk);
    }
}

static iso_status visit_chunk(struct row_area *area, duckdb_data_chunk chunk, sql_visit *visit,
                              void *context, struct iso_error *err)
{
    for (size_t i = 0; i < area->column_count; i++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, i);
        area->columns[i].data = duckdb_vector_get_data(vector);
        area->columns[i].validity = duckdb_vector_get_validity(vector);
    }
    idx_t rows = duckdb_data_chunk_get_size(chunk);
    for (idx_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < area->column_count; i++) {
            read_value(&area->columns[i], row, &area->texts[i], &area->values[i]);
            ISO_TRY(text_check(&area->texts[i], err));
        }
        ISO_TRY(visit(context, area->names, area->values, area->column_count, err));
    }
    return ISO_OK;
}

static iso_status visit_result(duckdb_result *result, sql_begin *begin, sql_visit *visit,
                               void *context, struct sql_report *report, struct iso_error *err)
{
    ISO_DEFER(row_area_reset) struct row_area area = {0};
    ISO_TRY(row_area_init(&area, result, err));
    report->columns = area.column_count;
    if (begin != NULL) {
        ISO_TRY(begin(context, area.names, area.column_count, err));
    }
    bool more = true;
    while (more) {
        ISO_DEFER(chunk_destroy) duckdb_data_chunk chunk = duckdb_fetch_chunk(*result);
        more = chunk != NULL;
        if (more) {
            report->rows += (size_t)duckdb_data_chunk_get_size(chunk);
            ISO_TRY(visit_chunk(&area, chunk, visit, context, err));
        } else if (duckdb_result_error(result) != NULL) {
            ISO_FAIL(QUERY, err, "%s", duckdb_result_error(result));
        }
    }
    return ISO_OK;
}

/*
 * The query itself, or, where a column has a type that is not plain (decimals, lists, wide integers
 * ...), the query wrapped so that DuckDB writes that column as text.
 */
static iso_status run_as_plain(struct engine *engine, const char *query, duckdb_result *result,
                               struct iso_error *err)
{
    if (duckdb_query(engine->connection, query, result) != DuckDBSuccess) {
        ISO_FAIL(QUERY, err, "%s", duckdb_result_error(result));
    }
    ISO_DEFER(text_reset) struct text wrapped = {0};
    size_t length = strlen(query);
    while (length > 0 && strchr("; \n\t\r", query[length - 1]) != NULL) {
        length--;
    }
    bool plain = true;
    text_add(&wrapped, "SELECT * REPLACE (");
    for (idx_t i = 0; i < duckdb_column_count(result); i++) {
        if (!is_plain(duckdb_column_type(result, i))) {
            const char *name = duckdb_column_name(result, i);
            text_addf(&wrapped, "%sCAST(\"", plain ? "" : ", ");
            for (const char *at = name; *at != '\0'; at++) {
                text_addf(&wrapped, "%s%c", *at == '"' ? "\"" : "", *at);
            }
            text_addf(&wrapped, "\" AS VARCHAR) AS \"%s\"", name);
            plain = false;
        }
    }
    text_addf(&wrapped, ") FROM (%.*s\n)", (int)length, query);
    ISO_TRY(text_check(&wrapped, err));
    if (plain || duckdb_result_statement_type(*result) != DUCKDB_STATEMENT_TYPE_SELECT) {
        return ISO_OK;
    }
    duckdb_destroy_result(result);
    *result = (duckdb_result){0};
    if (duckdb_query(engine->connection, wrapped.data, result) != DuckDBSuccess) {
        ISO_FAIL(QUERY, err, "a column has a type that cannot be shown (%s); CAST it to VARCHAR",
                 duckdb_result_error(result));
    }
    return ISO_OK;
}

iso_status sql_run(const struct os *os, const char *directory, const char *query, sql_begin *begin,
                   sql_visit *visit, void *context, struct sql_report *report,
                   struct iso_error *err)
{
    struct sql_store tables = {.os = os, .directory = directory};
    ISO_DEFER(engine_close) struct engine engine = {0};
    ISO_DEFER(result_destroy) duckdb_result result = {0};
    *report = (struct sql_report){0};
    ISO_TRY(engine_open(&engine, err));
    ISO_TRY(sql_tables_register(engine.connection, &tables, err));
    ISO_TRY(run_quietly(&engine, sql_tables_views, err));
    ISO_TRY(run_as_plain(&engine, query, &result, err));
    return visit_result(&result, begin, visit, context, report, err);
}

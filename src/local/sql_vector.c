/* SPDX-License-Identifier: Apache-2.0 */
#include "local/sql_vector.h"

#include "base/os.h"
#include "base/text.h"
#include "market/time.h"

#include <string.h>

/* clang-format off */
const struct sql_table_column sql_bars_columns[SQL_BARS_COLUMNS] = {
    {"symbol", DUCKDB_TYPE_VARCHAR}, {"interval", DUCKDB_TYPE_VARCHAR}, {"timestamp", DUCKDB_TYPE_TIMESTAMP},
#define X(name) {#name, DUCKDB_TYPE_DOUBLE},
    BAR_VALUE_TABLE(X)
#undef X
    {"trade_count", DUCKDB_TYPE_BIGINT},
};
/* clang-format on */

void sql_add_columns(duckdb_bind_info info, const struct sql_table_column *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        duckdb_logical_type type = duckdb_create_logical_type(columns[i].type);
        duckdb_bind_add_result_column(info, columns[i].name, type);
        duckdb_destroy_logical_type(&type);
    }
}

void sql_fill_text(duckdb_vector vector, idx_t count, const char *text)
{
    for (idx_t i = 0; i < count; i++) {
        duckdb_vector_assign_string_element(vector, i, text);
    }
}

static void set_null(duckdb_vector vector, idx_t row)
{
    duckdb_vector_ensure_validity_writable(vector);
    duckdb_validity_set_row_invalid(duckdb_vector_get_validity(vector), row);
}

void sql_fill_numbers(duckdb_vector vector, const double *values, idx_t count)
{
    memcpy(duckdb_vector_get_data(vector), values, count * sizeof *values);
    for (idx_t i = 0; i < count; i++) {
        if (isnan(values[i])) {
            set_null(vector, i);
        }
    }
}

static void fill_counts(duckdb_vector vector, const int64_t *counts, idx_t count)
{
    memcpy(duckdb_vector_get_data(vector), counts, count * sizeof *counts);
    for (idx_t i = 0; i < count; i++) {
        if (counts[i] == BAR_COUNT_ABSENT) {
            set_null(vector, i);
        }
    }
}

void sql_fill_bars(duckdb_vector vector, idx_t column, const struct series *series,
                   const struct bars *bars)
{
    if (column == SQL_BARS_SYMBOL) {
        sql_fill_text(vector, bars->count, series->symbol);
    } else if (column == SQL_BARS_INTERVAL) {
        sql_fill_text(vector, bars->count, series->interval->name);
    } else if (column == SQL_BARS_TIME) {
        memcpy(duckdb_vector_get_data(vector), bars->time_us, bars->count * sizeof *bars->time_us);
    } else if (column == SQL_BARS_TRADE_COUNT) {
        fill_counts(vector, bars->trade_count, bars->count);
    } else if (column < SQL_BARS_TRADE_COUNT) {
        sql_fill_numbers(vector, bars->value[column - SQL_BARS_FIRST_VALUE], bars->count);
    }
}

char *sql_parameter(duckdb_bind_info info, const char *name)
{
    duckdb_value value = duckdb_bind_get_named_parameter(info, name);
    bool given = value != NULL && !duckdb_is_null_value(value);
    char *text = given ? duckdb_get_varchar(value) : NULL;
    duckdb_destroy_value(&value);
    return text;
}

static iso_status read_time(duckdb_bind_info info, const char *name, int64_t *time_us,
                            struct iso_error *err)
{
    const struct os *os = os_system();
    char *text = sql_parameter(info, name);
    iso_status status =
        text == NULL
            ? ISO_OK
            : iso_context(time_parse_argument(text, os->clock_us(os->context), time_us, err), err,
                          "\"%s\"", name);
    duckdb_free(text);
    return status;
}

iso_status sql_read_interval(duckdb_bind_info info, const char *name,
                             const struct interval **interval, struct iso_error *err)
{
    struct series series = {0};
    char *text = sql_parameter(info, name);
    iso_status status =
        text == NULL ? ISO_OK : iso_context(series_make("X", text, &series, err), err, "%s", name);
    duckdb_free(text);
    *interval = series.interval;
    return status;
}

iso_status sql_read_range(duckdb_bind_info info, struct range *range, struct iso_error *err)
{
    *range = (struct range){TIME_MIN_US, TIME_MAX_US};
    ISO_TRY(read_time(info, "from", &range->from_us, err));
    return read_time(info, "to", &range->to_us, err);
}

iso_status sql_read_last(duckdb_bind_info info, size_t *last, struct iso_error *err)
{
    int64_t count;
    char *text = sql_parameter(info, "last");
    bool good = text == NULL || (integer_parse(text, text + strlen(text), &count) && count > 0);
    *last = text != NULL && good ? (size_t)count : 0;
    duckdb_free(text);
    if (!good) {
        ISO_FAIL(BAD_ARGUMENT, err, "last wants a whole number of bars, 1 or more");
    }
    return ISO_OK;
}

void sql_add_parameters(duckdb_table_function function, const char *const *names, size_t count,
                        duckdb_type type)
{
    duckdb_logical_type logical = duckdb_create_logical_type(type);
    for (size_t i = 0; i < count; i++) {
        duckdb_table_function_add_named_parameter(function, names[i], logical);
    }
    duckdb_destroy_logical_type(&logical);
}

iso_status sql_register_function(duckdb_connection connection, duckdb_table_function *function,
                                 const char *name, struct iso_error *err)
{
    duckdb_table_function_set_name(*function, name);
    duckdb_state state = duckdb_register_table_function(connection, *function);
    duckdb_destroy_table_function(function);
    if (state != DuckDBSuccess) {
        ISO_FAIL(QUERY, err, "DuckDB %s does not take the table function %s",
                 duckdb_library_version(), name);
    }
    return ISO_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "local/duck.h"

#include <string.h>

static const char *const settings[][2] = {
    {"autoinstall_known_extensions", "false"},
    {"autoload_known_extensions", "false"},
    {"threads", "1"},
};

static iso_status make_config(duckdb_config *config, struct iso_error *err)
{
    bool made = duckdb_create_config(config) == DuckDBSuccess;
    for (size_t i = 0; made && i < sizeof settings / sizeof settings[0]; i++) {
        made = duckdb_set_config(*config, settings[i][0], settings[i][1]) == DuckDBSuccess;
    }
    if (!made) {
        duckdb_destroy_config(config);
        ISO_FAIL(QUERY, err, "DuckDB %s takes no settings", duckdb_library_version());
    }
    return ISO_OK;
}

iso_status duck_open(struct duck *duck, struct iso_error *err)
{
    char *why = NULL;
    duckdb_config config = NULL;
    ISO_TRY(make_config(&config, err));
    duckdb_state state = duckdb_open_ext(NULL, &duck->database, config, &why);
    duckdb_destroy_config(&config);
    if (state != DuckDBSuccess) {
        iso_status status = iso_fail(ISO_ERROR_QUERY, err, "DuckDB does not start: %s",
                                     why != NULL ? why : "no reason given");
        duckdb_free(why);
        return status;
    }
    if (duckdb_connect(duck->database, &duck->connection) != DuckDBSuccess) {
        ISO_FAIL(QUERY, err, "DuckDB gives no connection");
    }
    return ISO_OK;
}

void duck_close(struct duck *duck)
{
    if (duck->connection != NULL) {
        duckdb_disconnect(&duck->connection);
    }
    if (duck->database != NULL) {
        duckdb_close(&duck->database);
    }
}

iso_status duck_run(struct duck *duck, const char *sql, struct iso_error *err)
{
    duckdb_result result = {0};
    iso_status status = ISO_OK;
    if (duckdb_query(duck->connection, sql, &result) != DuckDBSuccess) {
        status = iso_fail(ISO_ERROR_QUERY, err, "%s", duckdb_result_error(&result));
    }
    duckdb_destroy_result(&result);
    return status;
}

iso_status duck_query(struct duck *duck, const char *sql, struct duck_rows *rows,
                      struct iso_error *err)
{
    if (duckdb_prepare(duck->connection, sql, &rows->statement) != DuckDBSuccess) {
        ISO_FAIL(QUERY, err, "%s", duckdb_prepare_error(rows->statement));
    }
    rows->has_result = true;
    if (duckdb_execute_prepared_streaming(rows->statement, &rows->result) != DuckDBSuccess) {
        ISO_FAIL(QUERY, err, "%s", duckdb_result_error(&rows->result));
    }
    return ISO_OK;
}

static void drop_chunk(struct duck_rows *rows)
{
    if (rows->chunk != NULL) {
        duckdb_destroy_data_chunk(&rows->chunk);
    }
}

void duck_rows_reset(struct duck_rows *rows)
{
    drop_chunk(rows);
    if (rows->has_result) {
        duckdb_destroy_result(&rows->result);
        rows->has_result = false;
    }
    if (rows->statement != NULL) {
        duckdb_destroy_prepare(&rows->statement);
    }
}

iso_status duck_next(struct duck_rows *rows, size_t *count, struct iso_error *err)
{
    drop_chunk(rows);
    rows->chunk = duckdb_fetch_chunk(rows->result);
    *count = rows->chunk != NULL ? (size_t)duckdb_data_chunk_get_size(rows->chunk) : 0;
    const char *why = rows->chunk == NULL ? duckdb_result_error(&rows->result) : NULL;
    if (why != NULL && why[0] != '\0') {
        ISO_FAIL(QUERY, err, "%s", why);
    }
    return ISO_OK;
}

const void *duck_column(struct duck_rows *rows, size_t column, uint64_t **validity)
{
    duckdb_vector vector = duckdb_data_chunk_get_vector(rows->chunk, column);
    *validity = duckdb_vector_get_validity(vector);
    return duckdb_vector_get_data(vector);
}

static void add_quoted(struct text *sql, const char *string, char quote)
{
    text_add_char(sql, quote);
    for (const char *at = string; *at != '\0'; at++) {
        if (*at == quote) {
            text_add_char(sql, quote);
        }
        text_add_char(sql, *at);
    }
    text_add_char(sql, quote);
}

void duck_add_literal(struct text *sql, const char *string)
{
    add_quoted(sql, string, '\'');
}

void duck_add_name(struct text *sql, const char *name)
{
    add_quoted(sql, name, '"');
}

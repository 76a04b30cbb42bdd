/* SPDX-License-Identifier: Apache-2.0 */
#include "local/sql.h"

#include "cli/command.h"

#include <string.h>

enum { FLUSH_BYTES = 1 << 16 };

/* Where rows go: CSV and JSON leave as they come, a table waits for its widest cell. */
struct printing {
    struct text text;
    struct json json;
    struct table table;
    bool is_json;
    bool is_table;
};

static void printing_reset(struct printing *printing)
{
    text_reset(&printing->text);
    text_reset(&printing->table.cells);
}

static void add_csv_field(struct text *text, const char *field)
{
    if (strpbrk(field, ",\"\r\n") == NULL) {
        text_add(text, field);
        return;
    }
    text_add_char(text, '"');
    for (; *field != '\0'; field++) {
        text_addf(text, "%s%c", *field == '"' ? "\"" : "", *field);
    }
    text_add_char(text, '"');
}

static iso_status begin(void *context, const char *const *names, size_t column_count,
                        struct iso_error *err)
{
    struct printing *printing = context;
    if (printing->is_json) {
        result_json_begin(&printing->json);
        json_begin_array(&printing->json, "rows");
    } else if (printing->is_table && column_count > TABLE_COLUMNS_MAX) {
        ISO_FAIL(LIMIT, err, "a table shows at most %d columns; use --format csv or json",
                 TABLE_COLUMNS_MAX);
    } else if (printing->is_table) {
        table_begin(&printing->table, names, column_count);
    } else {
        for (size_t i = 0; i < column_count; i++) {
            text_add(&printing->text, i > 0 ? "," : "");
            add_csv_field(&printing->text, names[i]);
        }
        text_add_char(&printing->text, '\n');
    }
    return ISO_OK;
}

static void add_json(struct json *json, const char *name, const struct sql_value *value)
{
    switch (value->kind) {
    case SQL_NULL:
        json_add_null(json, name);
        break;
    case SQL_BOOL:
        json_add_bool(json, name, value->integer != 0);
        break;
    case SQL_INTEGER:
        json_add_integer(json, name, value->integer);
        break;
    case SQL_NUMBER:
        json_add_number(json, name, value->number);
        break;
    case SQL_TEXT:
        json_add_string(json, name, value->text);
        break;
    }
}

static void value_text(const struct sql_value *value, struct text *text)
{
    text_clear(text);
    switch (value->kind) {
    case SQL_NULL:
        break;
    case SQL_BOOL:
        text_add(text, value->integer != 0 ? "true" : "false");
        break;
    case SQL_INTEGER:
        text_addf(text, "%lld", (long long)value->integer);
        break;
    case SQL_NUMBER:
        text_add_number(text, value->number);
        break;
    case SQL_TEXT:
        text_add(text, value->text);
        break;
    }
}

static iso_status print_row(void *context, const char *const *names, const struct sql_value *values,
                            size_t column_count, struct iso_error *err)
{
    struct printing *printing = context;
    ISO_DEFER(text_reset) struct text field = {0};
    if (interrupted()) {
        return interrupted_status(err);
    }
    if (printing->is_json) {
        json_begin_object(&printing->json, NULL);
        for (size_t i = 0; i < column_count; i++) {
            add_json(&printing->json, names[i], &values[i]);
        }
        json_end_object(&printing->json);
    } else {
        for (size_t i = 0; i < column_count; i++) {
            value_text(&values[i], &field);
            if (printing->is_table) {
                table_cell(&printing->table, "%s", text_get(&field));
            } else {
                text_add(&printing->text, i > 0 ? "," : "");
                add_csv_field(&printing->text, text_get(&field));
            }
        }
        text_add(&printing->text, printing->is_table ? "" : "\n");
    }
    if (printing->text.length >= FLUSH_BYTES) {
        ISO_TRY(result_write(&printing->text, err));
        text_clear(&printing->text);
    }
    return text_check(&field, err);
}

iso_status command_sql(struct call *call, struct iso_error *err)
{
    ISO_DEFER(printing_reset) struct printing printing = {0};
    ISO_DEFER(store_close) struct store *store = NULL;
    const char *format = call_text(call, OPTION_format);
    struct sql_report report;
    signals_default(); /* nothing is written, so a signal may end it at once, in the middle of a
                          query */
    printing.is_json = call_flag(call, OPTION_json) || strcmp(format, "json") == 0;
    printing.is_table = !printing.is_json && strcmp(format, "table") == 0;
    printing.json.text = &printing.text;
    ISO_TRY(call_store(call, STORE_READ, &store, err)); /* fails early where there is none */
    ISO_TRY(sql_run(store_os(store), store_directory(store), call->arguments[0], begin, print_row,
                    &printing, &report, err));
    if (printing.is_json) {
        json_end_array(&printing.json);
        return result_json_end(&printing.json, err);
    }
    if (printing.is_table) {
        table_end(&printing.table, &printing.text);
    }
    return result_write(&printing.text, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sql_print.h"

#include "market/time.h"

#include <math.h>
#include <string.h>

enum { ROWS_AT_ONCE = 1024 }; /* they settle the widths of a table */

struct sql_printer {
    const struct call *call;
    const struct sql_format *format;
    struct text text;
    struct text field;
    struct json json;
    struct table table;
    size_t rows;
    bool begun;
    bool rounded;
    bool is_plan; /* a drawing of several lines, which no table may touch */
};

/* A form of output. A table keeps its rows for a while; the others print them at once. */
struct sql_format {
    const char *name;
    enum table_style style;
    iso_status (*begin)(struct sql_printer *printer, const struct sql_column *columns,
                        size_t column_count, struct iso_error *err);
    void (*row)(struct sql_printer *printer, const struct sql_column *columns,
                const struct sql_value *values, size_t column_count);
    void (*end)(struct sql_printer *printer, const struct sql_report *report);
};

static void value_text(const struct call *call, const struct sql_value *value, struct text *text)
{
    char time[TIME_TEXT_BYTES];
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
        text_add(text, isnan(value->number) ? "nan" : "");
        text_add_number(text, value->number);
        break;
    case SQL_TIME:
        text_append(text, time, call_time(call, value->integer, time));
        break;
    case SQL_DIGITS:
    case SQL_TEXT:
        text_add(text, value->text);
        break;
    }
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

static iso_status begin_csv(struct sql_printer *printer, const struct sql_column *columns,
                            size_t column_count, struct iso_error *err)
{
    for (size_t i = 0; i < column_count; i++) {
        text_add(&printer->text, i > 0 ? "," : "");
        add_csv_field(&printer->text, columns[i].name);
    }
    text_add_char(&printer->text, '\n');
    return text_check(&printer->text, err);
}

static void row_csv(struct sql_printer *printer, const struct sql_column *columns,
                    const struct sql_value *values, size_t column_count)
{
    (void)columns;
    for (size_t i = 0; i < column_count; i++) {
        value_text(printer->call, &values[i], &printer->field);
        text_add(&printer->text, i > 0 ? "," : "");
        add_csv_field(&printer->text, text_get(&printer->field));
    }
    text_add_char(&printer->text, '\n');
}

static void end_csv(struct sql_printer *printer, const struct sql_report *report)
{
    (void)printer;
    (void)report;
}

/* The array of rows is there also where a statement has no result. */
static void open_json(struct sql_printer *printer)
{
    printer->json = (struct json){.text = &printer->text};
    result_json_begin(&printer->json);
    json_begin_array(&printer->json, "rows");
}

static iso_status begin_json(struct sql_printer *printer, const struct sql_column *columns,
                             size_t column_count, struct iso_error *err)
{
    (void)columns;
    (void)column_count;
    open_json(printer);
    return text_check(&printer->text, err);
}

static void add_json(struct sql_printer *printer, const char *name, const struct sql_value *value)
{
    struct json *json = &printer->json;
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
        json_add_real(json, name, value->number);
        break;
    case SQL_DIGITS:
        json_add_digits(json, name, value->text);
        break;
    case SQL_TIME:
    case SQL_TEXT:
        value_text(printer->call, value, &printer->field);
        json_add_string(json, name, text_get(&printer->field));
        break;
    }
}

static void row_json(struct sql_printer *printer, const struct sql_column *columns,
                     const struct sql_value *values, size_t column_count)
{
    json_begin_object(&printer->json, NULL);
    for (size_t i = 0; i < column_count; i++) {
        add_json(printer, columns[i].name, &values[i]);
    }
    json_end_object(&printer->json);
}

static void end_json(struct sql_printer *printer, const struct sql_report *report)
{
    struct json *json = &printer->json;
    if (!printer->begun) {
        open_json(printer);
    }
    json_end_array(json);
    json_begin_object(json, "coverage");
    json_add_bool(json, "complete", report->missing_count == 0);
    json_begin_array(json, "missing");
    for (size_t i = 0; i < report->missing_count; i++) {
        const struct sql_missing *missing = &report->missing[i];
        char time[TIME_TEXT_BYTES];
        json_begin_object(json, NULL);
        json_add_string(json, "symbol", missing->series.symbol);
        json_add_string(json, "interval", missing->series.interval->name);
        (void)time_format(missing->missing.range.from_us, time);
        json_add_string(json, "from", time);
        (void)time_format(missing->missing.range.to_us, time);
        json_add_string(json, "to", time);
        json_add_string(json, "reason", missing->missing.reason);
        json_end_object(json);
    }
    json_end_array(json);
    json_end_object(json);
    json_end_object(json);
    text_add_char(&printer->text, '\n');
}

static iso_status begin_table(struct sql_printer *printer, const struct sql_column *columns,
                              size_t column_count, struct iso_error *err)
{
    const char *heads[TABLE_COLUMNS_MAX] = {NULL};
    if (column_count > TABLE_COLUMNS_MAX) {
        ISO_FAIL(LIMIT, err, "a table shows at most %d columns; use --format csv or json",
                 TABLE_COLUMNS_MAX);
    }
    for (size_t i = 0; i < column_count; i++) {
        heads[i] = columns[i].name;
    }
    table_begin(&printer->table, heads, column_count);
    for (size_t i = 0; i < column_count; i++) {
        printer->table.right[i] = columns[i].is_number;
    }
    printer->is_plan = column_count == 2 && strcmp(columns[1].name, "explain_value") == 0;
    printer->table.style = printer->format->style;
    printer->table.screen = call_screen(printer->call);
    return ISO_OK;
}

/* Ten digits, and no exponent where the number is merely large. */
static void round_number(double number, struct text *text)
{
    if (isfinite(number)) {
        text_clear(text);
        text_addf(text, fabs(number) < 1e10 ? "%.10g" : "%.0f", number);
    }
}

static void row_table(struct sql_printer *printer, const struct sql_column *columns,
                      const struct sql_value *values, size_t column_count)
{
    (void)columns;
    if (printer->is_plan) {
        value_text(printer->call, &values[1], &printer->field);
        text_addf(&printer->text, "%s\n", text_get(&printer->field));
        return;
    }
    for (size_t i = 0; i < column_count; i++) {
        value_text(printer->call, &values[i], &printer->field);
        if (printer->rounded && values[i].kind == SQL_NUMBER) {
            round_number(values[i].number, &printer->field);
        }
        table_add(&printer->table, text_get(&printer->field));
    }
    if (printer->rows % ROWS_AT_ONCE == 0) {
        table_flush(&printer->table, &printer->text);
    }
}

static void end_table(struct sql_printer *printer, const struct sql_report *report)
{
    (void)report;
    if (printer->begun && !printer->is_plan) {
        table_end(&printer->table, &printer->text);
    }
}

/* clang-format off */
static const struct sql_format formats[] = {
    {"table", TABLE_PLAIN, begin_table, row_table, end_table},
    {"box", TABLE_BOX, begin_table, row_table, end_table},
    {"markdown", TABLE_MARKDOWN, begin_table, row_table, end_table},
    {"csv", TABLE_PLAIN, begin_csv, row_csv, end_csv},
    {"json", TABLE_PLAIN, begin_json, row_json, end_json},
};
/* clang-format on */
enum { FORMAT_COUNT = sizeof formats / sizeof formats[0] };

static const struct sql_format *format_named(const char *name)
{
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        if (strcmp(formats[i].name, name) == 0) {
            return &formats[i];
        }
    }
    return NULL;
}

bool query_has_format(const char *format)
{
    return format_named(format) != NULL;
}

static iso_status check_format(const char *format, struct iso_error *err)
{
    if (!query_has_format(format)) {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "a query is printed as table, box, markdown, csv or json, not %.20s; "
                 "\"COPY (SELECT ...) TO 'FILE' (FORMAT parquet)\" writes Parquet",
                 format);
    }
    return ISO_OK;
}

iso_status sql_printer_new(const struct call *call, const char *format,
                           struct sql_printer **printer, struct iso_error *err)
{
    struct sql_printer *made;
    ISO_TRY(check_format(format, err));
    ISO_NEW(made, 1, err);
    made->call = call;
    made->format = format_named(format);
    *printer = made;
    return ISO_OK;
}

void sql_printer_free(struct sql_printer **printer)
{
    if (*printer != NULL) {
        text_reset(&(*printer)->text);
        text_reset(&(*printer)->field);
        table_reset(&(*printer)->table);
        free(*printer);
        *printer = NULL;
    }
}

static iso_status begin(void *context, const struct sql_column *columns, size_t column_count,
                        struct iso_error *err)
{
    struct sql_printer *printer = context;
    ISO_TRY(printer->format->begin(printer, columns, column_count, err));
    printer->begun = true;
    return ISO_OK;
}

static iso_status add_row(void *context, const struct sql_column *columns,
                          const struct sql_value *values, size_t column_count,
                          struct iso_error *err)
{
    struct sql_printer *printer = context;
    printer->rows++;
    printer->format->row(printer, columns, values, column_count);
    ISO_TRY(text_check(&printer->field, err));
    bool due = printer->rows % ROWS_AT_ONCE == 0; /* asking about the terminal costs a call */
    return due ? result_flow(printer->call, &printer->text, printer->rows, err) : ISO_OK;
}

struct sql_sink sql_printer_sink(struct sql_printer *printer)
{
    const struct call *call = printer->call;
    bool limited = call_has(call, OPTION_limit);
    return (struct sql_sink){.begin = begin,
                             .row = add_row,
                             .context = printer,
                             .rows_max = limited ? (size_t)call_integer(call, OPTION_limit) : 0,
                             .cancelled = interrupt_flag()};
}

iso_status sql_printer_end(struct sql_printer *printer, const struct sql_report *report,
                           struct iso_error *err)
{
    printer->format->end(printer, report);
    ISO_TRY(result_write(&printer->text, err));
    for (size_t i = 0; i < report->missing_count; i++) {
        const struct sql_missing *missing = &report->missing[i];
        result_say_missing(printer->call, &missing->series, &missing->missing);
    }
    return ISO_OK;
}

iso_status query_print_by(struct sql *sql, const struct call *call, const char *format,
                          const char *query, bool rounded, bool *complete, struct iso_error *err)
{
    ISO_DEFER(sql_printer_free) struct sql_printer *printer = NULL;
    struct sql_report report;
    ISO_TRY(sql_printer_new(call, format, &printer, err));
    printer->rounded = rounded;
    struct sql_sink sink = sql_printer_sink(printer);
    ISO_TRY(sql_run(sql, query, &sink, &report, err));
    ISO_TRY(sql_printer_end(printer, &report, err));
    if (call_flag(call, OPTION_explain)) {
        result_say_work(call, report.work);
    }
    *complete = report.missing_count == 0;
    return ISO_OK;
}

iso_status query_print(struct call *call, const char *query, bool rounded, struct iso_error *err)
{
    ISO_DEFER(sql_close) struct sql *sql = NULL;
    const char *format = call_flag(call, OPTION_json) ? "json" : call_text(call, OPTION_format);
    bool complete;
    ISO_TRY(check_format(format, err)); /* before a store is looked for */
    ISO_TRY(sql_open(os_system(), call_text(call, OPTION_store), &sql, err));
    ISO_TRY(query_print_by(sql, call, format, query, rounded, &complete, err));
    call->exit_code = complete ? ISO_CLASS_OK : ISO_CLASS_PROBLEM;
    return ISO_OK;
}

void query_add_string(struct text *query, const char *text)
{
    text_add_char(query, '\'');
    for (; *text != '\0'; text++) {
        text_addf(query, "%s%c", *text == '\'' ? "'" : "", *text);
    }
    text_add_char(query, '\'');
}

void query_add_option(struct text *query, const struct call *call, enum option_id id)
{
    if (call_has(call, id)) {
        text_addf(query, ", %s := ", option_row(id)->name);
        query_add_string(query, call_text(call, id));
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "local/import.h"
#include "cli/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { REDRAW_US = 100000, BAR_CELLS = 20, FILE_CELL_BYTES = 26 };

/* All files of one call, and what became of them so far. */
struct imports {
    struct call *call;
    struct store *store;
    struct import_request request; /* but for the path */
    struct json *json;             /* NULL: rows of the table */
    struct table *table;
    struct import_counts total;
    int64_t began_us;
    int64_t file_began_us;
    int64_t drawn_us;
    bool drawn; /* the progress line stands on the terminal */
};

static int64_t now_us(void)
{
    const struct os *os = os_system();
    return os->monotonic_us(os->context);
}

static void clear_progress(struct imports *imports)
{
    if (imports->drawn) {
        (void)fputs("\r\033[K", stderr);
        imports->drawn = false;
    }
}

/* On a terminal: a bar, the rate and the time that is left, redrawn ten times a second. */
static void draw_progress(void *context, const struct import_progress *progress)
{
    struct imports *imports = context;
    int64_t at_us = now_us();
    double seconds = (double)(at_us - imports->file_began_us) / 1e6;
    if (!call_draws(imports->call) || at_us - imports->drawn_us < REDRAW_US || seconds <= 0) {
        return;
    }
    double share = progress->total_bytes > 0
                       ? (double)progress->done_bytes / (double)progress->total_bytes
                       : 1;
    char bar[BAR_CELLS + 1];
    for (int i = 0; i < BAR_CELLS; i++) {
        bar[i] = i < (int)(share * BAR_CELLS) ? '#' : '.';
    }
    bar[BAR_CELLS] = '\0';
    const char *slash = strrchr(imports->request.path, '/');
    (void)fprintf(stderr, "\r\033[K%.24s [%s] %3.0f %%  %.2f M rows/s  %.0f s left",
                  slash != NULL ? slash + 1 : imports->request.path, bar, share * 100,
                  (double)progress->rows / seconds / 1e6,
                  share > 0 ? seconds / share - seconds : 0.0);
    imports->drawn_us = at_us;
    imports->drawn = true;
}

static void json_counts(struct json *json, const struct import_counts *counts)
{
    json_add_integer(json, "rows_read", (int64_t)counts->rows_read);
    json_add_integer(json, "stored", (int64_t)counts->stored);
    json_add_integer(json, "duplicates", (int64_t)counts->duplicates);
    json_add_integer(json, "corrected", (int64_t)counts->corrected);
    json_add_integer(json, "quarantined", (int64_t)counts->quarantined);
    json_add_integer(json, "gaps", (int64_t)counts->gaps);
}

static void json_series(const struct imports *imports, const struct import_series *series,
                        const struct import_report *report, const char *error)
{
    struct json *json = imports->json;
    bool named = series->symbol[0] != '\0';
    bool explained = call_flag(imports->call, OPTION_explain);
    json_begin_object(json, NULL);
    json_add_string(json, "file", imports->request.path);
    json_add_string(json, "symbol", named ? series->symbol : NULL);
    json_add_string(json, "interval", series->interval != NULL ? series->interval->name : NULL);
    json_counts(json, &series->counts);
    json_add_string(json, "left_out", text_get(&report->left_out));
    if (explained) {
        json_add_string(json, "explanation", text_get(&report->explanation));
    }
    json_add_string(json, "error", error);
    json_end_object(json);
}

/* The end of a name tells more than its beginning. */
static const char *short_name(const char *path, char target[FILE_CELL_BYTES + 4])
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    size_t length = strlen(name);
    if (length <= FILE_CELL_BYTES) {
        return name;
    }
    (void)snprintf(target, FILE_CELL_BYTES + 4, "..%s", name + length - (FILE_CELL_BYTES - 2));
    return target;
}

static void table_counts(struct table *table, const struct import_counts *counts)
{
    table_cell(table, "%zu", counts->rows_read);
    table_cell(table, "%zu", counts->stored);
    table_cell(table, "%zu", counts->duplicates);
    table_cell(table, "%zu", counts->corrected);
    table_cell(table, "%zu", counts->quarantined);
    table_cell(table, "%zu", counts->gaps);
}

static void show_series(struct imports *imports, const struct import_series *series,
                        const struct import_report *report, const char *error)
{
    const char *path = imports->request.path;
    if (imports->json != NULL) {
        json_series(imports, series, report, error);
        return;
    }
    char name[FILE_CELL_BYTES + 4];
    char what[SYMBOL_BYTES_MAX + 16];
    (void)snprintf(what, sizeof what, "%.10s %s", series->symbol,
                   series->interval != NULL ? series->interval->name : "?");
    table_cell(imports->table, "%s", short_name(path, name));
    table_cell(imports->table, "%s", error != NULL ? "refused" : what);
    table_counts(imports->table, &series->counts);
}

/* Lines for people while the files go by; the table comes last. */
static void say_file(struct imports *imports, const struct import_report *report,
                     const struct iso_error *error)
{
    struct call *call = imports->call;
    clear_progress(imports);
    if (call_flag(call, OPTION_explain)) {
        call_say(call, "%s", text_get(&report->explanation));
    }
    if (error != NULL) {
        (void)fprintf(stderr, "isobar: %s\n", error->text);
    }
}

static iso_status import_one(struct imports *imports, struct iso_error *err)
{
    ISO_DEFER(import_report_reset) struct import_report report = {0};
    struct iso_error why = {0};
    imports->file_began_us = now_us();
    iso_status status = import_file(imports->store, &imports->request, &report, &why);
    bool failed = iso_failed(status);
    say_file(imports, &report, failed ? &why : NULL);
    for (size_t i = 0; i < report.series_count; i++) {
        show_series(imports, &report.series[i], &report, failed ? why.text : NULL);
        import_counts_add(&imports->total, &report.series[i].counts);
    }
    if (failed && report.series_count == 0) {
        struct import_series nothing = {0};
        show_series(imports, &nothing, &report, why.text);
    }
    if (failed) {
        imports->call->exit_code = ISO_CLASS_FAILED;
    }
    if (failed && (iso_status_code(status) == ISO_ERROR_INTERRUPTED || interrupted())) {
        return interrupted_status(err);
    }
    return ISO_OK;
}

static iso_status import_all(struct imports *imports, struct iso_error *err)
{
    struct call *call = imports->call;
    for (int i = 0; i < call->argument_count; i++) {
        imports->request.path = call->arguments[i];
        ISO_TRY(import_one(imports, err));
    }
    return ISO_OK;
}

static iso_status make_request(struct imports *imports, struct iso_error *err)
{
    const struct call *call = imports->call;
    struct import_request *request = &imports->request;
    request->symbol = call_text(call, OPTION_symbol);
    request->columns = call_text(call, OPTION_columns);
    request->progress = draw_progress;
    request->progress_context = imports;
    request->cancelled = interrupt_flag();
    if (call_has(call, OPTION_interval)) {
        struct series series;
        const char *name = call_text(call, OPTION_interval);
        ISO_TRY(series_make(request->symbol != NULL ? request->symbol : "X", name, &series, err));
        request->interval = series.interval;
    }
    request->zone = call_text(call, OPTION_tz);
    request->side = side_named(call_text(call, OPTION_side));
    return ISO_OK;
}

static iso_status print_json(struct imports *imports, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text text = {0};
    struct json json = {.text = &text};
    imports->json = &json;
    result_json_begin(&json);
    json_begin_array(&json, "files");
    iso_status status = import_all(imports, err);
    imports->json = NULL;
    json_end_array(&json);
    json_begin_object(&json, "total");
    json_counts(&json, &imports->total);
    json_add_number(&json, "seconds", (double)(now_us() - imports->began_us) / 1e6);
    json_end_object(&json);
    ISO_TRY(result_json_end(&json, err));
    return status;
}

static iso_status print_table(struct imports *imports, struct iso_error *err)
{
    static const char *const heads[] = {"file",       "series",     ">rows", ">stored",
                                        ">duplicate", ">corrected", ">bad",  ">gaps"};
    ISO_DEFER(text_reset) struct text text = {0};
    struct table table;
    imports->table = &table;
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    iso_status status = import_all(imports, err);
    if (imports->call->argument_count > 1) {
        table_cell(&table, "%s", "total");
        table_cell(&table, "%s", "");
        table_counts(&table, &imports->total);
    }
    imports->table = NULL;
    table_end(&table, &text);
    ISO_TRY(result_write(&text, err));
    return status;
}

/* What a person should know or do after the table. */
static void say_end(const struct imports *imports)
{
    double seconds = (double)(now_us() - imports->began_us) / 1e6;
    call_say(imports->call, "isobar: %zu rows in %.2f s, %.2f M rows/s", imports->total.rows_read,
             seconds, seconds > 0 ? (double)imports->total.rows_read / seconds / 1e6 : 0.0);
    if (imports->total.quarantined > 0) {
        call_say(imports->call, "isobar: %zu rows were refused; \"isobar quarantine ls\" tells why",
                 imports->total.quarantined);
    }
}

iso_status command_import(struct call *call, struct iso_error *err)
{
    ISO_DEFER(store_close) struct store *store = NULL;
    struct imports imports = {.call = call, .began_us = now_us()};
    ISO_TRY(make_request(&imports, err));
    ISO_TRY(call_store(call, STORE_WRITE, &store, err));
    imports.store = store;
    iso_status status =
        call_flag(call, OPTION_json) ? print_json(&imports, err) : print_table(&imports, err);
    say_end(&imports);
    return status;
}

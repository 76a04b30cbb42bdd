/* SPDX-License-Identifier: Apache-2.0 */
#include "local/import.h"
#include "cli/command.h"
#include "local/import_files.h"
#include "local/import_follow.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { REDRAW_US = 100000, LINE_EVERY_US = 5000000, BAR_CELLS = 20, FILE_CELL_BYTES = 26 };

/* All files of one call, and what became of them so far. */
struct imports {
    struct call *call;
    struct store *store; /* NULL until there is something to store, where it is a new one */
    struct import_files files;
    size_t file_index;
    struct import_request request; /* but for the path */
    struct json *json;             /* NULL: rows of the table */
    struct table *table;
    struct import_counts total;
    int64_t began_us;
    int64_t file_began_us;
    int64_t drawn_us;
    bool drawn;                     /* the progress line stands on the terminal */
    struct import_report *followed; /* with --follow: the sums so far */
};

static void imports_reset(struct imports *imports)
{
    import_files_reset(&imports->files);
    store_close(&imports->store);
}

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

/* How far a file is, how fast, and how long it will take; -1 where that cannot be told. */
struct pace {
    double share;
    double rows_per_second;
    double left_seconds;
};

static struct pace pace_of(const struct imports *imports, const struct import_progress *progress,
                           int64_t at_us)
{
    double seconds = (double)(at_us - imports->file_began_us) / 1e6;
    double share = progress->total_bytes > 0
                       ? (double)progress->done_bytes / (double)progress->total_bytes
                       : 0;
    return (struct pace){.share = share,
                         .rows_per_second = seconds > 0 ? (double)progress->rows / seconds : 0,
                         .left_seconds = share > 0 ? seconds / share - seconds : -1};
}

static void draw_bar(const struct imports *imports, const char *name, const struct pace *pace)
{
    char bar[BAR_CELLS + 1];
    char left[32] = "";
    for (int i = 0; i < BAR_CELLS; i++) {
        bar[i] = i < (int)(pace->share * BAR_CELLS) ? '#' : '.';
    }
    bar[BAR_CELLS] = '\0';
    if (pace->left_seconds >= 0) {
        (void)snprintf(left, sizeof left, "  %.0f s left", pace->left_seconds);
    }
    (void)fprintf(stderr, "\r\033[K%zu/%zu %.24s [%s] %3.0f %%  %.2f M rows/s%s",
                  imports->file_index + 1, imports->files.count, name, bar, pace->share * 100,
                  pace->rows_per_second / 1e6, left);
}

/* On a terminal a bar, redrawn ten times a second; else a line every few seconds. */
static void draw_progress(void *context, const struct import_progress *progress)
{
    struct imports *imports = context;
    int64_t at_us = now_us();
    bool draws = call_draws(imports->call);
    int64_t pause_us = draws ? REDRAW_US : LINE_EVERY_US;
    int64_t last_us = draws || imports->drawn_us > 0 ? imports->drawn_us : imports->file_began_us;
    if (call_flag(imports->call, OPTION_quiet) || at_us - last_us < pause_us) {
        return;
    }
    struct pace pace = pace_of(imports, progress, at_us);
    const char *path = import_label(&imports->request);
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    if (draws) {
        draw_bar(imports, name, &pace);
    } else {
        call_say(imports->call, "isobar: %s: %.0f %%, %zu rows, %.2f M rows/s, %.0f s left", name,
                 pace.share * 100, progress->rows, pace.rows_per_second / 1e6,
                 pace.left_seconds >= 0 ? pace.left_seconds : 0.0);
    }
    imports->drawn_us = at_us;
    imports->drawn = draws;
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
    (void)snprintf(what, sizeof what, "%.24s %s", series->symbol,
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

static bool store_exists(const struct call *call)
{
    struct store *store = NULL;
    bool exists = !iso_failed(call_store(call, STORE_READ, &store, NULL));
    store_close(&store);
    return exists;
}

/* A store is made when there is something to put into it: a wrong path must not leave one. */
static iso_status need_store(struct imports *imports, struct iso_error *err)
{
    return imports->store != NULL ? ISO_OK
                                  : call_store(imports->call, STORE_WRITE, &imports->store, err);
}

static iso_status load_and_store(struct imports *imports, struct import_report *report,
                                 struct iso_error *err)
{
    ISO_DEFER(import_free) struct import *import = NULL;
    ISO_TRY(import_load(&imports->request, &import, report, err));
    ISO_TRY(need_store(imports, err));
    return import_store(imports->store, &imports->request, import, report, err);
}

/* What a batch brought, added to what those before it did. */
static iso_status add_batch(void *context, const struct import_report *batch, struct iso_error *err)
{
    struct import_report *sum = ((struct imports *)context)->followed;
    for (size_t i = 0; i < batch->series_count; i++) {
        size_t at = 0;
        while (at < sum->series_count &&
               strcmp(sum->series[at].symbol, batch->series[i].symbol) != 0) {
            at++;
        }
        if (at == sum->series_count) {
            struct import_series *grown = realloc(sum->series, (at + 1) * sizeof *grown);
            if (grown == NULL) {
                ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %zu series", at + 1);
            }
            sum->series = grown;
            sum->series[sum->series_count++] = batch->series[i];
            continue;
        }
        import_counts_add(&sum->series[at].counts, &batch->series[i].counts);
    }
    return ISO_OK;
}

static iso_status follow(struct imports *imports, struct import_report *report,
                         struct iso_error *err)
{
    imports->followed = report;
    ISO_TRY(need_store(imports, err));
    return import_follow(imports->store, &imports->request, add_batch, imports, err);
}

static void show_report(struct imports *imports, const struct import_report *report,
                        const char *error)
{
    static const struct import_series nothing = {0};
    for (size_t i = 0; i < report->series_count; i++) {
        show_series(imports, &report->series[i], report, error);
        import_counts_add(&imports->total, &report->series[i].counts);
    }
    if (report->series_count == 0) {
        show_series(imports, &nothing, report, error);
    }
}

static iso_status import_one(struct imports *imports, struct iso_error *err)
{
    ISO_DEFER(import_report_reset) struct import_report report = {0};
    struct iso_error why = {0};
    imports->file_began_us = now_us();
    imports->drawn_us = 0;
    iso_status status = call_flag(imports->call, OPTION_follow)
                            ? follow(imports, &report, &why)
                            : load_and_store(imports, &report, &why);
    bool failed = iso_failed(status);
    say_file(imports, &report, failed ? &why : NULL);
    show_report(imports, &report, failed ? why.text : NULL);
    if (failed) {
        imports->call->exit_code = ISO_CLASS_FAILED;
    }
    return interrupted() ? interrupted_status(err) : ISO_OK;
}

static iso_status import_all(struct imports *imports, struct iso_error *err)
{
    for (size_t i = 0; i < imports->files.count; i++) {
        imports->file_index = i;
        imports->request.path = imports->files.paths[i];
        ISO_TRY(import_one(imports, err));
    }
    return ISO_OK;
}

static iso_status list_files(struct imports *imports, struct iso_error *err)
{
    const struct call *call = imports->call;
    for (int i = 0; i < call->argument_count; i++) {
        ISO_TRY(import_files_add(&imports->files, call->arguments[i], err));
    }
    if (call_flag(call, OPTION_follow) && imports->files.count > 1) {
        ISO_FAIL(BAD_ARGUMENT, err, "--follow reads one input; start one isobar for each feed");
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
    request->derive_vwap = call_flag(call, OPTION_derive_vwap);
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
    if (imports->files.count > 1) {
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
    ISO_DEFER(imports_reset) struct imports imports = {.call = call, .began_us = now_us()};
    ISO_TRY(make_request(&imports, err));
    ISO_TRY(list_files(&imports, err));
    if (store_exists(call)) {
        ISO_TRY(need_store(&imports, err));
    }
    iso_status status =
        call_flag(call, OPTION_json) ? print_json(&imports, err) : print_table(&imports, err);
    say_end(&imports);
    return status;
}

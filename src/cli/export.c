/* SPDX-License-Identifier: Apache-2.0 */
#include "local/export.h"
#include "cli/command.h"

#include <string.h>

/* The series that the arguments choose: all where they name none. */
struct chosen {
    const struct call *call;
    const struct interval *interval; /* NULL: any */
    struct series *series;
    size_t count;
};

static bool is_named(const struct call *call, const char *symbol)
{
    for (int i = 0; i < call->argument_count; i++) {
        if (strcmp(call->arguments[i], symbol) == 0) {
            return true;
        }
    }
    return call->argument_count == 0;
}

static iso_status choose(void *context, const struct series_row *row, struct iso_error *err)
{
    struct chosen *chosen = context;
    bool wanted = chosen->interval == NULL || chosen->interval == row->series.interval;
    if (!wanted || !is_named(chosen->call, row->series.symbol)) {
        return ISO_OK;
    }
    struct series *grown = realloc(chosen->series, (chosen->count + 1) * sizeof *grown);
    if (grown == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %zu series", chosen->count + 1);
    }
    chosen->series = grown;
    chosen->series[chosen->count++] = row->series;
    return ISO_OK;
}

static void chosen_reset(struct chosen *chosen)
{
    free(chosen->series);
}

/* Every symbol that was named must be there: a typing error is no empty file. */
static iso_status check_named(const struct chosen *chosen, struct iso_error *err)
{
    const struct call *call = chosen->call;
    for (int i = 0; i < call->argument_count; i++) {
        bool found = false;
        for (size_t j = 0; j < chosen->count; j++) {
            found = found || strcmp(call->arguments[i], chosen->series[j].symbol) == 0;
        }
        if (!found) {
            ISO_FAIL(NOT_FOUND, err, "the store has no series %.64s%s%s; see isobar ls",
                     call->arguments[i], chosen->interval != NULL ? " at " : "",
                     chosen->interval != NULL ? chosen->interval->name : "");
        }
    }
    return ISO_OK;
}

static iso_status print_report(const struct call *call, const char *path,
                               const struct export_report *report, struct iso_error *err)
{
    if (!call_flag(call, OPTION_json)) {
        call_say(call, "isobar: %zu rows, %zu bytes to %s%s", report->rows, report->bytes, path,
                 report->file_count > 1 ? " and below" : "");
        return ISO_OK;
    }
    ISO_DEFER(text_reset) struct text text = {0};
    struct json json = {.text = &text};
    result_json_begin(&json);
    json_add_integer(&json, "rows", (int64_t)report->rows);
    json_add_integer(&json, "bytes", (int64_t)report->bytes);
    json_begin_array(&json, "files");
    for (size_t i = 0; i < report->file_count; i++) {
        json_add_string(&json, NULL, report->files[i]);
    }
    json_end_array(&json);
    result_json_coverage(&json, &report->coverage);
    return result_json_end(&json, err);
}

/* CSV where nothing is said, else what the table names. */
static iso_status find_format(const struct call *call, enum export_format *format,
                              struct iso_error *err)
{
    static const struct {
        const char *name;
        enum export_format format;
    } formats[] = {{"csv", EXPORT_CSV}, {"parquet", EXPORT_PARQUET}, {"duckdb", EXPORT_DUCKDB}};
    const char *name = call_given(call, OPTION_format) ? call_text(call, OPTION_format) : "csv";
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(formats[i].name, name) == 0) {
            *format = formats[i].format;
            return ISO_OK;
        }
    }
    ISO_FAIL(BAD_ARGUMENT, err, "export writes --format csv, parquet or duckdb; %s",
             strcmp(name, "arrow") == 0 ? "the Python package gives Arrow"
                                        : "\"isobar get\" prints tables and JSON");
}

static iso_status make_request(struct call *call, struct chosen *chosen,
                               struct export_request *request, struct iso_error *err)
{
    ISO_TRY(find_format(call, &request->format, err));
    request->partitioned = call_flag(call, OPTION_partition);
    ISO_TRY(call_require(call, OPTION_output, &request->path, err));
    ISO_TRY(call_range(call, &request->range, err));
    if (call_flag(call, OPTION_json) && strcmp(request->path, "-") == 0) {
        ISO_FAIL(BAD_ARGUMENT, err, "-o - and --json both want standard output");
    }
    if (call_has(call, OPTION_interval)) {
        struct series series;
        ISO_TRY(series_make("X", call_text(call, OPTION_interval), &series, err));
        chosen->interval = series.interval;
    }
    request->cancelled = interrupt_flag();
    return ISO_OK;
}

iso_status command_export(struct call *call, struct iso_error *err)
{
    ISO_DEFER(store_close) struct store *store = NULL;
    ISO_DEFER(chosen_reset) struct chosen chosen = {.call = call};
    ISO_DEFER(export_report_reset) struct export_report report = {0};
    struct export_request request = {0};
    ISO_TRY(make_request(call, &chosen, &request, err));
    ISO_TRY(call_store(call, STORE_READ, &store, err));
    ISO_TRY(store_each_series(store, choose, &chosen, err));
    ISO_TRY(check_named(&chosen, err));
    request.series = chosen.series;
    request.series_count = chosen.count;
    iso_status status = export_bars(store, &request, &report, err);
    if (iso_failed(status)) {
        return interrupted() ? interrupted_status(err) : status;
    }
    result_say_coverage(call, &report.coverage);
    call->exit_code = report.coverage.complete ? ISO_CLASS_OK : ISO_CLASS_PROBLEM;
    return print_report(call, request.path, &report, err);
}

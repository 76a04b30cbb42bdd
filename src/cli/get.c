/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"
#include "cli/get_parquet.h"
#include "local/bars_csv.h"
#include "market/time.h"

#include <string.h>

enum { ROWS_AT_ONCE = 8192 };

static const char *const value_names[] = {
#define X(name) #name,
    BAR_VALUE_TABLE(X)
#undef X
};

/* Where the bars go, a part at a time, so that memory stays small however many there are. */
struct bar_printer {
    const struct call *call;
    struct text text;
    struct json json;
    struct table table;
    size_t printed;
};

/* A form of output: what it prints before, for each part, and behind the bars. */
struct bar_format {
    const char *name;
    void (*begin)(struct bar_printer *printer, const struct bar_stream *stream);
    void (*add)(struct bar_printer *printer, const struct series *series, const struct bars *bars);
    void (*end)(struct bar_printer *printer, const struct bar_stream *stream);
};

static void begin_csv(struct bar_printer *printer, const struct bar_stream *stream)
{
    (void)stream;
    bars_csv_head(&printer->text);
}

static void add_csv(struct bar_printer *printer, const struct series *series,
                    const struct bars *bars)
{
    bars_csv_rows(&printer->text, series, bars);
}

static void end_csv(struct bar_printer *printer, const struct bar_stream *stream)
{
    (void)printer;
    (void)stream;
}

static void begin_json(struct bar_printer *printer, const struct bar_stream *stream)
{
    const struct series *series = bar_stream_series(stream);
    printer->json.text = &printer->text;
    result_json_begin(&printer->json);
    json_add_string(&printer->json, "symbol", series->symbol);
    json_add_string(&printer->json, "interval", series->interval->name);
    json_begin_array(&printer->json, "bars");
}

static void add_json(struct bar_printer *printer, const struct series *series,
                     const struct bars *bars)
{
    struct json *json = &printer->json;
    (void)series;
    for (size_t i = 0; i < bars->count; i++) {
        char time[TIME_TEXT_BYTES];
        (void)call_time(printer->call, bars->time_us[i], time);
        json_begin_object(json, NULL);
        json_add_string(json, "timestamp", time);
        for (size_t j = 0; j < BAR_VALUE_COUNT; j++) {
            json_add_real(json, value_names[j], bars->value[j][i]);
        }
        if (bars->trade_count[i] == BAR_COUNT_ABSENT) {
            json_add_null(json, "trade_count");
        } else {
            json_add_integer(json, "trade_count", bars->trade_count[i]);
        }
        json_end_object(json);
    }
}

static void end_json(struct bar_printer *printer, const struct bar_stream *stream)
{
    struct json *json = &printer->json;
    json_end_array(json);
    result_json_coverage(json, bar_stream_coverage(stream));
    if (call_has(printer->call, OPTION_resample)) {
        struct bar_edges edges = bar_stream_edges(stream);
        json_begin_object(json, "resampled");
        json_add_string(json, "from", printer->call->arguments[1]);
        json_add_string(json, "origin", resample_origin(bar_stream_series(stream)->interval));
        json_add_bool(json, "first_is_partial", edges.first_is_partial);
        json_add_bool(json, "last_is_partial", edges.last_is_partial);
        json_end_object(json);
    }
    json_end_object(json);
    text_add_char(&printer->text, '\n');
}

static void begin_table(struct bar_printer *printer, const struct bar_stream *stream)
{
    static const char *const heads[] = {"timestamp", ">open",   ">high", ">low",
                                        ">close",    ">volume", ">vwap", ">trades"};
    (void)stream;
    table_begin(&printer->table, heads, sizeof heads / sizeof heads[0]);
    printer->table.screen = call_screen(printer->call);
}

static void add_table(struct bar_printer *printer, const struct series *series,
                      const struct bars *bars)
{
    (void)series;
    for (size_t i = 0; i < bars->count; i++) {
        char cell[TIME_TEXT_BYTES];
        (void)call_time(printer->call, bars->time_us[i], cell);
        table_add(&printer->table, cell);
        for (size_t j = 0; j < BAR_VALUE_COUNT; j++) {
            table_number(&printer->table, bars->value[j][i]);
        }
        if (bars->trade_count[i] == BAR_COUNT_ABSENT) {
            table_add(&printer->table, "");
        } else {
            table_cell(&printer->table, "%lld", (long long)bars->trade_count[i]);
        }
    }
    table_flush(&printer->table, &printer->text);
}

static void end_table(struct bar_printer *printer, const struct bar_stream *stream)
{
    (void)stream;
    table_end(&printer->table, &printer->text);
}

static const struct bar_format formats[] = {
    {"table", begin_table, add_table, end_table},
    {"csv", begin_csv, add_csv, end_csv},
    {"json", begin_json, add_json, end_json},
};
enum { FORMAT_COUNT = sizeof formats / sizeof formats[0] };

static iso_status choose_format(const struct call *call, const struct bar_format **chosen,
                                struct iso_error *err)
{
    const char *name = call_flag(call, OPTION_json) ? "json" : call_text(call, OPTION_format);
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        if (strcmp(formats[i].name, name) == 0) {
            *chosen = &formats[i];
            return ISO_OK;
        }
    }
    ISO_FAIL(BAD_ARGUMENT, err, "isobar get prints --format table, csv, json or parquet, not %s",
             name);
}

static void bar_printer_reset(struct bar_printer *printer)
{
    text_reset(&printer->text);
    table_reset(&printer->table);
}

/* Print a part in pieces, so that text stays small too. */
static iso_status print_part(struct bar_printer *printer, const struct bar_format *format,
                             const struct series *series, const struct bars *part,
                             struct iso_error *err)
{
    for (size_t at = 0; at < part->count; at += ROWS_AT_ONCE) {
        size_t count = part->count - at < ROWS_AT_ONCE ? part->count - at : ROWS_AT_ONCE;
        struct bars piece = bars_slice(part, at, count);
        format->add(printer, series, &piece);
        printer->printed += count;
        ISO_TRY(result_flow(printer->call, &printer->text, printer->printed, err));
    }
    return ISO_OK;
}

static iso_status print_all(struct bar_printer *printer, const struct bar_format *format,
                            struct bar_stream *stream, struct iso_error *err)
{
    const struct call *call = printer->call;
    ISO_DEFER(bars_reset) struct bars part = {0};
    size_t left =
        call_has(call, OPTION_limit) ? (size_t)call_integer(call, OPTION_limit) : SIZE_MAX;
    format->begin(printer, stream);
    ISO_TRY(bar_stream_next(stream, &part, err));
    while (part.count > 0 && left > 0) {
        part.count = part.count < left ? part.count : left;
        left -= part.count;
        ISO_TRY(print_part(printer, format, bar_stream_series(stream), &part, err));
        ISO_TRY(bar_stream_next(stream, &part, err));
    }
    format->end(printer, stream);
    return result_write(&printer->text, err);
}

/* What became of the ends of a resampled range. */
static void say_edges(const struct call *call, const struct bar_stream *stream)
{
    struct bar_edges edges = bar_stream_edges(stream);
    char time[TIME_TEXT_BYTES];
    if (edges.first_is_partial) {
        (void)time_format(edges.first_us, time);
        call_say(call, "isobar: the first bar is partial: it holds what is from %s on", time);
    }
    if (edges.last_is_partial) {
        (void)time_format(edges.last_us, time);
        call_say(call, "isobar: the last bar is partial: it holds what is up to the bar of %s",
                 time);
    }
}

static void explain(const struct call *call, struct view *view, const struct bar_stream *stream,
                    size_t printed)
{
    result_say_work(call, view_work(view));
    if (call_has(call, OPTION_resample)) {
        call_say(call, "isobar: made %zu bars of %s, counted from %s", printed,
                 call_text(call, OPTION_resample),
                 resample_origin(bar_stream_series(stream)->interval));
    }
}

iso_status command_get(struct call *call, struct iso_error *err)
{
    struct bar_request request;
    const struct bar_format *format;
    ISO_DEFER(view_close) struct view *view = NULL;
    ISO_DEFER(bar_stream_close) struct bar_stream *stream = NULL;
    ISO_DEFER(bar_printer_reset) struct bar_printer printer = {.call = call};
    const char *name = call_flag(call, OPTION_json) ? "json" : call_text(call, OPTION_format);
    bool for_machines = strcmp(name, "csv") == 0 || strcmp(name, "parquet") == 0;
    if (call->zone != NULL && for_machines) {
        ISO_FAIL(BAD_ARGUMENT, err, "--tz is for table and json; %s has times in UTC", name);
    }
    if (strcmp(name, "parquet") == 0) {
        return get_parquet(call, err);
    }
    ISO_TRY(choose_format(call, &format, err));
    ISO_TRY(call_bars(call, &request, err));
    ISO_TRY(call_view(call, &view, err));
    ISO_TRY(bar_stream_open(view, &request, &stream, err));
    ISO_TRY(print_all(&printer, format, stream, err));
    const struct coverage *coverage = bar_stream_coverage(stream);
    call->exit_code = coverage->complete ? ISO_CLASS_OK : ISO_CLASS_PROBLEM;
    result_say_coverage(call, coverage);
    say_edges(call, stream);
    if (call_flag(call, OPTION_explain)) {
        explain(call, view, stream, printer.printed);
    }
    return ISO_OK;
}

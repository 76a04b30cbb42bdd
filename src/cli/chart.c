/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/candles.h"
#include "cli/evolving.h"

#include <string.h>

enum {
    FILE_CANDLES = 240, /* as many as can be told apart in a picture */
    AXIS_COLUMNS = 12,  /* beside the candles, in a terminal */
    LINES_BESIDE = 8,   /* title, volume, times, and the prompt behind */
    HEIGHT_PRESET = 20,
    HEIGHT_MAX = 40,
    WIDTH_PRESET = 100,
    WIDTH_MIN = 30
};

/* Where the picture goes and how. */
struct drawing {
    const char *path; /* NULL: to the terminal */
    void (*add)(const struct candles *candles, struct text *target);
    struct screen screen;
    size_t most; /* candles */
};

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

static iso_status plan(const struct call *call, struct drawing *drawing, struct iso_error *err)
{
    *drawing = (struct drawing){
        .path = call_text(call, OPTION_output), .screen = call_screen(call), .most = FILE_CANDLES};
    if (drawing->path == NULL) {
        size_t width = drawing->screen.width > 0 ? drawing->screen.width : WIDTH_PRESET;
        drawing->most = (width > WIDTH_MIN ? width : WIDTH_MIN) - AXIS_COLUMNS;
        return ISO_OK;
    }
    drawing->add = ends_with(drawing->path, ".svg")    ? candles_add_svg
                   : ends_with(drawing->path, ".html") ? candles_add_html
                                                       : NULL;
    if (drawing->add == NULL) {
        ISO_FAIL(BAD_ARGUMENT, err, "a chart goes into a file that ends with .svg or .html, not %s",
                 drawing->path);
    }
    return ISO_OK;
}

static iso_status draw(const struct call *call, const struct drawing *drawing,
                       const struct candles *candles, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text picture = {0};
    if (drawing->path != NULL) {
        drawing->add(candles, &picture);
        ISO_TRY(output_write(drawing->path, &picture, err));
        call_say(call, "isobar: wrote %s, %zu candles, %zu bytes", drawing->path, candles->count,
                 picture.length);
        return ISO_OK;
    }
    size_t rows = drawing->screen.rows;
    size_t height = rows > LINES_BESIDE + 5 ? rows - LINES_BESIDE : HEIGHT_PRESET;
    candles_add_text(candles, drawing->most + AXIS_COLUMNS,
                     height < HEIGHT_MAX ? height : HEIGHT_MAX, drawing->screen.color, &picture);
    return result_write(&picture, err);
}

static iso_status parse_calls(const struct call *call, struct indicator_call *calls, size_t *count,
                              struct iso_error *err)
{
    for (int i = 2; i < call->argument_count; i++) {
        ISO_TRY(indicator_parse(call->arguments[i], &calls[*count], err));
        (*count)++;
    }
    return ISO_OK;
}

iso_status command_chart(struct call *call, struct iso_error *err)
{
    struct indicator_call calls[INDICATOR_CALLS_MAX];
    size_t call_count = 0;
    struct bar_request request;
    struct drawing drawing;
    ISO_DEFER(view_close) struct view *view = NULL;
    ISO_DEFER(indicator_table_reset) struct indicator_table table = {0};
    ISO_DEFER(candles_reset) struct candles candles = {0};
    ISO_TRY(plan(call, &drawing, err));
    ISO_TRY(call_bars(call, &request, err));
    ISO_TRY(parse_calls(call, calls, &call_count, err));
    if (!call_has(call, OPTION_last) && !call_has(call, OPTION_from)) {
        request.last = drawing.most; /* without a word about the range: the newest that fit */
    }
    ISO_TRY(call_view(call, &view, err));
    ISO_TRY(indicator_table_load(view, &request, calls, call_count, NULL, &table, err));
    ISO_TRY(candles_make(&table, calls, call_count, drawing.most, &candles, err));
    candles.zone = call->zone;
    ISO_TRY(draw(call, &drawing, &candles, err));
    result_say_coverage(call, &table.coverage);
    call->exit_code = table.coverage.complete ? ISO_CLASS_OK : ISO_CLASS_PROBLEM;
    return ISO_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Candles in a terminal: a column of characters each. Every character has an upper and a lower
 * half, so that the picture is twice as fine as the lines are.
 */
#include "cli/candles.h"

#include <math.h>
#include <string.h>

enum { VOLUME_HEIGHT = 3, EIGHTHS = 8 };
enum half { HALF_EMPTY, HALF_WICK, HALF_BODY, HALVES };

/* By upper and lower half. A body that fell is drawn broad where there are no colours. */
static const char *const thin[HALVES][HALVES] = {{" ", "╷", "╻"}, {"╵", "│", "╽"}, {"╹", "╿", "┃"}};
static const char *const broad[HALVES][HALVES] = {
    {" ", "╷", "▄"}, {"╵", "│", "▄"}, {"▀", "▀", "█"}};
static const char *const eighths[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

#define GREEN "\x1b[32m"
#define RED "\x1b[31m"
#define CYAN "\x1b[36m"
#define DIM "\x1b[2m"
#define PLAIN "\x1b[0m"

struct canvas {
    const struct candles *candles;
    struct scale scale;
    size_t width;
    size_t height;
    bool color;
    struct text *target;
};

/* The half row of a price, from 0 at the bottom. */
static size_t half_of(const struct canvas *canvas, double price)
{
    double share = (price - canvas->scale.low) / (canvas->scale.high - canvas->scale.low);
    double half = floor(share * (double)(2 * canvas->height));
    double most = (double)(2 * canvas->height - 1);
    return (size_t)(half < 0.0 ? 0.0 : half > most ? most : half);
}

static enum half half_at(const struct canvas *canvas, const struct candle *candle, size_t half)
{
    size_t body_low = half_of(canvas, fmin(candle->open, candle->close));
    size_t body_high = half_of(canvas, fmax(candle->open, candle->close));
    if (half >= body_low && half <= body_high) {
        return HALF_BODY;
    }
    bool wick = half >= half_of(canvas, candle->low) && half <= half_of(canvas, candle->high);
    return wick ? HALF_WICK : HALF_EMPTY;
}

static void add_colored(const struct canvas *canvas, const char *color, const char *what)
{
    bool colored = canvas->color && strcmp(what, " ") != 0;
    text_add(canvas->target, colored ? color : "");
    text_add(canvas->target, what);
    text_add(canvas->target, colored ? PLAIN : "");
}

/* Whether a line over the candles passes through the row. */
static bool has_line(const struct canvas *canvas, const struct candle *candle, size_t row)
{
    bool any = false;
    for (size_t i = 0; i < canvas->candles->line_count; i++) {
        const struct candle_line *line = &canvas->candles->lines[i];
        double value = line->values[candle->last];
        any = any || (line->pane == 0 && isfinite(value) && half_of(canvas, value) / 2 == row);
    }
    return any;
}

static void add_cell(const struct canvas *canvas, const struct candle *candle, size_t row)
{
    bool fell = candle->close < candle->open;
    enum half upper = half_at(canvas, candle, 2 * row + 1);
    enum half lower = half_at(canvas, candle, 2 * row);
    if (upper == HALF_EMPTY && lower == HALF_EMPTY && has_line(canvas, candle, row)) {
        add_colored(canvas, CYAN, "·");
        return;
    }
    const char *what = fell && !canvas->color ? broad[upper][lower] : thin[upper][lower];
    add_colored(canvas, fell ? RED : GREEN, what);
}

/* The price that a row's label stands for, if a step of the axis falls into it. */
static void add_axis(const struct canvas *canvas, size_t row, double step)
{
    double unit = (canvas->scale.high - canvas->scale.low) / (double)canvas->height;
    double low = canvas->scale.low + unit * (double)row;
    double mark = ceil(low / step) * step;
    char label[SCALE_LABEL_BYTES] = "";
    bool marked = mark < low + unit;
    if (marked) {
        scale_label(mark, step, label);
    }
    text_add(canvas->target, canvas->color ? DIM : "");
    text_add(canvas->target, marked ? " ┤" : " │");
    text_add(canvas->target, canvas->color ? PLAIN : "");
    text_addf(canvas->target, "%s%s\n", marked ? " " : "", label);
}

static void add_volume(const struct canvas *canvas, double most)
{
    for (size_t row = VOLUME_HEIGHT; row-- > 0;) {
        for (size_t i = 0; i < canvas->candles->count; i++) {
            const struct candle *candle = &canvas->candles->candles[i];
            double share = isfinite(candle->volume) ? candle->volume / most : 0.0;
            double level = ceil(share * VOLUME_HEIGHT * EIGHTHS) - (double)(row * EIGHTHS);
            double shown = level < 0.0 ? 0.0 : level > EIGHTHS ? EIGHTHS : level;
            add_colored(canvas, DIM, eighths[(size_t)shown]);
        }
        char label[SCALE_LABEL_BYTES];
        scale_label(most, scale_step(most, 9.0), label);
        bool top = row == VOLUME_HEIGHT - 1;
        text_add(canvas->target, canvas->color ? DIM : "");
        text_add(canvas->target, top ? " ┤ " : " │");
        text_add(canvas->target, canvas->color ? PLAIN : "");
        text_addf(canvas->target, "%s\n", top ? label : "");
    }
}

/* As many times as have room, each under the candle it is of. */
static void add_times(const struct canvas *canvas)
{
    char label[SCALE_LABEL_BYTES];
    size_t written = 0;
    for (size_t i = 0; i < canvas->candles->count; i++) {
        candle_time(canvas->candles, i, label);
        size_t length = strlen(label);
        bool first = i == 0;
        bool fits = i + length <= canvas->width;
        if (first || (fits && i >= written + 2 && i % (length + 6) == 0)) {
            text_addf(canvas->target, "%*s%s", (int)(i - written), "", label);
            written = i + length;
        }
    }
    text_add_char(canvas->target, '\n');
}

/* On two lines where one is too short. */
static void add_title(const struct canvas *canvas)
{
    ISO_DEFER(text_reset) struct text title = {0};
    candles_title(canvas->candles, &title);
    const char *gap = strstr(text_get(&title), "  ");
    bool parted = gap != NULL && title.length > canvas->width;
    text_add(canvas->target, canvas->color ? "\x1b[1m" : "");
    if (parted) {
        text_append(canvas->target, title.data, (size_t)(gap - title.data));
        text_add_char(canvas->target, '\n');
    }
    text_add(canvas->target, parted ? gap + 2 : text_get(&title));
    text_add(canvas->target, canvas->color ? PLAIN "\n" : "\n");
}

void candles_add_text(const struct candles *candles, size_t width, size_t height, bool color,
                      struct text *target)
{
    struct canvas canvas = {
        .candles = candles, .width = width, .height = height, .color = color, .target = target};
    double most = candles_volume_max(candles);
    add_title(&canvas);
    if (!candles_scale(candles, 0, &canvas.scale)) {
        return;
    }
    double step = scale_step(canvas.scale.high - canvas.scale.low, (double)height / 2.0);
    for (size_t row = height; row-- > 0;) {
        for (size_t i = 0; i < candles->count; i++) {
            add_cell(&canvas, &candles->candles[i], row);
        }
        add_axis(&canvas, row, step);
    }
    if (most > 0.0) {
        add_volume(&canvas, most);
    }
    add_times(&canvas);
}

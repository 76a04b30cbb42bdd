/* SPDX-License-Identifier: Apache-2.0 */
/* Candles as SVG: prices, volume, and a pane for each indicator that is no price. */
#include "base/json.h"
#include "cli/candles.h"
#include "evolve/chart.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WIDTH 1200.0
#define LEFT 16.0
#define RIGHT 84.0
#define TOP 64.0
#define PRICE_HEIGHT 400.0
#define VOLUME_HEIGHT 90.0
#define PANE_HEIGHT 110.0
#define GAP 18.0
#define BOTTOM 40.0

/* Where one pane lies, and what its edges stand for. */
struct frame {
    double top;
    double height;
    struct scale scale;
};

static const char style[] =
    "<style>"
    ".back{fill:#ffffff}.grid{stroke:#e6e9ee;stroke-width:1}.edge{stroke:#c9ced6;stroke-width:1}"
    ".axis{fill:#5b6472;font:12px system-ui,'Segoe UI',Roboto,Arial,sans-serif}"
    ".title{fill:#1b1f24;font:600 17px system-ui,'Segoe UI',Roboto,Arial,sans-serif}"
    ".up{fill:#0f9d7a;stroke:#0f9d7a}.down{fill:#d9414f;stroke:#d9414f}"
    ".bar.up,.bar.down{stroke:none;opacity:.45}"
    ".line{fill:none;stroke-width:1.5;stroke-linejoin:round}"
    ".l0{stroke:#2962ff;fill:#2962ff}.l1{stroke:#f08c00;fill:#f08c00}"
    ".l2{stroke:#8e44ad;fill:#8e44ad}.l3{stroke:#00838f;fill:#00838f}"
    ".l4{stroke:#6d4c41;fill:#6d4c41}.l5{stroke:#c2185b;fill:#c2185b}"
    "polyline.line{fill:none}.key{stroke:none;font:12px system-ui,Roboto,Arial,sans-serif}"
    "</style>";
enum { LINE_COLORS = 6, TIME_LABELS = 8 };

static double x_of(const struct candles *candles, size_t index)
{
    double slot = (WIDTH - LEFT - RIGHT) / (double)candles->count;
    return LEFT + slot * ((double)index + 0.5);
}

static double y_of(const struct frame *frame, double value)
{
    double share = (value - frame->scale.low) / (frame->scale.high - frame->scale.low);
    return frame->top + frame->height * (1.0 - share);
}

static void add_rule(struct text *svg, const char *class, double x1, double y1, double x2,
                     double y2)
{
    text_addf(svg, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", class,
              x1, y1, x2, y2);
}

/* Grid lines with their values on the right. */
static void add_grid(const struct frame *frame, double parts, struct text *svg)
{
    double step = scale_step(frame->scale.high - frame->scale.low, parts);
    double first = ceil(frame->scale.low / step);
    size_t count = (size_t)(floor(frame->scale.high / step) - first) + 1;
    for (size_t i = 0; i < count; i++) {
        char label[SCALE_LABEL_BYTES];
        double value = (first + (double)i) * step;
        double y = y_of(frame, value);
        scale_label(value, step, label);
        add_rule(svg, "grid", LEFT, y, WIDTH - RIGHT, y);
        text_addf(svg, "<text class=\"axis\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
                  WIDTH - RIGHT + 8.0, y + 4.0, label);
    }
    add_rule(svg, "edge", LEFT, frame->top + frame->height, WIDTH - RIGHT,
             frame->top + frame->height);
}

static void add_candles(const struct candles *candles, const struct frame *frame, struct text *svg)
{
    double slot = (WIDTH - LEFT - RIGHT) / (double)candles->count;
    double width = fmax(1.0, fmin(slot * 0.7, 14.0));
    for (size_t i = 0; i < candles->count; i++) {
        const struct candle *candle = &candles->candles[i];
        const char *class = candle->close < candle->open ? "down" : "up";
        double x = x_of(candles, i);
        double top = y_of(frame, fmax(candle->open, candle->close));
        double bottom = y_of(frame, fmin(candle->open, candle->close));
        add_rule(svg, class, x, y_of(frame, candle->high), x, y_of(frame, candle->low));
        text_addf(svg,
                  "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
                  "stroke-width=\"0\"/>\n",
                  class, x - width / 2.0, top, width, fmax(bottom - top, 1.0));
    }
}

static void add_volume(const struct candles *candles, const struct frame *frame, struct text *svg)
{
    double slot = (WIDTH - LEFT - RIGHT) / (double)candles->count;
    double width = fmax(1.0, slot * 0.7);
    for (size_t i = 0; i < candles->count; i++) {
        const struct candle *candle = &candles->candles[i];
        if (isfinite(candle->volume)) {
            double y = y_of(frame, candle->volume);
            text_addf(svg,
                      "<rect class=\"bar %s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                      "height=\"%.1f\"/>\n",
                      candle->close < candle->open ? "down" : "up", x_of(candles, i) - width / 2.0,
                      y, width, frame->top + frame->height - y);
        }
    }
}

/* A line breaks where there is no value. */
static void add_line(const struct candles *candles, const struct candle_line *line,
                     const struct frame *frame, struct text *svg)
{
    bool open = false;
    for (size_t i = 0; i < candles->count; i++) {
        double value = line->values[candles->candles[i].last];
        bool there = isfinite(value);
        if (there && !open) {
            text_addf(svg, "<polyline class=\"line l%zu\" points=\"", line->color % LINE_COLORS);
        }
        if (there) {
            text_addf(svg, "%.1f,%.1f ", x_of(candles, i), y_of(frame, value));
        } else if (open) {
            text_add(svg, "\"/>\n");
        }
        open = there;
    }
    text_add(svg, open ? "\"/>\n" : "");
}

/* The lines of a pane and, above it, their names in their colours. */
static void add_lines(const struct candles *candles, size_t pane, const struct frame *frame,
                      struct text *svg)
{
    double x = LEFT;
    for (size_t i = 0; i < candles->line_count; i++) {
        const struct candle_line *line = &candles->lines[i];
        if (line->pane == pane) {
            add_line(candles, line, frame, svg);
            text_addf(svg, "<text class=\"key l%zu\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
                      line->color % LINE_COLORS, x, frame->top - 5.0, line->label);
            x += 7.0 * (double)strlen(line->label) + 16.0;
        }
    }
}

static void add_times(const struct candles *candles, double top, double bottom, struct text *svg)
{
    size_t step = (candles->count + TIME_LABELS - 1) / TIME_LABELS;
    for (size_t i = step / 2; i < candles->count; i += step) {
        char label[SCALE_LABEL_BYTES];
        double x = x_of(candles, i);
        candle_time(candles, i, label);
        add_rule(svg, "grid", x, top, x, bottom);
        text_addf(svg,
                  "<text class=\"axis\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n",
                  x, bottom + 20.0, label);
    }
}

static double total_height(const struct candles *candles)
{
    return TOP + PRICE_HEIGHT + GAP + VOLUME_HEIGHT +
           (double)candles->pane_count * (PANE_HEIGHT + GAP) + BOTTOM;
}

static void add_head(const struct candles *candles, double height, struct text *svg)
{
    ISO_DEFER(text_reset) struct text title = {0};
    candles_title(candles, &title);
    text_addf(svg,
              "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" "
              "role=\"img\" aria-label=\"",
              WIDTH, height);
    html_escape(svg, text_get(&title));
    text_addf(svg, "\">\n%s\n<rect class=\"back\" width=\"%.0f\" height=\"%.0f\"/>\n", style, WIDTH,
              height);
    text_addf(svg, "<text class=\"title\" x=\"%.1f\" y=\"28\">", LEFT);
    html_escape(svg, text_get(&title));
    text_add(svg, "</text>\n");
}

/* A little air above and below, so that nothing touches the edges. */
static struct scale with_air(struct scale scale)
{
    double air = (scale.high - scale.low) * 0.04;
    return (struct scale){scale.low - air, scale.high + air};
}

void candles_add_svg(const struct candles *candles, struct text *target)
{
    double height = total_height(candles);
    struct frame frame = {.top = TOP, .height = PRICE_HEIGHT};
    add_head(candles, height, target);
    if (candles_scale(candles, 0, &frame.scale)) {
        frame.scale = with_air(frame.scale);
        add_times(candles, TOP, height - BOTTOM, target);
        add_grid(&frame, 8.0, target);
        add_candles(candles, &frame, target);
        add_lines(candles, 0, &frame, target);
        frame = (struct frame){TOP + PRICE_HEIGHT + GAP,
                               VOLUME_HEIGHT,
                               {0.0, fmax(candles_volume_max(candles), 1e-12)}};
        add_grid(&frame, 3.0, target);
        add_volume(candles, &frame, target);
        text_addf(target, "<text class=\"axis\" x=\"%.1f\" y=\"%.1f\">volume</text>\n", LEFT,
                  frame.top - 4.0);
    }
    for (size_t pane = 1; pane <= candles->pane_count; pane++) {
        frame.top += frame.height + GAP;
        frame.height = PANE_HEIGHT;
        if (candles_scale(candles, pane, &frame.scale)) {
            frame.scale = with_air(frame.scale);
            add_grid(&frame, 4.0, target);
            add_lines(candles, pane, &frame, target);
        }
    }
    text_add(target, "</svg>\n");
}

/* -- the page ---------------------------------------------------------------------------------- */

static const char page_head[] =
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
    "<style>body{margin:0 auto;max-width:1400px;padding:12px;font:14px system-ui,Arial,sans-serif;"
    "color:#1b1f24;background:#fff}svg{width:100%;height:auto;cursor:crosshair}"
    "#values{min-height:3.2em;font-variant-numeric:tabular-nums;white-space:pre-wrap}"
    "</style>\n";

/* The pointer's place is turned into the picture's own units, so it holds at any size. */
static const char page_script[] =
    "const svg=document.querySelector('svg'),out=document.querySelector('#values');\n"
    "const mark=document.createElementNS('http://www.w3.org/2000/svg','line');\n"
    "mark.setAttribute('stroke','#5b6472');mark.setAttribute('stroke-dasharray','3 3');\n"
    "mark.setAttribute('pointer-events','none');svg.appendChild(mark);\n"
    "function show(i){const r=data.rows[i],x=data.left+data.slot*(i+.5);\n"
    "mark.setAttribute('x1',x);mark.setAttribute('x2',x);mark.setAttribute('y1',data.top);\n"
    "mark.setAttribute('y2',data.bottom);\n"
    "out.textContent=data.columns.map((c,k)=>r[k]===null?'':c+' '+r[k]).filter(s=>s)"
    ".join('   ');}\n"
    "svg.addEventListener('pointermove',e=>{const b=svg.getBoundingClientRect();\n"
    "const x=(e.clientX-b.left)*data.width/b.width;\n"
    "const i=Math.floor((x-data.left)/data.slot);\n"
    "if(i>=0&&i<data.rows.length)show(i);});\n"
    "if(data.rows.length)show(data.rows.length-1);\n";

static void add_row(const struct candles *candles, size_t index, struct json *json)
{
    const struct candle *candle = &candles->candles[index];
    const double values[] = {candle->open, candle->high, candle->low, candle->close,
                             candle->volume};
    char time[SCALE_LABEL_BYTES];
    candle_time(candles, index, time);
    json_begin_array(json, NULL);
    json_add_string(json, NULL, time);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        json_add_number(json, NULL, values[i]);
    }
    for (size_t i = 0; i < candles->line_count; i++) {
        char label[SCALE_LABEL_BYTES];
        double value = candles->lines[i].values[candle->last];
        (void)snprintf(label, sizeof label, "%.8g", value);
        json_add_string(json, NULL, isfinite(value) ? label : NULL);
    }
    json_end_array(json);
}

static void add_data(const struct candles *candles, struct text *target)
{
    static const char *const names[] = {"", "open", "high", "low", "close", "volume"};
    struct json json = {.text = target};
    json_begin_object(&json, NULL);
    json_add_number(&json, "width", WIDTH);
    json_add_number(&json, "left", LEFT);
    json_add_number(&json, "slot",
                    candles->count > 0 ? (WIDTH - LEFT - RIGHT) / (double)candles->count : 1.0);
    json_add_number(&json, "top", TOP);
    json_add_number(&json, "bottom", total_height(candles) - BOTTOM);
    json_begin_array(&json, "columns");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        json_add_string(&json, NULL, names[i]);
    }
    for (size_t i = 0; i < candles->line_count; i++) {
        json_add_string(&json, NULL, candles->lines[i].label);
    }
    json_end_array(&json);
    json_begin_array(&json, "rows");
    for (size_t i = 0; i < candles->count; i++) {
        add_row(candles, i, &json);
    }
    json_end_array(&json);
    json_end_object(&json);
}

void candles_add_html(const struct candles *candles, struct text *target)
{
    ISO_DEFER(text_reset) struct text title = {0};
    candles_title(candles, &title);
    text_add(target, page_head);
    text_add(target, "<title>");
    html_escape(target, text_get(&title));
    text_add(target, "</title>\n<div id=\"values\"></div>\n");
    candles_add_svg(candles, target);
    text_add(target, "<script>\nconst data=");
    add_data(candles, target);
    text_addf(target, ";\n%s</script>\n</html>\n", page_script);
}

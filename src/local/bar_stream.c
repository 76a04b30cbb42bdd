/* SPDX-License-Identifier: Apache-2.0 */
#include "local/bar_stream.h"

struct bar_stream {
    struct cursor *cursor;
    const struct interval *source; /* what the store has */
    struct series series;          /* what comes out */
    struct coverage coverage;
    struct resampler resampler; /* to is NULL where nothing is resampled */
    struct bars part;           /* source bars on their way */
    struct bar_edges edges;
    bool has_source;
    bool is_done;
    size_t last;
};

/* As many source bars as hold last bars of the result and one that may be cut. */
static size_t source_bars(const struct bar_request *request)
{
    const struct interval *to = request->resample;
    if (to == NULL) {
        return request->last;
    }
    int64_t longest_us = to->step_us > 0 ? to->step_us : 31 * TIME_DAY_US;
    size_t ratio = (size_t)(longest_us / request->series.interval->step_us);
    return request->last > SIZE_MAX / ratio - 1 ? SIZE_MAX : (request->last + 1) * ratio;
}

static iso_status narrow(struct view *view, const struct bar_request *request, struct range *range,
                         struct iso_error *err)
{
    *range = request->range;
    return request->last == 0 ? ISO_OK
                              : view_last_begin(view, &request->series, *range,
                                                source_bars(request), &range->from_us, err);
}

iso_status bar_stream_open(struct view *view, const struct bar_request *request,
                           struct bar_stream **stream, struct iso_error *err)
{
    struct range range;
    ISO_DEFER(bar_stream_close) struct bar_stream *opened = NULL;
    if (request->resample != NULL) {
        ISO_TRY(resample_check(request->series.interval, request->resample, err));
    }
    ISO_NEW(opened, 1, err);
    opened->source = request->series.interval;
    opened->series = request->series;
    opened->resampler.to = request->resample;
    opened->last = request->last;
    if (request->resample != NULL) {
        opened->series.interval = request->resample;
    }
    ISO_TRY(narrow(view, request, &range, err));
    ISO_TRY(cursor_open(view, &request->series, range, &opened->coverage, &opened->cursor, err));
    *stream = opened;
    opened = NULL;
    return ISO_OK;
}

void bar_stream_close(struct bar_stream **stream)
{
    if (*stream != NULL) {
        cursor_close(&(*stream)->cursor);
        coverage_reset(&(*stream)->coverage);
        bars_reset(&(*stream)->part);
        free(*stream);
        *stream = NULL;
    }
}

const struct series *bar_stream_series(const struct bar_stream *stream)
{
    return &stream->series;
}

const struct coverage *bar_stream_coverage(const struct bar_stream *stream)
{
    return &stream->coverage;
}

struct bar_edges bar_stream_edges(const struct bar_stream *stream)
{
    return stream->edges;
}

/* The part's first and last bar decide whether the ends of the result are whole. */
static void note_edges(struct bar_stream *stream)
{
    const struct bars *part = &stream->part;
    const struct interval *to = stream->resampler.to;
    struct bar_edges *edges = &stream->edges;
    if (!stream->has_source) {
        edges->first_us = part->time_us[0];
        edges->first_is_partial = resample_bucket(to, part->time_us[0]).from_us < part->time_us[0];
        stream->has_source = true;
    }
    edges->last_us = part->time_us[part->count - 1];
    edges->last_is_partial =
        resample_bucket(to, edges->last_us).to_us > interval_next(stream->source, edges->last_us);
}

static iso_status next_resampled(struct bar_stream *stream, struct bars *target,
                                 struct iso_error *err)
{
    while (target->count == 0 && !stream->is_done) {
        ISO_TRY(cursor_next(stream->cursor, &stream->part, err));
        if (stream->part.count > 0) {
            note_edges(stream);
            ISO_TRY(resampler_add(&stream->resampler, &stream->part, target, err));
        } else {
            stream->is_done = true;
            ISO_TRY(resampler_finish(&stream->resampler, target, err));
        }
    }
    return ISO_OK;
}

static iso_status next_any(struct bar_stream *stream, struct bars *target, struct iso_error *err)
{
    target->count = 0;
    return stream->resampler.to != NULL ? next_resampled(stream, target, err)
                                        : cursor_next(stream->cursor, target, err);
}

/* Forget the oldest bars, so that only count are left. */
static void keep_newest(struct bars *bars, size_t count)
{
    size_t excess = bars->count > count ? bars->count - count : 0;
    for (size_t i = excess; excess > 0 && i < bars->count; i++) {
        struct bar bar = bars_get(bars, i);
        bars_set(bars, i - excess, &bar);
    }
    bars->count -= excess;
}

static iso_status read_newest(struct bar_stream *stream, struct bars *target, struct iso_error *err)
{
    ISO_DEFER(bars_reset) struct bars more = {0};
    size_t dropped = 0;
    target->count = 0;
    ISO_TRY(next_any(stream, &more, err));
    while (more.count > 0) {
        size_t before = target->count;
        ISO_TRY(bars_append_all(target, &more, err));
        keep_newest(target, stream->last);
        dropped += before + more.count - target->count;
        ISO_TRY(next_any(stream, &more, err));
    }
    stream->edges.first_is_partial = stream->edges.first_is_partial && dropped == 0;
    return ISO_OK;
}

iso_status bar_stream_next(struct bar_stream *stream, struct bars *target, struct iso_error *err)
{
    if (stream->last == 0) {
        return next_any(stream, target, err);
    }
    target->count = 0;
    bool was_read = stream->cursor == NULL;
    if (!was_read) {
        ISO_TRY(read_newest(stream, target, err));
        cursor_close(&stream->cursor);
    }
    return ISO_OK;
}

iso_status bar_stream_read(struct bar_stream *stream, struct bars *target, struct iso_error *err)
{
    ISO_DEFER(bars_reset) struct bars part = {0};
    do {
        ISO_TRY(bar_stream_next(stream, &part, err));
        ISO_TRY(bars_append_all(target, &part, err));
    } while (part.count > 0);
    return ISO_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Bars of one series as a reader asks for them: a range, the newest few, resampled; in parts. */
#ifndef LOCAL_BAR_STREAM_H
#define LOCAL_BAR_STREAM_H

#include "local/view.h"
#include "market/resample.h"

struct bar_request {
    struct series series;
    struct range range;
    const struct interval *resample; /* NULL: as stored */
    size_t last;                     /* only the newest so many; 0: all */
};

struct bar_stream;

/* Fails as cursor_open and resample_check. The view must outlive the stream, which the caller owns.
 */
iso_status bar_stream_open(struct view *view, const struct bar_request *request,
                           struct bar_stream **stream, struct iso_error *err);
void bar_stream_close(struct bar_stream **stream);

/* Set target (owned; what it held is dropped) to the next bars, in order of time; none at the end.
 * Damaged bars are left out and noted in the coverage. */
iso_status bar_stream_next(struct bar_stream *stream, struct bars *target, struct iso_error *err);

/* The series of the bars that come: the one asked for, at the interval that they have. */
const struct series *bar_stream_series(const struct bar_stream *stream);
/* Whole once bar_stream_next gave none. Of the range that was read: with last only its end. */
const struct coverage *bar_stream_coverage(const struct bar_stream *stream);

/* Resampled bars whose bucket the source does not fill to its begin or end. Whole at the end. */
struct bar_edges {
    bool first_is_partial; /* the first bar's bucket begins before its first source bar */
    bool last_is_partial;  /* the last bar's bucket ends after its last source bar does */
    int64_t first_us;      /* open times of the first and the last source bar */
    int64_t last_us;
};
struct bar_edges bar_stream_edges(const struct bar_stream *stream);

/* All bars of the stream at once, appended to target. */
iso_status bar_stream_read(struct bar_stream *stream, struct bars *target, struct iso_error *err);

#endif

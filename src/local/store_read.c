/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading: the segments of the range, with the tail laid over them, from one state of the catalog.
 * A read is a walk over the series' state in pieces: a part of the tail, a part of a segment, or a
 * part of both.
 */
#include "local/store_internal.h"

struct store_scan {
    struct store *store;
    struct coverage *coverage;
    struct range range;
    struct cache_entry *pin; /* of the state */
    const struct series_state *state;
    size_t segment_index; /* the next to be read */
    size_t tail_index;    /* the next tail bar */
    size_t tail_end;
    struct bars *target; /* of store_read: what is decoded for the first time goes here directly */
};

static struct range overlap(struct range a, struct range b)
{
    return (struct range){a.from_us > b.from_us ? a.from_us : b.from_us,
                          a.to_us < b.to_us ? a.to_us : b.to_us};
}

/* Index of the first segment that ends after time_us. */
static size_t segments_before(const struct series_state *state, int64_t time_us)
{
    size_t low = 0;
    size_t high = state->segment_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (state->segments[middle].period.to_us <= time_us) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static iso_status scan_begin(struct store_scan *scan, const struct series *series, bool fresh,
                             struct iso_error *err)
{
    scan->coverage->complete = true;
    ISO_TRY(store_state(scan->store, series, fresh, &scan->pin, err));
    scan->state = cache_value(scan->pin);
    scan->segment_index = segments_before(scan->state, scan->range.from_us);
    scan->tail_index = bars_find(&scan->state->tail, scan->range.from_us);
    scan->tail_end = bars_find(&scan->state->tail, scan->range.to_us);
    return scan->range.from_us < scan->range.to_us
               ? coverage_of(scan->state, scan->range, scan->coverage, err)
               : ISO_OK;
}

static void scan_reset(struct store_scan *scan)
{
    cache_unpin(&scan->pin);
}

iso_status store_scan_open(struct store *store, const struct series *series, struct range range,
                           struct coverage *coverage, struct store_scan **scan,
                           struct iso_error *err)
{
    ISO_DEFER(store_scan_close) struct store_scan *opened = NULL;
    ISO_NEW(opened, 1, err);
    *opened = (struct store_scan){.store = store, .coverage = coverage, .range = range};
    ISO_TRY(scan_begin(opened, series, false, err));
    *scan = opened;
    opened = NULL;
    return ISO_OK;
}

void store_scan_close(struct store_scan **scan)
{
    if (*scan != NULL) {
        scan_reset(*scan);
        free(*scan);
        *scan = NULL;
    }
}

void store_view_release(struct store_view *view)
{
    if (view->pin == NULL) {
        bars_reset(&view->bars);
    }
    cache_unpin(&view->pin);
    *view = (struct store_view){0};
}

/* The tail's bars before time_us that were not given yet. */
static struct bars take_tail(struct store_scan *scan, int64_t before_us)
{
    size_t first = scan->tail_index;
    while (scan->tail_index < scan->tail_end &&
           scan->state->tail.time_us[scan->tail_index] < before_us) {
        scan->tail_index++;
    }
    return bars_slice(&scan->state->tail, first, scan->tail_index - first);
}

static void view_tail(const struct store_scan *scan, struct bars tail, struct store_view *view)
{
    view->bars = tail;
    view->pin = scan->pin;
    cache_pin(view->pin);
}

/* Whether the catalog lists another segment for the period by now. */
static iso_status was_replaced(const struct store_scan *scan, const struct segment_entry *segment,
                               bool *replaced, struct iso_error *err)
{
    ISO_DEFER(cache_unpin) struct cache_entry *entry = NULL;
    ISO_TRY(store_state(scan->store, &scan->state->series, true, &entry, err));
    const struct series_state *now = cache_value(entry);
    size_t index = segments_before(now, segment->period.from_us);
    *replaced =
        index == now->segment_count || !hash_equal(now->segments[index].hash, segment->hash);
    return ISO_OK;
}

/*
 * Damage is no failure of the read: its range is reported as missing. A segment that was replaced
 * since the state was read may be gone by right.
 */
static iso_status note_damage(const struct store_scan *scan, const struct segment_entry *segment,
                              iso_status status, const struct iso_error *why, struct iso_error *err)
{
    enum iso_error_code code = iso_status_code(status);
    bool replaced;
    if (code != ISO_ERROR_CORRUPT && code != ISO_ERROR_NEWER_VERSION) {
        if (iso_failed(status) && err != NULL) {
            *err = *why;
        }
        return status;
    }
    ISO_TRY(was_replaced(scan, segment, &replaced, err));
    if (replaced) {
        ISO_FAIL(BUSY, err, "%s %s was replaced while it was read, and the old bars are gone: %s",
                 scan->state->series.symbol, scan->state->series.interval->name,
                 "begin the read again");
    }
    return coverage_add(scan->coverage, overlap(segment->period, scan->range), false, why->text,
                        err);
}

/* Whether bars of the tail lie over the segment, or before it and were not given yet. */
static bool under_tail(const struct store_scan *scan, const struct segment_entry *segment)
{
    return scan->tail_index < scan->tail_end &&
           scan->state->tail.time_us[scan->tail_index] < segment->period.to_us;
}

/*
 * The segment's bars of the range. What nobody asked for lately is not worth keeping: it is decoded
 * into memory of the view's own, and by store_read right into the caller's; the view is empty then.
 */
static iso_status load(struct store_scan *scan, const struct segment_entry *segment,
                       struct store_view *view, struct iso_error *err)
{
    if (!segment->valid) {
        ISO_FAIL(CORRUPT, err, "the catalog holds no valid segment hash");
    }
    ISO_TRY(store_decoded(scan->store, &scan->state->series, segment, &view->pin, err));
    if (view->pin == NULL) {
        bool direct = scan->target != NULL && !under_tail(scan, segment);
        return store_decode_segment(scan->store, &scan->state->series, segment->period,
                                    segment->hash, scan->range, direct ? scan->target : &view->bars,
                                    err);
    }
    const struct decoded *decoded = cache_value(view->pin);
    size_t first = bars_find(&decoded->bars, scan->range.from_us);
    size_t end = bars_find(&decoded->bars, scan->range.to_us);
    view->bars = bars_slice(&decoded->bars, first, end - first);
    return ISO_OK;
}

static iso_status view_segment(struct store_scan *scan, const struct segment_entry *segment,
                               struct store_view *view, struct iso_error *err)
{
    ISO_DEFER(store_view_release) struct store_view packed = {0};
    struct iso_error why = {0};
    iso_status status = load(scan, segment, &packed, &why);
    if (iso_failed(status)) {
        store_view_release(&packed);
        ISO_TRY(note_damage(scan, segment, status, &why, err));
    }
    struct bars tail = take_tail(scan, segment->period.to_us);
    if (packed.bars.count > 0 && tail.count > 0) {
        size_t equal;
        size_t changed;
        return bars_merge(&packed.bars, &tail, &view->bars, &equal, &changed, err);
    }
    if (tail.count > 0) {
        view_tail(scan, tail, view);
    } else {
        *view = packed;
        packed = (struct store_view){0};
    }
    return ISO_OK;
}

/* One step, which may give no bars; *more is false where there is none left to take. */
static iso_status scan_step(struct store_scan *scan, struct store_view *view, bool *more,
                            struct iso_error *err)
{
    const struct series_state *state = scan->state;
    const struct segment_entry *segment = NULL;
    if (scan->segment_index < state->segment_count &&
        state->segments[scan->segment_index].period.from_us < scan->range.to_us) {
        segment = &state->segments[scan->segment_index];
    }
    int64_t bound_us = segment != NULL ? segment->period.from_us : scan->range.to_us;
    struct bars tail = take_tail(scan, bound_us);
    *more = segment != NULL || tail.count > 0;
    if (tail.count > 0) {
        view_tail(scan, tail, view);
        return ISO_OK;
    }
    if (segment != NULL) {
        scan->segment_index++;
        return view_segment(scan, segment, view, err);
    }
    return ISO_OK;
}

iso_status store_scan_next(struct store_scan *scan, struct store_view *view, struct iso_error *err)
{
    struct store_view next = {0};
    bool more = true;
    while (more && next.bars.count == 0) {
        store_view_release(&next);
        iso_status status = scan_step(scan, &next, &more, err);
        if (iso_failed(status)) {
            store_view_release(&next);
            return status;
        }
    }
    *view = next;
    return ISO_OK;
}

/* Room for all of it at once where several segments are read. */
static iso_status reserve(const struct store_scan *scan, struct bars *target, struct iso_error *err)
{
    const struct series_state *state = scan->state;
    size_t rows = scan->tail_end - scan->tail_index;
    size_t index = scan->segment_index;
    while (index < state->segment_count &&
           state->segments[index].period.from_us < scan->range.to_us) {
        rows += state->segments[index].rows <= SEGMENT_ROWS_MAX ? state->segments[index].rows : 0;
        index++;
    }
    return index - scan->segment_index > 1 ? bars_reserve(target, target->count + rows, err)
                                           : ISO_OK;
}

static iso_status read_all(struct store_scan *scan, const struct series *series, bool fresh,
                           struct iso_error *err)
{
    ISO_TRY(scan_begin(scan, series, fresh, err));
    ISO_TRY(reserve(scan, scan->target, err));
    for (bool more = true; more;) {
        ISO_DEFER(store_view_release) struct store_view view = {0};
        ISO_TRY(scan_step(scan, &view, &more, err));
        ISO_TRY(bars_append_all(scan->target, &view.bars, err));
    }
    return ISO_OK;
}

iso_status store_read(struct store *store, const struct series *series, struct range range,
                      struct bars *target, struct coverage *coverage, struct iso_error *err)
{
    enum { ATTEMPTS_MAX = 8 };
    size_t count = target->count;
    size_t range_count = coverage->range_count;
    iso_status status = ISO_OK;
    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        ISO_DEFER(scan_reset)
        struct store_scan scan = {
            .store = store, .coverage = coverage, .range = range, .target = target};
        target->count = count;
        coverage->range_count = range_count;
        status = read_all(&scan, series, attempt > 0, err);
        bool replaced = iso_status_code(status) == ISO_ERROR_BUSY && scan.state != NULL;
        if (!replaced) {
            return status;
        }
    }
    return status;
}

/* Where a range that ends as the given one must begin to hold count bars, if it has as many. */
static int64_t begin_of_last(const struct series_state *state, struct range range, size_t count)
{
    int64_t from_us = range.from_us;
    size_t rows = 0;
    for (size_t i = state->segment_count; i > 0 && rows < count; i--) {
        const struct segment_entry *segment = &state->segments[i - 1];
        if (segment->period.from_us < range.from_us) {
            break;
        }
        if (segment->period.to_us <= range.to_us) {
            rows += segment->rows;
            from_us = rows >= count ? segment->period.from_us : from_us;
        }
    }
    size_t tail_end = bars_find(&state->tail, range.to_us);
    if (tail_end >= count && state->tail.time_us[tail_end - count] > from_us) {
        from_us = state->tail.time_us[tail_end - count]; /* the tail alone has as many */
    }
    return from_us;
}

/* Holes and damage before the first bar that is given are not about what is given. */
static void coverage_from(struct coverage *coverage, int64_t from_us)
{
    size_t kept = 0;
    coverage->complete = true;
    for (size_t i = 0; i < coverage->range_count; i++) {
        struct missing_range *range = &coverage->ranges[i];
        if (range->range.to_us > from_us) {
            coverage->complete = coverage->complete && range->hole;
            coverage->ranges[kept++] = *range;
        }
    }
    coverage->range_count = kept;
}

iso_status store_read_last(struct store *store, const struct series *series, struct range range,
                           size_t count, struct bars *target, struct coverage *coverage,
                           struct iso_error *err)
{
    ISO_DEFER(bars_reset) struct bars read = {0};
    ISO_DEFER(cache_unpin) struct cache_entry *entry = NULL;
    ISO_TRY(store_state(store, series, false, &entry, err));
    struct range asked = {begin_of_last(cache_value(entry), range, count), range.to_us};
    ISO_TRY(store_read(store, series, asked, &read, coverage, err));
    if (read.count >= count) {
        struct bars last = bars_slice(&read, read.count - count, count);
        coverage_from(coverage, last.time_us[0]);
        return bars_append_all(target, &last, err);
    }
    return bars_append_all(target, &read, err);
}

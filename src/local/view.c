/* SPDX-License-Identifier: Apache-2.0 */
#include "local/view.h"

#include "local/store_internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

struct view {
    struct store *store;
    pthread_mutex_t lock; /* over the catalog's connection, which serves one thread at a time */
    atomic_size_t segments;
    atomic_size_t blocks;
    atomic_size_t bars;
};

/* A read transaction takes its state at its first read. */
static iso_status begin(struct view *view, struct iso_error *err)
{
    struct database *database = view->store->database;
    int64_t version;
    ISO_TRY(database_run(database, "BEGIN", err));
    return database_version(database, &version, err);
}

iso_status view_open(const struct os *os, const char *directory, struct view **view,
                     struct iso_error *err)
{
    ISO_DEFER(view_close) struct view *opened = NULL;
    ISO_NEW(opened, 1, err);
    if (pthread_mutex_init(&opened->lock, NULL) != 0) {
        free(opened);
        opened = NULL;
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for a lock");
    }
    ISO_TRY(store_open(os, directory, STORE_READ, &opened->store, err));
    ISO_TRY(begin(opened, err));
    *view = opened;
    opened = NULL;
    return ISO_OK;
}

void view_close(struct view **view)
{
    if (*view != NULL) {
        if ((*view)->store != NULL) {
            transaction_rollback((*view)->store->database);
        }
        store_close(&(*view)->store);
        (void)pthread_mutex_destroy(&(*view)->lock);
        free(*view);
        *view = NULL;
    }
}

const char *view_directory(const struct view *view)
{
    return store_directory(view->store);
}

/* Take the catalog's connection until the scope is left. */
static struct view *take(struct view *view)
{
    (void)pthread_mutex_lock(&view->lock);
    return view;
}

static void give_back(struct view **view)
{
    (void)pthread_mutex_unlock(&(*view)->lock);
}

iso_status view_each_series(struct view *view, series_visit *visit, void *context,
                            struct iso_error *err)
{
    ISO_DEFER(give_back) struct view *held = take(view);
    return store_each_series(held->store, visit, context, err);
}

iso_status view_each_segment(struct view *view, const struct series *series, segment_visit *visit,
                             void *context, struct iso_error *err)
{
    ISO_DEFER(give_back) struct view *held = take(view);
    return store_each_segment(held->store, series, visit, context, err);
}

iso_status view_each_quarantined(struct view *view, quarantine_visit *visit, void *context,
                                 struct iso_error *err)
{
    ISO_DEFER(give_back) struct view *held = take(view);
    return store_each_quarantined(held->store, visit, context, err);
}

struct view_work view_work(struct view *view)
{
    return (struct view_work){atomic_load(&view->segments), atomic_load(&view->blocks),
                              atomic_load(&view->bars)};
}

/* A segment that reaches into the range. */
struct listed_segment {
    struct range period;
    struct hash128 hash;
    size_t rows;
    int64_t first_us;
};

struct segment_list {
    struct range range;
    struct listed_segment *segments; /* owned */
    size_t count;
    size_t capacity;
};

static void segment_list_reset(struct segment_list *list)
{
    free(list->segments);
    *list = (struct segment_list){0};
}

static iso_status list_segment(void *context, const struct segment_row *row, struct iso_error *err)
{
    struct segment_list *list = context;
    if (row->last_us < list->range.from_us || row->first_us >= list->range.to_us) {
        return ISO_OK;
    }
    if (list->count == list->capacity) {
        size_t grown = list->capacity == 0 ? 64 : list->capacity * 2;
        struct listed_segment *segments = realloc(list->segments, grown * sizeof *segments);
        if (segments == NULL) {
            ISO_FAIL(OUT_OF_MEMORY, err, "no memory for a list of %zu segments", grown);
        }
        list->segments = segments;
        list->capacity = grown;
    }
    list->segments[list->count++] = (struct listed_segment){
        .period = row->period, .hash = row->hash, .rows = row->rows, .first_us = row->first_us};
    return ISO_OK;
}

struct cursor {
    struct view *view;
    struct series series;
    struct range range;
    struct coverage *coverage; /* borrowed; may be NULL */
    struct segment_list list;
    size_t next_segment;
    struct bars tail; /* of the range */
    size_t next_tail;
};

static iso_status read_coverage(struct store *store, int64_t series_id, struct cursor *cursor,
                                struct iso_error *err)
{
    struct series_state state = {.id = series_id};
    iso_status status = store_load_covered(store->database, &state, err);
    if (!iso_failed(status)) {
        status = coverage_of(&state, cursor->range, cursor->coverage, err);
    }
    free(state.covered);
    return status;
}

/* What the catalog holds for the cursor: the list of segments, the tail, the holes. */
static iso_status read_catalog(struct cursor *cursor, struct iso_error *err)
{
    ISO_DEFER(give_back) struct view *held = take(cursor->view);
    struct store *store = held->store;
    int64_t id;
    ISO_TRY(series_find(store->database, &cursor->series, &id, err));
    if (id == 0) {
        ISO_FAIL(NOT_FOUND, err,
                 "the store at %s has no series %s %s; \"isobar ls\" lists what it has",
                 store->directory, cursor->series.symbol, cursor->series.interval->name);
    }
    if (cursor->coverage != NULL) {
        ISO_TRY(read_coverage(store, id, cursor, err));
    }
    ISO_TRY(store_each_segment(store, &cursor->series, list_segment, &cursor->list, err));
    return tail_read(store->database, id, cursor->range, &cursor->tail, err);
}

iso_status cursor_open(struct view *view, const struct series *series, struct range range,
                       struct coverage *coverage, struct cursor **cursor, struct iso_error *err)
{
    ISO_DEFER(cursor_close) struct cursor *opened = NULL;
    ISO_NEW(opened, 1, err);
    opened->view = view;
    opened->series = *series;
    opened->range = range;
    opened->list.range = range;
    opened->coverage = coverage;
    if (coverage != NULL) {
        coverage->complete = true;
    }
    ISO_TRY(read_catalog(opened, err));
    *cursor = opened;
    opened = NULL;
    return ISO_OK;
}

void cursor_close(struct cursor **cursor)
{
    if (*cursor != NULL) {
        segment_list_reset(&(*cursor)->list);
        bars_reset(&(*cursor)->tail);
        free(*cursor);
        *cursor = NULL;
    }
}

static iso_status decode(struct cursor *cursor, const struct listed_segment *listed,
                         struct bars *target, struct iso_error *err)
{
    ISO_DEFER(bytes_reset) struct bytes bytes = {0};
    struct segment segment;
    size_t blocks = 0;
    struct view *view = cursor->view;
    ISO_TRY(store_load_segment(view->store, listed->hash, &bytes, &segment, err));
    if (!segment_is_of(&segment, &cursor->series, listed->period)) {
        char name[SEGMENT_NAME_BYTES];
        segment_file_name(listed->hash, name);
        ISO_FAIL(CORRUPT, err, "segment %s is of %s:%s, the catalog lists it for %s:%s", name,
                 segment.series.symbol, segment.series.interval->name, cursor->series.symbol,
                 cursor->series.interval->name);
    }
    iso_status status = segment_decode(&segment, cursor->range, target, &blocks, err);
    atomic_fetch_add(&view->segments, 1);
    atomic_fetch_add(&view->blocks, blocks);
    return status;
}

/* Damage is no failure where there is a coverage to note it in. */
static iso_status decode_or_note(struct cursor *cursor, const struct listed_segment *listed,
                                 struct bars *target, struct iso_error *err)
{
    struct iso_error why = {0};
    iso_status status = decode(cursor, listed, target, &why);
    enum iso_error_code code = iso_status_code(status);
    bool damaged =
        code == ISO_ERROR_CORRUPT || code == ISO_ERROR_LIMIT || code == ISO_ERROR_NEWER_VERSION;
    if (damaged && cursor->coverage != NULL) {
        struct range lost = listed->period;
        lost.from_us = lost.from_us > cursor->range.from_us ? lost.from_us : cursor->range.from_us;
        lost.to_us = lost.to_us < cursor->range.to_us ? lost.to_us : cursor->range.to_us;
        return coverage_add(cursor->coverage, lost, false, why.text, err);
    }
    if (iso_failed(status) && err != NULL) {
        *err = why;
    }
    return status;
}

/* A view of the tail's bars up to, not including, until_us; moves past them. */
static struct bars take_tail(struct cursor *cursor, int64_t until_us)
{
    size_t first = cursor->next_tail;
    while (cursor->next_tail < cursor->tail.count &&
           cursor->tail.time_us[cursor->next_tail] < until_us) {
        cursor->next_tail++;
    }
    return bars_slice(&cursor->tail, first, cursor->next_tail - first);
}

/* The next segment's bars with the tail over them, or what the tail holds before that segment. */
static iso_status next_part(struct cursor *cursor, struct bars *target, struct iso_error *err)
{
    if (cursor->next_segment == cursor->list.count) {
        struct bars rest = take_tail(cursor, INT64_MAX);
        return bars_append_all(target, &rest, err);
    }
    const struct listed_segment *listed = &cursor->list.segments[cursor->next_segment];
    struct bars before = take_tail(cursor, listed->period.from_us);
    if (before.count > 0) {
        return bars_append_all(target, &before, err);
    }
    cursor->next_segment++;
    struct bars over = take_tail(cursor, listed->period.to_us);
    if (over.count == 0) {
        return decode_or_note(cursor, listed, target, err);
    }
    ISO_DEFER(bars_reset) struct bars packed = {0};
    size_t equal;
    size_t changed;
    ISO_TRY(decode_or_note(cursor, listed, &packed, err));
    return bars_merge(&packed, &over, target, &equal, &changed, err);
}

iso_status cursor_next(struct cursor *cursor, struct bars *target, struct iso_error *err)
{
    target->count = 0;
    while (target->count == 0 &&
           (cursor->next_segment < cursor->list.count || cursor->next_tail < cursor->tail.count)) {
        ISO_TRY(next_part(cursor, target, err));
    }
    atomic_fetch_add(&cursor->view->bars, target->count);
    return ISO_OK;
}

iso_status view_last_begin(struct view *view, const struct series *series, struct range range,
                           size_t bar_count, int64_t *from_us, struct iso_error *err)
{
    ISO_DEFER(segment_list_reset) struct segment_list list = {.range = range};
    ISO_TRY(view_each_segment(view, series, list_segment, &list, err));
    size_t sure = 0;
    for (size_t i = list.count; i-- > 0;) {
        const struct listed_segment *listed = &list.segments[i];
        bool whole = listed->period.from_us >= range.from_us && listed->period.to_us <= range.to_us;
        sure += whole ? listed->rows : 0;
        if (whole && sure >= bar_count) {
            *from_us = listed->first_us;
            return ISO_OK;
        }
    }
    *from_us = range.from_us;
    return ISO_OK;
}

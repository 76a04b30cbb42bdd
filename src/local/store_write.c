/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing. A write is prepared outside of any lock (segments merged, encoded, published under their
 * hash), then committed in one transaction that first checks that nobody changed the series
 * meanwhile; if somebody did, it is prepared anew. A process killed anywhere leaves files that no
 * row names, and nothing else.
 *
 * A period that gets many bars at once goes straight into its segment; few bars go to the tail,
 * until the period closes or its tail is long. Where a segment is damaged, what is written is kept
 * in the tail, so that damage to old bars never stops new ones; the segment is replaced once it is
 * proved that nothing is lost by it.
 */
#include "local/store_writing.h"

#include "base/threads.h"
#include "market/time.h"

#include <unistd.h>

enum { TAIL_ROWS = 1024, ATTEMPTS_MAX = 64, PERIODS_MAX = 1 << 20 };

static void writing_reset(struct writing *writing)
{
    free(writing->plans);
    writing->plans = NULL;
    writing->plan_count = 0;
    writing->report = (struct write_report){0};
    writing->sealed = 0;
}

static iso_status check_bars(const struct bars *bars, struct iso_error *err)
{
    for (size_t i = 0; i < bars->count; i++) {
        int64_t time_us = bars->time_us[i];
        if (time_us < TIME_MIN_US || time_us >= TIME_MAX_US) {
            ISO_FAIL(LIMIT, err, "bar %zu: its time %lld us is outside the years 1 to 9998", i,
                     (long long)time_us);
        }
        if (i > 0 && time_us <= bars->time_us[i - 1]) {
            ISO_FAIL(BAR_ORDER, err, "bar %zu is not later than the one before it", i);
        }
    }
    return ISO_OK;
}

static iso_status series_ensure(struct database *database, const struct series *series,
                                struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *add = NULL;
    ISO_TRY(statement_new(database,
                          "INSERT INTO series (symbol, interval) VALUES (?1, ?2)"
                          " ON CONFLICT DO NOTHING",
                          &add, err));
    statement_bind_text(add, 1, series->symbol);
    statement_bind_text(add, 2, series->interval->name);
    return statement_run(add, err);
}

static iso_status add_plan(struct writing *writing, struct period_plan plan, size_t *capacity,
                           struct iso_error *err)
{
    if (writing->plan_count >= PERIODS_MAX) {
        ISO_FAIL(LIMIT, err, "one write spans more than %d periods", PERIODS_MAX);
    }
    if (writing->plan_count == *capacity) {
        size_t grown = *capacity == 0 ? 16 : *capacity * 2;
        struct period_plan *plans = realloc(writing->plans, grown * sizeof *plans);
        if (plans == NULL) {
            ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %zu periods", grown);
        }
        writing->plans = plans;
        *capacity = grown;
    }
    writing->plans[writing->plan_count++] = plan;
    return ISO_OK;
}

/*
 * A period with bars in its tail is sealed by the first write beside it, whether that goes forwards
 * or fills in backwards; the newest one stays open. One a write: the work stays small, and each
 * period gets its turn.
 */
static iso_status plan_closed(struct writing *writing, size_t *capacity, struct iso_error *err)
{
    const struct bars *bars = writing->bars;
    if (bars->count == 0) {
        return ISO_OK;
    }
    const struct interval *interval = writing->series->interval;
    struct range first = interval_period(interval, bars->time_us[0]);
    struct range last = interval_period(interval, bars->time_us[bars->count - 1]);
    ISO_DEFER(statement_free) struct statement *oldest = NULL;
    ISO_TRY(
        statement_new(writing->store->database,
                      "SELECT coalesce("
                      " (SELECT max(time_us) FROM tail WHERE series_id = ?1 AND time_us < ?2),"
                      " (SELECT min(time_us) FROM tail WHERE series_id = ?1 AND time_us >= ?3)),"
                      " (SELECT max(time_us) FROM tail WHERE series_id = ?1)",
                      &oldest, err));
    statement_bind_integer(oldest, 1, writing->series_id);
    statement_bind_integer(oldest, 2, first.from_us);
    statement_bind_integer(oldest, 3, last.to_us);
    bool has_row;
    ISO_TRY(statement_step(oldest, &has_row, err));
    if (!has_row || statement_is_null(oldest, 0)) {
        return ISO_OK;
    }
    struct range period = interval_period(interval, statement_integer(oldest, 0));
    bool newest = period.from_us >= last.to_us && statement_integer(oldest, 1) < period.to_us;
    struct period_plan plan = {.period = period, .seal = true};
    return newest ? ISO_OK : add_plan(writing, plan, capacity, err);
}

/* Cut the given bars at the borders of periods. */
static iso_status plan_bars(struct writing *writing, struct iso_error *err)
{
    const struct bars *bars = writing->bars;
    size_t capacity = 0;
    size_t at = 0;
    ISO_TRY(plan_closed(writing, &capacity, err));
    while (at < bars->count) {
        struct range period = interval_period(writing->series->interval, bars->time_us[at]);
        size_t end = bars_find(bars, period.to_us);
        struct period_plan plan = {.period = period, .first = at, .count = end - at};
        ISO_TRY(add_plan(writing, plan, &capacity, err));
        at = end;
    }
    return ISO_OK;
}

/* Every period that the tail reaches into. */
static iso_status plan_tail(struct writing *writing, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *next = NULL;
    ISO_TRY(statement_new(writing->store->database,
                          "SELECT min(time_us) FROM tail WHERE series_id = ?1 AND time_us >= ?2",
                          &next, err));
    size_t capacity = 0;
    int64_t from_us = INT64_MIN;
    bool more = true;
    while (more) {
        bool has_row;
        statement_bind_integer(next, 1, writing->series_id);
        statement_bind_integer(next, 2, from_us);
        ISO_TRY(statement_step(next, &has_row, err));
        more = has_row && !statement_is_null(next, 0);
        int64_t time_us = more ? statement_integer(next, 0) : 0;
        statement_rewind(next);
        if (more) {
            struct period_plan plan = {
                .period = interval_period(writing->series->interval, time_us), .seal = true};
            ISO_TRY(add_plan(writing, plan, &capacity, err));
            from_us = plan.period.to_us;
        }
    }
    return ISO_OK;
}

/* Encode bars and, if they are the very bytes of the current segment's name, publish it anew. */
static iso_status repair(const struct writing *writing, const struct period_plan *plan,
                         const struct bars *bars, bool *repaired, struct iso_error *err)
{
    ISO_DEFER(bytes_reset) struct bytes encoded = {0};
    struct segment segment;
    char name[SEGMENT_NAME_BYTES];
    *repaired = false;
    if (bars->count != plan->current.rows) {
        return ISO_OK;
    }
    ISO_TRY(segment_encode(writing->series, plan->period, bars, &encoded, err));
    ISO_TRY(segment_open(encoded.data, encoded.length, &segment, err));
    *repaired = hash_equal(segment.hash, plan->current.hash);
    if (!*repaired) {
        return ISO_OK;
    }
    segment_file_name(segment.hash, name);
    ISO_TRY(file_publish(writing->store->os, writing->store->segments, name, encoded.data,
                         encoded.length, err));
    return directory_sync(writing->store->os, writing->store->segments, err);
}

/*
 * Whether there is a bar at every time at which the current segment can have one: then each of its
 * bars has a newer one over it, and nothing is lost with it.
 */
static bool overlays_all(const struct writing *writing, const struct period_plan *plan,
                         const struct bars *bars)
{
    size_t slots = 0;
    int64_t time_us = plan->current.first_us;
    while (time_us <= plan->current.last_us && bars_have(bars, time_us)) {
        slots++;
        time_us = interval_next(writing->series->interval, time_us);
    }
    return time_us > plan->current.last_us && slots >= plan->current.rows;
}

/* The current segment is damaged: mend it from the given bars or from them over the whole tail, or
 * note that it must be kept as it is. */
static iso_status meet_damage(struct writing *writing, struct period_plan *plan, bool *repaired,
                              struct iso_error *err)
{
    struct bars given = bars_slice(writing->bars, plan->first, plan->count);
    ISO_DEFER(bars_reset) struct bars tail = {0};
    ISO_DEFER(bars_reset) struct bars both = {0};
    size_t equal;
    size_t changed;
    ISO_TRY(tail_read(writing->store->database, writing->series_id, plan->period, &tail, err));
    ISO_TRY(bars_merge(&tail, &given, &both, &equal, &changed, err));
    ISO_TRY(repair(writing, plan, &given, repaired, err));
    if (!*repaired) {
        ISO_TRY(repair(writing, plan, &both, repaired, err));
    }
    plan->damaged = !*repaired && !overlays_all(writing, plan, &both);
    return ISO_OK;
}

/* The current segment's bars of the range; none where it is damaged. */
static iso_status read_current(struct writing *writing, struct period_plan *plan,
                               struct range range, struct bars *packed, struct iso_error *err)
{
    bool repaired;
    iso_status status = store_decode_segment(writing->store, writing->series, plan->period,
                                             plan->current.hash, range, packed, err);
    if (iso_status_code(status) != ISO_ERROR_CORRUPT) {
        return status;
    }
    ISO_TRY(meet_damage(writing, plan, &repaired, err));
    return repaired ? store_decode_segment(writing->store, writing->series, plan->period,
                                           plan->current.hash, range, packed, err)
                    : ISO_OK;
}

/* What is stored in a range of the period, its segment with the tail over it, and which given bars
 * are fresh. */
static iso_status read_stored(struct writing *writing, struct period_plan *plan, struct range range,
                              struct bars *stored, size_t *tail_count, struct iso_error *err)
{
    ISO_DEFER(bars_reset) struct bars packed = {0};
    ISO_DEFER(bars_reset) struct bars tail = {0};
    if (plan->current.exists) {
        ISO_TRY(read_current(writing, plan, range, &packed, err));
        plan->direct = plan->direct && !plan->damaged;
    }
    ISO_TRY(tail_read(writing->store->database, writing->series_id, range, &tail, err));
    *tail_count = tail.count;
    for (size_t i = 0; !plan->direct && !plan->damaged && i < plan->count; i++) {
        bool fresh = !bars_have(&packed, writing->bars->time_us[plan->first + i]);
        plan->fresh[i / 64] |= (uint64_t)fresh << (i % 64);
    }
    size_t equal;
    size_t changed;
    return bars_merge(&packed, &tail, stored, &equal, &changed, err);
}

/* Segments are encoded a few at a time, side by side, and written one after the other. */
enum { ENCODE_BATCH = 16, ENCODE_THREADS_MAX = 4 };

/* A period whose segment is to be published: all of its bars. */
struct unpublished {
    struct period_plan *plan;
    struct bars bars;
    struct bytes encoded;
};

struct publishing {
    const struct writing *writing;
    struct file_batch files;
    struct unpublished items[ENCODE_BATCH];
    size_t count;
};

static void drop_items(struct publishing *publishing)
{
    for (size_t i = 0; i < publishing->count; i++) {
        bars_reset(&publishing->items[i].bars);
        bytes_reset(&publishing->items[i].encoded);
    }
    publishing->count = 0;
}

static void publishing_reset(struct publishing *publishing)
{
    drop_items(publishing);
    file_batch_reset(&publishing->files);
}

static iso_status encode_item(void *context, size_t index, size_t worker, struct iso_error *err)
{
    struct publishing *publishing = context;
    struct unpublished *item = &publishing->items[index];
    struct period_plan *plan = item->plan;
    struct segment segment;
    (void)worker;
    ISO_TRY(segment_encode(publishing->writing->series, plan->period, &item->bars, &item->encoded,
                           err));
    ISO_TRY(segment_open(item->encoded.data, item->encoded.length, &segment, err));
    plan->hash = segment.hash;
    plan->bytes = item->encoded.length;
    plan->rows = item->bars.count;
    plan->first_us = segment.first_us;
    plan->last_us = segment.last_us;
    return ISO_OK;
}

/* A system of a test's own serves one thread, so that its n-th call is the same each time. */
static size_t encode_threads(const struct store *store)
{
    long cores = store->os == os_system() ? sysconf(_SC_NPROCESSORS_ONLN) : 1;
    return cores < 1 ? 1 : cores < ENCODE_THREADS_MAX ? (size_t)cores : ENCODE_THREADS_MAX;
}

/* Encode what waits, and write it under its hashes. */
static iso_status publish_items(struct publishing *publishing, struct iso_error *err)
{
    ISO_TRY(threads_run(encode_threads(publishing->writing->store), publishing->count, encode_item,
                        publishing, err));
    for (size_t i = 0; i < publishing->count; i++) {
        const struct unpublished *item = &publishing->items[i];
        char name[SEGMENT_NAME_BYTES];
        segment_file_name(item->plan->hash, name);
        ISO_TRY(file_batch_add(&publishing->files, name, item->encoded.data, item->encoded.length,
                               err));
    }
    drop_items(publishing);
    return ISO_OK;
}

/* Takes the bars over. */
static iso_status publish_later(struct publishing *publishing, struct period_plan *plan,
                                struct bars *bars, struct iso_error *err)
{
    publishing->items[publishing->count++] = (struct unpublished){.plan = plan, .bars = *bars};
    *bars = (struct bars){0};
    return publishing->count == ENCODE_BATCH ? publish_items(publishing, err) : ISO_OK;
}

/* Whether the period's segment is written anew: many bars at once, or many in the tail by now. */
static iso_status decide_direct(const struct writing *writing, struct period_plan *plan,
                                struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *count = NULL;
    ISO_TRY(statement_new(writing->store->database,
                          "SELECT count(*) FROM tail WHERE series_id = ?1 AND time_us >= ?2"
                          " AND time_us < ?3",
                          &count, err));
    statement_bind_integer(count, 1, writing->series_id);
    statement_bind_integer(count, 2, plan->period.from_us);
    statement_bind_integer(count, 3, plan->period.to_us);
    bool has_row;
    ISO_TRY(statement_step(count, &has_row, err));
    size_t rows = (size_t)statement_integer(count, 0);
    plan->direct = plan->seal || plan->count >= DIRECT_ROWS || rows + plan->count > TAIL_ROWS;
    return ISO_OK;
}

static iso_status prepare_period(struct writing *writing, struct period_plan *plan,
                                 struct publishing *publishing, struct iso_error *err)
{
    struct bars given = bars_slice(writing->bars, plan->first, plan->count);
    ISO_TRY(segment_index_find(writing->store->database, writing->series_id, plan->period,
                               &plan->current, err));
    ISO_TRY(decide_direct(writing, plan, err));
    struct range range = plan->period;
    if (!plan->direct) { /* only the given times matter */
        range = (struct range){given.time_us[0], given.time_us[given.count - 1] + 1};
    }
    ISO_DEFER(bars_reset) struct bars stored = {0};
    ISO_DEFER(bars_reset) struct bars merged = {0};
    size_t tail_count;
    size_t equal;
    size_t changed;
    ISO_TRY(read_stored(writing, plan, range, &stored, &tail_count, err));
    ISO_TRY(bars_merge(&stored, &given, &merged, &equal, &changed, err));
    writing->report.duplicates += equal;
    writing->report.corrected += changed;
    writing->report.stored += given.count - equal - changed;
    /* No bar at all: another process took the tail meanwhile, which the commit will find. */
    plan->unchanged = merged.count == 0 || (plan->seal ? plan->damaged : equal == given.count);
    if (plan->direct && !plan->unchanged) {
        writing->sealed += tail_count;
        ISO_TRY(publish_later(publishing, plan, &merged, err));
    }
    return ISO_OK;
}

static iso_status prepare(struct writing *writing, struct iso_error *err)
{
    bool published = false;
    const struct store *store = writing->store;
    ISO_DEFER(publishing_reset)
    struct publishing publishing = {.writing = writing,
                                    .files = {.os = store->os, .directory = store->segments}};
    writing_reset(writing);
    ISO_TRY(writing_revision(writing, &writing->revision, err));
    ISO_TRY(writing->seal ? plan_tail(writing, err) : plan_bars(writing, err));
    for (size_t i = 0; i < writing->plan_count; i++) {
        ISO_TRY(prepare_period(writing, &writing->plans[i], &publishing, err));
        published = published || (writing->plans[i].direct && !writing->plans[i].unchanged);
    }
    ISO_TRY(publish_items(&publishing, err));
    ISO_TRY(file_batch_publish(&publishing.files, err));
    return published ? directory_sync(store->os, store->segments, err) : ISO_OK;
}

static iso_status write_series(struct writing *writing, struct iso_error *err)
{
    bool done = false;
    for (int attempt = 0; !done; attempt++) {
        if (attempt == ATTEMPTS_MAX) {
            ISO_FAIL(BUSY, err, "%s %s was changed by others %d times in a row; try again",
                     writing->series->symbol, writing->series->interval->name, ATTEMPTS_MAX);
        }
        ISO_TRY(prepare(writing, err));
        ISO_TRY(writing_commit(writing, &done, err));
    }
    return ISO_OK;
}

iso_status store_write(struct store *store, const struct series *series, const struct bars *bars,
                       struct range covered, struct write_report *report, struct iso_error *err)
{
    ISO_TRY(check_bars(bars, err));
    ISO_TRY(series_ensure(store->database, series, err));
    ISO_DEFER(writing_reset)
    struct writing writing = {.store = store, .series = series, .bars = bars, .covered = covered};
    ISO_TRY(series_find(store->database, series, &writing.series_id, err));
    ISO_TRY(write_series(&writing, err));
    report->stored += writing.report.stored;
    report->duplicates += writing.report.duplicates;
    report->corrected += writing.report.corrected;
    return ISO_OK;
}

struct seal_walk {
    struct store *store;
    struct series *series;
    size_t count;
    size_t capacity;
};

static iso_status collect_series(void *context, const struct series_row *row, struct iso_error *err)
{
    struct seal_walk *walk = context;
    if (walk->count == walk->capacity) {
        size_t grown = walk->capacity == 0 ? 64 : walk->capacity * 2;
        struct series *series = realloc(walk->series, grown * sizeof *series);
        if (series == NULL) {
            ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %zu series", grown);
        }
        walk->series = series;
        walk->capacity = grown;
    }
    walk->series[walk->count++] = row->series;
    return ISO_OK;
}

static iso_status seal_one(struct store *store, const struct series *series, size_t *sealed,
                           struct iso_error *err)
{
    struct bars none = {0};
    ISO_DEFER(writing_reset)
    struct writing writing = {.store = store, .series = series, .bars = &none, .seal = true};
    ISO_TRY(series_find(store->database, series, &writing.series_id, err));
    ISO_TRY(write_series(&writing, err));
    *sealed += writing.sealed;
    return ISO_OK;
}

iso_status store_seal(struct store *store, const struct series *series, size_t *sealed,
                      struct iso_error *err)
{
    *sealed = 0;
    if (series != NULL) {
        return seal_one(store, series, sealed, err);
    }
    ISO_DEFER(mem_defer_free) struct series *all = NULL;
    struct seal_walk walk = {.store = store};
    iso_status status = store_each_series(store, collect_series, &walk, err);
    all = walk.series;
    ISO_TRY(status);
    for (size_t i = 0; i < walk.count; i++) {
        ISO_TRY(seal_one(store, &all[i], sealed, err));
    }
    return ISO_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing. A write is prepared outside of any lock (segments merged, encoded, published under their
 * hash), then committed in one transaction that first checks that nobody changed the series
 * meanwhile; if somebody did, it is prepared anew. A process killed anywhere leaves files that no
 * row names, and nothing else.
 *
 * A period that gets many bars at once goes straight into its segment; few bars go to the tail, to
 * be packed later.
 */
#include "local/store_internal.h"

#include "base/threads.h"
#include "market/time.h"

#include <string.h>
#include <unistd.h>

enum { DIRECT_ROWS = 256, ATTEMPTS_MAX = 64, PERIODS_MAX = 1 << 20 };

/* Segments are encoded and fsynced a few at a time, side by side. */
enum { PUBLISH_BATCH = 16, PUBLISH_THREADS_MAX = 4 };

/* What a write does to one period. */
struct period_plan {
    struct range period;
    size_t first; /* the slice of the given bars that lies in the period */
    size_t count;
    struct indexed_segment current;
    bool direct;                      /* a new segment replaces segment and tail */
    uint64_t fresh[DIRECT_ROWS / 64]; /* else: bit i, the segment has no bar at the time of bar i */
    bool unchanged;                   /* every bar was there already */
    struct hash128 hash;              /* of the new segment, where direct */
    size_t bytes;
    size_t rows;
    int64_t first_us;
    int64_t last_us;
};

/* A period whose segment is to be published: all of its bars. */
struct unpublished {
    struct period_plan *plan;
    struct bars bars;
};

/* A write in the making. */
struct writing {
    struct store *store;
    const struct series *series;
    const struct bars *bars;
    struct range covered;
    bool seal; /* pack whatever the tail holds */
    int64_t series_id;
    int64_t revision; /* of the series when it was prepared */
    struct period_plan *plans;
    size_t plan_count;
    struct unpublished batch[PUBLISH_BATCH];
    size_t batch_count;
    struct write_report report;
    size_t sealed;
};

static void drop_batch(struct writing *writing)
{
    for (size_t i = 0; i < writing->batch_count; i++) {
        bars_reset(&writing->batch[i].bars);
    }
    writing->batch_count = 0;
}

static void writing_reset(struct writing *writing)
{
    drop_batch(writing);
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

static iso_status read_revision(struct writing *writing, int64_t *revision, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *read = NULL;
    ISO_TRY(statement_new(writing->store->database, "SELECT revision FROM series WHERE id = ?1",
                          &read, err));
    statement_bind_integer(read, 1, writing->series_id);
    bool has_row;
    ISO_TRY(statement_step(read, &has_row, err));
    *revision = has_row ? statement_integer(read, 0) : -1;
    return ISO_OK;
}

static iso_status add_plan(struct writing *writing, struct range period, size_t first, size_t count,
                           size_t *capacity, struct iso_error *err)
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
    writing->plans[writing->plan_count++] =
        (struct period_plan){.period = period, .first = first, .count = count};
    return ISO_OK;
}

/* Cut the given bars at the borders of periods. */
static iso_status plan_bars(struct writing *writing, struct iso_error *err)
{
    const struct bars *bars = writing->bars;
    size_t capacity = 0;
    size_t at = 0;
    while (at < bars->count) {
        struct range period = interval_period(writing->series->interval, bars->time_us[at]);
        size_t end = bars_find(bars, period.to_us);
        ISO_TRY(add_plan(writing, period, at, end - at, &capacity, err));
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
            struct range period = interval_period(writing->series->interval, time_us);
            ISO_TRY(add_plan(writing, period, 0, 0, &capacity, err));
            from_us = period.to_us;
        }
    }
    return ISO_OK;
}

/*
 * Where a segment is damaged and the given bars encode to the very bytes of its name, publish it
 * anew; *repaired tells.
 */
static iso_status repair(const struct writing *writing, const struct period_plan *plan,
                         bool *repaired, struct iso_error *err)
{
    struct bars given = bars_slice(writing->bars, plan->first, plan->count);
    ISO_DEFER(bytes_reset) struct bytes encoded = {0};
    struct segment segment;
    char name[SEGMENT_NAME_BYTES];
    ISO_TRY(segment_encode(writing->series, plan->period, &given, &encoded, err));
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

static iso_status read_current(struct writing *writing, const struct period_plan *plan,
                               struct range range, struct bars *packed, struct iso_error *err)
{
    bool repaired = false;
    iso_status status = store_decode_segment(writing->store, writing->series, plan->period,
                                             plan->current.hash, range, packed, err);
    if (iso_status_code(status) == ISO_ERROR_CORRUPT && plan->count > 0) {
        ISO_TRY(repair(writing, plan, &repaired, err));
    }
    return repaired ? store_decode_segment(writing->store, writing->series, plan->period,
                                           plan->current.hash, range, packed, err)
                    : status;
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
    }
    ISO_TRY(tail_read(writing->store->database, writing->series_id, range, &tail, err));
    *tail_count = tail.count;
    for (size_t i = 0; !plan->direct && i < plan->count; i++) {
        bool fresh = !bars_have(&packed, writing->bars->time_us[plan->first + i]);
        plan->fresh[i / 64] |= (uint64_t)fresh << (i % 64);
    }
    size_t equal;
    size_t changed;
    return bars_merge(&packed, &tail, stored, &equal, &changed, err);
}

/* Encode the period's bars and publish them under their hash; durable after the directory's fsync.
 */
static iso_status publish(const struct writing *writing, struct period_plan *plan,
                          const struct bars *bars, struct iso_error *err)
{
    ISO_DEFER(bytes_reset) struct bytes encoded = {0};
    struct segment segment;
    ISO_TRY(segment_encode(writing->series, plan->period, bars, &encoded, err));
    ISO_TRY(segment_open(encoded.data, encoded.length, &segment, err));
    char name[SEGMENT_NAME_BYTES];
    segment_file_name(segment.hash, name);
    ISO_TRY(file_publish(writing->store->os, writing->store->segments, name, encoded.data,
                         encoded.length, err));
    plan->hash = segment.hash;
    plan->bytes = encoded.length;
    plan->rows = bars->count;
    plan->first_us = segment.first_us;
    plan->last_us = segment.last_us;
    return ISO_OK;
}

static iso_status publish_one(void *context, size_t index, size_t worker, struct iso_error *err)
{
    const struct writing *writing = context;
    const struct unpublished *one = &writing->batch[index];
    (void)worker;
    return publish(writing, one->plan, &one->bars, err);
}

/* A system of a test's own serves one thread, so that its n-th call is the same each time. */
static size_t publish_threads(const struct writing *writing)
{
    long cores = writing->store->os == os_system() ? sysconf(_SC_NPROCESSORS_ONLN) : 1;
    return cores < 1 ? 1 : cores < PUBLISH_THREADS_MAX ? (size_t)cores : PUBLISH_THREADS_MAX;
}

static iso_status publish_batch(struct writing *writing, struct iso_error *err)
{
    ISO_TRY(threads_run(publish_threads(writing), writing->batch_count, publish_one, writing, err));
    drop_batch(writing);
    return ISO_OK;
}

/* Takes the bars over. */
static iso_status publish_later(struct writing *writing, struct period_plan *plan,
                                struct bars *bars, struct iso_error *err)
{
    writing->batch[writing->batch_count++] = (struct unpublished){plan, *bars};
    *bars = (struct bars){0};
    return writing->batch_count == PUBLISH_BATCH ? publish_batch(writing, err) : ISO_OK;
}

static iso_status prepare_period(struct writing *writing, struct period_plan *plan,
                                 struct iso_error *err)
{
    struct bars given = bars_slice(writing->bars, plan->first, plan->count);
    ISO_TRY(segment_index_find(writing->store->database, writing->series_id, plan->period,
                               &plan->current, err));
    plan->direct = writing->seal || plan->count >= DIRECT_ROWS;
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
    plan->unchanged = !writing->seal && equal == given.count;
    if (plan->direct && !plan->unchanged) {
        writing->sealed += tail_count;
        ISO_TRY(publish_later(writing, plan, &merged, err));
    }
    return ISO_OK;
}

static iso_status prepare(struct writing *writing, struct iso_error *err)
{
    bool published = false;
    writing_reset(writing);
    ISO_TRY(read_revision(writing, &writing->revision, err));
    ISO_TRY(writing->seal ? plan_tail(writing, err) : plan_bars(writing, err));
    for (size_t i = 0; i < writing->plan_count; i++) {
        ISO_TRY(prepare_period(writing, &writing->plans[i], err));
        published = published || (writing->plans[i].direct && !writing->plans[i].unchanged);
    }
    ISO_TRY(publish_batch(writing, err));
    return published ? directory_sync(writing->store->os, writing->store->segments, err) : ISO_OK;
}

/* One statement for the whole of a commit: (series, from, to) are its first three parameters. */
static iso_status run_on_period(struct writing *writing, const char *sql, struct range range,
                                struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *statement = NULL;
    ISO_TRY(statement_new(writing->store->database, sql, &statement, err));
    statement_bind_integer(statement, 1, writing->series_id);
    statement_bind_integer(statement, 2, range.from_us);
    statement_bind_integer(statement, 3, range.to_us);
    return statement_run(statement, err);
}

static iso_status retire(struct writing *writing, struct hash128 hash, struct iso_error *err)
{
    char hex[HASH_HEX_BYTES];
    ISO_DEFER(statement_free) struct statement *add = NULL;
    hash_hex(hash, hex);
    ISO_TRY(statement_new(writing->store->database,
                          "INSERT INTO retired (hash, retired_us) VALUES (?1, ?2)"
                          " ON CONFLICT (hash) DO UPDATE SET retired_us = excluded.retired_us",
                          &add, err));
    statement_bind_text(add, 1, hex);
    statement_bind_integer(add, 2, writing->store->os->clock_us(writing->store->os->context));
    return statement_run(add, err);
}

static iso_status commit_segment(struct writing *writing, const struct period_plan *plan,
                                 struct iso_error *err)
{
    char hex[HASH_HEX_BYTES];
    ISO_DEFER(statement_free) struct statement *put = NULL;
    ISO_DEFER(statement_free) struct statement *unretire = NULL;
    hash_hex(plan->hash, hex);
    ISO_TRY(statement_new(writing->store->database,
                          "INSERT OR REPLACE INTO segments (series_id, from_us, to_us, hash, rows,"
                          " bytes, first_us, last_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                          &put, err));
    statement_bind_integer(put, 1, writing->series_id);
    statement_bind_integer(put, 2, plan->period.from_us);
    statement_bind_integer(put, 3, plan->period.to_us);
    statement_bind_text(put, 4, hex);
    statement_bind_integer(put, 5, (int64_t)plan->rows);
    statement_bind_integer(put, 6, (int64_t)plan->bytes);
    statement_bind_integer(put, 7, plan->first_us);
    statement_bind_integer(put, 8, plan->last_us);
    ISO_TRY(statement_run(put, err));
    if (plan->current.exists && !hash_equal(plan->current.hash, plan->hash)) {
        ISO_TRY(retire(writing, plan->current.hash, err));
    }
    ISO_TRY(statement_new(writing->store->database, "DELETE FROM retired WHERE hash = ?1",
                          &unretire, err));
    statement_bind_text(unretire, 1, hex);
    ISO_TRY(statement_run(unretire, err));
    return run_on_period(writing,
                         "DELETE FROM tail WHERE series_id = ?1 AND time_us >= ?2 AND time_us < ?3",
                         plan->period, err);
}

/* A tail bar is fresh where the period's segment has none at its time: ls counts by that. */
static iso_status commit_tail(struct writing *writing, const struct period_plan *plan,
                              struct iso_error *err)
{
    struct bars given = bars_slice(writing->bars, plan->first, plan->count);
    ISO_DEFER(statement_free) struct statement *put = NULL;
    ISO_TRY(statement_new(writing->store->database,
                          "INSERT OR REPLACE INTO tail (series_id, time_us, fresh, bar)"
                          " VALUES (?1, ?2, ?3, ?4)",
                          &put, err));
    for (size_t i = 0; i < given.count; i++) {
        struct bar bar = bars_get(&given, i);
        uint8_t blob[TAIL_BLOB_BYTES];
        tail_blob_write(&bar, blob);
        statement_bind_integer(put, 1, writing->series_id);
        statement_bind_integer(put, 2, bar.time_us);
        statement_bind_integer(put, 3, (int64_t)(plan->fresh[i / 64] >> (i % 64) & 1));
        statement_bind_blob(put, 4, blob, sizeof blob);
        ISO_TRY(statement_run(put, err));
    }
    return ISO_OK;
}

/* What the cloud must be told: a segment by its hash, or the tail's rows in a range. */
static iso_status commit_outbox(struct writing *writing, const struct period_plan *plan,
                                struct iso_error *err)
{
    char hex[HASH_HEX_BYTES];
    uint8_t batch_id[16];
    ISO_DEFER(statement_free) struct statement *put = NULL;
    const struct os *os = writing->store->os;
    os_entropy(batch_id, sizeof batch_id);
    hash_hex(plan->hash, hex);
    ISO_TRY(statement_new(writing->store->database,
                          "INSERT INTO outbox (batch_id, series_id, from_us, to_us, rows, hash,"
                          " created_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                          &put, err));
    struct range range = plan->period;
    if (!plan->direct) {
        range.from_us = writing->bars->time_us[plan->first];
        range.to_us = writing->bars->time_us[plan->first + plan->count - 1] + 1;
    }
    statement_bind_blob(put, 1, batch_id, sizeof batch_id);
    statement_bind_integer(put, 2, writing->series_id);
    statement_bind_integer(put, 3, range.from_us);
    statement_bind_integer(put, 4, range.to_us);
    statement_bind_integer(put, 5, (int64_t)(plan->direct ? plan->rows : plan->count));
    statement_bind_text(put, 6, plan->direct ? hex : NULL);
    statement_bind_integer(put, 7, os->clock_us(os->context));
    return statement_run(put, err);
}

/* *changed tells whether there is anything to commit. */
static iso_status commit_all(struct writing *writing, bool *changed, struct iso_error *err)
{
    *changed = false;
    for (size_t i = 0; i < writing->plan_count; i++) {
        const struct period_plan *plan = &writing->plans[i];
        if (!plan->unchanged) {
            *changed = true;
            ISO_TRY(plan->direct ? commit_segment(writing, plan, err)
                                 : commit_tail(writing, plan, err));
            ISO_TRY(commit_outbox(writing, plan, err));
        }
    }
    ISO_TRY(coverage_write(writing->store->database, writing->series_id, writing->covered, changed,
                           err));
    return *changed ? run_on_period(writing,
                                    "UPDATE series SET revision = revision + 1 WHERE id = ?1"
                                    " AND ?2 IS NOT NULL AND ?3 IS NOT NULL",
                                    (struct range){0, 0}, err)
                    : ISO_OK;
}

/* *done is false where somebody changed the series since it was prepared. */
static iso_status commit(struct writing *writing, bool *done, struct iso_error *err)
{
    ISO_DEFER(transaction_end) struct database *database = writing->store->database;
    int64_t revision;
    bool changed;
    ISO_TRY(transaction_begin(database, err));
    ISO_TRY(read_revision(writing, &revision, err));
    *done = revision == writing->revision;
    if (*done) {
        ISO_TRY(commit_all(writing, &changed, err));
        return changed ? transaction_commit(database, err) : ISO_OK;
    }
    return ISO_OK;
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
        ISO_TRY(commit(writing, &done, err));
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

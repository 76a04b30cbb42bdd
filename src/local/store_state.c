/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What reads keep in memory: the catalog's word on a series, and decoded segments. docs/decisions/
 * 0005 says when either is looked at again.
 */
#include "local/store_internal.h"

#include <stdio.h>
#include <string.h>

static void state_free(void *value)
{
    struct series_state *state = value;
    free(state->segments);
    free(state->covered);
    bars_reset(&state->tail);
    free(state);
}

static void state_defer(struct series_state **state)
{
    if (*state != NULL) {
        state_free(*state);
    }
}

static struct cache_key state_key(const struct series *series)
{
    char text[SYMBOL_BYTES_MAX + 16];
    int length = snprintf(text, sizeof text, "%s:%s", series->symbol, series->interval->name);
    return (struct cache_key){hash_bytes(text, (size_t)length), STORE_CACHED_SERIES};
}

static bool same_series(const struct series *a, const struct series *b)
{
    return a->interval == b->interval && strcmp(a->symbol, b->symbol) == 0;
}

static iso_status find_series(struct store *store, struct series_state *state,
                              struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *find = NULL;
    ISO_TRY(statement_new(store->database,
                          "SELECT id, revision FROM series WHERE symbol = ?1 AND interval = ?2",
                          &find, err));
    statement_bind_text(find, 1, state->series.symbol);
    statement_bind_text(find, 2, state->series.interval->name);
    bool has_row;
    ISO_TRY(statement_step(find, &has_row, err));
    if (!has_row) {
        ISO_FAIL(NOT_FOUND, err,
                 "the store at %s has no series %s %s; \"isobar ls\" lists what it has",
                 store->directory, state->series.symbol, state->series.interval->name);
    }
    state->id = statement_integer(find, 0);
    state->revision = statement_integer(find, 1);
    return ISO_OK;
}

/* Room for one more element in an array of count elements that grows by doubling. */
static iso_status make_room(void **array, size_t element_bytes, size_t count, struct iso_error *err)
{
    bool full = count == 0 || (count >= 16 && (count & (count - 1)) == 0);
    size_t grown = count == 0 ? 16 : count * 2;
    void *moved = full ? realloc(*array, grown * element_bytes) : *array;
    if (moved == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %zu rows of the catalog", grown);
    }
    *array = moved;
    return ISO_OK;
}

static iso_status load_segments(struct database *database, struct series_state *state,
                                struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *rows = NULL;
    ISO_TRY(statement_new(database,
                          "SELECT from_us, to_us, hash, rows FROM segments WHERE series_id = ?1"
                          " ORDER BY from_us",
                          &rows, err));
    statement_bind_integer(rows, 1, state->id);
    bool has_row;
    ISO_TRY(statement_step(rows, &has_row, err));
    while (has_row) {
        void *array = state->segments;
        ISO_TRY(make_room(&array, sizeof *state->segments, state->segment_count, err));
        state->segments = array;
        struct segment_entry *entry = &state->segments[state->segment_count++];
        *entry = (struct segment_entry){
            .period = {statement_integer(rows, 0), statement_integer(rows, 1)},
            .rows = (size_t)statement_integer(rows, 3),
        };
        entry->valid = hash_parse(statement_text(rows, 2), &entry->hash);
        ISO_TRY(statement_step(rows, &has_row, err));
    }
    return ISO_OK;
}

iso_status store_load_covered(struct database *database, struct series_state *state,
                              struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *rows = NULL;
    ISO_TRY(statement_new(database,
                          "SELECT from_us, to_us FROM coverage WHERE series_id = ?1"
                          " ORDER BY from_us",
                          &rows, err));
    statement_bind_integer(rows, 1, state->id);
    bool has_row;
    ISO_TRY(statement_step(rows, &has_row, err));
    while (has_row) {
        void *array = state->covered;
        ISO_TRY(make_room(&array, sizeof *state->covered, state->covered_count, err));
        state->covered = array;
        state->covered[state->covered_count++] =
            (struct range){statement_integer(rows, 0), statement_integer(rows, 1)};
        ISO_TRY(statement_step(rows, &has_row, err));
    }
    return ISO_OK;
}

static size_t state_bytes(const struct series_state *state)
{
    return sizeof *state + 2 * state->segment_count * sizeof *state->segments +
           2 * state->covered_count * sizeof *state->covered +
           state->tail.capacity * sizeof(double) * (BAR_VALUE_COUNT + 2);
}

/* Everything from one state of the catalog: in the caller's transaction. */
static iso_status load_state(struct store *store, struct series_state *state, struct iso_error *err)
{
    struct database *database = store->database;
    ISO_TRY(load_segments(database, state, err));
    ISO_TRY(store_load_covered(database, state, err));
    return tail_read(database, state->id, (struct range){INT64_MIN, INT64_MAX}, &state->tail, err);
}

/*
 * Read the state anew, unless the cached one (may be NULL) has the series' present revision.
 * *state is NULL in that case.
 */
static iso_status read_state(struct store *store, const struct series *series,
                             struct series_state *cached, struct series_state **state,
                             struct iso_error *err)
{
    ISO_DEFER(state_defer) struct series_state *read = NULL;
    ISO_DEFER(transaction_end) struct database *database = store->database;
    ISO_NEW(read, 1, err);
    read->series = *series;
    ISO_TRY(database_run(database, "BEGIN", err));
    ISO_TRY(database_change(database, &read->change, err));
    ISO_TRY(find_series(store, read, err));
    if (cached != NULL && cached->id == read->id && cached->revision == read->revision) {
        cached->change = read->change;
        return ISO_OK;
    }
    ISO_TRY(load_state(store, read, err));
    *state = read;
    read = NULL;
    return ISO_OK;
}

/* The cached state, pinned, if it is still true. */
static iso_status find_state(struct store *store, const struct series *series,
                             struct cache_entry **entry, bool *current, struct iso_error *err)
{
    struct database_change change;
    ISO_TRY(database_change(store->database, &change, err));
    *entry = cache_find(store->cache, state_key(series));
    const struct series_state *state = *entry != NULL ? cache_value(*entry) : NULL;
    if (state != NULL && !same_series(&state->series, series)) {
        cache_drop(store->cache, *entry); /* two series with one hash: neither is kept long */
        cache_unpin(entry);
        state = NULL;
    }
    *current = state != NULL && memcmp(&state->change, &change, sizeof change) == 0;
    return ISO_OK;
}

static iso_status keep_state(struct store *store, struct series_state **state,
                             struct cache_entry **entry, struct iso_error *err)
{
    size_t bytes = state_bytes(*state);
    (void)cache_make_room(store->cache, bytes); /* a state is small, and must be had anyway */
    ISO_TRY(cache_add(store->cache, state_key(&(*state)->series), *state, bytes, state_free, entry,
                      err));
    *state = NULL;
    return ISO_OK;
}

iso_status store_state(struct store *store, const struct series *series, bool fresh,
                       struct cache_entry **entry, struct iso_error *err)
{
    ISO_DEFER(cache_unpin) struct cache_entry *cached = NULL;
    ISO_DEFER(state_defer) struct series_state *state = NULL;
    bool current = false;
    ISO_TRY(find_state(store, series, &cached, &current, err));
    if (cached == NULL || !current || fresh) {
        struct series_state *known = cached != NULL && !fresh ? cache_value(cached) : NULL;
        ISO_TRY(read_state(store, series, known, &state, err));
    }
    if (state != NULL) {
        if (cached != NULL) {
            cache_drop(store->cache, cached);
        }
        return keep_state(store, &state, entry, err);
    }
    *entry = cached;
    cached = NULL;
    return ISO_OK;
}

static void decoded_free(void *value)
{
    struct decoded *decoded = value;
    bars_reset(&decoded->bars);
    free(decoded);
}

static void decoded_defer(struct decoded **decoded)
{
    if (*decoded != NULL) {
        decoded_free(*decoded);
    }
}

static iso_status decode_whole(struct store *store, const struct series *series,
                               const struct segment_entry *segment, struct cache_key key,
                               struct cache_entry **entry, struct iso_error *err)
{
    ISO_DEFER(bytes_reset) struct bytes bytes = {0};
    ISO_DEFER(decoded_defer) struct decoded *decoded = NULL;
    struct segment opened;
    ISO_TRY(
        store_load_segment_of(store, series, segment->period, segment->hash, &bytes, &opened, err));
    size_t room = sizeof *decoded + opened.rows * sizeof(double) * (BAR_VALUE_COUNT + 2);
    if (!cache_make_room(store->cache, room)) {
        return ISO_OK;
    }
    ISO_NEW(decoded, 1, err);
    decoded->series = opened.series;
    decoded->period = opened.period;
    ISO_TRY(bars_reserve(&decoded->bars, opened.rows, err));
    ISO_TRY(segment_decode(&opened, opened.period, &decoded->bars, NULL, err));
    ISO_TRY(cache_add(store->cache, key, decoded, room, decoded_free, entry, err));
    decoded = NULL;
    return ISO_OK;
}

iso_status store_decoded(struct store *store, const struct series *series,
                         const struct segment_entry *segment, struct cache_entry **entry,
                         struct iso_error *err)
{
    struct cache_key key = {segment->hash, STORE_CACHED_SEGMENT};
    ISO_DEFER(cache_unpin) struct cache_entry *found = cache_find(store->cache, key);
    *entry = NULL;
    if (found == NULL) {
        return cache_wanted(store->cache, key)
                   ? decode_whole(store, series, segment, key, entry, err)
                   : ISO_OK;
    }
    const struct decoded *decoded = cache_value(found);
    if (!same_series(&decoded->series, series) ||
        decoded->period.from_us != segment->period.from_us ||
        decoded->period.to_us != segment->period.to_us) {
        ISO_FAIL(CORRUPT, err, "the catalog lists a segment of %s:%s for %s:%s",
                 decoded->series.symbol, decoded->series.interval->name, series->symbol,
                 series->interval->name);
    }
    *entry = found;
    found = NULL;
    return ISO_OK;
}

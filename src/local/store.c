/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a store, its schema, and the small tables: series, segment index, tail.
 * docs/store-format.md says what each table means to another program.
 */
#include "local/page_check.h"
#include "local/store_internal.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* clang-format off */
static const char schema_1[] =
    "CREATE TABLE series (id INTEGER PRIMARY KEY, symbol TEXT NOT NULL, interval TEXT NOT NULL,"
    "  revision INTEGER NOT NULL DEFAULT 0, UNIQUE (symbol, interval));"
    "CREATE TABLE tail (series_id INTEGER NOT NULL REFERENCES series, time_us INTEGER NOT NULL,"
    "  fresh INTEGER NOT NULL, bar BLOB NOT NULL, PRIMARY KEY (series_id, time_us)) WITHOUT ROWID;"
    "CREATE TABLE segments (series_id INTEGER NOT NULL REFERENCES series, from_us INTEGER NOT NULL,"
    "  to_us INTEGER NOT NULL, hash TEXT NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    "  first_us INTEGER NOT NULL, last_us INTEGER NOT NULL, PRIMARY KEY (series_id, from_us)) WITHOUT ROWID;"
    "CREATE TABLE retired (hash TEXT PRIMARY KEY, retired_us INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE coverage (series_id INTEGER NOT NULL REFERENCES series, from_us INTEGER NOT NULL,"
    "  to_us INTEGER NOT NULL, PRIMARY KEY (series_id, from_us)) WITHOUT ROWID;"
    "CREATE TABLE outbox (sequence INTEGER PRIMARY KEY AUTOINCREMENT, batch_id BLOB NOT NULL UNIQUE,"
    "  series_id INTEGER NOT NULL REFERENCES series, from_us INTEGER NOT NULL, to_us INTEGER NOT NULL,"
    "  rows INTEGER NOT NULL, hash TEXT, state TEXT NOT NULL DEFAULT 'pending', created_us INTEGER NOT NULL);"
    "CREATE TABLE quarantine (id INTEGER PRIMARY KEY, file TEXT NOT NULL, line INTEGER NOT NULL,"
    "  symbol TEXT NOT NULL, reason TEXT NOT NULL, text TEXT NOT NULL, created_us INTEGER NOT NULL,"
    "  UNIQUE (file, line, text));"
    "CREATE TABLE snapshots (name TEXT PRIMARY KEY, root TEXT NOT NULL, manifest TEXT NOT NULL,"
    "  bars INTEGER NOT NULL, segments INTEGER NOT NULL, created_us INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE snapshot_segments (name TEXT NOT NULL REFERENCES snapshots, hash TEXT NOT NULL,"
    "  PRIMARY KEY (name, hash)) WITHOUT ROWID;"
    "PRAGMA application_id = " PAGE_CHECK_APPLICATION_ID ";"
    "PRAGMA user_version = 1;";
/* clang-format on */
const char *const store_migrations[STORE_SCHEMA_VERSION] = {schema_1};

void segment_file_name(struct hash128 hash, char target[SEGMENT_NAME_BYTES])
{
    hash_hex(hash, target);
    memcpy(target + HASH_HEX_BYTES - 1, ".seg", sizeof ".seg");
}

static iso_status join(const char *directory, const char *name, char **path, struct iso_error *err)
{
    size_t bytes = strlen(directory) + strlen(name) + 2;
    ISO_NEW(*path, bytes, err);
    (void)snprintf(*path, bytes, "%s/%s", directory, name);
    return ISO_OK;
}

static iso_status no_store(const char *directory, struct iso_error *err)
{
    ISO_FAIL(BAD_ARGUMENT, err,
             "there is no store at %s; \"isobar import FILE\" makes one, --store names another",
             directory);
}

/* Bring the schema to this version, each step in a transaction of its own; others may try at the
 * same time. */
static iso_status migrate(struct database *database, int64_t version, struct iso_error *err)
{
    for (; version < STORE_SCHEMA_VERSION; version++) {
        ISO_DEFER(transaction_end) struct database *open = database;
        int64_t now_at;
        ISO_TRY(transaction_begin(open, err));
        ISO_TRY(database_version(open, &now_at, err));
        if (now_at == version) {
            ISO_TRY(database_run(open, store_migrations[version], err));
        }
        ISO_TRY(transaction_commit(open, err));
    }
    return ISO_OK;
}

/* The schema's version; 0 where its maker was killed before it was one. The checksum of page 1
 * leaves it out, so that what a newer isobar wrote is told from damage. */
static iso_status catalog_version(struct store *store, const char *path, int64_t *version,
                                  struct iso_error *err)
{
    ISO_DEFER(transaction_end) struct database *database = store->database;
    ISO_DEFER(statement_free) struct statement *tables = NULL;
    bool has_row;
    /* Of one moment: somebody may be making it. */
    ISO_TRY(database_run(database, "BEGIN", err));
    ISO_TRY(database_version(database, version, err));
    if (*version > 0) {
        return ISO_OK;
    }
    ISO_TRY(statement_new(database, "SELECT 1 FROM sqlite_schema LIMIT 1", &tables, err));
    ISO_TRY(statement_step(tables, &has_row, err));
    if (*version < 0 || has_row) {
        ISO_FAIL(CORRUPT, err, "%s is damaged: it names the schema version %lld", path,
                 (long long)*version);
    }
    return ISO_OK;
}

static iso_status open_catalog(struct store *store, enum store_mode mode, struct iso_error *err)
{
    ISO_DEFER(mem_defer_free) char *path = NULL;
    ISO_TRY(join(store->directory, "catalog.db", &path, err));
    static const enum database_mode modes[] = {[STORE_READ] = DATABASE_READ,
                                               [STORE_CHANGE] = DATABASE_WRITE,
                                               [STORE_WRITE] = DATABASE_CREATE};
    iso_status status = database_open(path, modes[mode], &store->database, err);
    if (iso_status_code(status) == ISO_ERROR_NOT_FOUND) {
        return no_store(store->directory, err);
    }
    ISO_TRY(status);
    int64_t version;
    ISO_TRY(catalog_version(store, path, &version, err));
    if (version > STORE_SCHEMA_VERSION) {
        ISO_FAIL(NEWER_VERSION, err,
                 "the store at %s has schema %lld, this isobar knows %d; use a newer isobar",
                 store->directory, (long long)version, STORE_SCHEMA_VERSION);
    }
    if (mode != STORE_WRITE && version == 0) { /* its maker was killed before it was one */
        return no_store(store->directory, err);
    }
    return mode != STORE_READ ? migrate(store->database, version, err) : ISO_OK;
}

iso_status store_open(const struct os *os, const char *directory, enum store_mode mode,
                      struct store **store, struct iso_error *err)
{
    struct stat info;
    if (mode != STORE_WRITE && (stat(directory, &info) != 0 || !S_ISDIR(info.st_mode))) {
        return no_store(directory, err);
    }
    ISO_TRY(store_check_place(directory, mode, err));
    ISO_DEFER(store_close) struct store *opened = NULL;
    ISO_NEW(opened, 1, err);
    opened->os = os;
    opened->directory = strdup(directory);
    if (opened->directory == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory to open %s", directory);
    }
    ISO_TRY(join(directory, "segments", &opened->segments, err));
    if (mode == STORE_WRITE) {
        ISO_TRY(directory_make(os, opened->segments, err));
    }
    ISO_TRY(cache_new(STORE_CACHE_BYTES_PRESET, &opened->cache, err));
    ISO_TRY(open_catalog(opened, mode, err));
    *store = opened;
    opened = NULL;
    return ISO_OK;
}

void store_close(struct store **store)
{
    if (*store != NULL) {
        cache_free(&(*store)->cache);
        database_close(&(*store)->database);
        free((*store)->directory);
        free((*store)->segments);
        free(*store);
        *store = NULL;
    }
}

void store_set_cache_bytes(struct store *store, size_t bytes)
{
    cache_set_budget(store->cache, bytes);
}

struct cache_stats store_cache_stats(const struct store *store)
{
    return cache_stats_of(store->cache);
}

const char *store_directory(const struct store *store)
{
    return store->directory;
}

const struct os *store_os(const struct store *store)
{
    return store->os;
}

struct database *store_database(struct store *store)
{
    return store->database;
}

iso_status series_find(struct database *database, const struct series *series, int64_t *id,
                       struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *find = NULL;
    ISO_TRY(statement_new(database, "SELECT id FROM series WHERE symbol = ?1 AND interval = ?2",
                          &find, err));
    statement_bind_text(find, 1, series->symbol);
    statement_bind_text(find, 2, series->interval->name);
    bool has_row;
    ISO_TRY(statement_step(find, &has_row, err));
    *id = has_row ? statement_integer(find, 0) : 0;
    return ISO_OK;
}

static void put_u64(uint8_t *target, uint64_t value)
{
    for (int i = 0; i < 8; i++) {
        target[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint64_t get_u64(const uint8_t *source)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) {
        value |= (uint64_t)source[i] << (8 * i);
    }
    return value;
}

void tail_blob_write(const struct bar *bar, uint8_t target[TAIL_BLOB_BYTES])
{
    for (size_t i = 0; i < BAR_VALUE_COUNT; i++) {
        uint64_t bits;
        memcpy(&bits, &bar->value[i], sizeof bits);
        put_u64(target + 8 * i, bits);
    }
    put_u64(target + 8 * (size_t)BAR_VALUE_COUNT, (uint64_t)bar->trade_count);
}

void tail_blob_read(const uint8_t source[TAIL_BLOB_BYTES], struct bar *bar)
{
    for (size_t i = 0; i < BAR_VALUE_COUNT; i++) {
        uint64_t bits = get_u64(source + 8 * i);
        memcpy(&bar->value[i], &bits, sizeof bits);
    }
    bar->trade_count = (int64_t)get_u64(source + 8 * (size_t)BAR_VALUE_COUNT);
}

iso_status tail_read(struct database *database, int64_t series_id, struct range range,
                     struct bars *target, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *rows = NULL;
    ISO_TRY(statement_new(database,
                          "SELECT time_us, bar FROM tail WHERE series_id = ?1 AND time_us >= ?2"
                          " AND time_us < ?3 ORDER BY time_us",
                          &rows, err));
    statement_bind_integer(rows, 1, series_id);
    statement_bind_integer(rows, 2, range.from_us);
    statement_bind_integer(rows, 3, range.to_us);
    bool has_row;
    ISO_TRY(statement_step(rows, &has_row, err));
    while (has_row) {
        struct bar bar = {.time_us = statement_integer(rows, 0)};
        size_t length;
        const void *blob = statement_blob(rows, 1, &length);
        if (length != TAIL_BLOB_BYTES) {
            ISO_FAIL(CORRUPT, err, "the tail bar at %lld has %zu bytes, not %d",
                     (long long)bar.time_us, length, TAIL_BLOB_BYTES);
        }
        tail_blob_read(blob, &bar);
        ISO_TRY(bars_append(target, &bar, err));
        ISO_TRY(statement_step(rows, &has_row, err));
    }
    return ISO_OK;
}

iso_status segment_index_find(struct database *database, int64_t series_id, struct range period,
                              struct indexed_segment *found, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *find = NULL;
    ISO_TRY(statement_new(
        database,
        "SELECT hash, rows, first_us, last_us FROM segments WHERE series_id = ?1 AND from_us = ?2",
        &find, err));
    statement_bind_integer(find, 1, series_id);
    statement_bind_integer(find, 2, period.from_us);
    *found = (struct indexed_segment){0};
    ISO_TRY(statement_step(find, &found->exists, err));
    if (found->exists && !hash_parse(statement_text(find, 0), &found->hash)) {
        ISO_FAIL(CORRUPT, err, "the catalog holds \"%.40s\" where a segment's hash belongs",
                 statement_text(find, 0));
    }
    if (found->exists) {
        found->rows = (size_t)statement_integer(find, 1);
        found->first_us = statement_integer(find, 2);
        found->last_us = statement_integer(find, 3);
    }
    return ISO_OK;
}

bool store_has_file(const struct store *store, struct hash128 hash)
{
    char path[PATH_MAX];
    char name[SEGMENT_NAME_BYTES];
    segment_file_name(hash, name);
    int length = snprintf(path, sizeof path, "%s/%s", store->segments, name);
    return length < (int)sizeof path && access(path, F_OK) == 0;
}

iso_status store_load_segment(struct store *store, struct hash128 hash, struct bytes *bytes,
                              struct segment *segment, struct iso_error *err)
{
    char name[SEGMENT_NAME_BYTES];
    ISO_DEFER(mem_defer_free) char *path = NULL;
    segment_file_name(hash, name);
    ISO_TRY(join(store->segments, name, &path, err));
    ISO_DEFER(bytes_reset) struct bytes read = {0};
    iso_status status = file_read(path, SEGMENT_BYTES_MAX, &read, err);
    if (iso_status_code(status) == ISO_ERROR_NOT_FOUND) {
        ISO_FAIL(CORRUPT, err, "segment %s is missing from %s", name, store->segments);
    }
    if (iso_status_code(status) == ISO_ERROR_LIMIT) {
        ISO_FAIL(CORRUPT, err, "segment %s is longer than any segment", path);
    }
    ISO_TRY(status);
    struct segment opened;
    ISO_TRY(
        iso_context(segment_open(read.data, read.length, &opened, err), err, "segment %s", path));
    if (!hash_equal(opened.hash, hash)) {
        ISO_FAIL(CORRUPT, err, "segment %s holds other bytes than its name says", path);
    }
    *segment = opened;
    *bytes = read;
    read = (struct bytes){0};
    return ISO_OK;
}

bool segment_is_of(const struct segment *segment, const struct series *series, struct range period)
{
    return strcmp(segment->series.symbol, series->symbol) == 0 &&
           segment->series.interval == series->interval &&
           segment->period.from_us == period.from_us && segment->period.to_us == period.to_us;
}

iso_status store_load_segment_of(struct store *store, const struct series *series,
                                 struct range period, struct hash128 hash, struct bytes *bytes,
                                 struct segment *segment, struct iso_error *err)
{
    ISO_TRY(store_load_segment(store, hash, bytes, segment, err));
    if (!segment_is_of(segment, series, period)) {
        char name[SEGMENT_NAME_BYTES];
        segment_file_name(hash, name);
        ISO_FAIL(CORRUPT, err, "segment %s is of %s:%s, the catalog lists it for %s:%s", name,
                 segment->series.symbol, segment->series.interval->name, series->symbol,
                 series->interval->name);
    }
    return ISO_OK;
}

iso_status store_decode_segment(struct store *store, const struct series *series,
                                struct range period, struct hash128 hash, struct range range,
                                struct bars *target, struct iso_error *err)
{
    ISO_DEFER(bytes_reset) struct bytes bytes = {0};
    struct segment segment;
    ISO_TRY(store_load_segment_of(store, series, period, hash, &bytes, &segment, err));
    return segment_decode(&segment, range, target, NULL, err);
}

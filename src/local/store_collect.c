/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deleting files that nothing needs: segments that a newer revision replaced (table retired), and
 * files that no row names, which a killed writer left.
 *
 * A file is deleted only under the lock that every commit takes, after the catalog was asked under
 * that lock whether anything names it. A writer that published a file and has not committed yet
 * finds it gone when it takes the lock, and publishes it again (store_commit.c); a reader that
 * holds an older state reads the newer one (store_read.c). So the grace is no part of what makes
 * this safe: it spares readers and writers the repeated work. Killed anywhere, it goes on where it
 * was: a row of retired whose file is gone, or a file without a row, are both taken up again.
 */
#include "local/store_internal.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { BATCH = 256, NAME_BYTES = 64 };

/* Names of files in segments/ that may be deleted, one lock at a time. */
struct collecting {
    struct store *store;
    int64_t before_us; /* what is not older stays */
    struct collect_report *report;
    char names[BATCH][NAME_BYTES];
    size_t count;
};

static iso_status remove_file(const struct collecting *collecting, const char *name,
                              struct iso_error *err)
{
    char path[PATH_MAX];
    struct stat info;
    const struct os *os = collecting->store->os;
    int length = snprintf(path, sizeof path, "%s/%s", collecting->store->segments, name);
    if (length >= (int)sizeof path || stat(path, &info) != 0) {
        return ISO_OK; /* gone: somebody was here before */
    }
    if (os->unlink(os->context, path) != 0 && errno != ENOENT) {
        ISO_FAIL(IO, err, "%s could not be deleted: %s", path, strerror(errno));
    }
    collecting->report->files++;
    collecting->report->bytes += (size_t)info.st_size;
    return ISO_OK;
}

/* Whether the table named in sql has the hash. */
static iso_status is_named(struct database *database, const char *hex, bool *named,
                           struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *find = NULL;
    ISO_TRY(statement_new(database,
                          "SELECT 1 FROM segments WHERE hash = ?1"
                          " UNION ALL SELECT 1 FROM snapshot_segments WHERE hash = ?1 LIMIT 1",
                          &find, err));
    statement_bind_text(find, 1, hex);
    return statement_step(find, named, err);
}

static iso_status forget_retired(struct database *database, const char *hex, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *forget = NULL;
    ISO_TRY(statement_new(database, "DELETE FROM retired WHERE hash = ?1", &forget, err));
    statement_bind_text(forget, 1, hex);
    return statement_run(forget, err);
}

/* Fill names with hashes of the retired that are due and that no snapshot holds. */
static iso_status find_retired(struct collecting *collecting, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *rows = NULL;
    ISO_TRY(statement_new(collecting->store->database,
                          "SELECT hash FROM retired WHERE retired_us <= ?1"
                          " AND hash NOT IN (SELECT hash FROM snapshot_segments) LIMIT ?2",
                          &rows, err));
    statement_bind_integer(rows, 1, collecting->before_us);
    statement_bind_integer(rows, 2, BATCH);
    bool has_row;
    collecting->count = 0;
    ISO_TRY(statement_step(rows, &has_row, err));
    while (has_row) {
        (void)snprintf(collecting->names[collecting->count++], NAME_BYTES, "%s",
                       statement_text(rows, 0));
        ISO_TRY(statement_step(rows, &has_row, err));
    }
    return ISO_OK;
}

static iso_status collect_retired(struct collecting *collecting, struct iso_error *err)
{
    do {
        ISO_DEFER(transaction_end) struct database *database = collecting->store->database;
        ISO_TRY(transaction_begin(database, err));
        ISO_TRY(find_retired(collecting, err));
        for (size_t i = 0; i < collecting->count; i++) {
            const char *hex = collecting->names[i];
            char name[NAME_BYTES + 4];
            bool named;
            (void)snprintf(name, sizeof name, "%s.seg", hex);
            ISO_TRY(is_named(database, hex, &named, err));
            if (!named) {
                ISO_TRY(remove_file(collecting, name, err));
            }
            ISO_TRY(forget_retired(database, hex, err));
        }
        ISO_TRY(transaction_commit(database, err));
    } while (collecting->count == BATCH);
    collecting->count = 0;
    return ISO_OK;
}

/* Whether a row of any table wants the file of that name. */
static iso_status is_wanted(struct database *database, const char *name, bool *wanted,
                            struct iso_error *err)
{
    char hex[NAME_BYTES];
    (void)snprintf(hex, sizeof hex, "%.*s", HASH_HEX_BYTES - 1, name);
    ISO_TRY(is_named(database, hex, wanted, err));
    if (!*wanted) { /* a retired one has its own grace */
        ISO_DEFER(statement_free) struct statement *find = NULL;
        ISO_TRY(statement_new(database, "SELECT 1 FROM retired WHERE hash = ?1", &find, err));
        statement_bind_text(find, 1, hex);
        ISO_TRY(statement_step(find, wanted, err));
    }
    return ISO_OK;
}

static iso_status remove_orphans(struct collecting *collecting, struct iso_error *err)
{
    ISO_DEFER(transaction_end) struct database *database = collecting->store->database;
    ISO_TRY(transaction_begin(database, err));
    for (size_t i = 0; i < collecting->count; i++) {
        bool wanted;
        ISO_TRY(is_wanted(database, collecting->names[i], &wanted, err));
        if (!wanted) {
            collecting->report->orphans++;
            ISO_TRY(remove_file(collecting, collecting->names[i], err));
        }
    }
    collecting->count = 0;
    return ISO_OK; /* nothing in the catalog was changed */
}

/* An unfinished file, ".tmp.<process>.<random>", of a process that is gone. */
static bool is_abandoned(const char *name)
{
    long long process = strtoll(name + sizeof FILE_TEMPORARY_PREFIX - 1, NULL, 10);
    return strlen(name) < NAME_BYTES && process > 0 && process < INT_MAX &&
           kill((pid_t)process, 0) != 0 && errno == ESRCH;
}

/* Files of other names than a store's own are none of its business. */
static bool is_own_name(const char *name)
{
    struct hash128 hash;
    char hex[HASH_HEX_BYTES];
    if (strncmp(name, FILE_TEMPORARY_PREFIX, sizeof FILE_TEMPORARY_PREFIX - 1) == 0) {
        return is_abandoned(name);
    }
    (void)snprintf(hex, sizeof hex, "%s", name);
    return hash_parse(hex, &hash) && strcmp(name + HASH_HEX_BYTES - 1, ".seg") == 0;
}

static iso_status consider(void *context, const char *name, struct iso_error *err)
{
    struct collecting *collecting = context;
    char path[PATH_MAX];
    struct stat info;
    int length = snprintf(path, sizeof path, "%s/%s", collecting->store->segments, name);
    if (!is_own_name(name) || length >= (int)sizeof path || stat(path, &info) != 0 ||
        (int64_t)info.st_mtim.tv_sec * 1000000 > collecting->before_us) {
        return ISO_OK;
    }
    (void)snprintf(collecting->names[collecting->count++], NAME_BYTES, "%s", name);
    return collecting->count == BATCH ? remove_orphans(collecting, err) : ISO_OK;
}

iso_status store_collect(struct store *store, int64_t grace_us, struct collect_report *report,
                         struct iso_error *err)
{
    ISO_DEFER(mem_defer_free) struct collecting *collecting = NULL;
    ISO_NEW(collecting, 1, err);
    *report = (struct collect_report){0};
    collecting->store = store;
    collecting->before_us = store->os->clock_us(store->os->context) - grace_us;
    collecting->report = report;
    ISO_TRY(collect_retired(collecting, err));
    ISO_TRY(directory_walk(store->segments, consider, collecting, err));
    return remove_orphans(collecting, err);
}

iso_status store_checkpoint(struct store *store, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *move = NULL;
    bool has_row; /* busy, pages in the log, pages moved: others may hold some back */
    ISO_TRY(statement_new(store->database, "PRAGMA wal_checkpoint(TRUNCATE)", &move, err));
    return statement_step(move, &has_row, err);
}

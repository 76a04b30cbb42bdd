/* SPDX-License-Identifier: Apache-2.0 */
/* Committing a prepared write: index, tail, outbox and coverage in one transaction. */
#include "local/store_writing.h"

iso_status writing_revision(const struct writing *writing, int64_t *revision, struct iso_error *err)
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

/* A tail bar is fresh where the segment has none at its time. Of a damaged segment only its first
 * and last time are known. */
static bool is_fresh(const struct period_plan *plan, size_t index, int64_t time_us)
{
    return plan->damaged ? time_us < plan->current.first_us || time_us > plan->current.last_us
                         : (plan->fresh[index / 64] >> (index % 64) & 1) != 0;
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
        statement_bind_integer(put, 3, is_fresh(plan, i, bar.time_us) ? 1 : 0);
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

/*
 * Whether every file that the commit is to name is there still: a collector may have taken one that
 * nobody named yet. It deletes under the lock that the caller holds.
 */
static bool files_are_there(const struct writing *writing)
{
    for (size_t i = 0; i < writing->plan_count; i++) {
        const struct period_plan *plan = &writing->plans[i];
        if (plan->direct && !plan->unchanged && !store_has_file(writing->store, plan->hash)) {
            return false;
        }
    }
    return true;
}

iso_status writing_commit(struct writing *writing, bool *done, struct iso_error *err)
{
    ISO_DEFER(transaction_end) struct database *database = writing->store->database;
    int64_t revision;
    bool changed;
    ISO_TRY(transaction_begin(database, err));
    ISO_TRY(writing_revision(writing, &revision, err));
    *done = revision == writing->revision && files_are_there(writing);
    if (*done) {
        ISO_TRY(commit_all(writing, &changed, err));
        return changed ? transaction_commit(database, err) : ISO_OK;
    }
    return ISO_OK;
}

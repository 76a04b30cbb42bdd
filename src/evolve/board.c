/* SPDX-License-Identifier: Apache-2.0 */
#include "evolve/board_internal.h"
#include "evolve/owner.h"

#include <stdio.h>
#include <string.h>

_Static_assert(sizeof((struct board *)NULL)->owner == OWNER_BYTES, "owners must fit");

#define METRIC_COLUMN(name, help) ", " #name " REAL NOT NULL"
#define TEST_METRIC_COLUMN(name, help) ", test_" #name " REAL NOT NULL"

static const char schema_sql[] =
    "CREATE TABLE runs (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, identity TEXT NOT NULL,"
    " terms TEXT NOT NULL, finished INTEGER NOT NULL, owner TEXT NOT NULL,"
    " created_us INTEGER NOT NULL, updated_us INTEGER NOT NULL, seconds REAL NOT NULL);"
    "CREATE INDEX runs_identity ON runs (identity);"
    "CREATE TABLE generations (run INTEGER NOT NULL REFERENCES runs, generation INTEGER NOT NULL,"
    " hash TEXT NOT NULL, best INTEGER NOT NULL, mean_fitness REAL NOT NULL" //
    METRIC_TABLE(TEST_METRIC_COLUMN)                                         //
    ", PRIMARY KEY (run, generation)) WITHOUT ROWID;"
    "CREATE TABLE individuals (run INTEGER NOT NULL, generation INTEGER NOT NULL,"
    " individual INTEGER NOT NULL, genome TEXT NOT NULL, fitness REAL NOT NULL" //
    METRIC_TABLE(METRIC_COLUMN)                                                 //
    ", PRIMARY KEY (run, generation, individual)) WITHOUT ROWID;"
    "PRAGMA user_version = 1;";

_Static_assert(BOARD_VERSION == 1, "the schema's last line and an upgrade belong to a new version");

static iso_status ensure_schema(struct board *board, enum board_mode mode, struct iso_error *err)
{
    ISO_DEFER(transaction_end) struct database *database = board->database;
    int64_t version = 0;
    ISO_TRY(database_version(database, &version, err));
    if (version == 0 && mode == BOARD_WRITE) {
        ISO_TRY(transaction_begin(database, err)); /* one of several that came at once makes it */
        ISO_TRY(database_version(database, &version, err));
        if (version == 0) {
            ISO_TRY(database_run(database, schema_sql, err));
        }
        ISO_TRY(transaction_commit(database, err));
        ISO_TRY(database_version(database, &version, err));
    }
    if (version == 0) {
        ISO_FAIL(NOT_FOUND, err, "the board holds no runs yet");
    }
    if (version > BOARD_VERSION) {
        ISO_FAIL(NEWER_VERSION, err, "the board is of version %lld, this program reads up to %d",
                 (long long)version, BOARD_VERSION);
    }
    return ISO_OK;
}

iso_status board_open(const struct os *os, const char *path, enum board_mode mode,
                      struct board **board, struct iso_error *err)
{
    ISO_DEFER(board_close) struct board *made = NULL;
    ISO_NEW(made, 1, err);
    made->os = os;
    owner_self(made->owner);
    ISO_TRY(database_open(path, mode == BOARD_WRITE ? DATABASE_CREATE : DATABASE_READ,
                          &made->database, err));
    ISO_TRY(ensure_schema(made, mode, err));
    *board = made;
    made = NULL;
    return ISO_OK;
}

void board_close(struct board **board)
{
    if (*board == NULL) {
        return;
    }
    database_close(&(*board)->database);
    free(*board);
    *board = NULL;
}

const char *run_state_name(enum run_state state)
{
    static const char *const names[] = {"running", "interrupted", "finished"};
    return names[state];
}

int board_bind_metrics(struct statement *statement, int parameter, const struct metrics *metrics)
{
#define X(name, help) statement_bind_number(statement, parameter++, metrics->name);
    METRIC_TABLE(X)
#undef X
    return parameter;
}

int board_read_metrics(struct statement *statement, int column, struct metrics *metrics)
{
#define X(name, help) metrics->name = statement_number(statement, column++);
    METRIC_TABLE(X)
#undef X
    return column;
}

iso_status board_read_run(struct statement *statement, struct run *run, struct iso_error *err)
{
    *run = (struct run){.key = statement_integer(statement, 0),
                        .created_us = statement_integer(statement, 6),
                        .updated_us = statement_integer(statement, 7),
                        .seconds = statement_number(statement, 8),
                        .generations_done = (uint32_t)statement_integer(statement, 9)};
    (void)snprintf(run->id, sizeof run->id, "%s", statement_text(statement, 1));
    bool hashes =
        hash_parse(statement_text(statement, 2), &run->identity) &&
        (run->generations_done == 0 || hash_parse(statement_text(statement, 10), &run->hash));
    if (!hashes) {
        ISO_FAIL(CORRUPT, err, "run %s has a damaged hash", run->id);
    }
    bool finished = statement_integer(statement, 4) != 0;
    bool lives = !finished && owner_lives(statement_text(statement, 5));
    run->state = finished ? RUN_FINISHED : lives ? RUN_RUNNING : RUN_INTERRUPTED;
    return iso_context(terms_parse(statement_text(statement, 3), &run->terms, err), err, "run %s",
                       run->id);
}

/* Insert under a new id; *made is false where the id is taken. */
static iso_status insert_run(struct board *board, const char *id, const struct run *run, bool *made,
                             struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *insert = NULL;
    ISO_DEFER(text_reset) struct text terms = {0};
    char identity[HASH_HEX_BYTES];
    hash_hex(run->identity, identity);
    terms_format(&run->terms, &terms);
    ISO_TRY(text_check(&terms, err));
    ISO_TRY(statement_new(board->database,
                          "INSERT OR IGNORE INTO runs (id, identity, terms, finished, owner,"
                          " created_us, updated_us, seconds) VALUES (?1, ?2, ?3, 0, ?4, ?5, ?5, 0)",
                          &insert, err));
    statement_bind_text(insert, 1, id);
    statement_bind_text(insert, 2, identity);
    statement_bind_text(insert, 3, text_get(&terms));
    statement_bind_text(insert, 4, board->owner);
    statement_bind_integer(insert, 5, run->created_us);
    ISO_TRY(statement_run(insert, err));
    *made = database_changes(board->database) == 1;
    return ISO_OK;
}

iso_status board_create(struct board *board, const struct terms *terms, struct run *run,
                        struct iso_error *err)
{
    struct run made = {.terms = *terms, .created_us = board->os->clock_us(board->os->context)};
    made.updated_us = made.created_us;
    ISO_TRY(terms_identity(terms, &made.identity, err));
    bool is_new = false;
    while (!is_new) { /* one chance in 2^32 a run to go round again */
        uint32_t chance = 0;
        os_entropy(&chance, sizeof chance);
        (void)snprintf(made.id, sizeof made.id, "r%08x", chance);
        ISO_TRY(insert_run(board, made.id, &made, &is_new, err));
    }
    made.key = database_last_rowid(board->database);
    made.state = RUN_RUNNING;
    *run = made;
    return ISO_OK;
}

/* Read the first row of a prepared query of BOARD_RUN_COLUMNS whose state is wanted. */
static iso_status first_of_state(struct statement *query, enum run_state wanted, struct run *run,
                                 bool *found, struct iso_error *err)
{
    bool has_row = false;
    *found = false;
    ISO_TRY(statement_step(query, &has_row, err));
    while (has_row && !*found) {
        struct run read;
        ISO_TRY(board_read_run(query, &read, err));
        if (read.state == wanted) {
            *run = read;
            *found = true;
            statement_rewind(query);
            return ISO_OK;
        }
        ISO_TRY(statement_step(query, &has_row, err));
    }
    return ISO_OK;
}

static iso_status first_of_identity(struct board *board, const struct hash128 *identity,
                                    enum run_state wanted, bool newest, int64_t but_key,
                                    struct run *run, bool *found, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *query = NULL;
    char hex[HASH_HEX_BYTES];
    hash_hex(*identity, hex);
    ISO_TRY(statement_new(board->database,
                          newest ? "SELECT " BOARD_RUN_COLUMNS " FROM runs"
                                   " WHERE identity = ?1 AND key <> ?2 ORDER BY key DESC"
                                 : "SELECT " BOARD_RUN_COLUMNS " FROM runs"
                                   " WHERE identity = ?1 AND key <> ?2 ORDER BY key",
                          &query, err));
    statement_bind_text(query, 1, hex);
    statement_bind_integer(query, 2, but_key);
    return first_of_state(query, wanted, run, found, err);
}

static iso_status set_owner(struct board *board, int64_t key, const char *owner,
                            struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *update = NULL;
    ISO_TRY(statement_new(board->database,
                          "UPDATE runs SET owner = ?2, updated_us = ?3 WHERE key = ?1", &update,
                          err));
    statement_bind_integer(update, 1, key);
    statement_bind_text(update, 2, owner);
    statement_bind_integer(update, 3, board->os->clock_us(board->os->context));
    return statement_run(update, err);
}

/* The named run must be one that can be claimed. */
static iso_status check_claim(const struct run *run, struct iso_error *err)
{
    if (run->state == RUN_RUNNING) {
        ISO_FAIL(BUSY, err, "run %s is being computed by another process", run->id);
    }
    if (run->state == RUN_FINISHED) {
        ISO_FAIL(BAD_ARGUMENT, err, "run %s is finished; see: isobar runs show %s", run->id,
                 run->id);
    }
    return ISO_OK;
}

iso_status board_claim(struct board *board, const char *id, const struct hash128 *identity,
                       struct run *run, bool *found, struct iso_error *err)
{
    ISO_DEFER(transaction_end) struct database *database = board->database;
    struct run claimed;
    *found = false;
    ISO_TRY(transaction_begin(database, err));
    if (id != NULL) {
        ISO_TRY(board_find(board, id, &claimed, err));
        ISO_TRY(check_claim(&claimed, err));
        *found = true;
    } else {
        ISO_TRY(
            first_of_identity(board, identity, RUN_INTERRUPTED, true, -1, &claimed, found, err));
    }
    if (!*found) {
        return ISO_OK;
    }
    ISO_TRY(set_owner(board, claimed.key, board->owner, err));
    ISO_TRY(transaction_commit(database, err));
    claimed.state = RUN_RUNNING;
    *run = claimed;
    return ISO_OK;
}

iso_status board_twin(struct board *board, const struct run *run, struct run *twin, bool *found,
                      struct iso_error *err)
{
    return first_of_identity(board, &run->identity, RUN_FINISHED, false, run->key, twin, found,
                             err);
}

iso_status board_find(struct board *board, const char *id, struct run *run, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *query = NULL;
    bool has_row = false;
    ISO_TRY(statement_new(board->database, "SELECT " BOARD_RUN_COLUMNS " FROM runs WHERE id = ?1",
                          &query, err));
    statement_bind_text(query, 1, id);
    ISO_TRY(statement_step(query, &has_row, err));
    if (!has_row) {
        ISO_FAIL(NOT_FOUND, err, "no run \"%s\"; see: isobar runs ls", id);
    }
    return board_read_run(query, run, err);
}

iso_status board_each_run(struct board *board, run_visit *visit, void *context,
                          struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *query = NULL;
    bool has_row = false;
    ISO_TRY(statement_new(board->database, "SELECT " BOARD_RUN_COLUMNS " FROM runs ORDER BY key",
                          &query, err));
    ISO_TRY(statement_step(query, &has_row, err));
    while (has_row) {
        struct run run;
        ISO_TRY(board_read_run(query, &run, err));
        ISO_TRY(visit(context, &run, err));
        ISO_TRY(statement_step(query, &has_row, err));
    }
    return ISO_OK;
}

/* Within a transaction: the run must still be ours. */
static iso_status check_owner(struct board *board, const struct run *run, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *query = NULL;
    bool has_row = false;
    ISO_TRY(statement_new(board->database,
                          "SELECT 1 FROM runs WHERE key = ?1 AND owner = ?2 AND finished = 0",
                          &query, err));
    statement_bind_integer(query, 1, run->key);
    statement_bind_text(query, 2, board->owner);
    ISO_TRY(statement_step(query, &has_row, err));
    if (!has_row) {
        ISO_FAIL(BUSY, err, "run %s was taken over by another process", run->id);
    }
    return ISO_OK;
}

static iso_status insert_individuals(struct board *board, const struct run *run,
                                     const struct generation *generation, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *insert = NULL;
    ISO_DEFER(text_reset) struct text genome = {0};
#define X(name, help) ", ?"
    ISO_TRY(statement_new(board->database,
                          "INSERT INTO individuals VALUES (?, ?, ?, ?, ?" METRIC_TABLE(X) ")",
                          &insert, err));
#undef X
    for (size_t i = 0; i < generation->count; i++) {
        const struct individual *individual = &generation->individuals[i];
        text_clear(&genome);
        genome_format(&individual->genome, &genome);
        ISO_TRY(text_check(&genome, err));
        statement_bind_integer(insert, 1, run->key);
        statement_bind_integer(insert, 2, generation->index);
        statement_bind_integer(insert, 3, (int64_t)i);
        statement_bind_text(insert, 4, text_get(&genome));
        statement_bind_number(insert, 5, individual->fitness);
        (void)board_bind_metrics(insert, 6, &individual->train);
        ISO_TRY(statement_run(insert, err));
    }
    return ISO_OK;
}

static iso_status insert_generation(struct board *board, const struct run *run,
                                    const struct generation *generation, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *insert = NULL;
    char hash[HASH_HEX_BYTES];
    hash_hex(generation->hash, hash);
#define X(name, help) ", ?"
    ISO_TRY(statement_new(board->database,
                          "INSERT INTO generations VALUES (?, ?, ?, ?, ?" METRIC_TABLE(X) ")",
                          &insert, err));
#undef X
    statement_bind_integer(insert, 1, run->key);
    statement_bind_integer(insert, 2, generation->index);
    statement_bind_text(insert, 3, hash);
    statement_bind_integer(insert, 4, generation->best.index);
    statement_bind_number(insert, 5, generation->mean_fitness);
    (void)board_bind_metrics(insert, 6, &generation->best.test);
    return statement_run(insert, err);
}

static iso_status add_seconds(struct board *board, const struct run *run, double seconds,
                              struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *update = NULL;
    ISO_TRY(statement_new(board->database,
                          "UPDATE runs SET seconds = seconds + ?2, updated_us = ?3 WHERE key = ?1",
                          &update, err));
    statement_bind_integer(update, 1, run->key);
    statement_bind_number(update, 2, seconds);
    statement_bind_integer(update, 3, board->os->clock_us(board->os->context));
    return statement_run(update, err);
}

iso_status board_commit(struct board *board, const struct run *run,
                        const struct generation *generation, double seconds, struct iso_error *err)
{
    ISO_DEFER(transaction_end) struct database *database = board->database;
    ISO_TRY(transaction_begin(database, err));
    ISO_TRY(check_owner(board, run, err));
    ISO_TRY(insert_individuals(board, run, generation, err));
    ISO_TRY(insert_generation(board, run, generation, err));
    ISO_TRY(add_seconds(board, run, seconds, err));
    return transaction_commit(database, err);
}

iso_status board_finish(struct board *board, const struct run *run, struct iso_error *err)
{
    ISO_DEFER(transaction_end) struct database *database = board->database;
    ISO_DEFER(statement_free) struct statement *update = NULL;
    ISO_TRY(transaction_begin(database, err));
    ISO_TRY(check_owner(board, run, err));
    ISO_TRY(statement_new(database,
                          "UPDATE runs SET finished = 1, owner = '', updated_us = ?2"
                          " WHERE key = ?1",
                          &update, err));
    statement_bind_integer(update, 1, run->key);
    statement_bind_integer(update, 2, board->os->clock_us(board->os->context));
    ISO_TRY(statement_run(update, err));
    return transaction_commit(database, err);
}

iso_status board_release(struct board *board, const struct run *run, struct iso_error *err)
{
    ISO_DEFER(transaction_end) struct database *database = board->database;
    ISO_TRY(transaction_begin(database, err));
    ISO_TRY(check_owner(board, run, err));
    ISO_TRY(set_owner(board, run->key, "", err));
    return transaction_commit(database, err);
}

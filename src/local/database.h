/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite behind the project's status type: connections as the store wants them (WAL,
 * synchronous=FULL, foreign keys, a busy timeout of our own), statements that bind and read by
 * position, transactions that cannot be left open.
 */
#ifndef LOCAL_DATABASE_H
#define LOCAL_DATABASE_H

#include "base/status.h"

struct database;
struct statement;

enum database_mode { DATABASE_READ, DATABASE_WRITE, DATABASE_CREATE };

/*
 * Open the file at path. A connection serves one thread. Fails with NOT_FOUND, BUSY, CATALOG,
 * CORRUPT (no database, or damaged).
 */
iso_status database_open(const char *path, enum database_mode mode, struct database **database,
                         struct iso_error *err);
void database_close(struct database **database);

/* Run one or more statements that return no rows. */
iso_status database_run(struct database *database, const char *sql, struct iso_error *err);
/* Rows changed by the last statement that was stepped. */
int64_t database_changes(const struct database *database);
int64_t database_last_rowid(const struct database *database);
/*
 * Counts that differ once anything in the file may have been changed, by others or through this
 * connection. Comparing two of them costs no reading of tables.
 */
struct database_change {
    int64_t others;
    int64_t own;
};
iso_status database_change(struct database *database, struct database_change *change,
                           struct iso_error *err);
/* PRAGMA user_version: the schema's version. */
iso_status database_version(struct database *database, int64_t *version, struct iso_error *err);

/*
 * BEGIN IMMEDIATE; commit or rollback ends it. transaction_rollback is safe to call when none is
 * open, so that ISO_DEFER(transaction_end) undoes whatever was not committed.
 */
iso_status transaction_begin(struct database *database, struct iso_error *err);
iso_status transaction_commit(struct database *database, struct iso_error *err);
void transaction_rollback(struct database *database);
void transaction_end(
    struct database **database); /* for ISO_DEFER over a borrowed pointer: rolls back if open */

/*
 * A statement of sql, which need not outlive the call. Parameters are ?1, ?2, ... Compiled
 * statements are kept when they are freed, and handed out again for the same text.
 */
iso_status statement_new(struct database *database, const char *sql, struct statement **statement,
                         struct iso_error *err);
void statement_free(struct statement **statement);
/* Binding cannot fail but for memory; that failure is kept and returned by the next step. Text and
 * blob are copied. */
void statement_bind_integer(struct statement *statement, int parameter, int64_t value);
void statement_bind_number(struct statement *statement, int parameter, double value);
void statement_bind_text(struct statement *statement, int parameter,
                         const char *value); /* NULL binds null */
void statement_bind_blob(struct statement *statement, int parameter, const void *value,
                         size_t length);
/* Advance; *has_row tells whether there is a row. After the last row the statement is ready to be
 * bound again. */
iso_status statement_step(struct statement *statement, bool *has_row, struct iso_error *err);
/* Step a statement that returns no rows, and make it ready again. */
iso_status statement_run(struct statement *statement, struct iso_error *err);
/* Make it ready again before the last row was reached. */
void statement_rewind(struct statement *statement);
/* Columns of the current row, from 0. Text and blob live until the next step. Text is never NULL.
 */
int64_t statement_integer(struct statement *statement, int column);
double statement_number(struct statement *statement, int column);
const char *statement_text(struct statement *statement, int column);
const void *statement_blob(struct statement *statement, int column, size_t *length);
bool statement_is_null(struct statement *statement, int column);

#endif

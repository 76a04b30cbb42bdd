/* SPDX-License-Identifier: Apache-2.0 */
#include "local/database.h"

#include "base/text.h"
#include "local/page_check.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_TIMEOUT_MS = 10000, BUSY_PAUSE_MS = 2, IDLE_STATEMENTS_MAX = 48 };

struct database {
    sqlite3 *handle;
    char *still;      /* the path of a file that is read as one that nobody writes; else NULL */
    struct stat seen; /* that file, when it was opened */
    struct statement *idle[IDLE_STATEMENTS_MAX]; /* compiled, in no use; the oldest first */
    size_t idle_count;
    bool stuck; /* a transaction was given up, but its ROLLBACK failed */
};

struct statement {
    struct database *database;
    sqlite3_stmt *handle;
    int bind_code; /* first failure of a bind, kept for the next step */
};

/* Turn SQLite's failure into ours. */
static iso_status fail_at(const char *path, const char *text, int code, struct iso_error *err)
{
    if (code == SQLITE_IOERR_DATA) {
        ISO_FAIL(CORRUPT, err,
                 "%s is damaged: %s does not match its checksum; restore a backup, or import into a"
                 " new store",
                 path, page_check_refused());
    }
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        ISO_FAIL(BUSY, err, "%s is held by another process for longer than %d s; try again", path,
                 BUSY_TIMEOUT_MS / 1000);
    case SQLITE_NOMEM:
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for a statement on %s", path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        ISO_FAIL(CORRUPT, err, "%s is damaged or no SQLite database: %s", path, text);
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
        ISO_FAIL(IO, err, "%s: %s", path, text);
    default:
        ISO_FAIL(CATALOG, err, "%s: %s", path, text);
    }
}

/* The last failure on this connection. */
static iso_status fail_from(sqlite3 *handle, int code, struct iso_error *err)
{
    return fail_at(sqlite3_db_filename(handle, "main"), sqlite3_errmsg(handle), code, err);
}

/*
 * WAL survives kill -9; synchronous=FULL makes each commit durable before it returns. Without
 * cache_spill a frame of the log is written once, at the commit, so that each can be checked.
 */
static const char connection_setup[] =
    "PRAGMA page_size=4096; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_spill=OFF;";
_Static_assert(PAGE_BYTES == 4096, "PRAGMA page_size");

/* Ask for room for checksums; it is given where the file is made. */
static iso_status reserve_sums(sqlite3 *handle, struct iso_error *err)
{
    int bytes = PAGE_RESERVED_BYTES;
    int code = sqlite3_file_control(handle, "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes);
    return code == SQLITE_OK ? ISO_OK : fail_from(handle, code, err);
}

/* Whether SQLite must be told that nobody writes: it cannot make the files that it shares with
 * writers, and there are none. */
static iso_status must_be_still(const char *path, bool *still, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text other = {0};
    const char *slash = strrchr(path, '/');
    text_append(&other, path, slash != NULL ? (size_t)(slash - path) + 1 : 0);
    text_addf(&other, ".");
    ISO_TRY(text_check(&other, err));
    *still = access(other.data, W_OK | X_OK) != 0;
    text_clear(&other);
    text_addf(&other, "%s-wal", path);
    ISO_TRY(text_check(&other, err));
    *still = *still && access(other.data, F_OK) != 0;
    return ISO_OK;
}

/* Fails with BUSY where the file was written since it was opened as one that nobody writes. */
static iso_status check_still(const struct database *database, struct iso_error *err)
{
    struct stat now;
    bool still = true;
    if (database->still == NULL) {
        return ISO_OK;
    }
    ISO_TRY(must_be_still(database->still, &still, err));
    const struct stat *seen = &database->seen;
    if (!still || stat(database->still, &now) != 0 || now.st_ino != seen->st_ino ||
        now.st_size != seen->st_size || now.st_mtim.tv_sec != seen->st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != seen->st_mtim.tv_nsec) {
        ISO_FAIL(BUSY, err, "%s is being written by now; open it anew", database->still);
    }
    return ISO_OK;
}

static iso_status open_handle(struct database *database, const char *name, const char *path,
                              int flags, struct iso_error *err)
{
    const char *layer = page_check_name();
    if (layer == NULL) {
        ISO_FAIL(CATALOG, err, "SQLite does not take the layer that checks pages");
    }
    flags |= SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int code = sqlite3_open_v2(name, &database->handle, flags, layer);
    if (code != SQLITE_OK) {
        sqlite3 *handle = database->handle;
        return fail_at(path, handle != NULL ? sqlite3_errmsg(handle) : sqlite3_errstr(code), code,
                       err);
    }
    (void)sqlite3_busy_timeout(database->handle, BUSY_TIMEOUT_MS);
    return ISO_OK;
}

/* https://www.sqlite.org/uri.html: without locks, without a log. */
static iso_status open_still(struct database *database, const char *path, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text name = {0};
    text_addf(&name, "file:");
    for (const char *at = path; *at != '\0'; at++) {
        if (strchr("%?#", *at) != NULL) {
            text_addf(&name, "%%%02x", (unsigned)*at);
        } else {
            text_add_char(&name, *at);
        }
    }
    text_addf(&name, "?immutable=1");
    ISO_TRY(text_check(&name, err));
    database->still = strdup(path);
    if (database->still == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory to open %s", path);
    }
    if (stat(path, &database->seen) != 0) {
        ISO_FAIL(IO, err, "%s: %s", path, strerror(errno));
    }
    return open_handle(database, name.data, path, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
}

/* Where several open a new database at once, SQLite gives up at once, lest those that turn to WAL
 * wait for each other for ever: so the waiting is done here. */
static int set_up(sqlite3 *handle)
{
    (void)sqlite3_busy_timeout(handle, 0);
    int code = sqlite3_exec(handle, connection_setup, NULL, NULL, NULL);
    for (int waited_ms = 0; (code & 0xff) == SQLITE_BUSY && waited_ms < BUSY_TIMEOUT_MS;
         waited_ms += BUSY_PAUSE_MS) {
        (void)sqlite3_sleep(BUSY_PAUSE_MS);
        code = sqlite3_exec(handle, connection_setup, NULL, NULL, NULL);
    }
    (void)sqlite3_busy_timeout(handle, BUSY_TIMEOUT_MS);
    return code;
}

static iso_status open_shared(struct database *database, const char *path, enum database_mode mode,
                              struct iso_error *err)
{
    int flags = SQLITE_OPEN_READWRITE | (mode == DATABASE_CREATE ? SQLITE_OPEN_CREATE : 0);
    ISO_TRY(open_handle(database, path, path, flags, err));
    ISO_TRY(reserve_sums(database->handle, err));
    int code = set_up(database->handle);
    if ((code & 0xff) == SQLITE_CANTOPEN && mode == DATABASE_READ) {
        ISO_FAIL(IO, err,
                 "%s has a log that cannot be read here: its directory cannot be written, and no"
                 " writer holds it; open it once where it can be written",
                 path);
    }
    return code == SQLITE_OK ? ISO_OK : fail_from(database->handle, code, err);
}

iso_status database_open(const char *path, enum database_mode mode, struct database **database,
                         struct iso_error *err)
{
    bool still = false;
    if (mode != DATABASE_CREATE && access(path, F_OK) != 0) {
        ISO_FAIL(NOT_FOUND, err, "%s: there is no such file", path);
    }
    if (mode == DATABASE_READ) {
        ISO_TRY(must_be_still(path, &still, err));
    }
    ISO_DEFER(database_close) struct database *opened = NULL;
    ISO_NEW(opened, 1, err);
    ISO_TRY(still ? open_still(opened, path, err) : open_shared(opened, path, mode, err));
    if (mode == DATABASE_READ) {
        ISO_TRY(database_run(opened, "PRAGMA query_only=ON", err));
    }
    *database = opened;
    opened = NULL;
    return ISO_OK;
}

static void statement_finalize(struct statement *statement)
{
    (void)sqlite3_finalize(statement->handle); /* repeats the failure of the last step */
    free(statement);
}

void database_close(struct database **database)
{
    if (*database != NULL) {
        for (size_t i = 0; i < (*database)->idle_count; i++) {
            statement_finalize((*database)->idle[i]);
        }
        int code = sqlite3_close((*database)->handle);
        ISO_ASSERT(code == SQLITE_OK); /* a statement outlived its connection */
        free((*database)->still);
        free(*database);
        *database = NULL;
    }
}

/* Nothing is done or seen in a transaction that should be gone: it must go first. */
static iso_status unstick(struct database *database, struct iso_error *err)
{
    if (!database->stuck) {
        return ISO_OK;
    }
    int code = sqlite3_get_autocommit(database->handle)
                   ? SQLITE_OK
                   : sqlite3_exec(database->handle, "ROLLBACK", NULL, NULL, NULL);
    database->stuck = code != SQLITE_OK;
    return database->stuck ? fail_from(database->handle, code, err) : ISO_OK;
}

iso_status database_run(struct database *database, const char *sql, struct iso_error *err)
{
    ISO_TRY(unstick(database, err));
    int code = sqlite3_exec(database->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? ISO_OK : fail_from(database->handle, code, err);
}

int64_t database_changes(const struct database *database)
{
    return sqlite3_changes64(database->handle);
}

int64_t database_last_rowid(const struct database *database)
{
    return sqlite3_last_insert_rowid(database->handle);
}

iso_status database_change(struct database *database, struct database_change *change,
                           struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *read = NULL;
    bool has_row;
    ISO_TRY(check_still(database, err));
    ISO_TRY(statement_new(database, "PRAGMA data_version", &read, err));
    ISO_TRY(statement_step(read, &has_row, err));
    change->others = has_row ? statement_integer(read, 0) : 0;
    change->own = sqlite3_total_changes64(database->handle);
    return ISO_OK;
}

iso_status database_version(struct database *database, int64_t *version, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *read = NULL;
    bool has_row;
    ISO_TRY(statement_new(database, "PRAGMA user_version", &read, err));
    ISO_TRY(statement_step(read, &has_row, err));
    *version = has_row ? statement_integer(read, 0) : 0;
    return ISO_OK;
}

iso_status transaction_begin(struct database *database, struct iso_error *err)
{
    return database_run(database, "BEGIN IMMEDIATE", err);
}

iso_status transaction_commit(struct database *database, struct iso_error *err)
{
    return database_run(database, "COMMIT", err);
}

void transaction_rollback(struct database *database)
{
    if (!sqlite3_get_autocommit(database->handle)) {
        database->stuck = true;
        iso_ignore(unstick(database, NULL), "whatever is asked next tries again");
    }
}

void transaction_end(struct database **database)
{
    if (*database != NULL) {
        transaction_rollback(*database);
    }
}

/* Take the idle statement at index out of the list. */
static struct statement *take_idle(struct database *database, size_t index)
{
    struct statement *taken = database->idle[index];
    database->idle_count--;
    for (size_t i = index; i < database->idle_count; i++) {
        database->idle[i] = database->idle[i + 1];
    }
    return taken;
}

iso_status statement_new(struct database *database, const char *sql, struct statement **statement,
                         struct iso_error *err)
{
    ISO_TRY(unstick(database, err));
    for (size_t i = database->idle_count; i > 0; i--) {
        if (strcmp(sqlite3_sql(database->idle[i - 1]->handle), sql) == 0) {
            *statement = take_idle(database, i - 1);
            return ISO_OK;
        }
    }
    struct statement *made;
    ISO_NEW(made, 1, err);
    int code = sqlite3_prepare_v3(database->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                  &made->handle, NULL);
    if (code != SQLITE_OK) {
        free(made);
        return fail_from(database->handle, code, err);
    }
    made->database = database;
    *statement = made;
    return ISO_OK;
}

void statement_free(struct statement **statement)
{
    struct statement *freed = *statement;
    if (freed == NULL) {
        return;
    }
    *statement = NULL;
    struct database *database = freed->database;
    statement_rewind(freed);
    (void)sqlite3_clear_bindings(freed->handle); /* cannot fail */
    freed->bind_code = SQLITE_OK;
    if (database->idle_count == IDLE_STATEMENTS_MAX) {
        statement_finalize(take_idle(database, 0));
    }
    database->idle[database->idle_count++] = freed;
}

static void keep_bind_code(struct statement *statement, int code)
{
    if (code != SQLITE_OK && statement->bind_code == SQLITE_OK) {
        statement->bind_code = code;
    }
}

void statement_bind_integer(struct statement *statement, int parameter, int64_t value)
{
    keep_bind_code(statement, sqlite3_bind_int64(statement->handle, parameter, value));
}

void statement_bind_number(struct statement *statement, int parameter, double value)
{
    keep_bind_code(statement, sqlite3_bind_double(statement->handle, parameter, value));
}

void statement_bind_text(struct statement *statement, int parameter, const char *value)
{
    keep_bind_code(statement,
                   sqlite3_bind_text(statement->handle, parameter, value, -1, SQLITE_TRANSIENT));
}

void statement_bind_blob(struct statement *statement, int parameter, const void *value,
                         size_t length)
{
    keep_bind_code(statement, sqlite3_bind_blob64(statement->handle, parameter, value, length,
                                                  SQLITE_TRANSIENT));
}

iso_status statement_step(struct statement *statement, bool *has_row, struct iso_error *err)
{
    int code = statement->bind_code;
    statement->bind_code = SQLITE_OK;
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement->handle);
    }
    *has_row = code == SQLITE_ROW;
    if (code == SQLITE_ROW) {
        return ISO_OK;
    }
    iso_status status = ISO_OK;
    if (code != SQLITE_DONE) {
        status = fail_from(sqlite3_db_handle(statement->handle), code, err);
    }
    statement_rewind(statement);
    return status;
}

iso_status statement_run(struct statement *statement, struct iso_error *err)
{
    bool has_row = false;
    ISO_TRY(statement_step(statement, &has_row, err));
    ISO_ASSERT(!has_row);
    return ISO_OK;
}

void statement_rewind(struct statement *statement)
{
    (void)sqlite3_reset(statement->handle); /* repeats the failure of the last step */
}

int64_t statement_integer(struct statement *statement, int column)
{
    return sqlite3_column_int64(statement->handle, column);
}

double statement_number(struct statement *statement, int column)
{
    return sqlite3_column_double(statement->handle, column);
}

const char *statement_text(struct statement *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement->handle, column);
    return text != NULL ? (const char *)text : "";
}

const void *statement_blob(struct statement *statement, int column, size_t *length)
{
    const void *blob = sqlite3_column_blob(statement->handle, column);
    *length = (size_t)sqlite3_column_bytes(statement->handle, column);
    return blob;
}

bool statement_is_null(struct statement *statement, int column)
{
    return sqlite3_column_type(statement->handle, column) == SQLITE_NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Running statements. The tables are in sql_tables.c and sql_bars.c. */
#include "local/sql.h"

#include "local/sql_hints.h"
#include "local/sql_result.h"
#include "local/sql_tables.h"
#include "local/sql_text.h"

#include <duckdb.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

struct sql {
    const struct os *os;
    char *directory;
    duckdb_database database;
    duckdb_connection connection;
    struct sql_state state;
    bool altered; /* a statement may have made another thing that is called bars */
};

static void result_destroy(duckdb_result *result)
{
    duckdb_destroy_result(result);
}

static void prepared_destroy(duckdb_prepared_statement *prepared)
{
    duckdb_destroy_prepare(prepared);
}

static bool is_noted(const struct sql_state *state, const struct series *series,
                     const struct missing_range *missing)
{
    for (size_t i = 0; i < state->missing_count; i++) {
        const struct sql_missing *known = &state->missing[i];
        if (known->series.interval == series->interval &&
            strcmp(known->series.symbol, series->symbol) == 0 &&
            memcmp(&known->missing.range, &missing->range, sizeof missing->range) == 0 &&
            strcmp(known->missing.reason, missing->reason) == 0) {
            return true;
        }
    }
    return false;
}

static iso_status note_one(struct sql_state *state, const struct series *series,
                           const struct missing_range *missing, struct iso_error *err)
{
    if (missing->hole || is_noted(state, series, missing)) {
        return ISO_OK;
    }
    if (state->missing_count == state->missing_capacity) {
        size_t grown = state->missing_capacity == 0 ? 16 : state->missing_capacity * 2;
        struct sql_missing *moved = realloc(state->missing, grown * sizeof *moved);
        if (moved == NULL) {
            ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %zu missing ranges", grown);
        }
        state->missing = moved;
        state->missing_capacity = grown;
    }
    state->missing[state->missing_count++] = (struct sql_missing){*series, *missing};
    return ISO_OK;
}

iso_status sql_state_note(struct sql_state *state, const struct series *series,
                          const struct coverage *coverage, struct iso_error *err)
{
    iso_status status = ISO_OK;
    (void)pthread_mutex_lock(&state->lock);
    for (size_t i = 0; i < coverage->range_count && !iso_failed(status); i++) {
        status = note_one(state, series, &coverage->ranges[i], err);
    }
    (void)pthread_mutex_unlock(&state->lock);
    return status;
}

/* Extensions are never fetched: a query must not reach for the network by itself. */
static iso_status engine_open(struct sql *sql, struct iso_error *err)
{
    char *why = NULL;
    duckdb_config config = NULL;
    if (duckdb_create_config(&config) != DuckDBSuccess ||
        duckdb_set_config(config, "autoinstall_known_extensions", "false") != DuckDBSuccess ||
        duckdb_set_config(config, "autoload_known_extensions", "false") != DuckDBSuccess) {
        duckdb_destroy_config(&config);
        ISO_FAIL(QUERY, err, "DuckDB %s takes no settings", duckdb_library_version());
    }
    duckdb_state state = duckdb_open_ext(NULL, &sql->database, config, &why);
    duckdb_destroy_config(&config);
    if (state != DuckDBSuccess) {
        iso_status status = iso_fail(ISO_ERROR_QUERY, err, "DuckDB does not start: %s",
                                     why != NULL ? why : "no reason given");
        duckdb_free(why);
        return status;
    }
    if (duckdb_connect(sql->database, &sql->connection) != DuckDBSuccess) {
        ISO_FAIL(QUERY, err, "DuckDB gives no connection");
    }
    return ISO_OK;
}

static iso_status run_quietly(struct sql *sql, const char *statements, struct iso_error *err)
{
    ISO_DEFER(result_destroy) duckdb_result result = {0};
    if (duckdb_query(sql->connection, statements, &result) != DuckDBSuccess) {
        ISO_FAIL(QUERY, err, "%s", duckdb_result_error(&result));
    }
    return ISO_OK;
}

iso_status sql_open(const struct os *os, const char *directory, struct sql **sql,
                    struct iso_error *err)
{
    ISO_DEFER(sql_close) struct sql *opened = NULL;
    ISO_NEW(opened, 1, err);
    if (pthread_mutex_init(&opened->state.lock, NULL) != 0) {
        free(opened);
        opened = NULL;
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for a lock");
    }
    opened->os = os;
    opened->directory = strdup(directory);
    if (opened->directory == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for a path");
    }
    ISO_TRY(view_open(os, directory, &opened->state.view, err)); /* fails early where there is no
                                                                    store; the views bind to it */
    ISO_TRY(engine_open(opened, err));
    ISO_TRY(sql_tables_register(opened->connection, &opened->state, err));
    ISO_TRY(run_quietly(opened, sql_tables_views, err));
    view_close(&opened->state.view);
    *sql = opened;
    opened = NULL;
    return ISO_OK;
}

void sql_close(struct sql **sql)
{
    if (*sql != NULL) {
        duckdb_disconnect(&(*sql)->connection);
        duckdb_close(&(*sql)->database);
        view_close(&(*sql)->state.view);
        free((*sql)->state.missing);
        (void)pthread_mutex_destroy(&(*sql)->state.lock);
        free((*sql)->directory);
        free(*sql);
        *sql = NULL;
    }
}

/* Ends DuckDB's work once the flag is set; a signal handler itself must not call DuckDB. */
struct watch {
    duckdb_connection connection;
    const volatile int *cancelled;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool is_over;
    bool runs;
};

enum { WATCH_PAUSE_NS = 20000000 };

static void *watch_run(void *pointer)
{
    struct watch *watch = pointer;
    (void)pthread_mutex_lock(&watch->lock);
    while (!watch->is_over) {
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += WATCH_PAUSE_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&watch->ended, &watch->lock, &until);
        if (*watch->cancelled != 0) {
            duckdb_interrupt(watch->connection);
        }
    }
    (void)pthread_mutex_unlock(&watch->lock);
    return NULL;
}

static void watch_begin(struct watch *watch, duckdb_connection connection,
                        const volatile int *cancelled)
{
    *watch = (struct watch){.connection = connection, .cancelled = cancelled};
    if (cancelled != NULL && pthread_mutex_init(&watch->lock, NULL) == 0) {
        (void)pthread_cond_init(&watch->ended, NULL);
        watch->runs = pthread_create(&watch->thread, NULL, watch_run, watch) == 0;
    }
}

static void watch_end(struct watch *watch)
{
    if (watch->runs) {
        (void)pthread_mutex_lock(&watch->lock);
        watch->is_over = true;
        (void)pthread_cond_signal(&watch->ended);
        (void)pthread_mutex_unlock(&watch->lock);
        (void)pthread_join(watch->thread, NULL);
        (void)pthread_cond_destroy(&watch->ended);
        (void)pthread_mutex_destroy(&watch->lock);
    }
}

static iso_status prepare(struct sql *sql, const char *statement,
                          duckdb_prepared_statement *prepared, struct iso_error *err)
{
    if (duckdb_prepare(sql->connection, statement, prepared) != DuckDBSuccess) {
        ISO_FAIL(QUERY, err, "%s", duckdb_prepare_error(*prepared));
    }
    return ISO_OK;
}

/* With hints where they can be had; where DuckDB does not take them, its words are about the
 * statement as it was written. */
static iso_status prepare_hinted(struct sql *sql, struct text *statement,
                                 duckdb_prepared_statement *prepared, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text hinted = {0};
    bool has_hints = false;
    if (!sql->altered) {
        ISO_TRY(sql_add_hints(sql->connection, text_get(statement), &hinted, &has_hints, err));
    }
    if (has_hints &&
        duckdb_prepare(sql->connection, text_get(&hinted), prepared) == DuckDBSuccess) {
        struct text written = *statement;
        *statement = hinted;
        hinted = written;
        return ISO_OK;
    }
    duckdb_destroy_prepare(prepared);
    return prepare(sql, text_get(statement), prepared, err);
}

/* Columns of a statement that has not run: names and types. */
static iso_status probe(struct sql *sql, const char *statement, duckdb_result *result,
                        bool *answered, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text limited = {0};
    text_addf(&limited, "SELECT * FROM (%s\n) LIMIT 0", statement);
    ISO_TRY(text_check(&limited, err));
    *answered = duckdb_query(sql->connection, text_get(&limited), result) == DuckDBSuccess;
    return ISO_OK;
}

static void add_name(struct text *target, const char *name)
{
    text_add_char(target, '"');
    for (; *name != '\0'; name++) {
        text_addf(target, "%s%c", *name == '"' ? "\"" : "", *name);
    }
    text_add_char(target, '"');
}

/*
 * The statement, or, where a column has a type that is not plain (decimals, lists, wide integers
 * ...), the statement wrapped so that DuckDB writes that column as text. Columns are named by
 * position in between, since names may need quotes or occur twice.
 */
static iso_status wrap(duckdb_result *columns, const char *statement, struct text *target,
                       bool *wrapped, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text names = {0};
    *wrapped = false;
    for (idx_t i = 0; i < duckdb_column_count(columns); i++) {
        bool plain = sql_type_is_plain(duckdb_column_type(columns, i));
        *wrapped = *wrapped || !plain;
        text_addf(&names, "%sc%zu", i == 0 ? "" : ", ", (size_t)i);
        text_addf(target, plain ? "%s c%zu AS " : "%s CAST(c%zu AS VARCHAR) AS ",
                  i == 0 ? "SELECT" : ",", (size_t)i);
        add_name(target, duckdb_column_name(columns, i));
    }
    text_addf(target, " FROM (%s\n) AS result(%s)", statement, text_get(&names));
    ISO_TRY(text_check(&names, err));
    return text_check(target, err);
}

/* Marks of the columns that are numbers though they come as text. */
static iso_status mark_digits(duckdb_result *columns, bool **digits, struct iso_error *err)
{
    size_t count = (size_t)duckdb_column_count(columns);
    ISO_NEW(*digits, count, err);
    for (size_t i = 0; i < count; i++) {
        (*digits)[i] = sql_type_is_digits(duckdb_column_type(columns, i));
    }
    return ISO_OK;
}

/* Prepare it so that all columns are plain; *digits (owned by the caller) where it was wrapped. */
static iso_status prepare_plain(struct sql *sql, const char *statement, bool **digits,
                                duckdb_prepared_statement *prepared, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text wrapping = {0};
    ISO_DEFER(result_destroy) duckdb_result columns = {0};
    bool answered;
    bool wrapped;
    if (duckdb_prepared_statement_type(*prepared) != DUCKDB_STATEMENT_TYPE_SELECT) {
        return ISO_OK;
    }
    ISO_TRY(probe(sql, statement, &columns, &answered, err));
    ISO_TRY(answered ? wrap(&columns, statement, &wrapping, &wrapped, err) : ISO_OK);
    if (!answered || !wrapped) {
        return ISO_OK;
    }
    ISO_TRY(mark_digits(&columns, digits, err));
    duckdb_destroy_prepare(prepared);
    return prepare(sql, text_get(&wrapping), prepared, err);
}

/* What can only read, or write files beside the store, leaves the names of tables as they are. */
static bool leaves_names(duckdb_statement_type type)
{
    return type == DUCKDB_STATEMENT_TYPE_SELECT || type == DUCKDB_STATEMENT_TYPE_EXPLAIN ||
           type == DUCKDB_STATEMENT_TYPE_COPY || type == DUCKDB_STATEMENT_TYPE_INSERT;
}

static iso_status execute(struct sql *sql, struct text *statement, const struct sql_sink *sink,
                          struct sql_report *report, struct iso_error *err)
{
    ISO_DEFER(result_destroy) duckdb_result result = {0};
    ISO_DEFER(prepared_destroy) duckdb_prepared_statement prepared = NULL;
    ISO_DEFER(mem_defer_free) bool *digits = NULL;
    ISO_TRY(prepare_hinted(sql, statement, &prepared, err));
    ISO_TRY(prepare_plain(sql, text_get(statement), &digits, &prepared, err));
    duckdb_statement_type type = duckdb_prepared_statement_type(prepared);
    sql->altered = sql->altered || !leaves_names(type);
    /* A stream does only what is fetched; all else must be done wholly. */
    bool streams = type == DUCKDB_STATEMENT_TYPE_SELECT && sink != NULL;
    if ((streams ? duckdb_execute_prepared_streaming(prepared, &result)
                 : duckdb_execute_prepared(prepared, &result)) != DuckDBSuccess) {
        ISO_FAIL(QUERY, err, "%s", duckdb_result_error(&result));
    }
    report->has_result = duckdb_result_return_type(result) == DUCKDB_RESULT_TYPE_QUERY_RESULT;
    report->rows = 0;
    return report->has_result && sink != NULL
               ? sql_result_visit(&result, digits, sink, &report->rows, err)
               : ISO_OK;
}

static void add_work(struct view_work *sum, struct view_work work)
{
    sum->segments += work.segments;
    sum->blocks += work.blocks;
    sum->bars += work.bars;
}

/* One statement on one state of the store. */
static iso_status run_one(struct sql *sql, const char *text, size_t length,
                          const struct sql_sink *sink, const volatile int *cancelled,
                          struct sql_report *report, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text statement = {0};
    struct watch watch;
    sql_add_statement(&statement, text, length);
    ISO_TRY(text_check(&statement, err));
    ISO_TRY(view_open(sql->os, sql->directory, &sql->state.view, err));
    watch_begin(&watch, sql->connection, cancelled);
    iso_status status = execute(sql, &statement, sink, report, err);
    watch_end(&watch);
    add_work(&report->work, view_work(sql->state.view));
    view_close(&sql->state.view);
    if (iso_failed(status) && cancelled != NULL && *cancelled != 0) {
        ISO_FAIL(INTERRUPTED, err, "the query was cancelled");
    }
    return status;
}

iso_status sql_run(struct sql *sql, const char *query, const struct sql_sink *sink,
                   struct sql_report *report, struct iso_error *err)
{
    bool complete;
    const char *at = query;
    *report = (struct sql_report){0};
    sql->state.missing_count = 0;
    if (sql_is_blank(query, strlen(query))) {
        ISO_FAIL(BAD_ARGUMENT, err, "the query is empty; try \"SELECT * FROM series\"");
    }
    while (!sql_is_blank(at, strlen(at))) {
        size_t length = sql_statement_length(at, &complete);
        bool last = sql_is_blank(at + length, strlen(at + length));
        bool blank = sql_is_blank(at, length);
        if (!blank) {
            ISO_TRY(run_one(sql, at, length, last ? sink : NULL, sink->cancelled, report, err));
        }
        at += length;
    }
    report->missing = sql->state.missing;
    report->missing_count = sql->state.missing_count;
    return ISO_OK;
}

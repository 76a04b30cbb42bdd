/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries on a connection, by libpq's pipeline mode: everything is sent, then the answers are taken
 * in order. A transaction ends at each Sync; a query is done only when the answer to its Sync has
 * come, for before that its transaction may still fail.
 */
#include "cloud/pg_internal.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

/* What answers are expected, in order. */
enum step_kind { STEP_LIMIT, STEP_PREPARE, STEP_QUERY, STEP_SYNC };

struct step {
    enum step_kind kind;
    size_t index; /* of the item */
};

enum { STEPS_MAX = PG_BATCH_MAX * 4 };

struct batch {
    struct pg *pg;
    struct pg_item *const *items;
    size_t count;
    int64_t deadline_us;
    bool in_transaction; /* one was open, or a query of the batch has opened one */
    struct step steps[STEPS_MAX];
    size_t step_count;
    size_t sync_begin; /* the first item of the transaction that is being answered */
};

/* --- prepared statements -----------------------------------------------------------------------*/

static uint64_t statement_hash(const char *sql)
{
    return XXH3_64bits(sql, strlen(sql));
}

/* The index of a statement among the prepared ones; prepared_count where it is none of them. */
static size_t prepared_find(const struct pg *pg, uint64_t hash)
{
    size_t at = 0;
    while (at < pg->prepared_count && pg->prepared[at].hash != hash) {
        at++;
    }
    return at;
}

static void prepared_remove(struct pg *pg, uint64_t hash)
{
    size_t at = prepared_find(pg, hash);
    if (at < pg->prepared_count) {
        pg->prepared[at] = pg->prepared[--pg->prepared_count];
    }
}

/*
 * A name is never used twice: PgBouncer remembers one whose preparation failed, and cuts a
 * connection that comes with it again.
 */
static void statement_name(uint32_t serial, char target[STATEMENT_NAME_BYTES])
{
    (void)snprintf(target, STATEMENT_NAME_BYTES, "isobar_%u", (unsigned)serial);
}

/* --- sending -----------------------------------------------------------------------------------*/

static const struct pg_params no_params;

static void expect(struct batch *batch, enum step_kind kind, size_t index)
{
    ISO_ASSERT(batch->step_count < STEPS_MAX);
    batch->steps[batch->step_count++] = (struct step){kind, index};
}

static bool send_unnamed(struct pg *pg, const char *sql, const struct pg_params *params)
{
    return PQsendQueryParams(pg->handle, sql, params->count, params->types, params->values,
                             params->lengths, params->formats, 1) != 0;
}

/* Sessions that are shared have no time limit of ours: each transaction is given one. */
static bool send_limit(struct batch *batch, size_t index)
{
    struct pg *pg = batch->pg;
    if (!pg->is_pooled || batch->in_transaction ||
        batch->items[index]->query->effect >= PG_BEGINS) {
        return true;
    }
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)pg_server_limit_ms(pg));
    struct pg_params params = {0};
    params_add_text(&params, text);
    expect(batch, STEP_LIMIT, index);
    return send_unnamed(pg, "SELECT pg_catalog.set_config('statement_timeout', $1, true)", &params);
}

static bool send_query(struct batch *batch, size_t index)
{
    struct pg *pg = batch->pg;
    const struct pg_query *query = batch->items[index]->query;
    const struct pg_params *params = query->params != NULL ? query->params : &no_params;
    char name[STATEMENT_NAME_BYTES];
    if (query->once || !pg->prepares) {
        expect(batch, STEP_QUERY, index);
        return send_unnamed(pg, query->sql, params);
    }
    uint64_t hash = statement_hash(query->sql);
    size_t at = prepared_find(pg, hash);
    bool is_known = at < pg->prepared_count;
    if (!is_known && pg->prepared_count == PREPARED_MAX) {
        expect(batch, STEP_QUERY, index);
        return send_unnamed(pg, query->sql, params);
    }
    statement_name(is_known ? pg->prepared[at].serial : ++pg->prepared_serial, name);
    if (!is_known) {
        expect(batch, STEP_PREPARE, index);
        if (PQsendPrepare(pg->handle, name, query->sql, params->count, params->types) == 0) {
            return false;
        }
        /* Noted now, so that the batch's next use of it does not prepare it too. */
        pg->prepared[pg->prepared_count++] = (struct prepared){hash, pg->prepared_serial};
        pg->is_worn = pg->is_worn || pg->prepared_serial > PREPARED_SERIAL_MAX;
    }
    expect(batch, STEP_QUERY, index);
    return PQsendQueryPrepared(pg->handle, name, params->count, params->values, params->lengths,
                               params->formats, 1) != 0;
}

static bool shares(const struct pg_query *query)
{
    return query->effect == PG_READS && !query->alone;
}

static bool shares_with_next(const struct batch *batch, size_t index)
{
    return index + 1 < batch->count && shares(batch->items[index]->query) &&
           shares(batch->items[index + 1]->query);
}

static bool send_sync(struct batch *batch, size_t index)
{
    expect(batch, STEP_SYNC, index);
#ifdef LIBPQ_HAS_SEND_PIPELINE_SYNC
    return PQsendPipelineSync(batch->pg->handle) != 0;
#else
    return PQpipelineSync(batch->pg->handle) != 0;
#endif
}

static bool send_all(struct batch *batch)
{
    bool begins = true;
    for (size_t i = 0; i < batch->count; i++) {
        if ((begins && !send_limit(batch, i)) || !send_query(batch, i)) {
            return false;
        }
        batch->in_transaction =
            batch->in_transaction || batch->items[i]->query->effect == PG_BEGINS;
        begins = !shares_with_next(batch, i);
        if (begins && !send_sync(batch, i)) {
            return false;
        }
    }
    return true;
}

/* --- receiving ---------------------------------------------------------------------------------*/

/* Push out what is buffered; what comes meanwhile is read, or both sides could wait for ever. */
static iso_status flush(struct batch *batch, struct iso_error *err)
{
    struct pg *pg = batch->pg;
    for (;;) {
        int left = PQflush(pg->handle);
        if (left == 0) {
            return ISO_OK;
        }
        if (left < 0) {
            return pg_fail(pg, NULL, false, err);
        }
        ISO_TRY(pg_await(pg, true, batch->deadline_us, err));
        if (PQconsumeInput(pg->handle) == 0) {
            return pg_fail(pg, NULL, false, err);
        }
    }
}

/* The next result, NULL where libpq has none for this step. */
static iso_status next_result(struct batch *batch, PGresult **result, struct iso_error *err)
{
    struct pg *pg = batch->pg;
    while (PQisBusy(pg->handle) != 0) {
        ISO_TRY(pg_await(pg, false, batch->deadline_us, err));
        if (PQconsumeInput(pg->handle) == 0) {
            return pg_fail(pg, NULL, false, err);
        }
    }
    *result = PQgetResult(pg->handle);
    return ISO_OK;
}

/* Keep the first failure of an item. */
static void fail_item(struct batch *batch, struct pg_item *item, const PGresult *result)
{
    if (!iso_failed(item->status)) {
        item->status = pg_fail(batch->pg, result, false, &item->err);
        item->fault = batch->pg->fault;
        memcpy(item->sqlstate, batch->pg->sqlstate, sizeof item->sqlstate);
    }
}

static void skip_item(struct pg_item *item)
{
    if (!iso_failed(item->status)) {
        item->skipped = true;
        item->status = iso_fail(ISO_ERROR_CONFLICT, &item->err,
                                "not run, for an earlier query of the same transaction failed");
    }
}

/* A statement that could not be prepared is not there. */
static void undo_prepared(struct batch *batch, const struct step *step)
{
    if (step->kind == STEP_PREPARE) {
        prepared_remove(batch->pg, statement_hash(batch->items[step->index]->query->sql));
    }
}

/*
 * The result of one query or preparation. *is_last: the step's last one. Fails where the connection
 * itself is lost.
 */
static iso_status take_result(struct batch *batch, const struct step *step, PGresult *result,
                              struct iso_error *err)
{
    struct pg_item *item = batch->items[step->index];
    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
        if (step->kind == STEP_QUERY && !iso_failed(item->status)) {
            item->result = result_of(result);
            return ISO_OK;
        }
        break;
    case PGRES_PIPELINE_ABORTED:
        undo_prepared(batch, step);
        skip_item(item);
        break;
    case PGRES_FATAL_ERROR:
        undo_prepared(batch, step);
        if (PQstatus(batch->pg->handle) == CONNECTION_BAD) {
            iso_status status = pg_fail(batch->pg, result, false, err);
            PQclear(result);
            return status;
        }
        fail_item(batch, item, result);
        batch->pg->is_worn = batch->pg->is_worn || pg_item_is_stale(item);
        break;
    default:
        PQclear(result);
        ISO_FAIL(CLOUD_REFUSED, err,
                 "%.100s: the statement is a COPY, which this call does not serve",
                 batch->pg->host);
    }
    PQclear(result);
    return ISO_OK;
}

static bool is_terminal(const struct step *step, ExecStatusType status)
{
    return step->kind == STEP_SYNC ? status == PGRES_PIPELINE_SYNC : true;
}

/*
 * Take the answer to one step. libpq ends each query's results with a NULL; one may also stand
 * before the first. More than a few in a row mean that the server's answers do not fit.
 */
static iso_status take_step(struct batch *batch, const struct step *step, struct iso_error *err)
{
    enum { NULLS_MAX = 4 };
    for (int nulls = 0; nulls < NULLS_MAX;) {
        PGresult *result = NULL;
        ISO_TRY(next_result(batch, &result, err));
        if (result == NULL) {
            nulls++;
            continue;
        }
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            if (step->kind == STEP_SYNC) {
                return ISO_OK;
            }
            break;
        }
        ISO_TRY(take_result(batch, step, result, err));
        if (is_terminal(step, status)) {
            return ISO_OK;
        }
    }
    batch->pg->fault = FAULT_PROTOCOL;
    ISO_FAIL(CLOUD_REFUSED, err, "%.100s: the server's answers do not fit the questions; %s",
             batch->pg->host, fault_advice(FAULT_PROTOCOL));
}

static iso_status receive_all(struct batch *batch, struct iso_error *err)
{
    for (size_t i = 0; i < batch->step_count; i++) {
        ISO_TRY(take_step(batch, &batch->steps[i], err));
        if (batch->steps[i].kind == STEP_SYNC) {
            batch->sync_begin = batch->steps[i].index + 1;
        }
    }
    return ISO_OK;
}

/* --- the whole ---------------------------------------------------------------------------------*/

/*
 * The connection is lost: say of each query that has no answer yet what is known. A read can be
 * sent again, and what an open transaction did is undone by the server; other work is unknown.
 */
static iso_status lose(struct batch *batch, const struct iso_error *why)
{
    struct pg *pg = batch->pg;
    iso_status lost = {why->word};
    enum fault fault = pg->fault;
    pg_break(pg);
    for (size_t i = batch->sync_begin; i < batch->count; i++) {
        struct pg_item *item = batch->items[i];
        enum pg_effect effect = item->query->effect;
        result_free(&item->result);
        if (iso_failed(item->status) && !item->skipped) {
            continue;
        }
        item->fault = fault;
        item->skipped = false;
        bool unknown = effect == PG_COMMITS || (effect == PG_WRITES && !batch->in_transaction);
        item->err = *why;
        item->status = unknown ? iso_fail(ISO_ERROR_CLOUD_UNKNOWN, &item->err,
                                          "%.400s; whether it was done is unknown", why->text)
                               : lost;
    }
    return lost;
}

static iso_status begin(struct batch *batch, struct iso_error *err)
{
    struct pg *pg = batch->pg;
    ISO_TRY(pg_check_usable(pg, err));
    pg->sqlstate[0] = '\0';
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->items[i]->query->params != NULL) {
            ISO_TRY(params_check(batch->items[i]->query->params, err));
        }
    }
    if (PQenterPipelineMode(pg->handle) == 0) {
        return pg_fail(pg, NULL, false, err);
    }
    return ISO_OK;
}

iso_status pg_batch(struct pg *pg, struct pg_item *const *items, size_t count, int64_t deadline_us,
                    struct iso_error *err)
{
    ISO_ASSERT(count > 0 && count <= PG_BATCH_MAX);
    struct batch batch;
    batch.pg = pg;
    batch.items = items;
    batch.count = count;
    batch.deadline_us = deadline_us;
    batch.in_transaction = pg_in_transaction(pg);
    batch.step_count = 0;
    batch.sync_begin = 0;
    iso_status status = begin(&batch, err);
    if (iso_failed(status)) {
        for (size_t i = 0; i < count; i++) {
            items[i]->status = status;
            items[i]->err = *err;
        }
        return status;
    }
    bool sent = send_all(&batch);
    status = sent ? flush(&batch, err) : pg_fail(pg, NULL, false, err);
    if (!iso_failed(status)) {
        status = receive_all(&batch, err);
    }
    if (iso_failed(status)) {
        return lose(&batch, err);
    }
    if (PQexitPipelineMode(pg->handle) == 0) {
        pg_break(pg); /* all was answered; only this connection is not as it should be */
    }
    return ISO_OK;
}

bool pg_item_is_stale(const struct pg_item *item)
{
    return iso_failed(item->status) && !item->query->once &&
           (strcmp(item->sqlstate, "26000") == 0 || strcmp(item->sqlstate, "42P05") == 0 ||
            (strcmp(item->sqlstate, "0A000") == 0 &&
             strstr(item->err.text, "cached plan") != NULL));
}

iso_status pg_query(struct pg *pg, const struct pg_query *query, struct pg_result **result,
                    struct iso_error *err)
{
    struct pg_item item = {.query = query};
    struct pg_item *items[] = {&item};
    bool in_transaction = pg_in_transaction(pg);
    int64_t deadline_us = pg_deadline(pg);
    iso_status status = pg_batch(pg, items, 1, deadline_us, err);
    struct pg_query anew = *query;
    if (!iso_failed(status) && pg_item_is_stale(&item) && !in_transaction) {
        anew.once = true; /* by the unnamed statement, which cannot be stale */
        item = (struct pg_item){.query = &anew};
        status = pg_batch(pg, items, 1, deadline_us, err);
    }
    if (iso_failed(item.status)) {
        *err = item.err;
        result_free(&item.result);
        return item.status;
    }
    ISO_TRY(status);
    if (result == NULL) {
        result_free(&item.result);
    } else {
        *result = item.result;
    }
    return ISO_OK;
}

/* --- scripts -----------------------------------------------------------------------------------*/

static iso_status take_script(struct batch *batch, struct iso_error *err)
{
    iso_status status = ISO_OK;
    for (;;) {
        PGresult *result = NULL;
        ISO_TRY(next_result(batch, &result, err));
        if (result == NULL) {
            return status;
        }
        if (PQresultStatus(result) == PGRES_FATAL_ERROR && !iso_failed(status)) {
            status = pg_fail(batch->pg, result, false, err);
        }
        bool is_copy =
            PQresultStatus(result) == PGRES_COPY_IN || PQresultStatus(result) == PGRES_COPY_OUT;
        PQclear(result);
        if (is_copy) {
            ISO_FAIL(CLOUD_REFUSED, err, "%.100s: a script cannot hold COPY", batch->pg->host);
        }
    }
}

iso_status pg_script(struct pg *pg, const char *sql, int64_t deadline_us, struct iso_error *err)
{
    struct batch batch;
    batch.pg = pg;
    batch.deadline_us = deadline_us;
    pg->sqlstate[0] = '\0';
    ISO_TRY(pg_check_usable(pg, err));
    bool sent = PQsendQuery(pg->handle, sql) != 0;
    iso_status status = sent ? flush(&batch, err) : pg_fail(pg, NULL, false, err);
    if (!iso_failed(status)) {
        status = take_script(&batch, err);
    }
    bool lost =
        iso_failed(status) && (PQstatus(pg->handle) != CONNECTION_OK || pg->sqlstate[0] == '\0');
    if (!lost) {
        return status;
    }
    pg_break(pg);
    char why[sizeof err->text];
    (void)snprintf(why, sizeof why, "%s", err->text);
    ISO_FAIL(CLOUD_UNKNOWN, err, "%.400s; whether it was done is unknown", why);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/transaction.h"

#include <stdio.h>
#include <time.h>

enum { ATTEMPTS = 5, PAUSE_FIRST_US = 2000, PAUSE_MAX_US = 1000000 };

struct attempt {
    struct pool *pool;
    const struct transaction_options *options;
    transaction_work *work;
    void *context;
    int64_t deadline_us;
    bool may_help; /* another attempt could end better */
};

static iso_status run_statement(struct pg *pg, const char *sql, enum pg_effect effect,
                                struct iso_error *err)
{
    struct pg_query query = {.sql = sql, .effect = effect, .once = true};
    return pg_query(pg, &query, NULL, err);
}

/* --- the parts of one attempt ------------------------------------------------------------------*/

/* Behind a pooler the transaction's time limit goes out together with its beginning. */
static iso_status begin(struct pg *pg, const struct transaction_options *options, int64_t limit_us,
                        struct iso_error *err)
{
    static const char *const modes[] = {"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"};
    char sql[80];
    char limit[100];
    (void)snprintf(sql, sizeof sql, "BEGIN ISOLATION LEVEL %s%s", modes[options->mode],
                   options->read_only ? " READ ONLY" : "");
    (void)snprintf(limit, sizeof limit, "SET LOCAL statement_timeout TO %lld",
                   (long long)(limit_us / 1000 * 9 / 10));
    struct pg_query begins = {.sql = sql, .effect = PG_BEGINS, .once = true};
    struct pg_query limits = {.sql = limit, .effect = PG_WRITES, .once = true};
    struct pg_item item[] = {{.query = &begins}, {.query = &limits}};
    struct pg_item *items[] = {&item[0], &item[1]};
    size_t count = pg_facts(pg).is_pooled ? 2 : 1;
    iso_status status = pg_batch(pg, items, count, pg_deadline(pg), err);
    for (size_t i = 0; i < count; i++) {
        result_free(&item[i].result);
        if (!iso_failed(status) && iso_failed(item[i].status)) {
            *err = item[i].err;
            status = item[i].status;
        }
    }
    return status;
}

static iso_status commit(struct pg *pg, struct iso_error *err)
{
    if (pg_transaction_failed(pg)) {
        ISO_FAIL(CLOUD_REFUSED, err,
                 "a statement of the transaction failed, so it cannot be committed");
    }
    return run_statement(pg, "COMMIT", PG_COMMITS, err);
}

static bool is_worth_another(const struct attempt *attempt, const struct pg *pg, iso_status status)
{
    switch ((int)iso_status_code(status)) {
    case ISO_ERROR_CONFLICT:
        return true;
    case ISO_ERROR_CLOUD_DOWN:
        return !pg_is_usable(pg);
    case ISO_ERROR_CLOUD_UNKNOWN:
        return attempt->options->idempotent;
    default:
        return false;
    }
}

static iso_status try_once(struct attempt *attempt, struct iso_error *err)
{
    ISO_DEFER(pool_release) struct lease *lease = NULL;
    int64_t command_us = pool_profile_of(attempt->pool)->command_us;
    attempt->may_help = false;
    ISO_TRY(pool_acquire(attempt->pool, attempt->deadline_us, &lease, err));
    struct pg *pg = lease_pg(lease);
    iso_status status = begin(pg, attempt->options, command_us, err);
    if (!iso_failed(status)) {
        status = attempt->work(attempt->context, pg, err);
    }
    if (!iso_failed(status)) {
        status = commit(pg, err);
    }
    attempt->may_help = is_worth_another(attempt, pg, status);
    return status; /* giving the connection back undoes what is open */
}

/* --- the whole ---------------------------------------------------------------------------------*/

static int64_t now_us(void)
{
    const struct os *os = os_system();
    return os->monotonic_us(os->context);
}

/* A random part of a pause that doubles, so that those who collided do not meet again. */
static void pause_before(int attempt)
{
    uint32_t random;
    int64_t longest_us = PAUSE_FIRST_US;
    for (int i = 1; i < attempt && longest_us < PAUSE_MAX_US; i++) {
        longest_us *= 2;
    }
    os_entropy(&random, sizeof random);
    int64_t time_us = longest_us * random / UINT32_MAX;
    struct timespec left = {.tv_sec = time_us / 1000000, .tv_nsec = time_us % 1000000 * 1000};
    (void)nanosleep(&left, NULL);
}

iso_status transaction_run(struct pool *pool, const struct transaction_options *options,
                           transaction_work *work, void *context, struct iso_error *err)
{
    static const struct transaction_options presets;
    options = options != NULL ? options : &presets;
    int attempts = options->attempts > 0 ? options->attempts : ATTEMPTS;
    int64_t usual_us = now_us() + 2 * pool_profile_of(pool)->acquire_us;
    struct attempt attempt = {.pool = pool,
                              .options = options,
                              .work = work,
                              .context = context,
                              .deadline_us =
                                  options->deadline_us != 0 ? options->deadline_us : usual_us};
    bool is_unknown = false;
    iso_status status = ISO_OK;
    struct iso_error unknown = {0};
    for (int i = 1; i <= attempts; i++) {
        status = try_once(&attempt, err);
        if (pg_outcome_of(status) == PG_UNKNOWN) {
            is_unknown = true;
            unknown = *err;
        }
        if (!iso_failed(status) || !attempt.may_help || now_us() >= attempt.deadline_us) {
            break;
        }
        pause_before(i);
    }
    if (iso_failed(status) && is_unknown) { /* a later failure says nothing of the first COMMIT */
        *err = unknown;
        return (iso_status){unknown.word};
    }
    return status;
}

iso_status transaction_part(struct pg *pg, transaction_work *work, void *context,
                            struct iso_error *err)
{
    struct iso_error undo_err = {0};
    ISO_TRY(run_statement(pg, "SAVEPOINT part", PG_WRITES, err));
    iso_status status = work(context, pg, err);
    if (!iso_failed(status) && !pg_transaction_failed(pg)) {
        return run_statement(pg, "RELEASE SAVEPOINT part", PG_WRITES, err);
    }
    if (!iso_failed(status)) {
        status = iso_fail(ISO_ERROR_CLOUD_REFUSED, err, "a statement of this part failed");
    }
    iso_status undone = run_statement(pg, "ROLLBACK TO SAVEPOINT part", PG_WRITES, &undo_err);
    if (!iso_failed(undone)) {
        undone = run_statement(pg, "RELEASE SAVEPOINT part", PG_WRITES, &undo_err);
    }
    if (iso_failed(undone) && pg_is_usable(pg)) {
        *err = undo_err;
        return undone;
    }
    return status;
}

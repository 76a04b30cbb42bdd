/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions against real servers; direct, or through a pooler where there is one. */
#include "servers.h"

#include "base/threads.h"
#include "cloud/transaction.h"

#include <stdatomic.h>

enum { WRITERS = 8, ADDITIONS = 80 };

static struct settings settings;
static struct pool *pool;

static void run_script(const char *sql)
{
    struct iso_error err = {0};
    struct pg *pg = server_connect(server_url());
    assert_ok(pg_script(pg, sql, pg_deadline(pg), &err));
    pg_close(&pg);
}

static int64_t count_rows(const char *sql)
{
    struct iso_error err = {0};
    struct pg *pg = server_connect(server_url());
    struct pg_result *result = NULL;
    int64_t count = 0;
    struct pg_query query = {.sql = sql};
    assert_ok(pg_query(pg, &query, &result, &err));
    assert_ok(result_integer(result, 0, 0, &count, &err));
    result_free(&result);
    pg_close(&pg);
    return count;
}

static int open_all(void **state)
{
    (void)state;
    struct iso_error err = {0};
    struct settings_source source = {.url = server_data_url()};
    struct pool_profile profile = *pool_profile_named("server");
    profile.min = 0;
    assert_ok(settings_init(&settings, &source, ROUTE_GIVEN, &err));
    assert_ok(pool_open(&settings, &profile, os_system(), &pool, &err));
    run_script("DROP TABLE IF EXISTS note; CREATE TABLE note (a int8 PRIMARY KEY, b int8)");
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    pool_close(&pool);
    settings_reset(&settings);
    return 0;
}

static iso_status insert(struct pg *pg, int64_t a, struct iso_error *err)
{
    struct pg_params params = {0};
    params_add_int8(&params, a);
    struct pg_query query = {
        .sql = "INSERT INTO note VALUES ($1, 0)", .params = &params, .effect = PG_WRITES};
    return pg_query(pg, &query, NULL, err);
}

static iso_status insert_two(void *context, struct pg *pg, struct iso_error *err)
{
    const int64_t *values = context;
    ISO_TRY(insert(pg, values[0], err));
    return insert(pg, values[1], err);
}

static void all_is_kept_or_nothing(void **state)
{
    (void)state;
    struct iso_error err = {0};
    int64_t good[] = {1, 2};
    int64_t bad[] = {3, 1};
    assert_ok(transaction_run(pool, NULL, insert_two, good, &err));
    assert_int_equal(count_rows("SELECT count(*) FROM note"), 2);
    assert_fails(transaction_run(pool, NULL, insert_two, bad, &err), CLOUD_REFUSED);
    assert_int_equal(count_rows("SELECT count(*) FROM note"), 2);
}

static iso_status swallow(void *context, struct pg *pg, struct iso_error *err)
{
    iso_ignore(insert_two(context, pg, err), "the mistake that this test is about");
    return ISO_OK;
}

static void a_failure_that_was_overlooked_is_no_success(void **state)
{
    (void)state;
    struct iso_error err = {0};
    int64_t bad[] = {4, 4};
    assert_fails(transaction_run(pool, NULL, swallow, bad, &err), CLOUD_REFUSED);
    assert_int_equal(count_rows("SELECT count(*) FROM note"), 0);
}

static iso_status limit_of_time(void *context, struct pg *pg, struct iso_error *err)
{
    ISO_DEFER(result_free) struct pg_result *result = NULL;
    struct pg_query query = {.sql = "SELECT extract(epoch FROM current_setting("
                                    "'statement_timeout')::interval)::int8, "
                                    "current_setting('transaction_isolation')"};
    const char *mode = NULL;
    ISO_TRY(pg_query(pg, &query, &result, err));
    ISO_TRY(result_text(result, 0, 1, &mode, err));
    if (strcmp(mode, "serializable") != 0) {
        ISO_FAIL(BAD_FORMAT, err, "isolation is %s", mode);
    }
    return result_integer(result, 0, 0, context, err);
}

static void the_time_limit_and_the_isolation_are_in_force(void **state)
{
    (void)state;
    struct iso_error err = {0};
    int64_t seconds = 0;
    struct transaction_options options = {.mode = TRANSACTION_SERIALIZABLE, .read_only = true};
    assert_ok(transaction_run(pool, &options, limit_of_time, &seconds, &err));
    assert_int_equal(seconds, 27); /* nine tenths of the pool's 30 s */
}

static iso_status two_parts(void *context, struct pg *pg, struct iso_error *err)
{
    int64_t good[] = {11, 12};
    int64_t bad[] = {13, 11};
    struct iso_error part_err = {0};
    (void)context;
    ISO_TRY(transaction_part(pg, insert_two, good, err));
    iso_status failed = transaction_part(pg, insert_two, bad, &part_err);
    if (iso_status_code(failed) != ISO_ERROR_CLOUD_REFUSED) {
        ISO_FAIL(BAD_FORMAT, err, "the bad part ended with %s", iso_status_name(failed));
    }
    return insert(pg, 14, err);
}

static iso_status nested_parts(void *context, struct pg *pg, struct iso_error *err)
{
    ISO_TRY(transaction_part(pg, two_parts, context, err));
    return insert(pg, 15, err);
}

static void a_part_fails_alone(void **state)
{
    (void)state;
    struct iso_error err = {0};
    assert_ok(transaction_run(pool, NULL, nested_parts, NULL, &err));
    assert_int_equal(count_rows("SELECT sum(a)::int8 FROM note"), 11 + 12 + 14 + 15);
}

/* --- conflicts ---------------------------------------------------------------------------------*/

static atomic_int runs;

static iso_status add_one(void *context, struct pg *pg, struct iso_error *err)
{
    ISO_DEFER(result_free) struct pg_result *result = NULL;
    struct pg_query read = {.sql = "SELECT b FROM note WHERE a = 1"};
    int64_t value = 0;
    (void)context;
    (void)atomic_fetch_add(&runs, 1);
    ISO_TRY(pg_query(pg, &read, &result, err));
    ISO_TRY(result_integer(result, 0, 0, &value, err));
    struct pg_params params = {0};
    params_add_int8(&params, value + 1);
    struct pg_query write = {
        .sql = "UPDATE note SET b = $1 WHERE a = 1", .params = &params, .effect = PG_WRITES};
    return pg_query(pg, &write, NULL, err);
}

static iso_status add_many(void *context, size_t item, size_t worker, struct iso_error *err)
{
    struct transaction_options options = {.mode = TRANSACTION_SNAPSHOT, .attempts = 1000};
    (void)item;
    (void)worker;
    return transaction_run(pool, &options, add_one, context, err);
}

static void what_loses_against_another_is_run_again(void **state)
{
    (void)state;
    struct iso_error err = {0};
    run_script("INSERT INTO note VALUES (1, 0)");
    atomic_store(&runs, 0);
    assert_ok(threads_run(WRITERS, ADDITIONS, add_many, NULL, &err));
    assert_int_equal(count_rows("SELECT b FROM note WHERE a = 1"), ADDITIONS);
    assert_true(atomic_load(&runs) > ADDITIONS);
}

static iso_status lock_in_turn(void *context, struct pg *pg, struct iso_error *err)
{
    const int64_t *order = context;
    for (int i = 0; i < 2; i++) {
        struct pg_params params = {0};
        params_add_int8(&params, order[i]);
        struct pg_query query = {.sql = "UPDATE note SET b = b + 1 WHERE a = $1",
                                 .params = &params,
                                 .effect = PG_WRITES};
        ISO_TRY(pg_query(pg, &query, NULL, err));
    }
    return ISO_OK;
}

static iso_status lock_both(void *context, size_t item, size_t worker, struct iso_error *err)
{
    static int64_t orders[2][2] = {{1, 2}, {2, 1}};
    struct transaction_options options = {.attempts = 1000};
    (void)context;
    (void)worker;
    return transaction_run(pool, &options, lock_in_turn, orders[item % 2], err);
}

static void deadlocks_are_run_again(void **state)
{
    (void)state;
    struct iso_error err = {0};
    run_script("INSERT INTO note VALUES (1, 0), (2, 0); "
               "ALTER DATABASE isobar SET deadlock_timeout TO '10ms'");
    pool_close(&pool);
    struct pool_profile profile = *pool_profile_named("server");
    assert_ok(pool_open(&settings, &profile, os_system(), &pool, &err));
    assert_ok(threads_run(4, ADDITIONS, lock_both, NULL, &err));
    assert_int_equal(count_rows("SELECT sum(b)::int8 FROM note"), 2 * ADDITIONS);
}

/* --- lost connections --------------------------------------------------------------------------*/

static iso_status lose_first(void *context, struct pg *pg, struct iso_error *err)
{
    ISO_DEFER(result_free) struct pg_result *result = NULL;
    int64_t *left = context;
    struct pg_query query = {.sql = "SELECT pg_terminate_backend(pg_backend_pid())"};
    ISO_TRY(insert(pg, 21, err));
    if ((*left)-- > 0) {
        return pg_query(pg, &query, &result, err);
    }
    return ISO_OK;
}

static void a_connection_lost_before_commit_is_no_loss(void **state)
{
    (void)state;
    struct iso_error err = {0};
    int64_t losses = 2;
    assert_ok(transaction_run(pool, NULL, lose_first, &losses, &err));
    assert_int_equal(losses, -1);
    assert_int_equal(count_rows("SELECT count(*) FROM note"), 1);
}

int main(void)
{
#define WITH_ALL(test) cmocka_unit_test_setup_teardown(test, open_all, close_all)
    const struct CMUnitTest tests[] = {
        WITH_ALL(all_is_kept_or_nothing),
        WITH_ALL(a_failure_that_was_overlooked_is_no_success),
        WITH_ALL(the_time_limit_and_the_isolation_are_in_force),
        WITH_ALL(a_part_fails_alone),
        WITH_ALL(what_loses_against_another_is_run_again),
        WITH_ALL(deadlocks_are_run_again),
        WITH_ALL(a_connection_lost_before_commit_is_no_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

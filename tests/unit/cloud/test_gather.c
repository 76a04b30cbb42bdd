/* SPDX-License-Identifier: Apache-2.0 */
/* Queries gathered over few connections, against real servers. */
#include "servers.h"

#include "base/threads.h"
#include "cloud/gather.h"

enum { THREADS = 32, QUERIES = 4000, LANES = 2 };

static struct settings settings;
static struct pool *pool;
static struct gather *gather;

static int open_all(void **state)
{
    (void)state;
    struct iso_error err = {0};
    struct settings_source source = {.url = server_data_url()};
    struct pool_profile profile = *pool_profile_named("server");
    profile.min = 0;
    assert_ok(settings_init(&settings, &source, ROUTE_GIVEN, &err));
    assert_ok(pool_open(&settings, &profile, os_system(), &pool, &err));
    assert_ok(gather_open(pool, LANES, &gather, &err));
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    gather_close(&gather);
    pool_close(&pool);
    settings_reset(&settings);
    return 0;
}

static void run_script(const char *sql)
{
    struct iso_error err = {0};
    struct pg *pg = server_connect(server_url());
    assert_ok(pg_script(pg, sql, pg_deadline(pg), &err));
    pg_close(&pg);
}

static iso_status ask(const char *sql, int64_t parameter, int64_t *value, struct iso_error *err)
{
    ISO_DEFER(result_free) struct pg_result *result = NULL;
    struct pg_params params = {0};
    params_add_int8(&params, parameter);
    struct pg_query query = {.sql = sql, .params = &params};
    ISO_TRY(gather_query(gather, &query, &result, err));
    return result_integer(result, 0, 0, value, err);
}

static iso_status ask_own(void *context, size_t item, size_t worker, struct iso_error *err)
{
    (void)context;
    (void)worker;
    int64_t value = -1;
    ISO_TRY(ask("SELECT $1 * 3", (int64_t)item, &value, err));
    if (value != (int64_t)item * 3) {
        ISO_FAIL(BAD_FORMAT, err, "%zu got %lld", item, (long long)value);
    }
    return ISO_OK;
}

static void everybody_gets_the_answer_to_its_own_question(void **state)
{
    (void)state;
    struct iso_error err = {0};
    assert_ok(threads_run(THREADS, QUERIES, ask_own, NULL, &err));
    struct gather_stats stats = gather_stats(gather);
    struct pool_stats pooled;
    pool_stats(pool, &pooled);
    assert_int_equal(stats.queries, QUERIES);
    assert_true(stats.batches < stats.queries);
    assert_true(pooled.connects <= LANES);
    assert_int_equal(pooled.in_use, 0);
}

/* Every seventh question cannot be answered; its neighbours' must be. */
static iso_status ask_badly(void *context, size_t item, size_t worker, struct iso_error *err)
{
    (void)context;
    (void)worker;
    int64_t value = -1;
    bool is_bad = item % 7 == 0;
    iso_status status = ask(is_bad ? "SELECT $1 / 0" : "SELECT $1 + 1", (int64_t)item, &value, err);
    if (is_bad && iso_status_code(status) == ISO_ERROR_CLOUD_REFUSED) {
        return ISO_OK;
    }
    ISO_TRY(status);
    if (is_bad || value != (int64_t)item + 1) {
        ISO_FAIL(BAD_FORMAT, err, "%zu got %lld", item, (long long)value);
    }
    return ISO_OK;
}

static void a_neighbours_failure_is_not_ones_own(void **state)
{
    (void)state;
    struct iso_error err = {0};
    assert_ok(threads_run(THREADS, QUERIES / 4, ask_badly, NULL, &err));
}

static iso_status write_one(void *context, size_t item, size_t worker, struct iso_error *err)
{
    (void)context;
    (void)worker;
    struct pg_params params = {0};
    params_add_int8(&params, (int64_t)(item / 2)); /* each number twice: one of them is refused */
    struct pg_query query = {
        .sql = "INSERT INTO gathered VALUES ($1)", .params = &params, .effect = PG_WRITES};
    iso_status status = gather_query(gather, &query, NULL, err);
    return iso_status_code(status) == ISO_ERROR_CLOUD_REFUSED ? ISO_OK : status;
}

static void writes_are_kept_each_by_itself(void **state)
{
    (void)state;
    struct iso_error err = {0};
    int64_t count = 0;
    run_script("DROP TABLE IF EXISTS gathered; CREATE TABLE gathered (a int8 PRIMARY KEY)");
    assert_ok(threads_run(THREADS, QUERIES / 4, write_one, NULL, &err));
    assert_ok(ask("SELECT count(*) + $1 FROM gathered", 0, &count, &err));
    assert_int_equal(count, QUERIES / 8);
}

static iso_status survive(void *context, size_t item, size_t worker, struct iso_error *err)
{
    int64_t value = -1;
    if (item % 50 == 49) {
        char url[200];
        (void)snprintf(url, sizeof url, "%s?application_name=killer", server_url());
        struct pg *killer = server_connect(url);
        struct pg_query query = {
            .sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE "
                   "application_name = 'isobar'"};
        iso_status status = pg_query(killer, &query, NULL, err);
        pg_close(&killer);
        ISO_TRY(status); /* then ask over what was cut just now */
    }
    (void)context;
    (void)worker;
    return ask("SELECT $1 + 1", (int64_t)item, &value, err);
}

static void reads_survive_the_loss_of_their_connection(void **state)
{
    (void)state;
    struct iso_error err = {0};
    assert_ok(threads_run(8, 400, survive, NULL, &err));
    struct pool_stats stats;
    pool_stats(pool, &stats);
    assert_true(stats.closed_broken + stats.check_failures > 0 || server_pooler_url() != NULL);
}

static void a_changed_table_is_asked_again_by_itself(void **state)
{
    (void)state;
    struct iso_error err = {0};
    struct pg_query query = {.sql = "SELECT * FROM changing"};
    run_script("DROP TABLE IF EXISTS changing; CREATE TABLE changing AS SELECT 1::int8 AS a");
    assert_ok(gather_query(gather, &query, NULL, &err));
    run_script("ALTER TABLE changing ADD b int8 DEFAULT 5");
    struct pg_result *result = NULL;
    assert_ok(gather_query(gather, &query, &result, &err));
    assert_int_equal(result_columns(result), 2);
    result_free(&result);
}

static void too_many_lanes_are_refused(void **state)
{
    (void)state;
    struct iso_error err = {0};
    struct gather *none = NULL;
    assert_fails(gather_open(pool, 0, &none, &err), BAD_ARGUMENT);
    assert_fails(gather_open(pool, GATHER_LANES_MAX + 1, &none, &err), BAD_ARGUMENT);
    assert_null(none);
}

int main(void)
{
#define WITH_ALL(test) cmocka_unit_test_setup_teardown(test, open_all, close_all)
    const struct CMUnitTest tests[] = {
        WITH_ALL(everybody_gets_the_answer_to_its_own_question),
        WITH_ALL(a_neighbours_failure_is_not_ones_own),
        WITH_ALL(writes_are_kept_each_by_itself),
        WITH_ALL(reads_survive_the_loss_of_their_connection),
        WITH_ALL(a_changed_table_is_asked_again_by_itself),
        WITH_ALL(too_many_lanes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A real server behind a proxy that does wrong: cuts, stalls, losses, and a database that sleeps.
 */
#include "wire.h"

#include "base/threads.h"
#include "cloud/gather.h"
#include "cloud/transaction.h"

#include <signal.h>

static struct proxy proxy;
static struct settings settings;
static struct pool *pool;
static char url[256];

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

static struct pool_profile quick_profile(void)
{
    struct pool_profile profile = *pool_profile_named("serverless");
    profile.connect_us = 6000000;
    return profile;
}

static void open_pool(struct pool_profile profile)
{
    struct iso_error err = {0};
    pool_close(&pool);
    assert_ok(pool_open(&settings, &profile, os_system(), &pool, &err));
}

static int open_all(void **state)
{
    (void)state;
    struct iso_error err = {0};
    proxy_start(&proxy, server_data_url());
    proxy_url(&proxy, server_data_url(), url);
    struct settings_source source = {.url = url};
    assert_ok(settings_init(&settings, &source, ROUTE_GIVEN, &err));
    run_script("DROP TABLE IF EXISTS mark, row; CREATE TABLE mark (id int8 PRIMARY KEY); "
               "CREATE TABLE row (id int8, at timestamptz DEFAULT now())");
    open_pool(quick_profile());
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    pool_close(&pool);
    proxy_stop(&proxy);
    settings_reset(&settings);
    return 0;
}

/* --- one call, one fault -----------------------------------------------------------------------*/

/* Run one query over a connection of its own, the fault setting in before it; how it ended. */
static iso_status query_under(enum wire_mode mode, struct pg_query query, int64_t limit_us,
                              int64_t *took_us)
{
    struct iso_error err = {0};
    size_t files = open_files();
    struct pg *pg = NULL;
    assert_ok(
        pg_open(&settings, os_system(), server_now_us() + CONNECT_US, limit_us, &pg, NULL, &err));
    struct pg_result *result = NULL;
    proxy_set(&proxy, mode);
    int64_t begin_us = server_now_us();
    iso_status status = pg_query(pg, &query, &result, &err);
    *took_us = server_now_us() - begin_us;
    proxy_set(&proxy, WIRE_PASSES);
    if (iso_failed(status)) {
        assert_null(result);
        assert_false(pg_is_usable(pg));
        assert_null(strstr(err.text, settings_get(&settings, "password")));
    }
    result_free(&result);
    pg_close(&pg);
    while (atomic_load(&proxy.alive) > 0) {
        sleep_ms(1);
    }
    assert_int_equal(open_files(), files);
    return status;
}

static void a_stalled_line_is_left_at_the_deadline(void **state)
{
    (void)state;
    int64_t took_us = 0;
    struct pg_query read = {.sql = "SELECT 1"};
    struct pg_query write = {.sql = "INSERT INTO row VALUES (1)", .effect = PG_WRITES};
    assert_fails(query_under(WIRE_STALLS, read, 300000, &took_us), CLOUD_DOWN);
    assert_true(took_us >= 300000 && took_us < 600000);
    assert_fails(query_under(WIRE_STALLS, write, 300000, &took_us), CLOUD_UNKNOWN);
    assert_true(took_us >= 300000 && took_us < 600000);
}

static void a_write_whose_answer_was_lost_is_unknown_and_done(void **state)
{
    (void)state;
    int64_t took_us = 0;
    struct pg_query write = {.sql = "INSERT INTO row VALUES (7)", .effect = PG_WRITES};
    assert_fails(query_under(WIRE_DROPS_ANSWERS, write, 300000, &took_us), CLOUD_UNKNOWN);
    assert_true(took_us >= 300000 && took_us < 600000);
    assert_int_equal(count_rows("SELECT count(*) FROM row WHERE id = 7"), 1);
}

static void a_slow_line_is_only_slow(void **state)
{
    (void)state;
    int64_t took_us = 0;
    struct pg_query read = {.sql = "SELECT generate_series(1, 1000)"};
    assert_int_equal(query_under(WIRE_DELAYS, read, 20000000, &took_us).word, 0);
    assert_true(took_us >= 30000);
}

static void a_row_cut_in_its_middle_is_no_row(void **state)
{
    (void)state;
    int64_t took_us = 0;
    struct pg_query read = {.sql = "SELECT repeat('x', 100) FROM generate_series(1, 10000)"};
    struct pg_query write = {.sql = "INSERT INTO row SELECT generate_series(1, 1000) "
                                    "RETURNING id, repeat('x', 100)",
                             .effect = PG_WRITES};
    atomic_store(&proxy.bytes, 50000);
    assert_fails(query_under(WIRE_CUTS_ANSWERS, read, 20000000, &took_us), CLOUD_DOWN);
    atomic_store(&proxy.bytes, 50000);
    assert_fails(query_under(WIRE_CUTS_ANSWERS, write, 20000000, &took_us), CLOUD_UNKNOWN);
}

static void every_cut_of_an_answer_has_a_name(void **state)
{
    (void)state;
    int64_t took_us = 0;
    struct pg_query read = {.sql = "SELECT 1::int8, 'text'"};
    for (int bytes = 0; bytes < 200; bytes += 7) {
        atomic_store(&proxy.bytes, bytes);
        iso_status status = query_under(WIRE_CUTS_ANSWERS, read, 20000000, &took_us);
        assert_true(!iso_failed(status) || iso_status_code(status) == ISO_ERROR_CLOUD_DOWN);
        assert_true(bytes > 100 || iso_failed(status));
    }
}

/* --- COMMIT ------------------------------------------------------------------------------------*/

static iso_status insert(struct pg *pg, const char *sql, int64_t id, int64_t *affected,
                         struct iso_error *err)
{
    ISO_DEFER(result_free) struct pg_result *result = NULL;
    struct pg_params params = {0};
    params_add_int8(&params, id);
    struct pg_query query = {.sql = sql, .params = &params, .effect = PG_WRITES};
    ISO_TRY(pg_query(pg, &query, &result, err));
    *affected = result_affected(result);
    return ISO_OK;
}

/* Marker first: where it is there already, an earlier attempt was committed. */
static iso_status write_once(void *context, struct pg *pg, struct iso_error *err)
{
    const int64_t *id = context;
    int64_t count = 0;
    ISO_TRY(insert(pg, "INSERT INTO mark VALUES ($1) ON CONFLICT DO NOTHING", *id, &count, err));
    if (count == 0) {
        return ISO_OK;
    }
    return insert(pg, "INSERT INTO row VALUES ($1)", *id, &count, err);
}

static void commit_under(enum wire_mode mode, bool idempotent, enum iso_error_code code,
                         int64_t rows)
{
    struct iso_error err = {0};
    int64_t id = 1;
    struct transaction_options options = {.idempotent = idempotent};
    open_pool(quick_profile());
    run_script("TRUNCATE mark, row");
    proxy_set(&proxy, mode);
    iso_status status = transaction_run(pool, &options, write_once, &id, &err);
    assert_int_equal(atomic_load(&proxy.mode), WIRE_PASSES); /* it did strike */
    if (iso_status_code(status) != code) {
        fail_msg("%s: %s", iso_status_name(status), err.text);
    }
    assert_int_equal(count_rows("SELECT count(*) FROM row"), rows);
    assert_int_equal(count_rows("SELECT count(*) FROM mark"), rows);
}

static void a_commit_without_an_answer_is_unknown(void **state)
{
    (void)state;
    commit_under(WIRE_CUTS_AFTER, false, ISO_ERROR_CLOUD_UNKNOWN, 1);
    commit_under(WIRE_CUTS_BEFORE, false, ISO_ERROR_CLOUD_UNKNOWN, 0);
}

static void work_that_may_be_repeated_is_neither_lost_nor_doubled(void **state)
{
    (void)state;
    commit_under(WIRE_CUTS_AFTER, true, ISO_ERROR_NONE, 1);
    commit_under(WIRE_CUTS_BEFORE, true, ISO_ERROR_NONE, 1);
}

/* --- a database that sleeps --------------------------------------------------------------------*/

enum { SLEEPERS = 6, SOAK_MS = 12000 };

struct soak {
    struct gather *gather;
    int64_t end_us;
    atomic_llong next_id;
    atomic_llong calls;
    atomic_llong writes;
};

/* Writes and reads without a pause between; any failure ends the soak. */
static iso_status soak_one(void *context, size_t item, size_t worker, struct iso_error *err)
{
    struct soak *soak = context;
    struct transaction_options options = {.idempotent = true, .attempts = 20};
    (void)item;
    (void)worker;
    while (server_now_us() < soak->end_us) {
        int64_t id = atomic_fetch_add(&soak->next_id, 1);
        if (id % 3 == 0) {
            ISO_TRY(transaction_run(pool, &options, write_once, &id, err));
            (void)atomic_fetch_add(&soak->writes, 1);
        } else {
            struct pg_query read = {.sql = "SELECT count(*) FROM mark WHERE id < 0"};
            ISO_TRY(gather_query(soak->gather, &read, NULL, err));
        }
        (void)atomic_fetch_add(&soak->calls, 1);
        sleep_ms(2);
    }
    return ISO_OK;
}

/* The server's side goes away abruptly; who comes then is turned away or held, then served. */
static void *sleep_and_wake(void *context)
{
    const struct soak *soak = context;
    static const struct {
        int64_t awake_ms;
        enum wire_mode mode;
        int64_t asleep_ms;
    } turns[] = {{500, WIRE_HOLDS, 300},   {700, WIRE_REFUSES, 400},   {300, WIRE_HOLDS, 1500},
                 {900, WIRE_REFUSES, 900}, {10, WIRE_CUTS_AFTER, 100}, {10, WIRE_CUTS_BEFORE, 100},
                 {400, WIRE_HOLDS, 4000}};
    for (size_t i = 0; server_now_us() < soak->end_us - 1500000; i++) {
        size_t turn = i % (sizeof turns / sizeof turns[0]);
        sleep_ms(turns[turn].awake_ms);
        proxy_set(&proxy, turns[turn].mode);
        if (turns[turn].mode == WIRE_HOLDS || turns[turn].mode == WIRE_REFUSES) {
            proxy_cut(&proxy);
        }
        sleep_ms(turns[turn].asleep_ms);
        proxy_set(&proxy, WIRE_PASSES);
    }
    return NULL;
}

/* The pooler is killed and started again, in earnest. */
static void *restart_pooler(void *context)
{
    const struct soak *soak = context;
    while (server_now_us() < soak->end_us - 1500000) {
        sleep_ms(1000);
        (void)kill(getppid(), SIGUSR1);
    }
    return NULL;
}

/* Every call succeeds, and each write is there once. */
static void soak_under(void *(*trouble)(void *), struct pool_stats *stats)
{
    struct iso_error err = {0};
    struct soak soak = {.end_us = server_now_us() + INT64_C(1000) * SOAK_MS};
    pthread_t troubled;
    run_script("TRUNCATE mark, row");
    open_pool(quick_profile());
    assert_ok(gather_open(pool, 2, &soak.gather, &err));
    assert_int_equal(pthread_create(&troubled, NULL, trouble, &soak), 0);
    iso_status status = threads_run(SLEEPERS, SLEEPERS, soak_one, &soak, &err);
    assert_int_equal(pthread_join(troubled, NULL), 0);
    proxy_set(&proxy, WIRE_PASSES);
    assert_ok(status);
    pool_stats(pool, stats);
    gather_close(&soak.gather);
    assert_int_equal(count_rows("SELECT count(*) FROM row"), atomic_load(&soak.writes));
    assert_int_equal(count_rows("SELECT count(DISTINCT id) FROM row"), atomic_load(&soak.writes));
    assert_int_equal(count_rows("SELECT count(*) FROM mark"), atomic_load(&soak.writes));
    assert_true(atomic_load(&soak.calls) > 500);
    print_message("# %lld calls, all ok; %llu of %llu connects failed, %llu cold starts\n",
                  (long long)atomic_load(&soak.calls), (unsigned long long)stats->connect_failures,
                  (unsigned long long)stats->connects, (unsigned long long)stats->cold_starts);
}

static void sleeping_and_waking_reaches_no_caller(void **state)
{
    (void)state;
    struct pool_stats stats;
    soak_under(sleep_and_wake, &stats);
    assert_true(stats.cold_starts > 0);
    assert_true(stats.connect_failures > 0);
}

static void a_pooler_that_is_restarted_reaches_no_caller(void **state)
{
    (void)state;
    struct pool_stats stats;
    soak_under(restart_pooler, &stats);
    assert_true(stats.closed_broken + stats.check_failures > 0);
}

int main(void)
{
#define WITH_ALL(test) cmocka_unit_test_setup_teardown(test, open_all, close_all)
    const struct CMUnitTest tests[] = {
        WITH_ALL(a_stalled_line_is_left_at_the_deadline),
        WITH_ALL(a_write_whose_answer_was_lost_is_unknown_and_done),
        WITH_ALL(a_slow_line_is_only_slow),
        WITH_ALL(a_row_cut_in_its_middle_is_no_row),
        WITH_ALL(every_cut_of_an_answer_has_a_name),
        WITH_ALL(a_commit_without_an_answer_is_unknown),
        WITH_ALL(work_that_may_be_repeated_is_neither_lost_nor_doubled),
        WITH_ALL(sleeping_and_waking_reaches_no_caller),
    };
    const struct CMUnitTest pooler_tests[] = {
        WITH_ALL(a_pooler_that_is_restarted_reaches_no_caller),
    };
    return server_pooler_url() != NULL ? cmocka_run_group_tests(pooler_tests, NULL, NULL)
                                       : cmocka_run_group_tests(tests, NULL, NULL);
}

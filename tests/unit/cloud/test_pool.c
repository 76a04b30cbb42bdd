/* SPDX-License-Identifier: Apache-2.0 */
/* The pool against real servers; direct, or through a pooler where there is one. */
#include "servers.h"

#include "base/threads.h"
#include "cloud/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>

static struct settings settings;
static struct pool *pool;

static int read_settings(void **state)
{
    (void)state;
    struct iso_error err = {0};
    struct settings_source source = {.url = server_data_url()};
    return iso_failed(settings_init(&settings, &source, ROUTE_GIVEN, &err)) ? -1 : 0;
}

static int reset_settings(void **state)
{
    (void)state;
    settings_reset(&settings);
    return 0;
}

static int close_pool(void **state)
{
    (void)state;
    pool_close(&pool);
    return 0;
}

static struct pool_profile small_profile(size_t min, size_t max)
{
    struct pool_profile profile = *pool_profile_named("server");
    profile.min = min;
    profile.max = max;
    profile.acquire_us = 20000000;
    return profile;
}

static void open_pool(struct pool_profile profile)
{
    struct iso_error err = {0};
    assert_ok(pool_open(&settings, &profile, os_system(), &pool, &err));
}

static struct lease *take(void)
{
    struct iso_error err = {0};
    struct lease *lease = NULL;
    assert_ok(pool_acquire(pool, 0, &lease, &err));
    return lease;
}

static iso_status ask(struct pg *pg, const char *sql, int64_t *value, struct iso_error *err)
{
    ISO_DEFER(result_free) struct pg_result *result = NULL;
    struct pg_query query = {.sql = sql};
    ISO_TRY(pg_query(pg, &query, &result, err));
    return result_integer(result, 0, 0, value, err);
}

static int64_t answer(const struct lease *lease, const char *sql)
{
    struct iso_error err = {0};
    int64_t value = 0;
    assert_ok(ask(lease_pg(lease), sql, &value, &err));
    return value;
}

static struct pool_stats stats(void)
{
    struct pool_stats now;
    pool_stats(pool, &now);
    return now;
}

static void sleep_ms(int64_t ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

/* Wait up to ten seconds for something that happens by itself. */
#define EVENTUALLY(condition)                               \
    do {                                                    \
        for (int i_ = 0; i_ < 1000 && !(condition); i_++) { \
            sleep_ms(10);                                   \
        }                                                   \
        assert_true(condition);                             \
    } while (0)

static void what_was_given_back_is_lent_again(void **state)
{
    (void)state;
    open_pool(small_profile(0, 2));
    struct lease *lease = take();
    const struct pg *first = lease_pg(lease);
    pool_release(&lease);
    assert_null(lease);
    lease = take();
    assert_ptr_equal(lease_pg(lease), first);
    assert_int_equal(answer(lease, "SELECT 3"), 3);
    pool_release(&lease);
    struct pool_stats now = stats();
    assert_int_equal(now.acquired, 2);
    assert_int_equal(now.connects, 1);
    assert_int_equal(now.connect_failures, 0);
    assert_int_equal(now.idle, 1);
    assert_int_equal(now.in_use, 0);
    assert_true(now.bytes_in > 0 && now.bytes_out > 0);
    assert_true(now.lent_us > 0 && now.open_us > now.lent_us / 2);
}

static void who_asks_for_one_too_many_is_told_why(void **state)
{
    (void)state;
    struct iso_error err = {0};
    open_pool(small_profile(0, 1));
    struct lease *lease = take();
    struct lease *other = NULL;
    int64_t begin_us = server_now_us();
    assert_fails(pool_acquire(pool, begin_us + 200000, &other, &err), BUSY);
    int64_t took_us = server_now_us() - begin_us;
    assert_true(took_us >= 200000 && took_us < 400000);
    assert_non_null(strstr(err.text, "all 1 of 1"));
    assert_int_equal(stats().timeouts, 1);
    assert_int_equal(stats().waiting, 0);
    pool_release(&lease);
    lease = take();
    pool_release(&lease);
}

/* --- many threads ------------------------------------------------------------------------------*/

enum { CROWD = 16, ROUNDS = 50 };

static atomic_int lent_now;
static atomic_int lent_most;

static iso_status use_often(void *context, size_t item, size_t worker, struct iso_error *err)
{
    (void)context;
    (void)worker;
    struct lease *lease = NULL;
    int64_t value = 0;
    ISO_TRY(pool_acquire(pool, 0, &lease, err));
    int now = atomic_fetch_add(&lent_now, 1) + 1;
    int most = atomic_load(&lent_most);
    while (now > most && !atomic_compare_exchange_weak(&lent_most, &most, now)) {
    }
    iso_status status = ask(lease_pg(lease), "SELECT 7", &value, err);
    (void)atomic_fetch_sub(&lent_now, 1);
    pool_release(&lease);
    ISO_TRY(status);
    if (value != 7) {
        ISO_FAIL(BAD_FORMAT, err, "item %zu got %d", item, (int)value);
    }
    return ISO_OK;
}

static void many_threads_share_no_more_than_max(void **state)
{
    (void)state;
    struct iso_error err = {0};
    open_pool(small_profile(0, 3));
    assert_ok(threads_run(CROWD, (size_t)CROWD * ROUNDS, use_often, NULL, &err));
    struct pool_stats now = stats();
    assert_int_equal(now.acquired, CROWD * ROUNDS);
    assert_int_equal(now.in_use, 0);
    assert_true(now.idle >= 1 && now.idle <= 3);
    assert_true(atomic_load(&lent_most) <= 3);
    assert_int_equal(now.connect_failures, 0);
    uint64_t counted = 0;
    for (size_t i = 0; i < POOL_BUCKETS; i++) {
        counted += now.waits[i];
    }
    assert_int_equal(counted, now.acquired);
}

struct place {
    pthread_t thread;
    int number;
};
static int served[CROWD];
static atomic_int served_count;

static void *wait_in_line(void *context)
{
    const struct place *place = context;
    struct iso_error err = {0};
    struct lease *lease = NULL;
    if (!iso_failed(pool_acquire(pool, 0, &lease, &err))) {
        served[atomic_fetch_add(&served_count, 1)] = place->number;
        pool_release(&lease);
    }
    return NULL;
}

static void who_waits_is_served_in_the_order_of_coming(void **state)
{
    (void)state;
    open_pool(small_profile(0, 1));
    struct place places[CROWD];
    struct lease *lease = take();
    atomic_store(&served_count, 0);
    for (int i = 0; i < CROWD; i++) {
        places[i].number = i;
        assert_int_equal(pthread_create(&places[i].thread, NULL, wait_in_line, &places[i]), 0);
        EVENTUALLY(stats().waiting == (size_t)i + 1);
    }
    pool_release(&lease);
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(pthread_join(places[i].thread, NULL), 0);
    }
    assert_int_equal(atomic_load(&served_count), CROWD);
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(served[i], i);
    }
}

/* --- upkeep ------------------------------------------------------------------------------------*/

static void min_connections_are_kept_and_more_are_closed_in_idleness(void **state)
{
    (void)state;
    struct pool_profile profile = small_profile(2, 6);
    profile.idle_us = 300000;
    open_pool(profile);
    EVENTUALLY(stats().idle == 2);
    struct lease *leases[6];
    for (size_t i = 0; i < 6; i++) {
        leases[i] = take();
    }
    for (size_t i = 0; i < 6; i++) {
        pool_release(&leases[i]);
    }
    assert_int_equal(stats().idle, 6);
    EVENTUALLY(stats().idle == 2);
    assert_int_equal(stats().closed_idle, 4);
}

static void an_old_connection_is_replaced(void **state)
{
    (void)state;
    struct pool_profile profile = small_profile(1, 2);
    profile.lifetime_us = 300000;
    open_pool(profile);
    EVENTUALLY(stats().closed_old >= 3);
    struct lease *lease = take();
    sleep_ms(500);
    assert_int_equal(answer(lease, "SELECT 1"), 1); /* never under the user's hands */
    uint64_t closed = stats().closed_old;
    pool_release(&lease);
    assert_true(stats().closed_old > closed);
}

static void what_died_in_idleness_is_not_lent(void **state)
{
    (void)state;
    struct pool_profile profile = small_profile(0, 2);
    open_pool(profile);
    struct lease *lease = take();
    struct lease *other = take();
    int64_t backend = answer(lease, "SELECT pg_backend_pid()");
    if (pg_facts(lease_pg(lease)).is_pooled) { /* a pooler hides such deaths from its clients */
        pool_release(&lease);
        pool_release(&other);
        return;
    }
    char sql[60];
    (void)snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%lld)::int::int8",
                   (long long)backend);
    pool_release(&lease);
    assert_int_equal(answer(other, sql), 1);
    sleep_ms(1200);
    lease = take();
    assert_true(answer(lease, "SELECT pg_backend_pid()") != backend);
    assert_int_equal(stats().check_failures, 1);
    pool_release(&lease);
    pool_release(&other);
}

static void after_long_idleness_the_server_is_asked_first(void **state)
{
    (void)state;
    struct pool_profile profile = small_profile(0, 1);
    profile.check_us = 1100000;
    open_pool(profile);
    struct lease *lease = take();
    pool_release(&lease);
    sleep_ms(1200);
    lease = take();
    assert_int_equal(stats().checks, 1);
    assert_int_equal(stats().check_failures, 0);
    pool_release(&lease);
}

/* --- giving back -------------------------------------------------------------------------------*/

static void a_transaction_left_open_is_undone(void **state)
{
    (void)state;
    struct iso_error err = {0};
    open_pool(small_profile(0, 1));
    struct lease *lease = take();
    const struct pg *pg = lease_pg(lease);
    assert_ok(pg_script(lease_pg(lease),
                        "DROP TABLE IF EXISTS left_open; CREATE TABLE left_open "
                        "(a int)",
                        pg_deadline(pg), &err));
    assert_ok(pg_script(lease_pg(lease), "BEGIN; INSERT INTO left_open VALUES (1)", pg_deadline(pg),
                        &err));
    pool_release(&lease);
    lease = take();
    assert_ptr_equal(lease_pg(lease), pg);
    assert_false(pg_in_transaction(lease_pg(lease)));
    assert_int_equal(answer(lease, "SELECT count(*) FROM left_open"), 0);
    assert_int_equal(stats().rollbacks, 1);
    pool_release(&lease);
}

static void a_broken_connection_makes_room_for_who_waits(void **state)
{
    (void)state;
    struct iso_error err = {0};
    open_pool(small_profile(0, 1));
    struct lease *lease = take();
    struct place place = {.number = 1};
    atomic_store(&served_count, 0);
    assert_int_equal(pthread_create(&place.thread, NULL, wait_in_line, &place), 0);
    EVENTUALLY(stats().waiting == 1);
    struct pg_query query = {.sql = "SELECT pg_sleep(20)"};
    struct pg_item item = {.query = &query};
    struct pg_item *items[] = {&item};
    assert_fails(pg_batch(lease_pg(lease), items, 1, server_now_us() + 100000, &err), CLOUD_DOWN);
    pool_release(&lease);
    assert_int_equal(pthread_join(place.thread, NULL), 0);
    assert_int_equal(atomic_load(&served_count), 1);
    assert_int_equal(stats().closed_broken, 1);
    assert_int_equal(stats().connects, 2);
}

static void *give_back_later(void *context)
{
    struct lease *lease = context;
    sleep_ms(300);
    pool_release(&lease);
    return NULL;
}

static void draining_waits_for_what_is_lent(void **state)
{
    (void)state;
    struct iso_error err = {0};
    open_pool(small_profile(0, 2));
    struct lease *lease = take();
    assert_fails(pool_drain(pool, server_now_us() + 50000, &err), BUSY);
    struct lease *other = NULL;
    assert_fails(pool_acquire(pool, 0, &other, &err), BAD_ARGUMENT);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, give_back_later, lease), 0);
    assert_ok(pool_drain(pool, server_now_us() + 10000000, &err));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(stats().idle + stats().in_use, 0);
}

static void a_lease_outlives_its_pool(void **state)
{
    (void)state;
    open_pool(small_profile(0, 1));
    struct lease *lease = take();
    pool_close(&pool);
    assert_int_equal(answer(lease, "SELECT 5"), 5);
    pool_release(&lease);
}

/* --- forks and failures ------------------------------------------------------------------------*/

static void a_child_has_a_pool_of_its_own(void **state)
{
    (void)state;
    open_pool(small_profile(0, 3));
    struct lease *lent = take();
    struct lease *idle = take();
    int64_t backend = answer(idle, "SELECT pg_backend_pid()");
    bool is_pooled = pg_facts(lease_pg(idle)).is_pooled;
    pool_release(&idle);
    pid_t child = fork();
    if (child == 0) {
        struct iso_error err = {0};
        struct lease *own = NULL;
        int64_t value = 0;
        bool ok = !iso_failed(pool_acquire(pool, 0, &own, &err)) &&
                  !iso_failed(ask(lease_pg(own), "SELECT pg_backend_pid()", &value, &err)) &&
                  (is_pooled || value != backend);
        pool_release(&own);
        pool_release(&lent);
        pool_close(&pool);
        settings_reset(&settings);
        _exit(ok ? 0 : 1);
    }
    int ended = 0;
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(ended, 0);
    assert_int_equal(answer(lent, "SELECT 6"), 6);
    idle = take();
    assert_int_equal(answer(idle, "SELECT 8"), 8);
    assert_int_equal(stats().connects, 2);
    pool_release(&idle);
    pool_release(&lent);
}

static void a_server_that_is_away_is_tried_several_times(void **state)
{
    (void)state;
    struct iso_error err = {0};
    struct settings away;
    struct settings_source source = {.url = "postgres://u:p@127.0.0.1:1/x"};
    struct pool_profile profile = small_profile(0, 1);
    profile.attempts = 3;
    assert_ok(settings_init(&away, &source, ROUTE_GIVEN, &err));
    assert_ok(pool_open(&away, &profile, os_system(), &pool, &err));
    struct lease *lease = NULL;
    assert_fails(pool_acquire(pool, 0, &lease, &err), CLOUD_DOWN);
    assert_int_equal(stats().connects, 3);
    assert_int_equal(stats().connect_failures, 3);
    assert_int_equal(stats().in_use + stats().opening, 0);
    pool_close(&pool);
    settings_reset(&away);
}

static void a_profile_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    struct iso_error err = {0};
    struct pool_profile profile = small_profile(3, 2);
    assert_fails(pool_open(&settings, &profile, os_system(), &pool, &err), BAD_ARGUMENT);
    profile = small_profile(0, 1);
    profile.max = POOL_CONNECTIONS_MAX + 1;
    assert_fails(pool_open(&settings, &profile, os_system(), &pool, &err), BAD_ARGUMENT);
    assert_null(pool);
    assert_null(pool_profile_named("nonsense"));
}

static void neon_gets_the_serverless_profile(void **state)
{
    (void)state;
    struct iso_error err = {0};
    struct settings neon;
    struct settings_source source = {.url = "postgres://u:p@ep-a-b-1.eu-west-2.aws.neon.tech/x"};
    assert_ok(settings_init(&neon, &source, ROUTE_POOLED, &err));
    struct pool_profile profile = pool_profile_for(&neon);
    assert_string_equal(profile.name, "serverless");
    assert_int_equal(profile.min, 0);
    assert_true(profile.idle_us <= 120000000);
    assert_true(profile.connect_us >= 15000000);
    assert_true(profile.attempts >= 3);
    assert_string_equal(pool_profile_for(&settings).name, "server");
    settings_reset(&neon);
}

int main(void)
{
#define WITH_POOL(test) cmocka_unit_test_setup_teardown(test, NULL, close_pool)
    const struct CMUnitTest tests[] = {
        WITH_POOL(what_was_given_back_is_lent_again),
        WITH_POOL(who_asks_for_one_too_many_is_told_why),
        WITH_POOL(many_threads_share_no_more_than_max),
        WITH_POOL(who_waits_is_served_in_the_order_of_coming),
        WITH_POOL(min_connections_are_kept_and_more_are_closed_in_idleness),
        WITH_POOL(an_old_connection_is_replaced),
        WITH_POOL(what_died_in_idleness_is_not_lent),
        WITH_POOL(after_long_idleness_the_server_is_asked_first),
        WITH_POOL(a_transaction_left_open_is_undone),
        WITH_POOL(a_broken_connection_makes_room_for_who_waits),
        WITH_POOL(draining_waits_for_what_is_lent),
        WITH_POOL(a_lease_outlives_its_pool),
        WITH_POOL(a_child_has_a_pool_of_its_own),
        WITH_POOL(a_server_that_is_away_is_tried_several_times),
        WITH_POOL(a_profile_that_makes_no_sense_is_refused),
        WITH_POOL(neon_gets_the_serverless_profile),
    };
    return cmocka_run_group_tests(tests, read_settings, reset_settings);
}

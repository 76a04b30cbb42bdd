/* SPDX-License-Identifier: Apache-2.0 */
/* One connection against real servers; direct, or through a pooler where there is one. */
#include "servers.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

static struct pg *pg;

static int connect_pg(void **state)
{
    (void)state;
    pg = server_connect(server_data_url());
    return 0;
}

static int close_pg(void **state)
{
    (void)state;
    pg_close(&pg);
    return 0;
}

static int64_t one_integer(const char *sql)
{
    struct iso_error err = {0};
    struct pg_result *result = NULL;
    int64_t value = 0;
    struct pg_query query = {.sql = sql};
    assert_ok(pg_query(pg, &query, &result, &err));
    assert_ok(result_integer(result, 0, 0, &value, &err));
    result_free(&result);
    return value;
}

static void utc_and_the_application_name_are_in_force(void **state)
{
    (void)state;
    struct iso_error err = {0};
    struct pg_facts facts = pg_facts(pg);
    assert_string_equal(facts.time_zone, "UTC");
    assert_string_equal(facts.application, "isobar");
    assert_int_equal(facts.is_pooled, server_pooler_url() != NULL);
    assert_int_equal(facts.prepares, strstr(server_name(), "pgbouncer18") == NULL);
    for (int i = 0; i < 5; i++) { /* whichever server a pooler picks */
        struct pg_result *result = NULL;
        const char *zone = NULL;
        const char *name = NULL;
        struct pg_query query = {.sql = "SELECT current_setting('TimeZone'), "
                                        "current_setting('application_name')"};
        assert_ok(pg_query(pg, &query, &result, &err));
        assert_ok(result_text(result, 0, 0, &zone, &err));
        assert_ok(result_text(result, 0, 1, &name, &err));
        assert_string_equal(zone, "UTC");
        assert_string_equal(name, "isobar");
        result_free(&result);
    }
}

static void the_server_has_a_time_limit_of_ours(void **state)
{
    (void)state;
    assert_int_equal(one_integer("SELECT extract(epoch FROM current_setting('statement_timeout')"
                                 "::interval)::int"),
                     COMMAND_US / 1000000 * 9 / 10);
}

static void values_come_back_with_the_same_bits(void **state)
{
    (void)state;
    struct iso_error err = {0};
    static const double numbers[] = {-0.0, 5e-324, 1.7976931348623157e308, 0.1, HUGE_VAL};
    static const int64_t integers[] = {INT64_MIN, -1, 0, INT64_MAX};
    static const int64_t times[] = {0, -1, 946684800000000, 253402300799999999};
    static const char *const texts[] = {"", "a\"b\\{}", NULL, "\xc3\xa4"};
    static const uint8_t bytes[] = {0, 1, 0xff, '\''};
    struct pg_params params = {0};
    params_add_bool(&params, true);
    params_add_int4(&params, INT32_MIN);
    params_add_int8(&params, INT64_MIN);
    params_add_float8(&params, -0.0);
    params_add_text(&params, "it's \xe2\x82\xac");
    params_add_bytea(&params, bytes, sizeof bytes);
    params_add_time(&params, -123456789);
    params_add_int8s(&params, integers, 4);
    params_add_float8s(&params, numbers, NULL, 5);
    params_add_times(&params, times, 4);
    params_add_texts(&params, texts, 4);
    params_add_null(&params, PG_FLOAT8);
    params_add_int8s(&params, integers, 0);
    struct pg_result *result = NULL;
    struct pg_query query = {.sql = "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13",
                             .params = &params};
    assert_ok(pg_query(pg, &query, &result, &err));
    bool boolean = false;
    int64_t integer = 0;
    double number = 1;
    const char *text = NULL;
    struct pg_bytes blob = {0};
    assert_ok(result_bool(result, 0, 0, &boolean, &err));
    assert_true(boolean);
    assert_ok(result_integer(result, 0, 1, &integer, &err));
    assert_int_equal(integer, INT32_MIN);
    assert_ok(result_integer(result, 0, 2, &integer, &err));
    assert_true(integer == INT64_MIN);
    assert_ok(result_number(result, 0, 3, &number, &err));
    assert_true(number == 0 && signbit(number));
    assert_ok(result_text(result, 0, 4, &text, &err));
    assert_string_equal(text, "it's \xe2\x82\xac");
    assert_ok(result_bytes(result, 0, 5, &blob, &err));
    assert_int_equal(blob.length, sizeof bytes);
    assert_memory_equal(blob.data, bytes, sizeof bytes);
    assert_ok(result_time(result, 0, 6, &integer, &err));
    assert_int_equal(integer, -123456789);
    int64_t read_integers[4];
    double read_numbers[5];
    size_t count = 0;
    assert_ok(result_integers(result, 0, 7, read_integers, 4, &count, &err));
    assert_int_equal(count, 4);
    assert_memory_equal(read_integers, integers, sizeof integers);
    assert_ok(result_numbers(result, 0, 8, read_numbers, 5, &count, &err));
    assert_int_equal(count, 5);
    assert_memory_equal(read_numbers, numbers, sizeof numbers);
    assert_ok(result_integers(result, 0, 9, read_integers, 4, &count, &err));
    assert_memory_equal(read_integers, times, sizeof times);
    assert_int_equal((int)result_type(result, 10), PG_TEXT_ARRAY);
    assert_true(result_is_null(result, 0, 11));
    assert_ok(result_integers(result, 0, 12, read_integers, 4, &count, &err));
    assert_int_equal(count, 0);
    assert_fails(result_integers(result, 0, 7, read_integers, 3, &count, &err), BUFFER_SHORT);
    result_free(&result);
    params_reset(&params);
}

static void a_value_of_another_type_is_refused_by_name(void **state)
{
    (void)state;
    struct iso_error err = {0};
    struct pg_result *result = NULL;
    int64_t integer = 7;
    double number = 7;
    struct pg_query query = {
        .sql = "SELECT 'x'::text AS word, NULL::int8 AS nothing, 'infinity'::timestamptz AS end, "
               "ARRAY[1, NULL]::int8[] AS holes"};
    assert_ok(pg_query(pg, &query, &result, &err));
    assert_fails(result_integer(result, 0, 0, &integer, &err), BAD_FORMAT);
    assert_non_null(strstr(err.text, "row 1, column 1 (word)"));
    assert_fails(result_integer(result, 0, 1, &integer, &err), BAD_FORMAT);
    assert_fails(result_number(result, 0, 1, &number, &err), BAD_FORMAT);
    assert_fails(result_time(result, 0, 2, &integer, &err), BAD_FORMAT);
    int64_t pair[2];
    size_t count = 0;
    assert_fails(result_integers(result, 0, 3, pair, 2, &count, &err), BAD_FORMAT);
    assert_fails(result_integer(result, 1, 0, &integer, &err), BAD_FORMAT);
    assert_fails(result_integer(result, 0, 9, &integer, &err), BAD_FORMAT);
    assert_int_equal(integer, 7);
    assert_int_equal(result_column(result, "end"), 2);
    result_free(&result);
}

static void a_refused_statement_leaves_the_connection_usable(void **state)
{
    (void)state;
    struct iso_error err = {0};
    struct pg_query bad = {.sql = "SELECT nonsense FROM nowhere"};
    for (int i = 0; i < 3; i++) {
        assert_fails(pg_query(pg, &bad, NULL, &err), CLOUD_REFUSED);
        assert_string_equal(pg_sqlstate(pg), "42P01");
        assert_non_null(strstr(err.text, "nowhere"));
    }
    struct pg_query divide = {.sql = "SELECT 1/(random() * 0)::int"};
    for (int i = 0; i < 3; i++) {
        assert_fails(pg_query(pg, &divide, NULL, &err), CLOUD_REFUSED);
        assert_string_equal(pg_sqlstate(pg), "22012");
    }
    assert_true(pg_is_usable(pg));
    assert_int_equal(one_integer("SELECT 7"), 7);
}

static void a_batch_runs_each_write_alone_and_skips_only_within_reads(void **state)
{
    (void)state;
    struct iso_error err = {0};
    assert_ok(pg_script(pg, "DROP TABLE IF EXISTS t; CREATE TABLE t (a int PRIMARY KEY)",
                        pg_deadline(pg), &err));
    static const struct pg_query queries[] = {
        {.sql = "INSERT INTO t VALUES (1)", .effect = PG_WRITES},
        {.sql = "INSERT INTO t VALUES (1)", .effect = PG_WRITES}, /* refused: a duplicate */
        {.sql = "INSERT INTO t VALUES (2)", .effect = PG_WRITES},
        {.sql = "SELECT count(*) FROM t"},
        {.sql = "SELECT 1/(count(*) - 2) FROM t"}, /* refused: division by zero */
        {.sql = "SELECT 3"},                       /* skipped */
        {.sql = "INSERT INTO t VALUES (3)", .effect = PG_WRITES},
    };
    struct pg_item items[7] = {0};
    struct pg_item *list[7];
    for (size_t i = 0; i < 7; i++) {
        items[i].query = &queries[i];
        list[i] = &items[i];
    }
    assert_ok(pg_batch(pg, list, 7, pg_deadline(pg), &err));
    static const bool ok[] = {true, false, true, true, false, false, true};
    int64_t count = 0;
    assert_ok(result_integer(items[3].result, 0, 0, &count, &err));
    assert_int_equal(count, 2);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(!iso_failed(items[i].status), ok[i]);
        assert_int_equal(items[i].skipped, i == 5);
        result_free(&items[i].result);
    }
    assert_string_equal(items[1].sqlstate, "23505");
    assert_int_equal(one_integer("SELECT count(*) FROM t"), 3);
}

static void a_commit_that_fails_at_its_end_is_a_failure(void **state)
{
    (void)state;
    struct iso_error err = {0};
    assert_ok(pg_script(pg,
                        "DROP TABLE IF EXISTS child, parent; CREATE TABLE parent (a int PRIMARY "
                        "KEY); CREATE TABLE child (a int REFERENCES parent DEFERRABLE INITIALLY "
                        "DEFERRED)",
                        pg_deadline(pg), &err));
    struct pg_query orphan = {.sql = "INSERT INTO child VALUES (1)", .effect = PG_WRITES};
    assert_fails(pg_query(pg, &orphan, NULL, &err), CLOUD_REFUSED);
    assert_string_equal(pg_sqlstate(pg), "23503");
    assert_int_equal(one_integer("SELECT count(*) FROM child"), 0);
}

static void a_changed_table_is_asked_again_by_itself(void **state)
{
    (void)state;
    struct iso_error err = {0};
    assert_ok(pg_script(pg, "DROP TABLE IF EXISTS u; CREATE TABLE u AS SELECT 1 AS a",
                        pg_deadline(pg), &err));
    struct pg_query query = {.sql = "SELECT * FROM u"};
    assert_ok(pg_query(pg, &query, NULL, &err));
    struct pg *other = server_connect(server_url());
    assert_ok(pg_script(other, "ALTER TABLE u ADD b int DEFAULT 5", pg_deadline(other), &err));
    pg_close(&other);
    struct pg_result *result = NULL;
    assert_ok(pg_query(pg, &query, &result, &err));
    assert_int_equal(result_columns(result), 2);
    result_free(&result);
}

static void more_statements_than_are_kept_still_run(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        char sql[40];
        (void)snprintf(sql, sizeof sql, "SELECT %d", i);
        assert_int_equal(one_integer(sql), i);
    }
}

static void a_big_batch_does_not_wait_for_itself(void **state)
{
    (void)state;
    struct iso_error err = {0};
    char *big = malloc(200001);
    assert_non_null(big);
    memset(big, 'x', 200000);
    big[200000] = '\0';
    struct pg_params params = {0};
    params_add_text(&params, big);
    struct pg_query query = {.sql = "SELECT $1", .params = &params};
    static struct pg_item items[PG_BATCH_MAX];
    struct pg_item *list[PG_BATCH_MAX];
    for (size_t i = 0; i < PG_BATCH_MAX; i++) {
        items[i] = (struct pg_item){.query = &query};
        list[i] = &items[i];
    }
    assert_ok(pg_batch(pg, list, PG_BATCH_MAX, pg_deadline(pg), &err));
    for (size_t i = 0; i < PG_BATCH_MAX; i++) {
        const char *text = NULL;
        assert_ok(items[i].status);
        assert_ok(result_text(items[i].result, 0, 0, &text, &err));
        assert_int_equal(strlen(text), 200000);
        result_free(&items[i].result);
    }
    free(big);
}

static void what_is_late_is_cut_and_its_outcome_named(void **state)
{
    (void)state;
    struct iso_error err = {0};
    struct pg_query read = {.sql = "SELECT pg_sleep(20)"};
    struct pg_query write = {.sql = "SELECT pg_sleep(20), 1", .effect = PG_WRITES};
    struct pg_item item = {.query = &read};
    struct pg_item *items[] = {&item};
    int64_t begin_us = server_now_us();
    assert_fails(pg_batch(pg, items, 1, begin_us + 200000, &err), CLOUD_DOWN);
    assert_fails(item.status, CLOUD_DOWN);
    assert_false(pg_is_usable(pg));
    assert_fails(pg_query(pg, &read, NULL, &err), CLOUD_DOWN);
    pg_close(&pg);
    pg = server_connect(server_data_url());
    item = (struct pg_item){.query = &write};
    assert_fails(pg_batch(pg, items, 1, server_now_us() + 200000, &err), CLOUD_DOWN);
    assert_fails(item.status, CLOUD_UNKNOWN);
    assert_int_equal(pg_outcome_of(item.status), PG_UNKNOWN);
    assert_true(server_now_us() - begin_us < 5000000);
}

static void a_stopped_server_holds_nobody(void **state)
{
    (void)state;
    struct iso_error err = {0};
    pid_t process = server_process();
    int64_t backend = one_integer("SELECT pg_backend_pid()");
    assert_int_equal(kill((pid_t)backend, SIGSTOP), 0);
    struct pg_query query = {.sql = "SELECT 1"};
    struct pg_item item = {.query = &query};
    struct pg_item *items[] = {&item};
    int64_t begin_us = server_now_us();
    iso_status status = pg_batch(pg, items, 1, begin_us + 300000, &err);
    int64_t took_us = server_now_us() - begin_us;
    assert_int_equal(kill((pid_t)backend, SIGCONT), 0);
    assert_fails(status, CLOUD_DOWN);
    assert_true(took_us >= 300000 && took_us < 600000);

    struct settings settings;
    struct settings_source source = {.url = server_url()};
    assert_ok(settings_init(&settings, &source, ROUTE_GIVEN, &err));
    assert_int_equal(kill(process, SIGSTOP), 0);
    struct pg *other = NULL;
    enum fault fault = FAULT_NONE;
    begin_us = server_now_us();
    status = pg_open(&settings, os_system(), begin_us + 300000, COMMAND_US, &other, &fault, &err);
    took_us = server_now_us() - begin_us;
    assert_int_equal(kill(process, SIGCONT), 0);
    settings_reset(&settings);
    assert_fails(status, CLOUD_DOWN);
    assert_int_equal(fault, FAULT_STARTING);
    assert_true(took_us >= 300000 && took_us < 600000);
}

static void a_wrong_password_is_not_shown_and_not_retryable(void **state)
{
    (void)state;
    struct iso_error err = {0};
    struct settings settings;
    char url[256];
    enum fault fault = FAULT_NONE;
    struct pg *other = NULL;
    const char *at = strchr(server_data_url(), '@');
    (void)snprintf(url, sizeof url, "postgres://isobar:Wr0ngS3cret%s", at);
    struct settings_source source = {.url = url};
    assert_ok(settings_init(&settings, &source, ROUTE_GIVEN, &err));
    assert_fails(pg_open(&settings, os_system(), server_now_us() + 10000000, COMMAND_US, &other,
                         &fault, &err),
                 AUTHENTICATION);
    assert_int_equal(fault, FAULT_ACCESS);
    assert_null(strstr(err.text, "Wr0ng"));
    assert_null(other);
    settings_reset(&settings);
}

static void open_fails(const char *more, enum iso_error_code code)
{
    struct iso_error err = {0};
    struct settings settings;
    char url[512];
    struct pg *other = NULL;
    const char *at = strrchr(server_data_url(), ':');
    const char *secret = strstr(server_url(), "Pw");
    (void)snprintf(url, sizeof url, "postgres://isobar:%.*s@db.test%s?hostaddr=127.0.0.1%s",
                   (int)strcspn(secret, "@"), secret, at, more);
    struct settings_source source = {.url = url};
    assert_ok(settings_init(&settings, &source, ROUTE_GIVEN, &err));
    iso_status status =
        pg_open(&settings, os_system(), server_now_us() + 10000000, COMMAND_US, &other, NULL, &err);
    if (iso_status_code(status) != code) {
        fail_msg("%s: %s %s", more, iso_status_name(status), err.text);
    }
    if (code == ISO_ERROR_NONE) {
        assert_true(strncmp(pg_facts(other).tls, "TLSv1.", 6) == 0);
    }
    pg_close(&other);
    settings_reset(&settings);
}

static void a_remote_server_must_prove_its_name(void **state)
{
    (void)state;
    char trusted[300];
    char wrong[300];
    const char *authority = getenv("ISOBAR_TEST_CA");
    (void)snprintf(trusted, sizeof trusted, "&sslrootcert=%s", authority);
    (void)snprintf(wrong, sizeof wrong, "&sslrootcert=%s&host=other.test", authority);
    open_fails("", ISO_ERROR_TLS); /* the system does not know that authority */
    open_fails(trusted, ISO_ERROR_NONE);
    open_fails(wrong, ISO_ERROR_TLS);
    open_fails("&sslmode=require", ISO_ERROR_NONE);
}

static void a_child_leaves_its_parents_connection_alone(void **state)
{
    (void)state;
    struct iso_error err = {0};
    pid_t child = fork();
    if (child == 0) {
        struct pg_query query = {.sql = "SELECT 1"};
        iso_status status = pg_query(pg, &query, NULL, &err);
        bool refused = iso_status_code(status) == ISO_ERROR_BAD_ARGUMENT && !pg_is_usable(pg);
        pg_close(&pg);
        _exit(refused ? 0 : 1);
    }
    int ended = 0;
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(ended, 0);
    assert_int_equal(one_integer("SELECT 42"), 42);
}

static void the_network_is_metered(void **state)
{
    (void)state;
    struct pg_traffic before = pg_traffic(pg);
    assert_int_equal(one_integer("SELECT length(repeat('x', 1000))"), 1000);
    struct pg_traffic after = pg_traffic(pg);
    assert_true(after.bytes_in > before.bytes_in);
    assert_true(after.bytes_out > before.bytes_out);
}

int main(void)
{
#define WITH_PG(test) cmocka_unit_test_setup_teardown(test, connect_pg, close_pg)
    const struct CMUnitTest tests[] = {
        WITH_PG(utc_and_the_application_name_are_in_force),
        WITH_PG(the_server_has_a_time_limit_of_ours),
        WITH_PG(values_come_back_with_the_same_bits),
        WITH_PG(a_value_of_another_type_is_refused_by_name),
        WITH_PG(a_refused_statement_leaves_the_connection_usable),
        WITH_PG(a_batch_runs_each_write_alone_and_skips_only_within_reads),
        WITH_PG(a_commit_that_fails_at_its_end_is_a_failure),
        WITH_PG(a_changed_table_is_asked_again_by_itself),
        WITH_PG(more_statements_than_are_kept_still_run),
        WITH_PG(a_big_batch_does_not_wait_for_itself),
        WITH_PG(what_is_late_is_cut_and_its_outcome_named),
        WITH_PG(a_wrong_password_is_not_shown_and_not_retryable),
        WITH_PG(a_remote_server_must_prove_its_name),
        WITH_PG(a_child_leaves_its_parents_connection_alone),
        WITH_PG(the_network_is_metered),
        WITH_PG(a_stopped_server_holds_nobody), /* last: a pooler hides the server's processes */
    };
    size_t count = sizeof tests / sizeof tests[0] - (server_pooler_url() != NULL);
    return _cmocka_run_group_tests("pg", tests, count, NULL, NULL);
}

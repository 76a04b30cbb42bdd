/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include "cloud/fault.h"
#include "cloud/password.h"
#include "cloud/resolve.h"
#include "cloud/settings.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NEON "ep-cool-base-123.c-4.us-east-1.aws.neon.tech"
#define NEON_POOLER "ep-cool-base-123-pooler.c-4.us-east-1.aws.neon.tech"

static void read_url(const char *url, enum settings_route route, struct settings *settings)
{
    struct iso_error err = {0};
    struct settings_source source = {.url = url};
    assert_ok(settings_init(settings, &source, route, &err));
}

static void assert_refused(const char *url, const char *words)
{
    struct iso_error err = {0};
    struct settings settings;
    struct settings_source source = {.url = url};
    assert_fails(settings_init(&settings, &source, ROUTE_GIVEN, &err), BAD_ARGUMENT);
    if (strstr(err.text, words) == NULL || strstr(err.text, "S3cret") != NULL) {
        fail_msg("\"%s\" has not \"%s\", or a secret", err.text, words);
    }
    assert_int_equal(settings.count, 0);
}

static void a_remote_host_is_checked_by_name_against_the_system_roots(void **state)
{
    (void)state;
    struct settings settings;
    read_url("postgres://u:p@db.example.com/x", ROUTE_GIVEN, &settings);
    assert_string_equal(settings_get(&settings, "sslmode"), "verify-full");
    assert_string_not_equal(settings_get(&settings, "sslrootcert"), "");
    assert_string_equal(settings.warning, "");
    assert_false(settings.is_local);
    settings_reset(&settings);
    read_url("postgres://u:p@db.example.com/x?sslrootcert=system", ROUTE_GIVEN, &settings);
    assert_int_equal(access(settings_get(&settings, "sslrootcert"), R_OK), 0);
    settings_reset(&settings);
    read_url("postgres://u:p@db.example.com/x?sslrootcert=/my/ca.crt", ROUTE_GIVEN, &settings);
    assert_string_equal(settings_get(&settings, "sslrootcert"), "/my/ca.crt");
    settings_reset(&settings);
    read_url("host=10.0.0.7 user=u dbname=x sslmode=prefer", ROUTE_GIVEN, &settings);
    assert_string_equal(settings_get(&settings, "sslmode"), "verify-full");
    settings_reset(&settings);
}

static void what_is_weaker_is_obeyed_with_a_warning(void **state)
{
    (void)state;
    static const char *const modes[] = {"disable", "allow", "require", "verify-ca"};
    for (size_t i = 0; i < 4; i++) {
        char url[100];
        struct settings settings;
        (void)snprintf(url, sizeof url, "postgres://u@db.example.com/x?sslmode=%s", modes[i]);
        read_url(url, ROUTE_GIVEN, &settings);
        assert_string_equal(settings_get(&settings, "sslmode"), modes[i]);
        assert_non_null(strstr(settings.warning, modes[i]));
        settings_reset(&settings);
    }
}

static void this_machine_needs_no_tls(void **state)
{
    (void)state;
    static const char *const urls[] = {"postgres://u@localhost/x", "postgres://u@127.0.0.1/x",
                                       "postgres://u@[::1]/x", "host=/run/postgresql user=u",
                                       "host=a.test hostaddr=10.0.0.1"};
    for (size_t i = 0; i < 5; i++) {
        struct settings settings;
        read_url(urls[i], ROUTE_GIVEN, &settings);
        assert_int_equal(settings.is_local, i < 4);
        assert_string_equal(settings.warning, "");
        settings_reset(&settings);
    }
    struct settings settings;
    read_url("host=localhost,db.example.com user=u", ROUTE_GIVEN, &settings);
    assert_false(settings.is_local);
    settings_reset(&settings);
}

static void either_name_of_a_neon_endpoint_gives_both(void **state)
{
    (void)state;
    static const char *const given[] = {NEON, NEON_POOLER};
    for (size_t i = 0; i < 2; i++) {
        static const char *const wanted[2][3] = {{NEON, NEON_POOLER, NEON},
                                                 {NEON_POOLER, NEON_POOLER, NEON}};
        for (int route = 0; route < 3; route++) {
            char url[200];
            struct settings settings;
            (void)snprintf(url, sizeof url,
                           "postgresql://u:p@%s/db?sslmode=require&channel_binding=require",
                           given[i]);
            read_url(url, (enum settings_route)route, &settings);
            assert_string_equal(settings_get(&settings, "host"), wanted[i][route]);
            assert_int_equal(settings.is_pooled, wanted[i][route] != NULL &&
                                                     strstr(wanted[i][route], "-pooler") != NULL);
            assert_true(settings.is_neon);
            assert_string_equal(settings_get(&settings, "sslmode"), "verify-full");
            assert_string_equal(settings_get(&settings, "channel_binding"), "require");
            settings_reset(&settings);
        }
    }
}

static void without_sni_the_endpoint_is_named_in_the_options(void **state)
{
    (void)state;
    struct settings settings;
    read_url("postgres://u@" NEON_POOLER "/x?sslsni=0", ROUTE_GIVEN, &settings);
    assert_string_equal(settings_get(&settings, "options"),
                        "-c TimeZone=UTC endpoint=ep-cool-base-123-pooler");
    settings_reset(&settings);
    read_url("postgres://u@" NEON "/x?options=-c%20geqo%3Doff", ROUTE_GIVEN, &settings);
    assert_string_equal(settings_get(&settings, "options"), "-c geqo=off -c TimeZone=UTC");
    settings_reset(&settings);
}

static void urls_as_sqlalchemy_writes_them_are_understood(void **state)
{
    (void)state;
    struct settings settings;
    read_url("postgresql+asyncpg://u:S3cret+x@db.example.com/x?ssl=require", ROUTE_GIVEN,
             &settings);
    assert_string_equal(settings_get(&settings, "host"), "db.example.com");
    assert_string_equal(settings_get(&settings, "sslmode"), "require");
    assert_string_equal(settings_get(&settings, "password"), "S3cret+x");
    assert_null(strstr(settings.shown, "S3cret"));
    assert_string_equal(settings.shown, "u@db.example.com:5432/x");
    settings_reset(&settings);
    read_url("postgres+psycopg://u@h.test/x?application_name=me&ssl=true", ROUTE_GIVEN, &settings);
    assert_string_equal(settings_get(&settings, "sslmode"), "require");
    assert_string_equal(settings_get(&settings, "application_name"), "me");
    settings_reset(&settings);
}

static void a_wrong_url_is_explained_without_being_repeated(void **state)
{
    (void)state;
    assert_refused("https://console.neon.tech/app?token=S3cret", "web address");
    assert_refused("mysql://u:S3cret@h/db", "begins with none of");
    assert_refused("postgres://u:S3cret%zz@h/db", "cannot be read");
    assert_refused("postgres://u:S3cret@h/db?nonsense=1", "cannot be read");
    assert_refused("u:S3cret@h", "cannot be read");
    assert_refused("postgres://u:S3cret@console.neon.tech/db", "hosts look like");
    assert_refused("postgres://u:S3cret@h.test/db?sslmode=S3cretish", "not accepted");
}

static void the_environment_alone_will_do(void **state)
{
    (void)state;
    struct settings settings;
    assert_int_equal(setenv("PGHOST", "env.example.com", 1), 0);
    assert_int_equal(setenv("PGPASSWORD", "S3cret", 1), 0);
    read_url(NULL, ROUTE_GIVEN, &settings);
    assert_string_equal(settings_get(&settings, "host"), "env.example.com");
    assert_string_equal(settings_get(&settings, "sslmode"), "verify-full");
    assert_string_equal(settings.secrets.value[0], "S3cret");
    settings_reset(&settings);
    read_url("postgres://u@other.example.com/x", ROUTE_GIVEN, &settings);
    assert_string_equal(settings_get(&settings, "host"), "other.example.com");
    settings_reset(&settings);
    assert_int_equal(unsetenv("PGHOST") + unsetenv("PGPASSWORD"), 0);
}

static void a_service_file_is_read_and_judged_as_well(void **state)
{
    (void)state;
    char path[] = "/tmp/isobar-test-service-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_true(dprintf(file, "[far]\nhost=svc.example.com\nuser=me\npassword=S3cret\n") > 0);
    assert_int_equal(close(file), 0);
    assert_int_equal(setenv("PGSERVICEFILE", path, 1), 0);
    struct settings settings;
    read_url("service=far", ROUTE_GIVEN, &settings);
    assert_string_equal(settings_get(&settings, "host"), "svc.example.com");
    assert_string_equal(settings_get(&settings, "sslmode"), "verify-full");
    assert_string_equal(settings.secrets.value[0], "S3cret");
    settings_reset(&settings);
    assert_int_equal(unsetenv("PGSERVICEFILE"), 0);
    assert_int_equal(unlink(path), 0);
}

static void secrets_are_masked_wherever_they_stand(void **state)
{
    (void)state;
    struct iso_error err = {0};
    struct secrets secrets = {0};
    assert_ok(secrets_add(&secrets, "hunter2", &err));
    assert_ok(secrets_add(&secrets, "x", &err));
    assert_ok(secrets_add(&secrets, "hunter2", &err));
    assert_ok(secrets_add(&secrets, NULL, &err));
    assert_int_equal(secrets.count, 2);
    char text[40] = "hunter2 is hunter2hunter2, not hunter";
    secrets_hide(&secrets, text, sizeof text);
    assert_string_equal(text, "*** is ******, not hunter");
    char tight[4] = "axx";
    secrets_hide(&secrets, tight, sizeof tight);
    assert_null(strchr(tight, 'x'));
    assert_true(strlen(tight) < sizeof tight);
    secrets_reset(&secrets);
}

static void faults_are_told_by_state_and_by_words(void **state)
{
    (void)state;
    static const struct {
        const char *state;
        const char *message;
        bool connecting;
        enum fault fault;
    } rows[] = {
        {"40001", "could not serialize access", false, FAULT_CONFLICT},
        {"40P01", "deadlock detected", false, FAULT_CONFLICT},
        {"42P01", "relation \"x\" does not exist", false, FAULT_STATEMENT},
        {"42703", "column \"certificate\" does not exist", false, FAULT_STATEMENT},
        {"57P03", "the database system is starting up", true, FAULT_STARTING},
        {"57P01", "terminating connection due to administrator command", false, FAULT_LOST},
        {"53100", "could not extend file because project size limit (512 MB) has been exceeded",
         false, FAULT_FULL},
        {"28P01", "password authentication failed for user \"u\"", true, FAULT_ACCESS},
        {"3D000", "database \"x\" does not exist", true, FAULT_SETTINGS},
        {"57014", "canceling statement due to statement timeout", false, FAULT_SLOW},
        /* Neon's proxy: XX000 for everything */
        {"XX000", "password authentication failed for user 'u'", true, FAULT_ACCESS},
        {"XX000", "Couldn't connect to compute node", true, FAULT_STARTING},
        {"XX000", "Control plane request failed: endpoint is disabled", true, FAULT_SETTINGS},
        {"XX000",
         "Your account or project has exceeded the compute time quota. Upgrade your plan to "
         "increase limits.",
         true, FAULT_QUOTA},
        {"XX000", "Too many connections to this endpoint. Please try again later.", true,
         FAULT_BUSY},
        {"XX000", "Endpoint ID is not specified. Either please upgrade", true, FAULT_SETTINGS},
        {"08P01", "no more connections allowed (max_client_conn)", true, FAULT_BUSY},
        {"08P01", "pgbouncer cannot connect to server", true, FAULT_STARTING},
        {NULL, "server closed the connection unexpectedly", false, FAULT_LOST},
        {NULL, "SSL error: certificate verify failed", true, FAULT_TLS},
        {NULL, "received invalid response to SSL negotiation: H", true, FAULT_PROTOCOL},
        {"XX000", "some internal error", false, FAULT_STATEMENT},
        {"XX000", "some error while starting", true, FAULT_LOST},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum fault fault = fault_of(rows[i].state, rows[i].message, rows[i].connecting);
        if (fault != rows[i].fault) {
            fail_msg("%s: %s, not %s", rows[i].message, fault_name(fault),
                     fault_name(rows[i].fault));
        }
    }
    assert_true(fault_retryable(FAULT_STARTING));
    assert_false(fault_retryable(FAULT_QUOTA));
    assert_int_equal(fault_error(FAULT_QUOTA), ISO_ERROR_QUOTA);
    assert_string_not_equal(fault_advice(FAULT_ACCESS), "");
}

static int64_t in_ms(int64_t ms)
{
    return os_system()->monotonic_us(NULL) + ms * 1000;
}

static void a_password_command_is_asked_and_held_to_its_time(void **state)
{
    (void)state;
    struct iso_error err = {0};
    char *password = NULL;
    assert_ok(password_ask("printf 'to\\ken\\nmore'", os_system(), in_ms(5000), &password, &err));
    assert_string_equal(password, "to\\ken");
    secret_free(&password);
    assert_fails(password_ask("exit 3", os_system(), in_ms(5000), &password, &err), AUTHENTICATION);
    assert_non_null(strstr(err.text, "exit code 3"));
    assert_fails(password_ask("true", os_system(), in_ms(5000), &password, &err), AUTHENTICATION);
    assert_fails(password_ask("head -c 100000 /dev/zero | tr '\\0' x", os_system(), in_ms(5000),
                              &password, &err),
                 AUTHENTICATION);
    int64_t begin_us = in_ms(0);
    assert_fails(password_ask("sleep 30", os_system(), in_ms(100), &password, &err), CLOUD_DOWN);
    assert_fails(
        password_ask("echo x; exec >&-; sleep 30", os_system(), in_ms(100), &password, &err),
        CLOUD_DOWN);
    assert_true(in_ms(0) - begin_us < 2000000);
    assert_null(password);
}

static void a_name_that_is_not_there_is_said_so(void **state)
{
    (void)state;
    struct iso_error err = {0};
    struct addresses addresses = {0};
    assert_ok(resolve("127.0.0.1", os_system(), in_ms(5000), &addresses, &err));
    assert_string_equal(addresses.text[0], "127.0.0.1");
    assert_fails(resolve("no-such-host.invalid", os_system(), in_ms(20000), &addresses, &err),
                 CLOUD_DOWN);
    assert_non_null(strstr(err.text, "no-such-host.invalid"));
    assert_fails(resolve("localhost", os_system(), in_ms(-1), &addresses, &err), CLOUD_DOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_remote_host_is_checked_by_name_against_the_system_roots),
        cmocka_unit_test(what_is_weaker_is_obeyed_with_a_warning),
        cmocka_unit_test(this_machine_needs_no_tls),
        cmocka_unit_test(either_name_of_a_neon_endpoint_gives_both),
        cmocka_unit_test(without_sni_the_endpoint_is_named_in_the_options),
        cmocka_unit_test(urls_as_sqlalchemy_writes_them_are_understood),
        cmocka_unit_test(a_wrong_url_is_explained_without_being_repeated),
        cmocka_unit_test(the_environment_alone_will_do),
        cmocka_unit_test(a_service_file_is_read_and_judged_as_well),
        cmocka_unit_test(secrets_are_masked_wherever_they_stand),
        cmocka_unit_test(faults_are_told_by_state_and_by_words),
        cmocka_unit_test(a_password_command_is_asked_and_held_to_its_time),
        cmocka_unit_test(a_name_that_is_not_there_is_said_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

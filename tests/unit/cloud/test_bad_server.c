/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that speak badly, or are none: the deadline is kept, the outcome named, nothing leaks. */
#include "wire.h"

#define SECRET "Tr0ub4dor"

struct bad_case {
    const char *name;
    const char *sslmode;
    struct bad_answer answers[BAD_ANSWERS_MAX];
    bool stays;
    bool echoes;
    enum iso_error_code code;
    enum fault fault;
    const char *words; /* that the message must have */
};

#define SAYS(text) {text, sizeof(text) - 1}
#define AUTH_CLEARTEXT "R\0\0\0\10\0\0\0\3"
#define AUTH_OK "R\0\0\0\10\0\0\0\0"
#define READY "Z\0\0\0\5I"
#define NO_STATE "E\0\0\0\21Mwent wrong\0\0"
#define QUOTA \
    "E\0\0\0\116SERROR\0CXX000\0MYour project has exceeded the compute time quota. Upgrade\0\0"

static const struct bad_case cases[] = {
    {.name = "web server, TLS asked",
     .sslmode = "require",
     .answers = {SAYS("HTTP/1.1 400 Bad Request\r\n\r\n<html>evil \33[31m</html>")},
     .code = ISO_ERROR_CLOUD_REFUSED,
     .fault = FAULT_PROTOCOL,
     .words = "not PostgreSQL"},
    {.name = "web server",
     .sslmode = "disable",
     .answers = {SAYS("HTTP/1.1 400 Bad Request\r\n\r\n<html>evil \33[31m</html>")},
     .code = ISO_ERROR_CLOUD_REFUSED,
     .fault = FAULT_PROTOCOL,
     .words = "not PostgreSQL"},
    {.name = "garbage",
     .sslmode = "disable",
     .answers = {SAYS("\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7\xf6\xf5\xf4")},
     .code = ISO_ERROR_CLOUD_REFUSED,
     .fault = FAULT_PROTOCOL,
     .words = "not PostgreSQL"},
    {.name = "no TLS where it is wanted",
     .sslmode = "require",
     .answers = {SAYS("N")},
     .code = ISO_ERROR_TLS,
     .fault = FAULT_TLS,
     .words = "SSL"},
    {.name = "TLS that stalls",
     .sslmode = "require",
     .answers = {SAYS("S")},
     .stays = true,
     .code = ISO_ERROR_CLOUD_DOWN,
     .fault = FAULT_STARTING,
     .words = "in time"},
    {.name = "TLS that is none",
     .sslmode = "require",
     .answers = {SAYS("S"), SAYS("this is no handshake at all, is it")},
     .code = ISO_ERROR_TLS,
     .fault = FAULT_TLS,
     .words = "SSL"},
    {.name = "silence",
     .sslmode = "disable",
     .stays = true,
     .code = ISO_ERROR_CLOUD_DOWN,
     .fault = FAULT_STARTING,
     .words = "in time"},
    {.name = "an end at once",
     .sslmode = "disable",
     .answers = {SAYS("")},
     .code = ISO_ERROR_CLOUD_DOWN,
     .fault = FAULT_LOST,
     .words = "closed"},
    {.name = "an end after sign-in",
     .sslmode = "disable",
     .answers = {SAYS(AUTH_CLEARTEXT), SAYS(AUTH_OK)},
     .code = ISO_ERROR_CLOUD_DOWN,
     .fault = FAULT_LOST,
     .words = "closed"},
    {.name = "half a message",
     .sslmode = "disable",
     .answers = {SAYS("R\0\0\0\10\0\0")},
     .stays = true,
     .code = ISO_ERROR_CLOUD_DOWN,
     .fault = FAULT_STARTING,
     .words = "in time"},
    {.name = "never ready",
     .sslmode = "disable",
     .answers = {SAYS(AUTH_OK)},
     .stays = true,
     .code = ISO_ERROR_CLOUD_DOWN,
     .fault = FAULT_STARTING,
     .words = "not ready"},
    {.name = "an error without SQLSTATE",
     .sslmode = "disable",
     .answers = {SAYS(NO_STATE)},
     .code = ISO_ERROR_CLOUD_DOWN,
     .fault = FAULT_LOST,
     .words = "went wrong"},
    {.name = "a quota, as Neon's proxy says it",
     .sslmode = "disable",
     .answers = {SAYS(QUOTA)},
     .code = ISO_ERROR_QUOTA,
     .fault = FAULT_QUOTA,
     .words = "quota"},
    {.name = "an older protocol, then an end",
     .sslmode = "disable",
     .answers = {SAYS("v\0\0\0\14\0\2\0\0\0\0\0\0")},
     .code = ISO_ERROR_CLOUD_REFUSED,
     .fault = FAULT_PROTOCOL,
     .words = "not PostgreSQL"},
    {.name = "a sign-in that nobody knows",
     .sslmode = "disable",
     .answers = {SAYS("R\0\0\0\10\0\0\0\143")},
     .code = ISO_ERROR_CLOUD_REFUSED,
     .fault = FAULT_PROTOCOL,
     .words = "not PostgreSQL"},
    {.name = "the password, said back",
     .sslmode = "disable",
     .answers = {SAYS(AUTH_CLEARTEXT)},
     .echoes = true,
     .code = ISO_ERROR_AUTHENTICATION,
     .fault = FAULT_ACCESS,
     .words = "***"},
    {.name = "ready, then garbage",
     .sslmode = "disable",
     .answers = {SAYS(AUTH_OK READY), SAYS("\1\2\3\4\5\6\7\10\11")},
     .stays = true,
     .code = ISO_ERROR_CLOUD_UNKNOWN,
     .fault = FAULT_PROTOCOL,
     .words = ""},
    {.name = "ready, then silence",
     .sslmode = "disable",
     .answers = {SAYS(AUTH_OK READY)},
     .stays = true,
     .code = ISO_ERROR_CLOUD_UNKNOWN,
     .fault = FAULT_LOST,
     .words = "in time"},
};

static void run_case(const struct bad_case *bad)
{
    struct iso_error err = {0};
    struct settings settings;
    struct pg *pg = NULL;
    enum fault fault = FAULT_NONE;
    char url[200];
    struct bad_server server = {.stays = bad->stays, .echoes = bad->echoes};
    memcpy(server.answers, bad->answers, sizeof server.answers);
    size_t files = open_files();
    bad_start(&server);
    (void)snprintf(url, sizeof url, "postgres://me:" SECRET "@127.0.0.1:%d/x?sslmode=%s",
                   server.port, bad->sslmode);
    struct settings_source source = {.url = url};
    assert_ok(settings_init(&settings, &source, ROUTE_GIVEN, &err));
    int64_t begin_us = server_now_us();
    iso_status status =
        pg_open(&settings, os_system(), begin_us + 250000, COMMAND_US, &pg, &fault, &err);
    int64_t took_us = server_now_us() - begin_us;
    if (iso_status_code(status) != bad->code || fault != bad->fault ||
        strstr(err.text, bad->words) == NULL) {
        fail_msg("%s: %s, %s: %s", bad->name, iso_status_name(status), fault_name(fault), err.text);
    }
    if (strstr(err.text, SECRET) != NULL || strstr(err.text, "evil") != NULL ||
        strchr(err.text, '\33') != NULL) {
        fail_msg("%s: this should not be shown: %s", bad->name, err.text);
    }
    assert_true(took_us < 600000);
    assert_null(pg);
    settings_reset(&settings);
    bad_stop(&server);
    assert_int_equal(open_files(), files);
}

static void whatever_a_server_says_the_outcome_is_named_in_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run_case(&cases[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_a_server_says_the_outcome_is_named_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

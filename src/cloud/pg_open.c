/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a connection: name look-up, TLS, sign-in, and what is made sure of after that. */
#include "cloud/pg_internal.h"

#include "cloud/password.h"
#include "cloud/resolve.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

/* --- opening -----------------------------------------------------------------------------------*/

struct opening {
    const struct settings *settings;
    const char *password;              /* NULL: as the settings have it */
    char address[SETTINGS_TEXT_BYTES]; /* "": none is needed */
    bool without_options;              /* for poolers that refuse the start-up parameter */
};

static PGconn *start(const struct opening *opening, const char *host)
{
    const struct settings *settings = opening->settings;
    const char *keyword[SETTINGS_OPTIONS_MAX + 3] = {0};
    const char *value[SETTINGS_OPTIONS_MAX + 3] = {0};
    size_t count = 0;
    for (size_t i = 0; i < settings->count; i++) {
        if (opening->without_options && strcmp(settings->keyword[i], "options") == 0) {
            continue;
        }
        keyword[count] = settings->keyword[i];
        value[count++] = settings->value[i];
    }
    const char *own_keyword[] = {"password", "host", "hostaddr"};
    const char *own_value[] = {opening->password, host,
                               opening->address[0] != '\0' ? opening->address : NULL};
    for (size_t i = 0; i < sizeof own_value / sizeof own_value[0]; i++) {
        keyword[count] = own_value[i] != NULL ? own_keyword[i] : NULL;
        value[count] = own_value[i];
        count += own_value[i] != NULL;
    }
    return PQconnectStartParams(keyword, value, 0); /* a later value takes an earlier one's place */
}

/* Drive libpq's own steps: connect, TLS, authentication, ready. */
static iso_status advance(struct pg *pg, int64_t deadline_us, struct iso_error *err)
{
    int64_t authenticated_us = 0;
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (state != PGRES_POLLING_OK) {
        if (PQstatus(pg->handle) == CONNECTION_BAD || state == PGRES_POLLING_FAILED) {
            return pg_fail(pg, NULL, true, err);
        }
        int64_t left_us = deadline_us - pg_now_us(pg);
        struct pollfd wanted = {.fd = PQsocket(pg->handle),
                                .events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT};
        int ready = left_us > 0 ? poll(&wanted, 1, (int)(left_us / 1000) + 1) : 0;
        if (ready == 0) {
            pg->fault = FAULT_STARTING;
            ISO_FAIL(CLOUD_DOWN, err,
                     "%.100s: no connection in time (%s); is it up, and the network? "
                     "cloud_connect_ms is the limit",
                     pg->host,
                     authenticated_us > 0 ? "signed in, but the database is not ready"
                                          : "host, TLS or sign-in did not answer");
        }
        if (ready < 0 && errno != EINTR) {
            ISO_FAIL(IO, err, "%.100s: waiting for the network: %s", pg->host, strerror(errno));
        }
        state = ready > 0 ? PQconnectPoll(pg->handle) : state;
        if (authenticated_us == 0 && PQstatus(pg->handle) == CONNECTION_AUTH_OK) {
            authenticated_us = pg_now_us(pg);
        }
    }
    pg->wake_us = authenticated_us > 0 ? pg_now_us(pg) - authenticated_us : 0;
    return ISO_OK;
}

static void ignore_notice(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

static iso_status connect_once(struct pg *pg, const struct opening *opening, const char *host,
                               int64_t deadline_us, struct iso_error *err)
{
    PQfinish(pg->handle);
    pg->handle = start(opening, host);
    if (pg->handle == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for a connection");
    }
    (void)PQsetNoticeReceiver(pg->handle, ignore_notice, NULL);
    (void)PQsetErrorVerbosity(pg->handle, PQERRORS_VERBOSE);
    ISO_TRY(secrets_add(&pg->secrets, PQpass(pg->handle), err));
    ISO_TRY(advance(pg, deadline_us, err));
    if (PQsetnonblocking(pg->handle, 1) != 0) {
        return pg_fail(pg, NULL, true, err);
    }
    return ISO_OK;
}

/* A pooler that knows nothing of `options` says so; without it, it is told afterwards. */
static iso_status connect_address(struct pg *pg, struct opening *opening, const char *host,
                                  int64_t deadline_us, struct iso_error *err)
{
    opening->without_options = false;
    iso_status status = connect_once(pg, opening, host, deadline_us, err);
    if (iso_failed(status) && pg->handle != NULL &&
        strstr(PQerrorMessage(pg->handle), "unsupported startup parameter") != NULL) {
        opening->without_options = true;
        status = connect_once(pg, opening, host, deadline_us, err);
    }
    return status;
}

/* Can another address of the same host do better? Not where the server itself has answered. */
static bool is_worth_another(const struct pg *pg, iso_status status)
{
    return iso_failed(status) && (pg->fault == FAULT_LOST || pg->fault == FAULT_STARTING);
}

/* One host: each of its addresses in turn gets its share of the time that is left. */
static iso_status connect_host(struct pg *pg, struct opening *opening, const char *host,
                               const char *given_address, int64_t deadline_us,
                               struct iso_error *err)
{
    struct addresses found = {0};
    bool is_file = host[0] == '/' || host[0] == '@' || host[0] == '\0';
    if (given_address[0] != '\0' || is_file) {
        (void)snprintf(opening->address, sizeof opening->address, "%s", given_address);
        return connect_address(pg, opening, host, deadline_us, err);
    }
    iso_status status = resolve(host, pg->os, deadline_us, &found, err);
    pg->fault = iso_failed(status) ? FAULT_LOST : FAULT_NONE;
    ISO_TRY(status);
    for (size_t i = 0; i < found.count; i++) {
        int64_t share_us = (deadline_us - pg_now_us(pg)) / (int64_t)(found.count - i);
        (void)snprintf(opening->address, sizeof opening->address, "%s", found.text[i]);
        status = connect_address(pg, opening, host, pg_now_us(pg) + share_us, err);
        if (!is_worth_another(pg, status)) {
            break;
        }
    }
    return status;
}

/* The n-th of a list as libpq takes it (a,b,c), in target; false past the last. */
static bool nth(const char *list, size_t n, char target[SETTINGS_TEXT_BYTES])
{
    const char *at = list;
    for (size_t i = 0; i < n; i++) {
        at += strcspn(at, ",");
        if (*at == '\0') {
            return false;
        }
        at++;
    }
    (void)snprintf(target, SETTINGS_TEXT_BYTES, "%.*s", (int)strcspn(at, ","), at);
    return true;
}

static size_t list_length(const char *list)
{
    size_t length = 1;
    for (; *list != '\0'; list++) {
        length += *list == ',';
    }
    return length;
}

static iso_status connect_list(struct pg *pg, struct opening *opening, int64_t deadline_us,
                               struct iso_error *err)
{
    const char *hosts = settings_get(opening->settings, "host");
    const char *addresses = settings_get(opening->settings, "hostaddr");
    size_t count = list_length(hosts[0] != '\0' ? hosts : addresses);
    if (count > 1 && strchr(settings_get(opening->settings, "port"), ',') != NULL) {
        ISO_FAIL(BAD_ARGUMENT, err, "several hosts can be given, but one port for all of them");
    }
    iso_status status = ISO_OK;
    for (size_t i = 0; i < count; i++) {
        char host[SETTINGS_TEXT_BYTES] = "";
        char address[SETTINGS_TEXT_BYTES] = "";
        (void)nth(hosts, i, host);
        (void)nth(addresses, i, address);
        (void)snprintf(pg->host, sizeof pg->host, "%s", host[0] != '\0' ? host : address);
        (void)snprintf(pg->host, sizeof pg->host, "%s",
                       pg->host[0] != '\0' ? host : "the local server");
        int64_t share_us = (deadline_us - pg_now_us(pg)) / (int64_t)(count - i);
        status = connect_host(pg, opening, host, address, pg_now_us(pg) + share_us, err);
        if (!is_worth_another(pg, status)) {
            break;
        }
    }
    return status;
}

/* --- setting up --------------------------------------------------------------------------------*/

static iso_status run_now(struct pg *pg, const char *sql, int64_t deadline_us,
                          struct pg_result **result, struct iso_error *err)
{
    struct pg_query query = {.sql = sql, .effect = PG_READS, .once = true};
    struct pg_item item = {.query = &query};
    struct pg_item *items[] = {&item};
    ISO_TRY(pg_batch(pg, items, 1, deadline_us, err));
    if (iso_failed(item.status)) {
        *err = item.err;
        return item.status;
    }
    *result = item.result;
    return ISO_OK;
}

static bool is_utc(const struct pg *pg)
{
    const char *zone = PQparameterStatus(pg->handle, "TimeZone");
    return zone != NULL && (strcmp(zone, "UTC") == 0 || strcmp(zone, "Etc/UTC") == 0);
}

/*
 * A server reports its time zone, and PgBouncer keeps it for each client, so SET is safe through a
 * pooler for this one. What counts is what is reported afterwards.
 */
static iso_status enforce_utc(struct pg *pg, int64_t deadline_us, struct iso_error *err)
{
    if (!is_utc(pg)) {
        ISO_TRY(pg_script(pg, "SET TimeZone TO 'UTC'", deadline_us, err));
    }
    if (!is_utc(pg)) {
        pg->fault = FAULT_SETTINGS;
        ISO_FAIL(CLOUD_REFUSED, err, "%.100s: the time zone UTC did not take effect (it is %.40s)",
                 pg->host, PQparameterStatus(pg->handle, "TimeZone"));
    }
    return ISO_OK;
}

/* Who is at the other end: a process number that differs from the announced one is a proxy's. */
static iso_status look_around(struct pg *pg, int64_t deadline_us, struct iso_error *err)
{
    ISO_DEFER(result_free) struct pg_result *result = NULL;
    int64_t process = 0;
    const char *encoding = NULL;
    ISO_TRY(run_now(pg,
                    "SELECT pg_backend_pid(), pg_is_in_recovery(), "
                    "current_setting('server_encoding')",
                    deadline_us, &result, err));
    ISO_TRY(result_integer(result, 0, 0, &process, err));
    ISO_TRY(result_bool(result, 0, 1, &pg->is_standby, err));
    ISO_TRY(result_text(result, 0, 2, &encoding, err));
    if (strcmp(encoding, "UTF8") != 0) {
        pg->fault = FAULT_SETTINGS;
        ISO_FAIL(BAD_ARGUMENT, err,
                 "%.100s: the database is encoded in %.40s; make one with ENCODING 'UTF8'",
                 pg->host, encoding);
    }
    pg->is_proxied = process != PQbackendPID(pg->handle);
    /* Neon's proxy has process numbers of its own on direct connections too: there the name says.
     */
    pg->is_pooled = pg->is_neon ? pg->is_pooled : pg->is_proxied;
    return ISO_OK;
}

/*
 * Does the pooler carry prepared statements over to whichever server it picks? One that does (from
 * 1.21 on, where max_prepared_statements is set) gives them names of its own there, which the
 * server can be asked for.
 */
static iso_status probe_prepared(struct pg *pg, int64_t deadline_us, struct iso_error *err)
{
    ISO_DEFER(result_free) struct pg_result *result = NULL;
    int64_t renamed = 0;
    struct pg_query begin = {.sql = "BEGIN READ ONLY", .effect = PG_BEGINS, .once = true};
    struct pg_query prepared = {
        .sql = "SELECT count(*) FROM pg_catalog.pg_prepared_statements "
               "WHERE name LIKE 'PGBOUNCER\\_%' AND statement LIKE '%isobar probes%'"};
    struct pg_query end = {.sql = "COMMIT", .effect = PG_COMMITS, .once = true};
    struct pg_item item[] = {{.query = &begin}, {.query = &prepared}, {.query = &end}};
    struct pg_item *items[] = {&item[0], &item[1], &item[2]};
    pg->prepares = true;
    iso_status status = pg_batch(pg, items, 3, deadline_us, err);
    for (size_t i = 0; i < 3; i++) {
        if (i == 1) {
            result = item[i].result;
        } else {
            result_free(&item[i].result);
        }
    }
    pg->prepares = false;
    pg->is_worn = false; /* where the name was there already */
    ISO_TRY(status);
    pg->prepared_count = 0;
    if (!iso_failed(item[1].status)) {
        ISO_TRY(result_integer(result, 0, 0, &renamed, err));
    }
    pg->prepares = renamed > 0;
    return ISO_OK;
}

static iso_status set_time_limit(struct pg *pg, int64_t deadline_us, struct iso_error *err)
{
    long long limit_ms = (long long)pg_server_limit_ms(pg);
    char sql[192];
    (void)snprintf(sql, sizeof sql,
                   "SET statement_timeout TO %lld; SET lock_timeout TO %lld; "
                   "SET idle_in_transaction_session_timeout TO %lld",
                   limit_ms, limit_ms / 2, limit_ms * 4);
    return pg_script(pg, sql, deadline_us, err);
}

static iso_status set_up(struct pg *pg, int64_t deadline_us, struct iso_error *err)
{
    ISO_TRY(enforce_utc(pg, deadline_us, err));
    ISO_TRY(look_around(pg, deadline_us, err));
    if (pg->is_pooled) {
        return probe_prepared(pg, deadline_us, err);
    }
    pg->prepares = true;
    return set_time_limit(pg, deadline_us, err);
}

static iso_status open_all(struct pg *pg, const struct settings *settings, int64_t deadline_us,
                           struct iso_error *err)
{
    ISO_DEFER(secret_free) char *password = NULL;
    int64_t begin_us = pg_now_us(pg);
    pg->fault = FAULT_ACCESS;
    if (settings->password_command != NULL) {
        ISO_TRY(password_ask(settings->password_command, pg->os, deadline_us, &password, err));
        ISO_TRY(secrets_add(&pg->secrets, password, err));
    }
    struct opening opening = {.settings = settings, .password = password};
    pg->fault = FAULT_NONE;
    ISO_TRY(connect_list(pg, &opening, deadline_us, err));
    iso_status status = set_up(pg, deadline_us, err);
    pg->connect_us = pg_now_us(pg) - begin_us;
    return status;
}

iso_status pg_open(const struct settings *settings, const struct os *os, int64_t deadline_us,
                   int64_t command_us, struct pg **pg, enum fault *fault, struct iso_error *err)
{
    ISO_DEFER(pg_close) struct pg *opened = NULL;
    ISO_NEW(opened, 1, err);
    opened->os = os;
    opened->command_us = command_us;
    opened->fork_generation = pg_fork_generation();
    opened->is_neon = settings->is_neon;
    opened->is_pooled = settings->is_pooled;
    ISO_TRY(secrets_copy(&opened->secrets, &settings->secrets, err));
    iso_status status = open_all(opened, settings, deadline_us, err);
    if (fault != NULL) {
        *fault = iso_failed(status) ? opened->fault : FAULT_NONE;
    }
    ISO_TRY(status);
    *pg = opened;
    opened = NULL;
    return ISO_OK;
}

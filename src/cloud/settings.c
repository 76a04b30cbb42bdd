/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/settings.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LIBPQ_WITH_SNI = 140000, LIBPQ_WITH_SYSTEM_ROOTS = 160000, HOST_BYTES = 256 };

/* Where systems keep the certificates that they trust; the first that exists is taken. */
static const char *const root_files[] = {"/etc/ssl/certs/ca-certificates.crt",
                                         "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
                                         "/etc/ssl/ca-bundle.pem"};

/* --- keywords and values -----------------------------------------------------------------------*/

const char *settings_get(const struct settings *settings, const char *keyword)
{
    for (size_t i = 0; i < settings->count; i++) {
        if (strcmp(settings->keyword[i], keyword) == 0) {
            return settings->value[i];
        }
    }
    return "";
}

/* The keyword must be a static text. NULL and "" unset it. */
static iso_status put(struct settings *settings, const char *keyword, const char *value,
                      struct iso_error *err)
{
    char *copy = strdup(value != NULL ? value : "");
    if (copy == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for a connection setting");
    }
    for (size_t i = 0; i < settings->count; i++) {
        if (strcmp(settings->keyword[i], keyword) == 0) {
            secret_free(&settings->value[i]);
            settings->value[i] = copy;
            return ISO_OK;
        }
    }
    ISO_ASSERT(settings->count < SETTINGS_OPTIONS_MAX - 1); /* libpq 18 has 50 */
    settings->keyword[settings->count] = keyword;
    settings->value[settings->count++] = copy;
    return ISO_OK;
}

void settings_reset(struct settings *settings)
{
    for (size_t i = 0; i < settings->count; i++) {
        secret_free(&settings->value[i]);
    }
    free(settings->password_command);
    secrets_reset(&settings->secrets);
    *settings = (struct settings){0};
}

/* --- the text as given -------------------------------------------------------------------------*/

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* postgresql+asyncpg://...?ssl=require becomes postgresql://...?sslmode=require. */
static void normalise(const char *url, struct text *target)
{
    const char *scheme_end = strstr(url, "://");
    const char *plus = strchr(url, '+');
    if (scheme_end == NULL) {
        text_add(target, url);
        return;
    }
    bool has_driver = plus != NULL && plus < scheme_end;
    text_append(target, url, (size_t)((has_driver ? plus : scheme_end) - url));
    const char *at = scheme_end;
    for (const char *found = strpbrk(at, "?&"); found != NULL; found = strpbrk(at, "?&")) {
        text_append(target, at, (size_t)(found + 1 - at));
        at = found + 1;
        bool bare = starts_with(at, "ssl=");
        bool on = starts_with(at, "ssl=true") || starts_with(at, "ssl=True");
        text_add(target, on ? "sslmode=require" : bare ? "sslmode=" : "");
        at += on ? strlen("ssl=true") : bare ? strlen("ssl=") : 0;
    }
    text_add(target, at);
}

static iso_status check_scheme(const char *url, struct iso_error *err)
{
    const char *scheme_end = strstr(url, "://");
    if (scheme_end == NULL) {
        return ISO_OK;
    }
    if (starts_with(url, "http")) {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "the cloud URL is a web address; give the connection string, postgres://...; "
                 "Neon's console shows it under Connect");
    }
    if (!starts_with(url, "postgres://") && !starts_with(url, "postgresql://") &&
        !starts_with(url, "postgres+") && !starts_with(url, "postgresql+")) {
        ISO_FAIL(BAD_ARGUMENT, err, "the cloud URL begins with none of postgres://, postgresql://");
    }
    return ISO_OK;
}

static void conninfo_defer_free(PQconninfoOption **options)
{
    PQconninfoFree(*options);
}

static void message_defer_free(char **message)
{
    PQfreemem(*message);
}

static void conn_defer_finish(PGconn **conn)
{
    PQfinish(*conn);
}

/* libpq's own words may repeat what was given, and with it a password: they are not passed on. */
static iso_status parse(const char *text, PQconninfoOption **options, struct iso_error *err)
{
    ISO_DEFER(message_defer_free) char *message = NULL;
    *options = PQconninfoParse(text, &message);
    if (*options == NULL) {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "the cloud URL cannot be read (its text is not repeated, for it may hold a "
                 "password); it should look like postgres://USER:PASSWORD@HOST/DATABASE, with "
                 "special characters of the password written as %%40 (@), %%2F (/), %%23 (#), "
                 "and options of libpq after ?");
    }
    return ISO_OK;
}

/*
 * Have libpq complete what was given from environment, service file and presets, without
 * connecting: a value that it refuses ends it after that.
 */
static iso_status complete(struct settings *settings, PQconninfoOption *given,
                           struct iso_error *err)
{
    const char *keyword[SETTINGS_OPTIONS_MAX] = {0};
    const char *value[SETTINGS_OPTIONS_MAX] = {0};
    size_t count = 0;
    for (PQconninfoOption *at = given; at != NULL && at->keyword != NULL; at++) {
        if (at->val != NULL && strcmp(at->keyword, "gssencmode") != 0) {
            ISO_ASSERT(count < SETTINGS_OPTIONS_MAX - 2);
            keyword[count] = at->keyword;
            value[count++] = at->val;
        }
    }
    keyword[count] = "gssencmode";
    value[count] = "refused-on-purpose";
    ISO_DEFER(conn_defer_finish) PGconn *conn = PQconnectStartParams(keyword, value, 0);
    ISO_DEFER(conninfo_defer_free) PQconninfoOption *options = PQconninfo(conn);
    if (options == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for the connection settings");
    }
    if (strstr(PQerrorMessage(conn), "gssencmode") == NULL) {
        char text[sizeof err->text];
        (void)snprintf(text, sizeof text, "%s", PQerrorMessage(conn));
        secrets_hide(&settings->secrets, text, sizeof text);
        ISO_FAIL(BAD_ARGUMENT, err, "the connection settings are not accepted: %.300s", text);
    }
    for (PQconninfoOption *at = options; at->keyword != NULL; at++) {
        if (at->val != NULL && at->val[0] != '\0') {
            ISO_TRY(put(settings, at->keyword, at->val, err)); /* keywords are static texts */
        }
    }
    return ISO_OK;
}

/* --- the host ----------------------------------------------------------------------------------*/

static bool is_local_name(const char *host, size_t length)
{
    static const char *const names[] = {"localhost", "::1", "ip6-localhost"};
    if (length == 0 || host[0] == '/' || host[0] == '@') {
        return true;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) == length && strncasecmp(host, names[i], length) == 0) {
            return true;
        }
    }
    char copy[INET_ADDRSTRLEN];
    struct in_addr address;
    if (length >= sizeof copy) {
        return false;
    }
    memcpy(copy, host, length);
    copy[length] = '\0';
    return inet_pton(AF_INET, copy, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

/* True where every name of a list as libpq takes it (a,b,c) is this machine. */
static bool is_local_list(const char *hosts)
{
    const char *at = hosts;
    for (;;) {
        size_t length = strcspn(at, ",");
        if (!is_local_name(at, length)) {
            return false;
        }
        if (at[length] == '\0') {
            return true;
        }
        at += length + 1;
    }
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    size_t end_length = strlen(end);
    return length >= end_length && strcasecmp(text + length - end_length, end) == 0;
}

static const char pooler_suffix[] = "-pooler";

static bool has_pooler_suffix(const char *host)
{
    size_t label = strcspn(host, ".");
    size_t suffix = sizeof pooler_suffix - 1;
    return label > suffix && strncmp(host + label - suffix, pooler_suffix, suffix) == 0;
}

static iso_status check_neon_host(const char *host, struct iso_error *err)
{
    if (!starts_with(host, "ep-")) {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "%.200s is not a database of Neon; its hosts look like "
                 "ep-NAME-ID.REGION.aws.neon.tech: copy the connection string from the console, "
                 "under Connect",
                 host);
    }
    return ISO_OK;
}

/* Put the wanted one of the endpoint's two names in place. */
static iso_status choose_route(struct settings *settings, enum settings_route route,
                               struct iso_error *err)
{
    char host[HOST_BYTES];
    const char *given = settings_get(settings, "host");
    size_t label = strcspn(given, ".");
    bool has = has_pooler_suffix(given);
    size_t bare = has ? label - (sizeof pooler_suffix - 1) : label;
    bool want = route == ROUTE_GIVEN ? has : route == ROUTE_POOLED;
    int length = snprintf(host, sizeof host, "%.*s%s%s", (int)bare, given,
                          want ? pooler_suffix : "", given + label);
    if (length < 0 || (size_t)length >= sizeof host) {
        ISO_FAIL(BAD_ARGUMENT, err, "the host's name is longer than %d bytes", HOST_BYTES - 1);
    }
    settings->is_pooled = want;
    return put(settings, "host", host, err);
}

/* --- what this project adds --------------------------------------------------------------------*/

static const char *system_roots(void)
{
    const char *named = getenv("SSL_CERT_FILE");
    if (named != NULL && access(named, R_OK) == 0) {
        return named;
    }
    for (size_t i = 0; i < sizeof root_files / sizeof root_files[0]; i++) {
        if (access(root_files[i], R_OK) == 0) {
            return root_files[i];
        }
    }
    return NULL;
}

/* Without sslrootcert=system (libpq 16) the file that it stands for is named. */
static iso_status set_roots(struct settings *settings, struct iso_error *err)
{
    const char *given = settings_get(settings, "sslrootcert");
    if (given[0] != '\0' && strcmp(given, "system") != 0) {
        return ISO_OK;
    }
    const char *roots = system_roots();
    if (roots != NULL) {
        return put(settings, "sslrootcert", roots, err);
    }
    if (PQlibVersion() >= LIBPQ_WITH_SYSTEM_ROOTS) {
        return put(settings, "sslrootcert", "system", err);
    }
    ISO_FAIL(TLS, err,
             "no file of trusted certificates was found (apt-get install ca-certificates); or "
             "name one: sslrootcert=FILE in the URL, or SSL_CERT_FILE");
}

/*
 * prefer is what libpq has where nobody chose, so it does not count as a choice. Neon's console
 * hands out sslmode=require, which checks nobody's name; its certificates can be checked, so they
 * are.
 */
static iso_status set_tls(struct settings *settings, struct iso_error *err)
{
    const char *mode = settings_get(settings, "sslmode");
    bool unset = mode[0] == '\0' || strcmp(mode, "prefer") == 0;
    if (settings->is_local && (unset || !starts_with(mode, "verify"))) {
        return ISO_OK;
    }
    if (unset || (settings->is_neon && strcmp(mode, "require") == 0)) {
        ISO_TRY(put(settings, "sslmode", "verify-full", err));
        mode = "verify-full";
    }
    if (starts_with(mode, "verify")) {
        ISO_TRY(set_roots(settings, err));
    }
    if (strcmp(mode, "verify-full") != 0) {
        (void)snprintf(settings->warning, sizeof settings->warning,
                       "sslmode=%.20s does not make sure that the server is %.80s; leave it out, "
                       "and the name is checked (verify-full)",
                       mode, settings_get(settings, "host"));
    }
    return ISO_OK;
}

/* The endpoint's name for a libpq that cannot say by TLS (SNI) which host it wants. */
static iso_status add_endpoint(const struct settings *settings, struct text *options,
                               struct iso_error *err)
{
    const char *host = settings_get(settings, "host");
    bool sends_sni =
        PQlibVersion() >= LIBPQ_WITH_SNI && strcmp(settings_get(settings, "sslsni"), "0") != 0;
    if (settings->is_neon && !sends_sni && strstr(text_get(options), "endpoint=") == NULL) {
        text_addf(options, " endpoint=%.*s", (int)strcspn(host, "."), host);
    }
    return text_check(options, err);
}

/*
 * The time zone goes into `options`, the only start-up parameter that Neon passes on besides
 * application_name; whether it took effect is looked at once the connection stands.
 */
static iso_status set_options(struct settings *settings, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text options = {0};
    text_add(&options, settings_get(settings, "options"));
    text_add(&options, options.length > 0 ? " " : "");
    text_add(&options, "-c TimeZone=UTC");
    ISO_TRY(add_endpoint(settings, &options, err));
    ISO_TRY(put(settings, "options", text_get(&options), err));
    ISO_TRY(put(settings, "client_encoding", "UTF8", err));
    ISO_TRY(put(settings, "gssencmode", "disable", err));
    if (settings_get(settings, "application_name")[0] == '\0') {
        ISO_TRY(put(settings, "application_name", "isobar", err));
    }
    if (settings_get(settings, "keepalives_idle")[0] == '\0') {
        ISO_TRY(put(settings, "keepalives_idle", "30", err));
    }
    return ISO_OK;
}

static void describe(struct settings *settings)
{
    const char *host = settings_get(settings, "host");
    const char *address = settings_get(settings, "hostaddr");
    (void)snprintf(settings->shown, sizeof settings->shown, "%.60s@%.120s:%.20s/%.50s",
                   settings_get(settings, "user"),
                   host[0] != '\0'      ? host
                   : address[0] != '\0' ? address
                                        : "(local socket)",
                   settings_get(settings, "port"), settings_get(settings, "dbname"));
}

static iso_status set_host(struct settings *settings, enum settings_route route,
                           struct iso_error *err)
{
    const char *host = settings_get(settings, "host");
    const char *address = settings_get(settings, "hostaddr");
    settings->is_local = is_local_list(host[0] != '\0' || address[0] == '\0' ? host : address);
    settings->is_neon = ends_with(host, ".neon.tech") || strcasecmp(host, "neon.tech") == 0;
    settings->is_pooled = has_pooler_suffix(host);
    if (settings->is_neon) {
        ISO_TRY(check_neon_host(host, err));
        ISO_TRY(choose_route(settings, route, err));
    }
    return ISO_OK;
}

static iso_status fill(struct settings *settings, const struct settings_source *source,
                       enum settings_route route, struct iso_error *err)
{
    ISO_DEFER(conninfo_defer_free) PQconninfoOption *given = NULL;
    ISO_DEFER(text_reset) struct text url = {0};
    if (source->url != NULL) {
        ISO_TRY(check_scheme(source->url, err));
        normalise(source->url, &url);
        ISO_TRY(text_check(&url, err));
        ISO_TRY(parse(text_get(&url), &given, err));
        for (PQconninfoOption *at = given; at->keyword != NULL; at++) {
            bool secret =
                strcmp(at->keyword, "password") == 0 || strcmp(at->keyword, "sslpassword") == 0;
            settings->has_password_given =
                settings->has_password_given || (secret && at->val != NULL);
            ISO_TRY(secrets_add(&settings->secrets, secret ? at->val : NULL, err));
        }
    }
    ISO_TRY(complete(settings, given, err));
    ISO_TRY(secrets_add(&settings->secrets, settings_get(settings, "password"), err));
    if (source->password_command != NULL) {
        settings->password_command = strdup(source->password_command);
        if (settings->password_command == NULL) {
            ISO_FAIL(OUT_OF_MEMORY, err, "no memory for the password command");
        }
    }
    ISO_TRY(set_host(settings, route, err));
    ISO_TRY(set_tls(settings, err));
    ISO_TRY(set_options(settings, err));
    describe(settings);
    return ISO_OK;
}

iso_status settings_init(struct settings *settings, const struct settings_source *source,
                         enum settings_route route, struct iso_error *err)
{
    *settings = (struct settings){0};
    iso_status status = fill(settings, source, route, err);
    if (iso_failed(status)) {
        settings_reset(settings);
    }
    return status;
}

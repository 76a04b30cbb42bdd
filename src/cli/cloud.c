/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/call_cloud.h"
#include "cloud/server.h"

#include <string.h>

/* All that `cloud status` tells. */
struct status_report {
    const struct settings *settings;
    struct pool_profile profile;
    struct server server;
    struct pg_facts facts;
    struct pool_stats stats;
    char direct_host[SETTINGS_TEXT_BYTES]; /* Neon's other name, for migrations; "" elsewhere */
    int64_t round_trip_us;
};

static void add_json(const struct status_report *report, struct json *json)
{
    const struct server *server = &report->server;
    json_add_string(json, "server", server->version);
    json_add_string(json, "edition", server->edition);
    json_add_string(json, "provider", server->provider);
    json_add_string(json, "pooler", server->pooler);
    json_begin_array(json, "features");
    for (int i = 0; i < SERVER_FEATURE_COUNT; i++) {
        if (server->has[i]) {
            json_add_string(json, NULL, server_feature_name((enum server_feature)i));
        }
    }
    json_end_array(json);
    json_add_string(json, "cloud", report->settings->shown);
    json_add_string(json, "direct_host", report->direct_host);
    json_add_string(json, "timescaledb", server->timescaledb);
    json_add_integer(json, "max_connections", server->max_connections);
    json_add_string(json, "tls", report->facts.tls);
    json_add_string(json, "sslmode", settings_get(report->settings, "sslmode"));
    json_add_string(json, "warning", report->settings->warning);
    json_add_string(json, "time_zone", report->facts.time_zone);
    json_add_string(json, "application_name", report->facts.application);
    json_add_string(json, "profile", report->profile.name);
    json_add_integer(json, "attempts", (int64_t)report->stats.connects);
    json_add_bool(json, "cold_start", report->stats.cold_starts > 0);
    json_add_number(json, "connect_ms", (double)report->facts.connect_us / 1000);
    json_add_number(json, "round_trip_ms", (double)report->round_trip_us / 1000);
}

static void add_plain(const struct status_report *report, struct text *text)
{
    const struct server *server = &report->server;
    text_addf(text, "cloud       %s\n", report->settings->shown);
    text_addf(text, "server      PostgreSQL %s%s%s, %s\n", server->version,
              server->provider[0] != '\0' ? " at " : "", server->provider, server->edition);
    text_addf(text, "pooler      %s\n", server->pooler);
    if (report->direct_host[0] != '\0') {
        text_addf(text, "direct      %s (for migrations)\n", report->direct_host);
    }
    text_addf(text, "tls         %s, sslmode %s\n",
              report->facts.tls[0] != '\0' ? report->facts.tls : "none",
              settings_get(report->settings, "sslmode"));
    text_addf(text, "connected   in %.1f ms%s, one round trip %.2f ms\n",
              (double)report->facts.connect_us / 1000,
              report->stats.cold_starts > 0 ? " (it had to wake)" : "",
              (double)report->round_trip_us / 1000);
    text_addf(text, "in force    time zone %s, application_name %s\n", report->facts.time_zone,
              report->facts.application);
    for (int i = 0; i < SERVER_FEATURE_COUNT; i++) {
        text_addf(text, "  %s %-20s %s\n", server->has[i] ? "yes" : "no ",
                  server_feature_name((enum server_feature)i),
                  server_feature_help((enum server_feature)i));
    }
}

/* Data goes through Neon's pooler; what changes the schema wants a session of its own. */
static iso_status find_direct_host(const struct call *call, struct status_report *report,
                                   struct iso_error *err)
{
    ISO_DEFER(settings_reset) struct settings direct = {0};
    struct settings_source source = {.url = call_text(call, OPTION_cloud_url)};
    report->direct_host[0] = '\0';
    if (report->settings->is_neon) {
        ISO_TRY(settings_init(&direct, &source, ROUTE_DIRECT, err));
        ISO_ASSERT(strlen(settings_get(&direct, "host")) < sizeof report->direct_host);
        memcpy(report->direct_host, settings_get(&direct, "host"),
               strlen(settings_get(&direct, "host")) + 1);
    }
    return ISO_OK;
}

/* What is found lives no longer than the connection. */
static iso_status look(struct pg *pg, struct status_report *report, struct iso_error *err)
{
    const struct os *os = os_system();
    ISO_TRY(server_look(pg, report->settings->is_neon, &report->server, err));
    int64_t begin_us = os->monotonic_us(os->context);
    struct pg_query query = {.sql = "SELECT 1", .once = true};
    ISO_TRY(pg_query(pg, &query, NULL, err));
    report->round_trip_us = os->monotonic_us(os->context) - begin_us;
    report->facts = pg_facts(pg);
    return ISO_OK;
}

static iso_status print(const struct call *call, const struct status_report *report,
                        struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text text = {0};
    if (call_flag(call, OPTION_json)) {
        struct json json = {.text = &text};
        result_json_begin(&json);
        add_json(report, &json);
        return result_json_end(&json, err);
    }
    add_plain(report, &text);
    return result_write(&text, err);
}

static iso_status cloud_status(struct call *call, struct iso_error *err)
{
    ISO_DEFER(settings_reset) struct settings settings = {0};
    ISO_DEFER(pool_close) struct pool *pool = NULL;
    ISO_DEFER(pool_release) struct lease *lease = NULL;
    struct status_report report = {.settings = &settings};
    ISO_TRY(call_settings(call, ROUTE_POOLED, &settings, err));
    report.profile = call_profile(call, &settings);
    report.profile.min = 0;
    ISO_TRY(find_direct_host(call, &report, err));
    ISO_TRY(pool_open(&settings, &report.profile, os_system(), &pool, err));
    ISO_TRY(pool_acquire(pool, 0, &lease, err));
    ISO_TRY(look(lease_pg(lease), &report, err));
    pool_stats(pool, &report.stats);
    return print(call, &report, err);
}

iso_status command_cloud(struct call *call, struct iso_error *err)
{
    const char *what = call->arguments[0];
    signals_default(); /* nothing is left half done */
    if (strcmp(what, "status") == 0) {
        return cloud_status(call, err);
    }
    cloud_work *work = cloud_neon_work(what);
    if (work != NULL) {
        return work(call, err);
    }
    ISO_FAIL(BAD_ARGUMENT, err, "there is no isobar cloud %.40s; see isobar cloud --help", what);
}

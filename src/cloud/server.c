/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/server.h"

#include <stdio.h>
#include <string.h>

static const char *const feature_names[SERVER_FEATURE_COUNT] = {
#define X(name, help) [SERVER_##name] = #name,
    SERVER_FEATURE_TABLE(X)
#undef X
};

static const char *const feature_helps[SERVER_FEATURE_COUNT] = {
#define X(name, help) [SERVER_##name] = (help),
    SERVER_FEATURE_TABLE(X)
#undef X
};

const char *server_feature_name(enum server_feature feature)
{
    return feature_names[feature];
}

const char *server_feature_help(enum server_feature feature)
{
    return feature_helps[feature];
}

static const char question[] =
    "SELECT pg_catalog.current_setting('server_version'),"
    " coalesce(pg_catalog.current_setting('timescaledb.license', true), ''),"
    " coalesce((SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'timescaledb'), ''),"
    " EXISTS (SELECT FROM pg_catalog.pg_settings WHERE name LIKE 'neon.%'),"
    " pg_catalog.current_setting('max_connections')::int8,"
    " pg_catalog.current_setting('transaction_read_only') = 'on',"
    " EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'timescaledb')";

static iso_status take_text(const struct pg_result *result, size_t column,
                            char target[SERVER_TEXT_BYTES], struct iso_error *err)
{
    const char *text = NULL;
    ISO_TRY(result_text(result, 0, column, &text, err));
    (void)snprintf(target, SERVER_TEXT_BYTES, "%s", text);
    return ISO_OK;
}

/* The licence is known only where the extension is loaded, which is where it was created. */
static const char *edition_of(const char *license, bool has_timescale)
{
    if (!has_timescale) {
        return "postgresql";
    }
    if (license[0] == '\0') {
        return "timescaledb";
    }
    return strcmp(license, "apache") == 0 ? "timescaledb-apache" : "timescaledb-community";
}

static void judge(struct server *server, const struct pg_facts *facts, const char *license,
                  bool is_neon, bool read_only, bool has_timescale)
{
    bool is_community = strcmp(license, "timescale") == 0;
    (void)snprintf(server->edition, sizeof server->edition, "%s",
                   edition_of(license, has_timescale));
    (void)snprintf(server->provider, sizeof server->provider, "%s", is_neon ? "neon" : "");
    (void)snprintf(server->pooler, sizeof server->pooler, "%s",
                   facts->is_pooled ? "transaction" : "none");
    /* "15.20 (Debian 15.20-0+deb12u1)": the number is enough */
    server->version[strcspn(server->version, " ")] = '\0';
    server->has[SERVER_tls] = facts->tls[0] != '\0';
    server->has[SERVER_sessions] = !facts->is_pooled;
    server->has[SERVER_prepared_statements] = facts->prepares;
    server->has[SERVER_writable] = !facts->is_standby && !read_only;
    server->has[SERVER_partitions] = facts->server_version >= 120000;
    server->has[SERVER_merge] = facts->server_version >= 150000;
    server->has[SERVER_hypertables] = has_timescale;
    server->has[SERVER_compression] = has_timescale && is_community;
    server->has[SERVER_branches] = is_neon;
}

iso_status server_look(struct pg *pg, bool is_neon, struct server *server, struct iso_error *err)
{
    ISO_DEFER(result_free) struct pg_result *result = NULL;
    struct pg_query query = {.sql = question, .once = true};
    struct pg_facts facts = pg_facts(pg);
    char license[SERVER_TEXT_BYTES];
    bool has_neon_settings = false;
    bool read_only = false;
    bool has_timescale = false;
    *server = (struct server){0};
    ISO_TRY(pg_query(pg, &query, &result, err));
    ISO_TRY(take_text(result, 0, server->version, err));
    ISO_TRY(take_text(result, 1, license, err));
    ISO_TRY(take_text(result, 2, server->timescaledb, err));
    ISO_TRY(result_bool(result, 0, 3, &has_neon_settings, err));
    ISO_TRY(result_integer(result, 0, 4, &server->max_connections, err));
    ISO_TRY(result_bool(result, 0, 5, &read_only, err));
    ISO_TRY(result_bool(result, 0, 6, &has_timescale, err));
    judge(server, &facts, license, is_neon || has_neon_settings, read_only, has_timescale);
    return ISO_OK;
}

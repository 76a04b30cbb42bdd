/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/fault.h"

#include <string.h>

static const struct {
    const char *name;
    bool retryable;
    enum iso_error_code error;
    const char *advice;
} faults[FAULT_COUNT] = {[FAULT_NONE] = {"NONE", false, ISO_ERROR_NONE, ""},
#define X(name, retryable, error, advice) \
    [FAULT_##name] = {#name, retryable, ISO_ERROR_##error, advice},
                         FAULT_TABLE(X)
#undef X
};

/*
 * Texts that decide where the SQLSTATE says nothing (none, XX000, 08xxx). The first that occurs
 * wins. From Neon's proxy and control plane, PgBouncer, and libpq itself.
 */
static const struct {
    const char *text;
    enum fault fault;
} texts[] = {
    {"quota. Upgrade", FAULT_QUOTA},
    {"exceeded the compute time quota", FAULT_QUOTA},
    {"data transfer quota", FAULT_QUOTA},
    {"limit of concurrently active endpoints", FAULT_QUOTA},
    {"project size limit", FAULT_FULL},
    {"endpoint is disabled", FAULT_SETTINGS},
    {"endpoint has been disabled", FAULT_SETTINGS},
    {"endpoint cannot be found", FAULT_SETTINGS},
    {"endpoint could not be found", FAULT_SETTINGS},
    {"Endpoint ID is not specified", FAULT_SETTINGS},
    {"Inconsistent project name", FAULT_SETTINGS},
    {"unsupported startup parameter", FAULT_SETTINGS},
    {"no such database", FAULT_SETTINGS},
    {"invalid target_session_attrs", FAULT_SETTINGS},
    {"database \"", FAULT_SETTINGS}, /* ... does not exist */
    {"password authentication failed", FAULT_ACCESS},
    {"SASL authentication failed", FAULT_ACCESS},
    {"no password supplied", FAULT_ACCESS},
    {"no pg_hba.conf entry", FAULT_ACCESS},
    {"is not allowed to connect", FAULT_ACCESS},
    {"from a blocked network", FAULT_ACCESS},
    {"role \"", FAULT_ACCESS}, /* ... does not exist, is not permitted to log in */
    {"certificate", FAULT_TLS},
    {"connection is insecure", FAULT_TLS},
    {"does not support SSL", FAULT_TLS},
    {"does not match host name", FAULT_TLS},
    {"channel binding", FAULT_TLS},
    {"SSL error", FAULT_TLS},
    {"expected authentication request", FAULT_PROTOCOL},
    {"received invalid response", FAULT_PROTOCOL},
    {"invalid response to SSL negotiation", FAULT_PROTOCOL},
    {"authentication method", FAULT_PROTOCOL},
    {"unexpected message from server", FAULT_PROTOCOL},
    {"lost synchronization", FAULT_PROTOCOL},
    {"protocol version", FAULT_PROTOCOL},
    {"too many connections attempts", FAULT_BUSY},
    {"Too many connections", FAULT_BUSY},
    {"too many clients", FAULT_BUSY},
    {"Too many database connection attempts", FAULT_BUSY},
    {"exceeded the rate limit", FAULT_BUSY},
    {"no more connections allowed", FAULT_BUSY},
    {"query_wait_timeout", FAULT_BUSY},
    {"remaining connection slots", FAULT_BUSY},
    {"endpoint is idle", FAULT_STARTING},
    {"Control plane request failed", FAULT_STARTING},
    {"Couldn't connect to compute node", FAULT_STARTING},
    {"running operations", FAULT_STARTING},
    {"Authentication timed out", FAULT_STARTING},
    {"starting up", FAULT_STARTING},
    {"shutting down", FAULT_STARTING},
    {"server_login_retry", FAULT_STARTING},
    {"server login failed", FAULT_STARTING},
    {"pgbouncer cannot connect to server", FAULT_STARTING},
    {"server conn crashed", FAULT_LOST},
};

/* By the SQLSTATE's first characters; the longest row that fits stands before shorter ones. */
static const struct {
    const char *prefix;
    enum fault fault;
} states[] = {
    {"57P03", FAULT_STARTING},  {"57P01", FAULT_LOST},     {"57P02", FAULT_LOST},
    {"57P04", FAULT_SETTINGS},  {"57P05", FAULT_LOST},     {"57014", FAULT_SLOW},
    {"53300", FAULT_BUSY},      {"53100", FAULT_FULL},     {"53", FAULT_BUSY},
    {"40001", FAULT_CONFLICT},  {"40P01", FAULT_CONFLICT}, {"55P03", FAULT_CONFLICT},
    {"25006", FAULT_READ_ONLY}, {"25P03", FAULT_LOST},     {"25P04", FAULT_LOST},
    {"28", FAULT_ACCESS},       {"3D000", FAULT_SETTINGS}, {"58", FAULT_LOST},
    {"08", FAULT_LOST},
};

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static enum fault fault_by_text(const char *message)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strstr(message, texts[i].text) != NULL) {
            return texts[i].fault;
        }
    }
    return FAULT_NONE;
}

enum fault fault_of(const char *sqlstate, const char *message, bool while_connecting)
{
    sqlstate = sqlstate != NULL ? sqlstate : "";
    bool says_nothing =
        sqlstate[0] == '\0' || starts_with(sqlstate, "XX000") || starts_with(sqlstate, "08");
    if (says_nothing && message != NULL) {
        enum fault fault = fault_by_text(message);
        if (fault != FAULT_NONE) {
            return fault;
        }
    }
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (starts_with(sqlstate, states[i].prefix)) {
            return states[i].fault;
        }
    }
    return sqlstate[0] == '\0' || while_connecting ? FAULT_LOST : FAULT_STATEMENT;
}

const char *fault_name(enum fault fault)
{
    return faults[fault].name;
}

bool fault_retryable(enum fault fault)
{
    return faults[fault].retryable;
}

enum iso_error_code fault_error(enum fault fault)
{
    return faults[fault].error;
}

const char *fault_advice(enum fault fault)
{
    return faults[fault].advice;
}

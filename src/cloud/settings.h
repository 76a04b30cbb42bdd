/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the cloud is and how to get there: a URL or keywords, completed from libpq's own sources
 * (PG* variables, service file, password file), with this project's defaults on top.
 *
 * - A host that is not this machine is spoken to by TLS with its name checked against the system's
 *   roots, unless sslmode says otherwise; what is weaker gives a warning.
 * - SQLAlchemy's postgresql+driver:// and ssl= are understood.
 * - A Neon host has two names, direct and pooled; either gives both.
 * - Nothing that is shown of it, errors included, holds a password.
 */
#ifndef CLOUD_SETTINGS_H
#define CLOUD_SETTINGS_H

#include "cloud/secret.h"

enum { SETTINGS_OPTIONS_MAX = 56, SETTINGS_TEXT_BYTES = 256, SETTINGS_WARNING_BYTES = 256 };

struct settings_source {
    const char *url;              /* NULL: the environment alone */
    const char *password_command; /* NULL: none; run by the shell for each connection */
};

/* Which of a Neon endpoint's two names; anything else has one, and these are the same. */
enum settings_route { ROUTE_GIVEN, ROUTE_POOLED, ROUTE_DIRECT };

/* Keywords and values as PQconnectStartParams takes them. All are owned. */
struct settings {
    const char *keyword[SETTINGS_OPTIONS_MAX]; /* static texts of libpq; NULL ends them */
    char *value[SETTINGS_OPTIONS_MAX];
    size_t count;
    char *password_command;
    struct secrets secrets;
    char shown[SETTINGS_TEXT_BYTES];      /* "user@host:5432/database" */
    char warning[SETTINGS_WARNING_BYTES]; /* "" where nothing is weaker than it should be */
    bool is_local;                        /* a socket file, localhost, 127.x, ::1 */
    bool is_neon;
    bool is_pooled;          /* by its name */
    bool has_password_given; /* the URL itself holds one */
};

/*
 * Read the settings. Fails with BAD_ARGUMENT (the message never repeats what was given where it
 * could hold a password), OUT_OF_MEMORY.
 */
iso_status settings_init(struct settings *settings, const struct settings_source *source,
                         enum settings_route route, struct iso_error *err);
void settings_reset(struct settings *settings);

/* The value of a keyword, "" where it is unset. */
const char *settings_get(const struct settings *settings, const char *keyword);

#endif

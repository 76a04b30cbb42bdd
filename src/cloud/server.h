/* SPDX-License-Identifier: Apache-2.0 */
/* What a server is and can do, found out by asking it. */
#ifndef CLOUD_SERVER_H
#define CLOUD_SERVER_H

#include "cloud/pg.h"

enum { SERVER_TEXT_BYTES = 64 };

/* What later work chooses its ways by: one row each. */
/* clang-format off */
#define SERVER_FEATURE_TABLE(X)                                                            \
    X(tls,                 "the connection is encrypted")                                  \
    X(sessions,            "a session is ours: SET, LISTEN, temporary tables work")        \
    X(prepared_statements, "statements stay prepared from one transaction to the next")    \
    X(writable,            "it takes writes: neither a standby nor read-only")             \
    X(partitions,          "native partitioning with pruning (PostgreSQL 12)")             \
    X(merge,               "MERGE (PostgreSQL 15)")                                        \
    X(hypertables,         "TimescaleDB's hypertables")                                    \
    X(compression,         "TimescaleDB's compression, policies, continuous aggregates")   \
    X(branches,            "Neon's branches and restore, by its management API")
/* clang-format on */

enum server_feature {
#define X(name, help) SERVER_##name,
    SERVER_FEATURE_TABLE(X)
#undef X
        SERVER_FEATURE_COUNT
};

struct server {
    char version[SERVER_TEXT_BYTES]; /* "15.20" */
    /* postgresql, timescaledb-apache, timescaledb-community; timescaledb: there, not created */
    char edition[SERVER_TEXT_BYTES];
    char provider[SERVER_TEXT_BYTES];    /* "neon", or "" */
    char pooler[SERVER_TEXT_BYTES];      /* "none" or "transaction" */
    char timescaledb[SERVER_TEXT_BYTES]; /* its version where installed in this database, else "" */
    int64_t max_connections;
    bool has[SERVER_FEATURE_COUNT];
};

/* Fails as pg_query. */
iso_status server_look(struct pg *pg, bool is_neon, struct server *server, struct iso_error *err);
const char *server_feature_name(enum server_feature feature);
const char *server_feature_help(enum server_feature feature);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a failure of the server means for the caller. Decided by SQLSTATE and by message: Neon's
 * proxy reports every failure of a connection's start as XX000 and leaves only the text, and a
 * connection that was cut has no SQLSTATE at all.
 */
#ifndef CLOUD_FAULT_H
#define CLOUD_FAULT_H

#include "base/status.h"

/* clang-format off */
/* fault, whether trying again can help, error that it is reported as, what to do next */
#define FAULT_TABLE(X)                                                                          \
    X(STATEMENT, false, CLOUD_REFUSED, "the statement itself was refused")                      \
    X(LOST,      true,  CLOUD_DOWN, "the connection was cut; it is made anew by itself")        \
    X(STARTING,  true,  CLOUD_DOWN, "the server is starting, stopping or waking; try again")    \
    X(BUSY,      true,  CLOUD_DOWN, "the server takes no more connections now; try again later") \
    X(CONFLICT,  true,  CONFLICT, "another transaction was in the way; run the transaction again") \
    X(SLOW,      false, CLOUD_REFUSED, "the server's time limit ended it; ask for less at once, or raise cloud_command_ms") \
    X(READ_ONLY, true,  CLOUD_REFUSED, "the server takes no writes now; is it a standby, or full?") \
    X(FULL,      false, QUOTA, "the server's storage is full; delete data or raise the limit")  \
    X(QUOTA,     false, QUOTA, "raise the project's limit, or wait for the end of its period")  \
    X(ACCESS,    false, AUTHENTICATION, "check user, password and allowed addresses")           \
    X(TLS,       false, TLS, "check the host name, sslmode and sslrootcert")                    \
    X(SETTINGS,  false, BAD_ARGUMENT, "check the connection settings: isobar cloud status --cloud-url ...") \
    X(PROTOCOL,  false, CLOUD_REFUSED, "check host and port: this does not look like PostgreSQL")
/* clang-format on */

enum fault {
    FAULT_NONE,
#define X(name, ...) FAULT_##name,
    FAULT_TABLE(X)
#undef X
        FAULT_COUNT
};

/*
 * Judge a failure. sqlstate may be NULL or "" (none came); while_connecting tells whether it ended
 * the start of a connection.
 */
enum fault fault_of(const char *sqlstate, const char *message, bool while_connecting);

const char *fault_name(enum fault fault);
bool fault_retryable(enum fault fault);
enum iso_error_code fault_error(enum fault fault);
const char *fault_advice(enum fault fault);

#endif

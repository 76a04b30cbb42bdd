/* SPDX-License-Identifier: Apache-2.0 */
/* A password that a command prints: for tokens that expire, and for keepers of secrets. */
#ifndef CLOUD_PASSWORD_H
#define CLOUD_PASSWORD_H

#include "base/os.h"

enum { PASSWORD_BYTES_MAX = 8192 };

/*
 * Run command by /bin/sh and set *password to the first line of what it prints. The caller owns
 * it, and wipes it with secret_free. What the command writes to standard error goes to ours.
 *
 * Fails with AUTHENTICATION (it ended badly, printed nothing or too much), CLOUD_DOWN (not done by
 * deadline_us of the monotonic clock: it was ended).
 */
iso_status password_ask(const char *command, const struct os *os, int64_t deadline_us,
                        char **password, struct iso_error *err);

#endif

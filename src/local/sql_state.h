/* SPDX-License-Identifier: Apache-2.0 */
/* What the table functions of one DuckDB share: the state of the store that a statement sees, and
 * what could not be read of it. */
#ifndef LOCAL_SQL_STATE_H
#define LOCAL_SQL_STATE_H

#include "local/sql.h"

#include <duckdb.h>
#include <pthread.h>

struct sql_state {
    struct view *view; /* for as long as a statement runs */
    pthread_mutex_t lock;
    struct sql_missing *missing; /* owned */
    size_t missing_count;
    size_t missing_capacity;
};

/* Note what is missing of a series, once. Several threads may do so. Fails with OUT_OF_MEMORY. */
iso_status sql_state_note(struct sql_state *state, const struct series *series,
                          const struct coverage *coverage, struct iso_error *err);

#endif

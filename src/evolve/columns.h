/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Indicator columns shared by a whole population: each (kind, period) is computed once and kept
 * within a budget of memory; the least recently used make room.
 */
#ifndef EVOLVE_COLUMNS_H
#define EVOLVE_COLUMNS_H

#include "evolve/family.h"

enum { COLUMNS_MAX = 1024 };

struct columns;

/*
 * Over count closes, which are borrowed and must outlive the columns. budget_bytes bounds what is
 * kept, but FAMILY_COLUMNS_MAX columns are always possible. Fails with OUT_OF_MEMORY.
 */
iso_status columns_new(const double *close, size_t count, size_t budget_bytes,
                       struct columns **columns, struct iso_error *err);
void columns_free(struct columns **columns);

/* How many columns can be there at once. */
size_t columns_capacity(const struct columns *columns);

/*
 * Have the columns of keys (distinct, at most columns_capacity) there until the next call; what is
 * missing is computed on thread_count threads. Fails with OUT_OF_MEMORY.
 */
iso_status columns_want(struct columns *columns, const struct column_key *keys, size_t key_count,
                        size_t thread_count, struct iso_error *err);

/* A column that the last columns_want asked for. */
const double *columns_get(const struct columns *columns, struct column_key key);

#endif

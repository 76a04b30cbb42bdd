/* SPDX-License-Identifier: Apache-2.0 */
/* Which series and what time a table function is asked for: symbol, symbols, interval, intervals,
 * from, to. */
#ifndef LOCAL_SQL_CHOICE_H
#define LOCAL_SQL_CHOICE_H

#include "local/view.h"

#include <duckdb.h>

/* Names of which one must be met, owned by DuckDB's memory. */
struct sql_names {
    char **names;
    size_t count;
    bool given; /* else any will do */
};

struct sql_choice {
    struct sql_names symbols;
    struct sql_names intervals;
    char *symbol;                    /* NULL: any */
    const struct interval *interval; /* NULL: any */
    struct range range;
};

void sql_choice_add_parameters(duckdb_table_function function);
/* Read the parameters of a call. Fails with BAD_ARGUMENT, LIMIT, OUT_OF_MEMORY. The caller resets
 * *choice (all zero before), also then. */
iso_status sql_choice_read(duckdb_bind_info info, struct sql_choice *choice, struct iso_error *err);
void sql_choice_reset(struct sql_choice *choice);

struct sql_series {
    struct series *series; /* owned */
    size_t count;
    size_t capacity;
    size_t bars; /* of all of them, whatever the range */
};

/* The series of the view that are chosen and have bars near the range. */
iso_status sql_choice_list(const struct sql_choice *choice, struct view *view,
                           struct sql_series *list, struct iso_error *err);
void sql_series_reset(struct sql_series *list);

#endif

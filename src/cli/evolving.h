/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands around evolution share. */
#ifndef CLI_EVOLVING_H
#define CLI_EVOLVING_H

#include "cli/command.h"
#include "evolve/board.h"

/* The series of --symbol and --interval. */
iso_status call_series(const struct call *call, struct series *series, struct iso_error *err);

/* The board of the store: board.db in its directory. */
iso_status call_board(const struct call *call, enum board_mode mode, struct board **board,
                      struct iso_error *err);

/* Hand coverage on where it is complete or --allow-partial is given. Fails with PARTIAL, the
 * missing ranges having been said on standard error. */
iso_status require_complete(const struct call *call, const struct coverage *coverage,
                            struct iso_error *err);

/* The metrics as members of the object that is open; counts as integers. */
void result_json_metrics(struct json *json, const struct metrics *metrics);
/* A line a metric for people, as one column a set of metrics; heads has one entry more than sets.
 */
void result_table_metrics(const char *const *heads, const struct metrics *const *sets,
                          size_t set_count, struct text *target);

/* Write text to the file at path, whole or not at all; "-" is standard output. */
iso_status output_write(const char *path, const struct text *text, struct iso_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the board share. */
#ifndef EVOLVE_BOARD_INTERNAL_H
#define EVOLVE_BOARD_INTERNAL_H

#include "evolve/board.h"
#include "local/database.h"

struct board {
    const struct os *os;
    struct database *database;
    char owner[96];
};

/* ", total_return, sharpe, ..." with a prefix before each name. */
#define BOARD_COLUMN(name, help) ", i." #name
#define BOARD_TEST_COLUMN(name, help) ", g.test_" #name
#define BOARD_METRICS METRIC_TABLE(BOARD_COLUMN)
#define BOARD_TEST_METRICS METRIC_TABLE(BOARD_TEST_COLUMN)

/* Bind and read metrics as consecutive parameters and columns; return the next one's number. */
int board_bind_metrics(struct statement *statement, int parameter, const struct metrics *metrics);
int board_read_metrics(struct statement *statement, int column, struct metrics *metrics);

/* Read genome, fitness and train metrics from column on; *next is the column behind them. */
iso_status board_read_individual(struct statement *statement, int column,
                                 struct individual *individual, int *next, struct iso_error *err);

/* The columns that board_read_run reads, for SELECT. */
#define BOARD_RUN_COLUMNS                                                          \
    "key, id, identity, terms, finished, owner, created_us, updated_us, seconds, " \
    "(SELECT count(*) FROM generations AS g WHERE g.run = key), "                  \
    "(SELECT hash FROM generations AS g WHERE g.run = key ORDER BY generation DESC LIMIT 1)"
iso_status board_read_run(struct statement *statement, struct run *run, struct iso_error *err);

#endif

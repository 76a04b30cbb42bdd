/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run as one HTML page: no script, no network, nothing beside it. It opens with what was assumed,
 * says plainly what did not hold on the test part, and ends with how to get the same result again.
 */
#ifndef EVOLVE_REPORT_H
#define EVOLVE_REPORT_H

#include "evolve/board.h"

/*
 * Add the page to html. bars are those of the run's snapshot; the best strategy is run on them
 * again. Fails with NOT_FOUND (no generation yet), CORRUPT (the bars or the board do not give the
 * run's numbers), OUT_OF_MEMORY.
 */
iso_status report_add(struct board *board, const struct run *run, const struct bars *bars,
                      struct text *html, struct iso_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fitness: the one number evolution raises, made from the metrics of the train part. To add one:
 * one row.
 */
#ifndef EVOLVE_FITNESS_H
#define EVOLVE_FITNESS_H

#include "evolve/backtest.h"

/* clang-format off */
/* name, expression over metrics m, what it is */
#define FITNESS_TABLE(X)                                                                          \
    X(sharpe, m->sharpe, "annualised Sharpe ratio")                                               \
    X(return, m->total_return, "total return")                                                    \
    X(calmar, m->total_return / (m->max_drawdown > 0.01 ? m->max_drawdown : 0.01),                \
      "total return / maximum drawdown, the latter at least 1 %")
/* clang-format on */

enum fitness {
#define X(name, expression, help) FITNESS_##name,
    FITNESS_TABLE(X)
#undef X
        FITNESS_COUNT
};

/*
 * The fitness of metrics; always finite. A gain on fewer than trades_min trades is little evidence
 * and counts in proportion (trades / trades_min); a loss counts in full, and one that never trades
 * has 0.
 */
double fitness_of(enum fitness fitness, const struct metrics *metrics, uint32_t trades_min);

const char *fitness_name(enum fitness fitness);
const char *fitness_help(enum fitness fitness);
/* Fails with BAD_ARGUMENT, listing what there is. */
iso_status fitness_parse(const char *name, enum fitness *fitness, struct iso_error *err);

#endif

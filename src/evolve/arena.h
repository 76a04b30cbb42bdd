/* SPDX-License-Identifier: Apache-2.0 */
/* Backtests of many genomes on one series, with shared indicators and threads. */
#ifndef EVOLVE_ARENA_H
#define EVOLVE_ARENA_H

#include "evolve/backtest.h"
#include "evolve/genome.h"

/* What all backtests have in common. */
struct arena_terms {
    const struct bars *bars;
    double fee;
    double slippage;
    double cash;
    bool allow_short;
    bool ema_sma_seed; /* signal_ema_sma_seed instead of signal_ema */
    size_t thread_count;
    size_t column_bytes;
    const volatile int *cancel; /* may be NULL */
};

/* Bars with the indicators computed on them so far. Serves one thread at a time. */
struct arena;

/* Borrows the bars. Fails with PARTIAL (backtest_check), OUT_OF_MEMORY. */
iso_status arena_new(const struct arena_terms *terms, struct arena **arena, struct iso_error *err);
void arena_free(struct arena **arena);

/*
 * Backtest each genome on the bars [first, last) into metrics of the same index. Indicators may
 * look back before first; positions begin flat there. Fails with INTERRUPTED once cancel is set,
 * OUT_OF_MEMORY.
 */
iso_status arena_evaluate(struct arena *arena, const struct genome *genomes, size_t count,
                          size_t first, size_t last, struct metrics *metrics,
                          struct iso_error *err);

/* One backtest with all it can tell: trades and equity as in backtest_run. genome NULL means to buy
 * and hold. */
iso_status arena_backtest(struct arena *arena, const struct genome *genome, size_t first,
                          size_t last, struct metrics *metrics, struct trade_list *trades,
                          double *equity, struct iso_error *err);

/* Set positions[first .. last) of one genome. */
iso_status arena_positions(struct arena *arena, const struct genome *genome, size_t first,
                           size_t last, int8_t *positions, struct iso_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "evolve/arena.h"

#include "base/threads.h"
#include "evolve/columns.h"

struct arena {
    struct arena_terms terms;
    struct columns *columns;
    int8_t *positions[THREADS_MAX]; /* one a thread, as long as the bars */
};

/* A part of the genomes whose columns fit into memory together. */
struct round {
    struct arena *arena;
    const struct genome *genomes;
    struct metrics *metrics;
    size_t first;
    size_t last;
};

iso_status arena_new(const struct arena_terms *terms, struct arena **arena, struct iso_error *err)
{
    ISO_ASSERT(terms->thread_count >= 1 && terms->thread_count <= THREADS_MAX);
    ISO_TRY(backtest_check(terms->bars, err));
    ISO_DEFER(arena_free) struct arena *made = NULL;
    ISO_NEW(made, 1, err);
    made->terms = *terms;
    for (size_t i = 0; i < terms->thread_count; i++) {
        ISO_NEW(made->positions[i], terms->bars->count + 1, err);
    }
    ISO_TRY(columns_new(terms->bars->value[BAR_close], terms->bars->count, terms->column_bytes,
                        &made->columns, err));
    *arena = made;
    made = NULL;
    return ISO_OK;
}

void arena_free(struct arena **arena)
{
    if (*arena == NULL) {
        return;
    }
    for (size_t i = 0; i < THREADS_MAX; i++) {
        free((*arena)->positions[i]);
    }
    columns_free(&(*arena)->columns);
    free(*arena);
    *arena = NULL;
}

static size_t keys_of(const struct arena *arena, const struct genome *genome,
                      struct column_key *keys)
{
    size_t count = family_row(genome->family)->keys(genome->genes, keys);
    for (size_t i = 0; i < count; i++) {
        if (keys[i].kind == COLUMN_EMA && arena->terms.ema_sma_seed) {
            keys[i].kind = COLUMN_EMA_SMA_SEED;
        }
    }
    return count;
}

static bool key_equal(struct column_key a, struct column_key b)
{
    return a.kind == b.kind && a.period == b.period;
}

/* Add the genome's keys that are not there yet, unless they would not fit: then change nothing. */
static bool add_keys(const struct arena *arena, const struct genome *genome,
                     struct column_key *keys, size_t *key_count, size_t capacity)
{
    struct column_key own[FAMILY_COLUMNS_MAX];
    size_t own_count = keys_of(arena, genome, own);
    size_t total = *key_count;
    for (size_t i = 0; i < own_count; i++) {
        size_t at = 0;
        while (at < total && !key_equal(keys[at], own[i])) {
            at++;
        }
        if (at == total && total == capacity) {
            return false;
        }
        keys[at] = own[i];
        total += at == total;
    }
    *key_count = total;
    return true;
}

static void compute_positions(const struct arena *arena, const struct genome *genome, size_t first,
                              size_t last, int8_t *positions)
{
    struct column_key keys[FAMILY_COLUMNS_MAX];
    size_t key_count = keys_of(arena, genome, keys);
    struct family_view view = {.close = arena->terms.bars->value[BAR_close],
                               .first = first,
                               .last = last,
                               .allow_short = arena->terms.allow_short};
    for (size_t i = 0; i < key_count; i++) {
        view.columns[i] = columns_get(arena->columns, keys[i]);
    }
    family_row(genome->family)->positions(genome->genes, &view, positions);
}

static struct backtest backtest_of(const struct arena *arena, size_t first, size_t last,
                                   const int8_t *positions)
{
    return (struct backtest){.bars = arena->terms.bars,
                             .first = first,
                             .last = last,
                             .positions = positions,
                             .cash = arena->terms.cash,
                             .fee = arena->terms.fee,
                             .slippage = arena->terms.slippage};
}

static iso_status evaluate_one(void *context, size_t item, size_t worker, struct iso_error *err)
{
    const struct round *round = context;
    const volatile int *cancel = round->arena->terms.cancel;
    if (cancel != NULL && __atomic_load_n(cancel, __ATOMIC_RELAXED)) {
        ISO_FAIL(INTERRUPTED, err, "stopped before all was evaluated");
    }
    int8_t *positions = round->arena->positions[worker];
    compute_positions(round->arena, &round->genomes[item], round->first, round->last, positions);
    struct backtest backtest = backtest_of(round->arena, round->first, round->last, positions);
    return backtest_run(&backtest, &round->metrics[item], NULL, NULL, err);
}

iso_status arena_evaluate(struct arena *arena, const struct genome *genomes, size_t count,
                          size_t first, size_t last, struct metrics *metrics, struct iso_error *err)
{
    struct column_key keys[COLUMNS_MAX];
    size_t capacity = columns_capacity(arena->columns);
    size_t done = 0;
    while (done < count) {
        size_t key_count = 0;
        size_t end = done;
        while (end < count && add_keys(arena, &genomes[end], keys, &key_count, capacity)) {
            end++;
        }
        ISO_TRY(columns_want(arena->columns, keys, key_count, arena->terms.thread_count, err));
        struct round round = {.arena = arena,
                              .genomes = genomes + done,
                              .metrics = metrics + done,
                              .first = first,
                              .last = last};
        ISO_TRY(threads_run(arena->terms.thread_count, end - done, evaluate_one, &round, err));
        done = end;
    }
    return ISO_OK;
}

iso_status arena_positions(struct arena *arena, const struct genome *genome, size_t first,
                           size_t last, int8_t *positions, struct iso_error *err)
{
    struct column_key keys[FAMILY_COLUMNS_MAX];
    size_t key_count = 0;
    (void)add_keys(arena, genome, keys, &key_count, FAMILY_COLUMNS_MAX);
    ISO_TRY(columns_want(arena->columns, keys, key_count, 1, err));
    compute_positions(arena, genome, first, last, positions);
    return ISO_OK;
}

iso_status arena_backtest(struct arena *arena, const struct genome *genome, size_t first,
                          size_t last, struct metrics *metrics, struct trade_list *trades,
                          double *equity, struct iso_error *err)
{
    int8_t *positions = arena->positions[0];
    if (genome == NULL) {
        backtest_hold(first, last, positions);
    } else {
        ISO_TRY(arena_positions(arena, genome, first, last, positions, err));
    }
    struct backtest backtest = backtest_of(arena, first, last, positions);
    return backtest_run(&backtest, metrics, trades, equity, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How one generation comes from the one before. Every individual draws from a stream of its own,
 * keyed by (seed, generation, individual), so that the result does not depend on who breeds whom
 * first.
 */
#ifndef EVOLVE_OPERATORS_H
#define EVOLVE_OPERATORS_H

#include "base/rng.h"
#include "evolve/backtest.h"
#include "evolve/genome.h"

struct individual {
    struct genome genome;
    struct metrics train;
    double fitness;
};

struct breeding {
    uint64_t seed;
    uint32_t families[FAMILIES_MAX]; /* indices that may occur */
    size_t family_count;
    uint32_t elite;           /* best individuals that live on unchanged */
    uint32_t tournament_size; /* individuals drawn, with replacement, of which the best breeds */
    double crossover_rate;    /* share of children with two parents */
    double mutation_rate;     /* chance of each gene to change */
    double immigrant_rate;    /* share of children drawn afresh, of any family */
};

/* The individual of the first generation. */
struct genome genome_random(const struct breeding *breeding, uint32_t generation,
                            uint32_t individual);

/* Fill ranking with the indices of individuals, best first; of equals the lower index first. */
iso_status individuals_rank(const struct individual *individuals, size_t count, size_t *ranking,
                            struct iso_error *err);

/*
 * The genome of one individual of generation (> 0), a pure function of the ranked generation
 * before: one of the elite, an immigrant, or a child of tournament winners, crossed where both are
 * of one family (each gene from either parent or between them) and mutated (each gene nudged by a
 * tenth of its range, or drawn afresh). The same genome may occur more than once.
 */
struct genome genome_bred(const struct breeding *breeding, const struct individual *before,
                          const size_t *ranking, size_t count, uint32_t generation,
                          uint32_t individual);

#endif

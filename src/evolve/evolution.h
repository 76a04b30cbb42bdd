/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evolution: generations of strategies on the train part of some bars, the best of each looked at
 * on the test part.
 *
 * All of it is a pure function of bars and parameters: not of threads, of memory, of where it was
 * interrupted. result_hash proves that: hash(g) = XXH3-128 of hash(g - 1) in 32 hexadecimal digits
 * (nothing before the first), followed for each individual in order by the family's index, its
 * genes, its train metrics in the order of METRIC_TABLE and its fitness, each as 8 bytes of IEEE
 * 754, little end first. The last generation's is the run's.
 */
#ifndef EVOLVE_EVOLUTION_H
#define EVOLVE_EVOLUTION_H

#include "base/hash.h"
#include "evolve/fitness.h"
#include "evolve/operators.h"

enum { POPULATION_MAX = 1000000, GENERATIONS_MAX = 1000000, SPLIT_BARS_MIN = 2 };

struct evolve_parameters {
    struct breeding breeding;
    uint32_t population;
    uint32_t generations;
    double fee;
    double slippage;
    double cash;
    double split; /* the train part is the first floor(split * bars) bars */
    bool allow_short;
    bool ema_sma_seed; /* signal_ema_sma_seed instead of signal_ema */
    enum fitness fitness;
    uint32_t trades_min; /* fitness_of */
    /* What follows changes how fast, never what. */
    uint32_t threads;
    size_t column_bytes; /* memory for shared indicators */
};

/* Sensible values for all but families. */
struct evolve_parameters evolve_presets(void);
/* Set breeding.families from "a,b,c". Fails with BAD_ARGUMENT. */
iso_status evolve_parse_families(const char *names, struct evolve_parameters *parameters,
                                 struct iso_error *err);
/* Fails with BAD_ARGUMENT, naming the parameter and its range. */
iso_status evolve_check(const struct evolve_parameters *parameters, struct iso_error *err);

/* Where the best individual so far stood, and how it does on bars it was not chosen on. */
struct champion {
    struct individual individual;
    struct metrics test;
    uint32_t generation;
    uint32_t index;
};

/* A generation that is done. Everything is borrowed until the callback returns. */
struct generation {
    uint32_t index; /* from 0 */
    const struct individual *individuals;
    size_t count;
    double mean_fitness;
    struct champion best;     /* of this generation */
    struct champion champion; /* of all so far; of equals the earliest */
    struct hash128 hash;
};

/* Called after each generation, on the caller's thread. A failure ends the run and is handed up. */
typedef iso_status evolve_progress(void *context, const struct generation *generation,
                                   struct iso_error *err);

/* Where to go on: the last generation that was kept. individuals are borrowed. */
struct evolve_resume {
    uint32_t generation;
    const struct individual *individuals;
    struct champion champion;
    struct hash128 hash;
};

struct evolve_result {
    struct champion champion;
    struct hash128 hash;
    uint64_t evaluations; /* backtests of the whole run, resumed part included */
};

/*
 * Evolve on bars. resume is NULL for a run from the beginning; cancel (may be NULL) ends it with
 * INTERRUPTED between two individuals. Fails with BAD_ARGUMENT (parameters; fewer than
 * SPLIT_BARS_MIN bars on a side of the split), PARTIAL (backtest_check), OUT_OF_MEMORY, or as
 * progress does; *result is then untouched.
 */
iso_status evolve_run(const struct bars *bars, const struct evolve_parameters *parameters,
                      const struct evolve_resume *resume, evolve_progress *progress, void *context,
                      const volatile int *cancel, struct evolve_result *result,
                      struct iso_error *err);

/* Index of the first bar of the test part. */
size_t evolve_split_index(const struct evolve_parameters *parameters, size_t bar_count);

/* The next link of the chain of hashes; previous is NULL for generation 0. */
iso_status evolve_hash(const struct hash128 *previous, const struct individual *individuals,
                       size_t count, struct hash128 *hash, struct iso_error *err);

#endif
